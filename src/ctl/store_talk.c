#include "ctl/store_talk.h"

#include "base/conf.h"
#include "base/credentials.h"
#include "base/instant.h"
#include "base/secret.h"
#include "ctl/operator.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BODY_MAX 2000000

static size_t
body_take(char *p, size_t size, size_t n, void *arg)
{
	struct store_told *to = arg;
	const size_t all = size * n;
	char *grown;

	if (to->n + all > BODY_MAX ||
	    (grown = realloc(to->body, to->n + all + 1)) == NULL)
		return 0;
	to->body = grown;
	memcpy(to->body + to->n, p, all);
	to->n += all;
	to->body[to->n] = '\0';
	return all;
}

static void
header_of(struct store_told *to, const char *line, size_t n, const char *name,
    const char **value)
{
	const size_t at = strlen(name);
	size_t from = at + 1, end = n;

	if (n <= at || line[at] != ':' || strncasecmp(line, name, at) != 0)
		return;
	while (from < end && line[from] == ' ')
		from++;
	while (end > from && strchr("\r\n ", line[end - 1]) != NULL)
		end--;
	*value = arena_text_n(to->a, line + from, end - from);
}

static size_t
header_take(char *p, size_t size, size_t n, void *arg)
{
	struct store_told *to = arg;

	header_of(to, p, size * n, "access-control-allow-origin", &to->allowed);
	header_of(to, p, size * n, "x-amz-checksum-sha256", &to->checksum);
	header_of(to, p, size * n, "x-amz-object-lock-mode", &to->lock);
	return size * n;
}

static struct curl_slist *
lines(struct arena *a, const struct presign_pair *h, size_t n)
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

struct store_told
store_ask_at(struct store_talk *t, const char *method, const char *url,
    const struct presign_pair *h, size_t h_n, struct bytes body)
{
	struct store_told to = { .a = t->a };
	struct curl_slist *list = lines(t->a, h, h_n);
	CURL *e = curl_easy_init();
	CURLcode code = CURLE_FAILED_INIT;

	if (e == NULL || list == NULL)
		goto out;
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (*conf()->store_ca != '\0') {
		curl_easy_setopt(e, CURLOPT_CAINFO, conf()->store_ca);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(
	    e, CURLOPT_TIMEOUT_MS, (long)conf()->store_seconds * 1000);
	curl_easy_setopt(e, CURLOPT_URL, url);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR,
	    strncmp(url, "http:", 5) == 0 ? "http" : "https");
	curl_easy_setopt(
	    e, CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
	if (body.p != NULL) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, (long)body.n);
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, (const char *)body.p);
	}
	curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, body_take);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, &to);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, header_take);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, &to);
	code = curl_easy_perform(e);
	curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &to.status);
out:
	to.why = curl_easy_strerror(code);
	curl_slist_free_all(list);
	curl_easy_cleanup(e);
	return to;
}

struct store_told
store_ask_signed(
    struct store_talk *t, int64_t now, const struct store_ask *what)
{
	struct presign_signer s = t->signer;
	const char *url = "";
	struct store_told none = { .why = "it could not be signed" };

	presign_day(now, s.day);
	return store_url(t->a, &s, now, what, &url) == ERR_OK
	    ? store_ask_at(t, what->method, url, what->headers, what->headers_n,
		  (struct bytes){ NULL, 0 })
	    : none;
}

/* What the answer means, and what to do about it. */
static const struct {
	const char *code, *words;
} reasons[] = {
	{ "NoSuchBucket",
	    "there is no such bucket: make it, or set store_bucket" },
	{ "InvalidAccessKeyId",
	    "the store does not know the access key: see "
	    "store_credentials" },
	{ "SignatureDoesNotMatch",
	    "the signature is not right: see the secret "
	    "key in store_credentials, store_region "
	    "and store_style" },
	{ "AuthorizationHeaderMalformed",
	    "the bucket is in another region: "
	    "set store_region" },
	{ "AuthorizationQueryParametersError",
	    "the bucket is in another region: set store_region" },
	{ "PermanentRedirect",
	    "the bucket is elsewhere: set store_endpoint "
	    "and store_region to its own" },
	{ "RequestTimeTooSkewed",
	    "this machine's clock and the store's "
	    "differ: set the time (NTP)" },
	{ "ExpiredToken", "the token in store_credentials has expired" },
	{ "InvalidStorageClass", "the store has no such store_class" },
	{ "InvalidRequest",
	    "the store does not take what is sent with each "
	    "object: is object lock on for the bucket, and are "
	    "store_lock and store_encryption right?" },
	{ "AccessDenied",
	    "the account may not: give it the rights of the "
	    "policy below" },
};

const char *
store_told_meaning(const struct store_told *got)
{
	size_t i;

	if (got->status == 0)
		return got->why;
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (got->body != NULL &&
		    strstr(got->body, reasons[i].code) != NULL)
			return reasons[i].words;
	return "unexpected; look at the store's own log";
}

bool
store_talk_begin(struct store_talk *t, struct arena *a)
{
	struct credentials keys;
	const char *fault = NULL;
	char problem[200] = "";

	memset(t, 0, sizeof(*t));
	t->a = a;
	if (!store_configured()) {
		operator_say(ERR_MISSING_FIELD,
		    "store_endpoint is not set: no call is recorded. Say "
		    "--config and epione-jobs's settings");
		return false;
	}
	if (store_check_settings(problem, sizeof(problem)) != ERR_OK) {
		operator_say(ERR_INVALID_FIELD, problem);
		return false;
	}
	if (credentials_read(a, conf()->store_credentials, &keys, &fault) !=
	    ERR_OK) {
		operator_say(ERR_INVALID_FIELD,
		    arena_format(a, "store_credentials: %s", fault));
		return false;
	}
	t->signer.access_key = keys.access_key;
	t->signer.token = keys.token;
	return presign_signer_make(&t->signer, keys.secret_key, instant_now(),
		   conf()->store_region, "s3") == ERR_OK;
}

void
store_talk_end(struct store_talk *t)
{
	secret_wipe(&t->signer, sizeof(t->signer));
}
