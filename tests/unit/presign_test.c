/* Presigned addresses: the AWS signing test suite, the example of its papers, and
 * what must not be signed. */
#include "base/presign.h"

#include "base/crypto.h"
#include "base/instant.h"
#include "base/text.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define PAIRS 16

/* A request of the suite, taken apart. */
struct sample {
	struct presign what;
	struct presign_pair query[PAIRS], headers[PAIRS];
	char path[512];
	const char *body;
};

static json_t *
file_read(const char *path)
{
	json_t *j = json_load_file(path, 0, NULL);

	if (j == NULL)
		fail_msg("%s cannot be read", path);
	return j;
}

static const char *
text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	return text == NULL ? "" : text;
}

/* Dots and empty segments out, as the suite wants it of some: a store does not do
 * that, nor does what is tested here. */
static void
path_normalize(char *path)
{
	char out[512] = "", *segment, *rest = path, *cut;
	const bool slash = path[strlen(path) - 1] == '/';

	while ((segment = strsep(&rest, "/")) != NULL) {
		if (*segment == '\0' || strcmp(segment, ".") == 0)
			continue;
		if (strcmp(segment, "..") == 0) {
			if ((cut = strrchr(out, '/')) != NULL)
				*cut = '\0';
			continue;
		}
		snprintf(out + strlen(out), sizeof(out) - strlen(out), "/%s",
		    segment);
	}
	if (slash || *out == '\0')
		strncat(out, "/", sizeof(out) - strlen(out) - 1);
	memcpy(path, out, sizeof(out));
}

static char *
percent_decode(char *text)
{
	char *from = text, *to = text, two[3] = "";

	for (; *from != '\0'; from++)
		if (*from == '%') {
			memcpy(two, from + 1, 2);
			*to++ = (char)strtol(two, NULL, 16);
			from += 2;
		} else {
			*to++ = *from;
		}
	*to = '\0';
	return text;
}

static void
query_take(struct sample *s, char *text)
{
	char *pair, *value;

	while ((pair = strsep(&text, "&")) != NULL) {
		if (*pair == '\0')
			continue;
		if ((value = strchr(pair, '=')) != NULL)
			*value++ = '\0';
		s->query[s->what.query_n++] = (struct presign_pair){
			percent_decode(pair),
			value == NULL ? "" : percent_decode(value)
		};
	}
}

static void
header_take(struct arena *a, struct sample *s, char *line)
{
	struct presign_pair *last = &s->headers[s->what.headers_n];
	char *value;

	if (*line == ' ') { /* it goes on */
		last[-1].value = arena_format(a, "%s %s", last[-1].value, line);
		return;
	}
	value = strchr(line, ':');
	*value++ = '\0';
	if (strcmp(line, "Host") == 0)
		s->what.host = value;
	else
		s->headers[s->what.headers_n++] = (struct presign_pair){ line,
			value };
}

static void
request_take(struct arena *a, struct sample *s, const char *request)
{
	char *rest = arena_text(a, request), *line = strsep(&rest, "\n"),
	     *target, *end, *query;

	memset(s, 0, sizeof(*s));
	s->what.method = strsep(&line, " ");
	target = line;
	end = strstr(target, " HTTP/");
	*end = '\0';
	query = target;
	target = strsep(&query, "?");
	snprintf(s->path, sizeof(s->path), "%s", target);
	if (query != NULL)
		query_take(s, query);
	while ((line = strsep(&rest, "\n")) != NULL && *line != '\0')
		header_take(a, s, line);
	s->body = rest == NULL ? "" : rest;
	s->what.path = s->path;
	s->what.query = s->query;
	s->what.headers = s->headers;
}

static const char *
payload_hash(struct arena *a, const char *body)
{
	uint8_t hash[32];

	assert_int_equal(
	    crypto_sha256(
		(struct bytes){ (const uint8_t *)body, strlen(body) }, hash),
	    ERR_OK);
	return text_hex(a, hash, sizeof(hash));
}

static const char *
signature_of(const char *query)
{
	return strstr(query, "X-Amz-Signature=") + strlen("X-Amz-Signature=");
}

