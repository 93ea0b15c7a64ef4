/*
 * Is the store of recordings what it has to be? Does with it what browsers and
 * epione-jobs do, and what nobody may, and says in words what to change. It reads
 * epione-jobs's settings: whoever runs it may read the store's credentials.
 */
#include "care/store.h"
#include "base/conf.h"
#include "base/crypto.h"
#include "base/instant.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/xml.h"
#include "ctl/commands.h"
#include "ctl/operator.h"
#include "ctl/store_orphans.h"
#include "ctl/store_talk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_BYTES 4096
#define PAST_S	     (STORE_SECONDS + 60)
#define STRANGER     "https://elsewhere.example"

struct check {
	struct store_talk talk;
	const char *origin;
	const char *object;
	uint8_t sample[SAMPLE_BYTES], sha256[32];
	unsigned wrong;
};

static void
good(const char *what)
{
	printf("ok     %s\n", what);
}

__attribute__((format(printf, 2, 3))) static void
wrong(struct check *c, const char *format, ...)
{
	va_list args;

	fputs("WRONG  ", stdout);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	c->wrong++;
}

static void
failed(struct check *c, const char *what, const struct store_told *got)
{
	wrong(c, "%s: %s (status %ld)", what, store_told_meaning(got),
	    got->status);
}

static void
refused(
    struct check *c, const char *what, struct store_told got, const char *else_)
{
	if (got.status >= 400 && got.status < 500)
		good(what);
	else if (got.status == 0)
		failed(c, what, &got);
	else
		wrong(c, "%s: %s (status %ld)", what, else_, got.status);
	free(got.body);
}

/* Looking */

/* As a browser puts a chunk; with other bytes than were signed, too. */
static bool
put_works(struct check *c)
{
	struct store_upload u;
	struct store_told got;
	struct bytes sha256 = { c->sha256, sizeof(c->sha256) };
	bool put;

	if (store_upload(c->talk.a, &c->talk.signer, instant_now(), c->object,
		SAMPLE_BYTES, sha256, &u) != ERR_OK) {
		wrong(c, "nothing can be signed");
		return false;
	}
	c->sample[0] ^= 1;
	got = store_ask_at(&c->talk, "PUT", u.url, u.headers, u.headers_n,
	    (struct bytes){ c->sample, SAMPLE_BYTES });
	if (got.status >= 400)
		good("other bytes than were signed are refused");
	else if (got.status != 0)
		puts("note   the store does not look at checksums: what is "
		     "damaged on its way is found when it is verified");
	free(got.body);
	c->sample[0] ^= 1;
	got = store_ask_at(&c->talk, "PUT", u.url, u.headers, u.headers_n,
	    (struct bytes){ c->sample, SAMPLE_BYTES });
	put = got.status == 200;
	if (put)
		good("an object is put by an address");
	else
		failed(c, "an object is not put", &got);
	free(got.body);
	return put;
}

static void
get_works(struct check *c)
{
	const struct presign_pair mode = { "x-amz-checksum-mode", "ENABLED" };
	const struct store_ask get = { .method = "GET", .object = c->object },
			       head = { .method = "HEAD",
				       .object = c->object,
				       .headers = &mode,
				       .headers_n = 1 };
	struct store_told got = store_ask_signed(&c->talk, instant_now(), &get);

	if (got.status == 200 && got.n == SAMPLE_BYTES &&
	    secret_equal(got.body, c->sample, SAMPLE_BYTES))
		good("it is read, as it was put");
	else
		failed(c, "it is not read as it was put", &got);
	free(got.body);
	got = store_ask_signed(&c->talk, instant_now(), &head);
	if (got.status != 200)
		failed(c, "nothing is learnt of it", &got);
	else
		good(got.checksum != NULL
			? "the store tells its checksum"
			: "the store tells no checksum: to verify, each object "
			  "is read");
	if (*conf()->store_lock != '\0' &&
	    (got.lock == NULL || strcmp(got.lock, conf()->store_lock) != 0))
		wrong(c,
		    "it is not locked: object lock has to be on for the "
		    "bucket, from its beginning");
	else if (*conf()->store_lock != '\0')
		good("it is locked as store_lock says");
	free(got.body);
	refused(c, "an address that has expired is refused",
	    store_ask_signed(&c->talk, instant_now() - PAST_S, &get),
	    "addresses are good for longer than they say");
}

