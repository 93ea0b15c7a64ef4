#include "gate/credential.h"

#include "base/conf.h"
#include "base/factor.h"

#include <string.h>
#include <strings.h>

/* The value of a cookie of ours; exact name, and only one of it. Kore's own cookie
 * parser ignores case and cuts values, so it is not used. */
static enum err
cookie_value(
    struct arena *a, const char *header, const char *name, const char **value)
{
	const size_t name_n = strlen(name);
	size_t n;

	*value = NULL;
	while (header != NULL && *header != '\0') {
		header += strspn(header, " ;");
		n = strcspn(header, ";");
		if (n > name_n && header[name_n] == '=' &&
		    strncmp(header, name, name_n) == 0) {
			if (*value != NULL)
				return ERR_BAD_REQUEST;
			*value = arena_text_n(
			    a, header + name_n + 1, n - name_n - 1);
		}
		header += n;
	}
	return ERR_OK;
}

static void
device_read(struct op *op)
{
	uint8_t *hash = arena_alloc(op->arena, 32);
	const char *token;

	op->device = (struct bytes){ NULL, 0 };
	if (cookie_value(op->arena, op->rq->cookie, DEVICE_COOKIE, &token) ==
		ERR_OK &&
	    token != NULL && factor_token_hash(token, hash) == ERR_OK)
		op->device = (struct bytes){ hash, 32 };
}

static bool
changes_state(const struct request *rq)
{
	return rq->method != METHOD_GET && rq->method != METHOD_HEAD &&
	    rq->method != METHOD_OPTIONS;
}

/*= SE-07, TR-06: no other site's page acts with our cookie */
static enum err
origin_check(const struct request *rq, bool cookie)
{
	if (!changes_state(rq) && !rq->upgrade)
		return ERR_OK;
	if (rq->origin == NULL)
		return cookie ? ERR_ORIGIN_REFUSED : ERR_OK;
	return strcmp(rq->origin, conf()->origin) == 0 ? ERR_OK
						       : ERR_ORIGIN_REFUSED;
}

enum err
credential_read(struct op *op, struct credential *c)
{
	const struct request *rq = op->rq;
	const char *token = NULL;
	enum err r;

	memset(c, 0, sizeof(*c));
	device_read(op);
	if (rq->authorization != NULL) {
		if (strncasecmp(rq->authorization, "Bearer ", 7) == 0)
			token = rq->authorization + 7;
	} else {
		if ((r = cookie_value(
			 op->arena, rq->cookie, COOKIE_NAME, &token)) != ERR_OK)
			return r;
		c->cookie = token != NULL;
	}
	if ((r = origin_check(rq, c->cookie)) != ERR_OK)
		return r;
	c->present = token != NULL &&
	    factor_token_hash(token, c->hash) == ERR_OK;
	return ERR_OK;
}