//= RC-03: the signatures that AWS published
static void
the_suite_of_aws(void **state)
{
	json_t *all = file_read("tests/vectors/sigv4.json"), *c, *x;
	struct presign_signer signer;
	const char *path, *query;
	struct sample s;
	size_t i, n = 0;

	(void)state;
	json_array_foreach (json_object_get(all, "cases"), i, c) {
		struct arena *a = arena_new();
		json_t *who;

		x = json_object_get(c, "context");
		who = json_object_get(x, "credentials");
		request_take(a, &s, text_of(c, "request"));
		if (json_is_true(json_object_get(x, "normalize")))
			path_normalize(s.path);
		s.what.region = text_of(x, "region");
		s.what.service = text_of(x, "service");
		s.what.expires_s = json_integer_value(
		    json_object_get(x, "expiration_in_seconds"));
		s.what.payload = payload_hash(a,
		    json_is_true(json_object_get(x, "sign_body")) ? s.body
								  : "");
		assert_int_equal(
		    instant_parse(text_of(x, "timestamp"), &s.what.now),
		    ERR_OK);
		memset(&signer, 0, sizeof(signer));
		signer.access_key = text_of(who, "access_key_id");
		if (json_object_get(who, "token") != NULL &&
		    !json_is_true(json_object_get(x, "omit_session_token")))
			signer.token = text_of(who, "token");
		assert_int_equal(presign_signer_make(&signer,
				     text_of(who, "secret_access_key"),
				     s.what.now, s.what.region, s.what.service),
		    ERR_OK);
		assert_int_equal(
		    presign_query(a, &signer, &s.what, &path, &query), ERR_OK);
		if (strcmp(signature_of(query),
			text_of(c, "query_signature")) != 0)
			fail_msg("%s: %s", text_of(c, "name"), query);
		n++;
		arena_free(a);
	}
	assert_int_equal(n, 38);
	json_decref(all);
}

static const struct presign example = {
	.method = "GET",
	.host = "examplebucket.s3.amazonaws.com",
	.path = "/test.txt",
	.region = "us-east-1",
	.service = "s3",
	.now = 1369353600, /* 2013-05-24T00:00:00Z */
	.expires_s = 86400,
};

static struct presign_signer
example_signer(int64_t now)
{
	struct presign_signer s = { .access_key = "AKIAIOSFODNN7EXAMPLE" };

	assert_int_equal(
	    presign_signer_make(&s, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		now, "us-east-1", "s3"),
	    ERR_OK);
	return s;
}

static void
the_example_of_the_papers(void **state)
{
	json_t *all = file_read("tests/vectors/oracles.json");
	const char *url = text_of(
	    json_object_get(all, "aws_s3_presigned_doc_example"), "url");
	struct presign_signer s = example_signer(example.now);
	struct arena *a = arena_new();
	const char *path, *query;

	(void)state;
	assert_int_equal(presign_query(a, &s, &example, &path, &query), ERR_OK);
	assert_string_equal(
	    arena_format(a, "https://%s%s?%s", example.host, path, query), url);
	arena_free(a);
	json_decref(all);
}

/* Whatever an address allows is in its signature. */
static void
whatever_differs_signs_differently(void **state)
{
	static const struct presign_pair length = { "Content-Length", "5" },
					 longer = { "Content-Length", "6" };
	struct presign_signer s = example_signer(example.now);
	struct presign other[7];
	struct arena *a = arena_new();
	const char *path, *query, *first;
	size_t i;

	(void)state;
	assert_int_equal(presign_query(a, &s, &example, &path, &first), ERR_OK);
	for (i = 0; i < 7; i++)
		other[i] = example;
	other[0].method = "PUT";
	other[1].host = "other.s3.amazonaws.com";
	other[2].path = "/test2.txt";
	other[3].expires_s = 300;
	other[4].headers = &length;
	other[4].headers_n = 1;
	other[5].headers = &longer;
	other[5].headers_n = 1;
	other[6].now++;
	for (i = 0; i < 7; i++) {
		assert_int_equal(
		    presign_query(a, &s, &other[i], &path, &query), ERR_OK);
		assert_string_not_equal(
		    signature_of(query), signature_of(first));
	}
	arena_free(a);
}

/* A key is of its day: on another it signs nothing. */
static void
yesterdays_key_signs_nothing_today(void **state)
{
	struct presign_signer s = example_signer(example.now - 1);
	struct arena *a = arena_new();
	const char *path, *query;

	(void)state;
	assert_int_equal(
	    presign_query(a, &s, &example, &path, &query), ERR_INTERNAL);
	arena_free(a);
}

static void
a_secret_that_is_too_long_is_refused(void **state)
{
	struct presign_signer s = { 0 };
	char secret[400];

	(void)state;
	memset(secret, 'x', sizeof(secret) - 1);
	secret[sizeof(secret) - 1] = '\0';
	assert_int_equal(
	    presign_signer_make(&s, secret, 0, "r", "s3"), ERR_INVALID_FIELD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_suite_of_aws),
		cmocka_unit_test(the_example_of_the_papers),
		cmocka_unit_test(whatever_differs_signs_differently),
		cmocka_unit_test(yesterdays_key_signs_nothing_today),
		cmocka_unit_test(a_secret_that_is_too_long_is_refused),
	};

	if (crypto_init() != ERR_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