static void
strangers_fail(struct check *c)
{
	const char *bucket = store_origin(c->talk.a), *object;
	const struct bytes none = { NULL, 0 };

	if (strcmp(conf()->store_style, "path") == 0)
		bucket = arena_format(
		    c->talk.a, "%s/%s", bucket, conf()->store_bucket);
	object = arena_format(c->talk.a, "%s/%s", bucket, c->object);
	refused(c, "nobody reads it without an address",
	    store_ask_at(&c->talk, "GET", object, NULL, 0, none),
	    "ANYBODY CAN READ IT: block public access to the bucket, and "
	    "remove what lets everybody in from its policy");
	refused(c, "nobody lists the bucket without an address",
	    store_ask_at(&c->talk, "GET",
		arena_format(c->talk.a, "%s?list-type=2", bucket), NULL, 0,
		none),
	    "ANYBODY CAN LIST IT: block public access to the bucket");
	refused(c, "nobody puts anything there without an address",
	    store_ask_at(&c->talk, "PUT", object, NULL, 0,
		(struct bytes){ c->sample, SAMPLE_BYTES }),
	    "ANYBODY CAN WRITE TO IT: block public access to the bucket");
}

static const char *
let_in(struct check *c, const char *origin, const char *method)
{
	const struct presign_pair h[] = { { "Origin", origin },
		{ "Access-Control-Request-Method", method },
		{ "Access-Control-Request-Headers",
		    "content-type,x-amz-checksum-sha256" } };
	const struct store_ask what = { .method = "OPTIONS",
		.object = c->object };
	const char *url = "";
	struct store_told got;

	if (store_url(c->talk.a, &c->talk.signer, instant_now(), &what, &url) !=
	    ERR_OK)
		return NULL;
	got = store_ask_at(&c->talk, "OPTIONS", url, h,
	    strcmp(method, "PUT") == 0 ? 3 : 2, (struct bytes){ NULL, 0 });
	free(got.body);
	return got.status >= 200 && got.status < 300 ? got.allowed : NULL;
}

static void
pages_let_in(struct check *c)
{
	static const char *const methods[] = { "PUT", "GET" };
	const char *allowed;
	size_t i;

	for (i = 0; i < 2; i++) {
		allowed = let_in(c, c->origin, methods[i]);
		if (allowed != NULL &&
		    (strcmp(allowed, c->origin) == 0 ||
			strcmp(allowed, "*") == 0))
			printf("ok     pages of %s may %s\n", c->origin,
			    methods[i]);
		else
			wrong(c,
			    "pages of %s may not %s: set the CORS rules "
			    "below",
			    c->origin, methods[i]);
	}
	allowed = let_in(c, STRANGER, "PUT");
	if (allowed != NULL &&
	    (strcmp(allowed, "*") == 0 || strcmp(allowed, STRANGER) == 0))
		wrong(c,
		    "pages of every origin may: name yours alone in the "
		    "CORS rules");
	else
		good("pages of another origin may not");
}

static void
lock_holds(struct check *c, bool deleted)
{
	if (deleted) {
		wrong(c,
		    "what is locked can be deleted: see that the account may "
		    "not bypass the lock");
		return;
	}
	good("what is locked is not deleted");
	printf("note   it stays until its lock ends: %s\n", c->object);
}

/* Every version of what the check put; false: it stays. */
static bool
removed(struct check *c)
{
	const struct presign_pair query[] = { { "versions", "" },
		{ "prefix", c->object }, { "max-keys", "1000" } };
	const struct store_ask list = {
		.method = "GET", .query = query, .query_n = 3
	};
	struct presign_pair version = { "versionId", NULL };
	const struct store_ask del = { .method = "DELETE",
		.object = c->object,
		.query = &version,
		.query_n = 1 };
	struct store_told got = store_ask_signed(
			      &c->talk, instant_now(), &list),
			  gone;
	const char *at = got.body;
	bool done = got.status == 200 && at != NULL;

	if (!done)
		failed(c, "versions are not listed", &got);
	while (done && xml_next(c->talk.a, &at, "Key") != NULL) {
		version.value = xml_next(c->talk.a, &at, "VersionId");
		if (version.value == NULL)
			version.value = "null";
		gone = store_ask_signed(&c->talk, instant_now(), &del);
		done = gone.status == 204 || gone.status == 200;
		if (*conf()->store_lock != '\0')
			lock_holds(c, done);
		else if (!done)
			failed(c, "a version is not deleted", &gone);
		free(gone.body);
	}
	free(got.body);
	return done;
}

