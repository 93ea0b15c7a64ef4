#include "care/store.h"

#include "base/conf.h"
#include "base/crypto.h"
#include "base/instant.h"
#include "base/keyring.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"
#include "sql.h"

#include <stdio.h>
#include <string.h>

#define PURPOSE	 "store signer"
#define SERVICE	 "s3"
#define OVERHEAD (CRYPTO_NONCE_SIZE + CRYPTO_TAG_SIZE)

static store_carry *carrier;

bool
store_configured(void)
{
	return *conf()->store_endpoint != '\0';
}

static bool
is_here(const char *authority)
{
	const size_t n = strcspn(authority, ":/");

	return (n == 9 && strncmp(authority, "localhost", n) == 0) ||
	    (n == 9 && strncmp(authority, "127.0.0.1", n) == 0);
}

/* What follows the scheme; NULL for what is no address of a store. */
static const char *
authority_of(const char *endpoint)
{
	if (strncmp(endpoint, "https://", 8) == 0)
		return endpoint + 8;
	return strncmp(endpoint, "http://", 7) == 0 && is_here(endpoint + 7)
	    ? endpoint + 7
	    : NULL;
}

static bool
is_host(const char *text)
{
	const size_t n = strspn(text,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-"
	    ":");

	return n > 0 && text[n] == '\0';
}

static bool
is_lock(const char *mode)
{
	return *mode == '\0' || strcmp(mode, "GOVERNANCE") == 0 ||
	    strcmp(mode, "COMPLIANCE") == 0;
}

static const char *
settings_fault(void)
{
	const char *authority = authority_of(conf()->store_endpoint),
		   *style = conf()->store_style;

	if (authority == NULL || !is_host(authority))
		return "store_endpoint is https:// and a host, without a path; "
		       "http:// is for localhost alone";
	if (*conf()->store_bucket == '\0' || !is_host(conf()->store_bucket))
		return "store_bucket is not set, or is no bucket's name";
	if (strcmp(style, "path") != 0 && strcmp(style, "host") != 0)
		return "store_style is path or host";
	if (!is_lock(conf()->store_lock))
		return "store_lock is GOVERNANCE or COMPLIANCE";
	if (*conf()->checkpoint_bucket != '\0' &&
	    !is_host(conf()->checkpoint_bucket))
		return "checkpoint_bucket is no bucket's name";
	if (!is_lock(conf()->checkpoint_lock))
		return "checkpoint_lock is GOVERNANCE or COMPLIANCE";
	return NULL;
}

enum err
store_check_settings(char *problem, size_t n)
{
	const char *fault = NULL;

	if (store_configured())
		fault = settings_fault();
	else if (*conf()->checkpoint_bucket != '\0')
		fault = "checkpoint_bucket lies in a store: set "
			"store_endpoint";
	if (fault == NULL)
		return ERR_OK;
	snprintf(problem, n, "%s", fault);
	return ERR_INVALID_FIELD;
}

static bool
by_host(void)
{
	return strcmp(conf()->store_style, "host") == 0;
}

static const char *
host_of(struct arena *a, const char *bucket)
{
	const char *authority = authority_of(conf()->store_endpoint);

	return by_host() ? arena_format(a, "%s.%s", bucket, authority)
			 : authority;
}

static const char *
origin_of(struct arena *a, const char *bucket)
{
	const char *scheme = strncmp(conf()->store_endpoint, "http:", 5) == 0
	    ? "http"
	    : "https";

	return arena_format(a, "%s://%s", scheme, host_of(a, bucket));
}

const char *
store_origin(struct arena *a)
{
	return store_configured() ? origin_of(a, conf()->store_bucket) : NULL;
}

/* The key of a day, sealed: bound to whose it is */

static void
day_text(const char *day, char text[DATE_TEXT_SIZE])
{
	snprintf(text, DATE_TEXT_SIZE, "%.4s-%.2s-%.2s", day, day + 4, day + 6);
}

