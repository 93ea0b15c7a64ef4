#ifndef CREDENTIAL_WORLD_H
#define CREDENTIAL_WORLD_H

/* What a credential may be read from; by one who splits cookies first. */
#include "base/conf.h"
#include "base/factor.h"
#include "fuzz.h"
#include "gate/credential.h"

#include <strings.h>
#include <unistd.h>

#define CONF   "origin https://a.example\ndatabase x\nroot_key /x\n"
#define COOKIE "__Host-epione="

void
fuzz_begin(void)
{
	char path[32], message[256];
	int fd = fuzz_file(CONF, sizeof(CONF) - 1, path);

	must(conf_read(path, message) == ERR_OK && close(fd) == 0);
}

/* The values of our cookie: how many, and the last. */
static unsigned
cookies(struct arena *a, const char *header, const char **value)
{
	char *rest = arena_text(a, header), *pair;
	unsigned count = 0;

	while ((pair = strsep(&rest, ";")) != NULL) {
		pair += strspn(pair, " ");
		if (strncmp(pair, COOKIE, sizeof(COOKIE) - 1) == 0) {
			*value = pair + sizeof(COOKIE) - 1;
			count++;
		}
	}
	return count;
}

static void
credential_judge(
    struct arena *a, const struct request *rq, const struct credential *c)
{
	bool safe = !rq->upgrade &&
	    (rq->method == METHOD_GET || rq->method == METHOD_HEAD ||
		rq->method == METHOD_OPTIONS);
	const char *token = NULL;
	unsigned count = 0;
	uint8_t hash[32];

	if (rq->authorization == NULL && rq->cookie != NULL)
		count = cookies(a, rq->cookie, &token);
	else if (rq->authorization != NULL &&
	    strncasecmp(rq->authorization, "Bearer ", 7) == 0)
		token = rq->authorization + 7;
	must(count <= 1 && c->cookie == (count == 1));
	must(safe || (rq->origin == NULL && !c->cookie) ||
	    (rq->origin != NULL && strcmp(rq->origin, conf()->origin) == 0));
	must(!c->present ||
	    (token != NULL && factor_token_hash(token, hash) == ERR_OK &&
		memcmp(hash, c->hash, sizeof(hash)) == 0));
}

#endif
