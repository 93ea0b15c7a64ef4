#include "jobs/store.h"

#include "base/conf.h"
#include "base/credentials.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/secret.h"
#include "care/store.h"
#include "data/tx.h"
#include "jobs/client.h"
#include "jobs/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LOOK_MS	     1000
#define LOOKS	     15 /* s between looks at the file */
#define STATEMENT_MS 10000
#define DAY_S	     86400

/* Asking */

struct listening {
	struct arena *a;
	struct store_answer *answer;
	uint8_t *body;
	size_t n, size, most;
};

/* What is over `most` is not wanted: one byte of it says so. */
static size_t
body_take(char *p, size_t size, size_t n, void *arg)
{
	struct listening *l = arg;
	size_t all = size * n, take = all;
	uint8_t *grown;

	if (take > l->most + 1 - l->n)
		take = l->most + 1 - l->n;
	if (l->n + take > l->size) {
		l->size = (l->n + take) * 2;
		if ((grown = realloc(l->body, l->size)) == NULL)
			return 0;
		l->body = grown;
	}
	if (take > 0)
		memcpy(l->body + l->n, p, take);
	l->n += take;
	return all;
}

static size_t
header_take(char *p, size_t size, size_t n, void *arg)
{
	static const char name[] = "x-amz-checksum-sha256:";
	struct listening *l = arg;
	size_t all = size * n, at = sizeof(name) - 1, end = all;

	if (all <= at || strncasecmp(p, name, at) != 0)
		return all;
	while (at < end && p[at] == ' ')
		at++;
	while (end > at && strchr("\r\n ", p[end - 1]) != NULL)
		end--;
	l->answer->sha256 = arena_text_n(l->a, p + at, end - at);
	return all;
}

static struct curl_slist *
headers_list(struct arena *a, const struct presign_pair *h, size_t n)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *longer;
	size_t i;

	for (i = 0; i < n && list != NULL; i++) {
		longer = curl_slist_append(
		    list, arena_format(a, "%s: %s", h[i].name, h[i].value));
		if (longer == NULL)
			curl_slist_free_all(list);
		list = longer;
	}
	return list;
}

static void
answer_read(CURL *e, struct listening *l)
{
	curl_off_t bytes = -1;

	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &l->answer->status);
	curl_easy_getinfo(e, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &bytes);
	l->answer->bytes = (int64_t)bytes;
	if (l->n > 0)
		l->answer->body = (struct bytes){
			arena_copy(l->a, l->body, l->n), l->n
		};
}

/*= RC-03: over TLS to a store whose name was verified, or on this machine; no
 * address is ever logged */
static enum err
carry(struct arena *a, const char *url, const struct store_ask *ask,
    size_t most, struct store_answer *answer)
{
	struct listening l = { .a = a, .answer = answer, .most = most };
	CURL *e = client_new(conf()->store_ca, conf()->store_seconds * 1000);
	struct curl_slist *list = headers_list(a, ask->headers, ask->headers_n);
	CURLcode code = CURLE_FAILED_INIT;
	enum err r = ERR_INTERNAL;

	memset(answer, 0, sizeof(*answer));
	if (e == NULL || list == NULL)
		goto out;
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR,
	    strncmp(url, "http:", 5) == 0 ? "http" : "https");
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, ask->method);
	curl_easy_setopt(
	    e, CURLOPT_NOBODY, strcmp(ask->method, "HEAD") == 0 ? 1L : 0L);
	if (ask->body.n > 0) {
		curl_easy_setopt(
		    e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)ask->body.n);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, ask->body.p);
	}
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, body_take);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, &l);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, header_take);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, &l);
	if ((r = client_run(e, &code)) == ERR_OK && code != CURLE_OK) {
		log_warn("store_not_reached", LOG_NUM("curl", code));
		r = ERR_STORE_FAILED;
	}
	if (r == ERR_OK)
		answer_read(e, &l);
out:
	free(l.body);
	curl_slist_free_all(list);
	curl_easy_cleanup(e);
	return r;
}

/* Signing */

static bool signing;

static enum err
days_keep(struct tx *tx, const struct credentials *c)
{
	struct presign_signer s = { .access_key = c->access_key,
		.token = c->token };
	const int64_t now = instant_now();
	int64_t day;
	enum err r = ERR_OK;

	for (day = 0; day < 2 && r == ERR_OK; day++) {
		r = presign_signer_make(&s, c->secret_key, now + day * DAY_S,
		    conf()->store_region, "s3");
		if (r == ERR_OK)
			r = store_signer_keep(tx, &s);
	}
	secret_wipe(s.key, sizeof(s.key));
	return r == ERR_OK ? tx_commit(tx) : r;
}

static enum err
keep(void)
{
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a, instant_monotonic() + STATEMENT_MS);
	struct credentials c;
	const char *fault = NULL;
	enum err r;

	r = credentials_read(a, conf()->store_credentials, &c, &fault);
	if (r == ERR_OK)
		r = days_keep(tx, &c);
	if (r != ERR_OK)
		log_error(
		    "store_not_signed_for", LOG_CODE("code", err_code(r)));
	tx_close(tx);
	arena_free(a);
	return r;
}

/* Keys are made when the file has changed, and once in each hour, as days end. */
static void
sign(void *unused)
{
	char stamp[CREDENTIALS_STAMP] = "", seen[CREDENTIALS_STAMP];
	int64_t due = 0;
	unsigned looks = 0;

	(void)unused;
	for (; !queue_stopping(); fiber_sleep(LOOK_MS)) {
		if (looks++ % LOOKS != 0)
			continue;
		credentials_stamp(conf()->store_credentials, seen);
		if (strcmp(seen, stamp) == 0 && instant_monotonic() < due)
			continue;
		if (keep() == ERR_OK) {
			memcpy(stamp, seen, sizeof(stamp));
			due = instant_monotonic() + 3600 * 1000;
		}
	}
	signing = false;
}

enum err
store_sign(void)
{
	enum err r;

	if (!store_configured())
		return ERR_OK;
	signing = true;
	if ((r = fiber_start(sign, NULL)) != ERR_OK)
		signing = false;
	return r;
}

void
store_sign_end(void)
{
	while (signing)
		fiber_sleep(50);
}

enum err
store_start(char *problem, size_t n)
{
	struct arena *a;
	struct credentials c;
	const char *fault;
	enum err r;

	if ((r = store_check_settings(problem, n)) != ERR_OK ||
	    !store_configured())
		return r;
	a = arena_new();
	r = credentials_read(a, conf()->store_credentials, &c, &fault);
	arena_free(a);
	if (r != ERR_OK) {
		snprintf(problem, n, "store_credentials: %s", fault);
		return ERR_INVALID_FIELD;
	}
	store_carrier(carry);
	return ERR_OK;
}