static struct bytes
binding(struct arena *a, const char *day, const char *access_key)
{
	const char *text = arena_format(
	    a, "%s|%s|%s", day, access_key, conf()->store_region);

	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

enum err
store_signer_keep(struct tx *tx, const struct presign_signer *s)
{
	struct arena *a = tx_arena(tx);
	const char *token = s->token == NULL ? "" : s->token;
	const size_t n = PRESIGN_KEY_SIZE + strlen(token);
	uint8_t key[CRYPTO_KEY_SIZE], *b = arena_alloc(a, n + OVERHEAD),
				      *text = b + CRYPTO_NONCE_SIZE;
	char day[DATE_TEXT_SIZE];
	struct store_signer_put_in in = { day, s->access_key,
		{ b, n + OVERHEAD } };
	enum err r;

	day_text(s->day, day);
	secret_random(b, CRYPTO_NONCE_SIZE);
	memcpy(text, s->key, PRESIGN_KEY_SIZE);
	/* its NUL lies where the tag will */
	memcpy(text + PRESIGN_KEY_SIZE, token, strlen(token) + 1);
	if ((r = keyring_purpose_key(PURPOSE, key)) == ERR_OK)
		r = crypto_aead_seal(key, b, binding(a, s->day, s->access_key),
		    (struct bytes){ text, n }, text, text + n);
	secret_wipe(key, sizeof(key));
	return r == ERR_OK ? sql_store_signer_put(tx, &in) : r;
}

static enum err
signer_open(struct arena *a, const struct store_signer_get_row *row,
    struct presign_signer *s)
{
	uint8_t key[CRYPTO_KEY_SIZE], *text;
	struct bytes body;
	enum err r;

	if (row->sealed.n < PRESIGN_KEY_SIZE + OVERHEAD)
		return ERR_CRYPTO;
	body = (struct bytes){ row->sealed.p + CRYPTO_NONCE_SIZE,
		row->sealed.n - OVERHEAD };
	text = arena_alloc(a, body.n + 1);
	if ((r = keyring_purpose_key(PURPOSE, key)) == ERR_OK)
		r = crypto_aead_open(key, row->sealed.p,
		    binding(a, s->day, row->access_key), body, body.p + body.n,
		    text);
	secret_wipe(key, sizeof(key));
	if (r != ERR_OK)
		return r;
	memcpy(s->key, text, PRESIGN_KEY_SIZE);
	s->access_key = row->access_key;
	s->token = body.n > PRESIGN_KEY_SIZE
	    ? (const char *)text + PRESIGN_KEY_SIZE
	    : NULL;
	return ERR_OK;
}

enum err
store_signer(struct tx *tx, int64_t now, struct presign_signer *s)
{
	char day[DATE_TEXT_SIZE];
	const struct store_signer_get_in in = { day };
	struct store_signer_get_row row;
	enum err r;

	memset(s, 0, sizeof(*s));
	presign_day(now, s->day);
	day_text(s->day, day);
	r = sql_store_signer_get(tx, &in, &row);
	if (r == ERR_OK && (r = signer_open(tx_arena(tx), &row, s)) == ERR_OK)
		return r;
	if (r == ERR_NOT_FOUND || r == ERR_CRYPTO) {
		log_error(
		    "store_not_signed_for", LOG_CODE("code", err_code(r)));
		return ERR_STORE_FAILED;
	}
	return r;
}

/*= RC-03: 300 s at most; host, method and all headers are signed */
enum err
store_url(struct arena *a, const struct presign_signer *s, int64_t now,
    const struct store_ask *ask, const char **url)
{
	const char *object = ask->object == NULL ? "" : ask->object;
	const char *bucket = ask->bucket == NULL ? conf()->store_bucket
						 : ask->bucket;
	const char *path, *query;
	struct presign what = {
		.method = ask->method,
		.host = host_of(a, bucket),
		.path = by_host() ? arena_format(a, "/%s", object)
				  : arena_format(a, "/%s%s%s", bucket,
					*object == '\0' ? "" : "/", object),
		.query = ask->query,
		.query_n = ask->query_n,
		.headers = ask->headers,
		.headers_n = ask->headers_n,
		.region = conf()->store_region,
		.service = SERVICE,
		.now = now,
		.expires_s = STORE_SECONDS,
	};
	enum err r;

	if ((r = presign_query(a, s, &what, &path, &query)) == ERR_OK)
		*url = arena_format(
		    a, "%s%s?%s", origin_of(a, bucket), path, query);
	return r;
}

static void
header(struct store_upload *u, const char *name, const char *value)
{
	if (*value != '\0')
		u->headers[u->headers_n++] = (struct presign_pair){ name,
			value };
}

size_t
store_lock_headers(struct arena *a, const char *mode, int64_t days, int64_t now,
    struct presign_pair *h)
{
	char until[INSTANT_TEXT_SIZE];

	if (*mode == '\0')
		return 0;
	instant_text(now + days * 86400, until);
	h[0] = (struct presign_pair){ "x-amz-object-lock-mode", mode };
	h[1] = (struct presign_pair){ "x-amz-object-lock-retain-until-date",
		arena_text(a, until) };
	return 2;
}

/* The last one signed is the length, which a browser sends by itself. */
enum err
store_upload(struct arena *a, const struct presign_signer *s, int64_t now,
    const char *object, int64_t bytes, struct bytes sha256,
    struct store_upload *u)
{
	struct store_ask ask = { .method = "PUT", .object = object };
	enum err r;

	u->headers_n = 0;
	header(u, "content-type", STORE_MEDIA);
	header(u, "x-amz-checksum-sha256", text_base64(a, sha256.p, sha256.n));
	header(u, "x-amz-server-side-encryption", conf()->store_encryption);
	header(u, "x-amz-storage-class", conf()->store_class);
	u->headers_n += store_lock_headers(a, conf()->store_lock,
	    conf()->store_lock_days, now, &u->headers[u->headers_n]);
	header(u, "content-length", arena_format(a, "%lld", (long long)bytes));
	ask.headers = u->headers;
	ask.headers_n = u->headers_n;
	r = store_url(a, s, now, &ask, &u->url);
	u->headers_n--;
	return r;
}

void
store_carrier(store_carry *fn)
{
	carrier = fn;
}

enum err
store_do(struct arena *a, const struct presign_signer *s, int64_t now,
    const struct store_ask *ask, size_t most, struct store_answer *answer)
{
	const char *url;
	enum err r;

	if (carrier == NULL)
		return ERR_STORE_FAILED;
	if ((r = store_url(a, s, now, ask, &url)) != ERR_OK)
		return r;
	return carrier(a, url, ask, most, answer);
}