static void
delete_works(struct check *c)
{
	const struct store_ask get = { .method = "GET", .object = c->object };
	struct store_told got;

	if (!removed(c))
		return;
	got = store_ask_signed(&c->talk, instant_now(), &get);
	if (got.status == 404)
		good("all its versions are deleted");
	else
		wrong(c, "it is still there after it was deleted");
	free(got.body);
}

/* What to set */

static void
rules_print(const struct check *c)
{
	const char *b = conf()->store_bucket;

	printf("\nThe bucket's policy (put the account that store_credentials "
	       "belong to for ACCOUNT):\n\n"
	       "{\"Version\": \"2012-10-17\", \"Statement\": [\n"
	       "  {\"Sid\": \"Epione\", \"Effect\": \"Allow\", \"Principal\": "
	       "{\"AWS\": \"ACCOUNT\"},\n"
	       "   \"Action\": [\"s3:PutObject\", \"s3:GetObject\", "
	       "\"s3:DeleteObject\", \"s3:DeleteObjectVersion\",\n"
	       "    \"s3:ListBucket\", \"s3:ListBucketVersions\"%s],\n"
	       "   \"Resource\": [\"arn:aws:s3:::%s\", \"arn:aws:s3:::%s/*\"]},"
	       "\n"
	       "  {\"Sid\": \"Encrypted\", \"Effect\": \"Deny\", "
	       "\"Principal\": \"*\", \"Action\": \"s3:*\",\n"
	       "   \"Resource\": [\"arn:aws:s3:::%s\", \"arn:aws:s3:::%s/*\"],"
	       "\n"
	       "   \"Condition\": {\"Bool\": {\"aws:SecureTransport\": "
	       "\"false\"}}}]}\n",
	    *conf()->store_lock == '\0' ? "" : ", \"s3:PutObjectRetention\"", b,
	    b, b, b);
	printf("\nIts CORS rules:\n\n"
	       "[{\"AllowedOrigins\": [\"%s\"], \"AllowedMethods\": [\"GET\", "
	       "\"PUT\"],\n"
	       "  \"AllowedHeaders\": [\"content-type\", \"x-amz-*\"], "
	       "\"MaxAgeSeconds\": 3600}]\n",
	    c->origin);
}

/*= RC-05: a bucket that lets anybody in is said to be wrong, in words */
int
ctl_store_check(int argc, char *argv[])
{
	struct operator_options o;
	struct check *c;
	struct arena *a;
	uint8_t random[32];
	int status = 1;

	if (!operator_options_read(argc, argv, &o) || o.config == NULL ||
	    o.rest != NULL)
		return command_usage(ctl_store_check);
	if (o.orphans != NULL)
		return store_orphans(&o);
	a = arena_new();
	c = arena_alloc(a, sizeof(*c));
	c->origin = o.origin;
	if (crypto_init() != ERR_OK || !store_talk_begin(&c->talk, a))
		goto out;
	secret_random(random, sizeof(random));
	secret_random(c->sample, sizeof(c->sample));
	c->object = arena_format(
	    a, "%s/%s", text_hex(a, random, 16), text_hex(a, random + 16, 16));
	if (crypto_sha256(
		(struct bytes){ c->sample, SAMPLE_BYTES }, c->sha256) != ERR_OK)
		goto out;
	if (put_works(c)) {
		get_works(c);
		strangers_fail(c);
		pages_let_in(c);
		delete_works(c);
	}
	rules_print(c);
	status = c->wrong == 0 ? 0 : 1;
out:
	store_talk_end(&c->talk);
	arena_free(a);
	return status;
}
