#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/conf.h"
#include "base/crypto.h"
#include "base/factor.h"
#include "gate/credential.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ORIGIN "https://clinic.example"
#define TOKEN  "sEssiOn-token_0123456789"

static struct op op;
static struct request rq;
static struct credential seen;

static int
begin(void **state)
{
	(void)state;
	memset(&op, 0, sizeof(op));
	memset(&rq, 0, sizeof(rq));
	op.arena = arena_new();
	op.rq = &rq;
	return op.arena != NULL ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	arena_free(op.arena);
	return 0;
}

static enum err
read_with(const char *authorization, const char *cookie)
{
	rq.authorization = authorization;
	rq.cookie = cookie;
	memset(&seen, 0xee, sizeof(seen));
	return credential_read(&op, &seen);
}

/* The token that was read; "" is none. */
static void
expect(const char *token, bool cookie)
{
	uint8_t hash[32];

	assert_int_equal(seen.present, *token != '\0');
	assert_int_equal(seen.cookie, cookie);
	if (*token == '\0')
		return;
	assert_int_equal(factor_token_hash(token, hash), ERR_OK);
	assert_memory_equal(seen.hash, hash, sizeof(hash));
}

static void
a_cookie_is_found_among_others(void **state)
{
	static const char *const good[] = {
		"__Host-epione=" TOKEN,
		"a=b; __Host-epione=" TOKEN,
		"__Host-epione=" TOKEN "; a=b",
		"a=b;__Host-epione=" TOKEN ";c=d",
		"; ;  __Host-epione=" TOKEN,
		"__Host-epione2=x; __Host-epione=" TOKEN,
		"a=__Host-epione=x; __Host-epione=" TOKEN,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(read_with(NULL, good[i]), ERR_OK);
		expect(TOKEN, true);
	}
	/* the value goes to the next semicolon, signs and all */
	assert_int_equal(read_with(NULL, "__Host-epione=a=b, c"), ERR_OK);
	expect("a=b, c", true);
}

/*= SE-07: what the browser guards by the prefix is not taken from elsewhere */
static void
another_name_is_not_ours(void **state)
{
	static const char *const none[] = { "", ";", "a=b", "epione=" TOKEN,
		"__host-epione=" TOKEN, "__HOST-EPIONE=" TOKEN,
		"__Host-Epione=" TOKEN, "__Secure-epione=" TOKEN,
		"__Host-epione", "__Host-epione; x", "__Host-epione2=" TOKEN,
		"x__Host-epione=" TOKEN, "__Host-epione =" TOKEN,
		"\t__Host-epione=" TOKEN, "a=\"; b=__Host-epione=x\"",
		"a=b,__Host-epione=" TOKEN };

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		if (read_with(NULL, none[i]) != ERR_OK || seen.present)
			fail_msg("taken: %s", none[i]);
		expect("", false);
	}
}

static void
two_of_ours_are_refused(void **state)
{
	static const char *const twice[] = {
		"__Host-epione=" TOKEN "; __Host-epione=" TOKEN,
		"__Host-epione=a; b=c; __Host-epione=d",
		"__Host-epione=; __Host-epione=" TOKEN,
		"__Host-epione=" TOKEN ";__Host-epione=",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(twice) / sizeof(twice[0]); i++) {
		assert_int_equal(read_with(NULL, twice[i]), ERR_BAD_REQUEST);
		expect("", false);
	}
}

/* Which browser it is, whatever else is sent; one that is no good is none. */
static void
a_browser_is_known_by_its_own_cookie(void **state)
{
	static const char *const none[] = { "", "__Host-epione=" TOKEN,
		"__Host-epione-device", "x__Host-epione-device=" TOKEN,
		"__Host-epione-device=a; __Host-epione-device=a" };
	uint8_t hash[32];

	(void)state;
	assert_int_equal(factor_token_hash("browser", hash), ERR_OK);
	assert_int_equal(
	    read_with(NULL, "__Host-epione-device=browser"), ERR_OK);
	expect("", false);
	assert_memory_equal(op.device.p, hash, sizeof(hash));
	assert_int_equal(read_with(NULL,
			     "__Host-epione-device=browser; "
			     "__Host-epione=" TOKEN),
	    ERR_OK);
	expect(TOKEN, true);
	assert_memory_equal(op.device.p, hash, sizeof(hash));
	assert_int_equal(
	    read_with("Bearer " TOKEN, "__Host-epione-device=browser"), ERR_OK);
	expect(TOKEN, false);
	assert_memory_equal(op.device.p, hash, sizeof(hash));
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_int_equal(read_with(NULL, none[i]), ERR_OK);
		assert_null(op.device.p);
	}
	assert_int_equal(read_with(NULL, NULL), ERR_OK);
	assert_null(op.device.p);
}

static void
a_bearer_goes_before_the_cookie(void **state)
{
	(void)state;
	assert_int_equal(read_with("Bearer " TOKEN, NULL), ERR_OK);
	expect(TOKEN, false);
	assert_int_equal(read_with("bearer " TOKEN, "__Host-epione=x"), ERR_OK);
	expect(TOKEN, false);
	/* another scheme is no credential, nor does the cookie step in */
	assert_int_equal(read_with("Basic eDp5", "__Host-epione=x"), ERR_OK);
	expect("", false);
	assert_int_equal(read_with("Bearer", "__Host-epione=x"), ERR_OK);
	expect("", false);
}

/* SE-08: in a query a token would stand in logs and histories. */
static void
a_query_is_not_looked_at(void **state)
{
	(void)state;
	rq.query = "access_token=" TOKEN "&token=" TOKEN;
	assert_int_equal(read_with(NULL, NULL), ERR_OK);
	expect("", false);
}

static enum err
from(enum method m, const char *origin, bool upgrade)
{
	rq.method = m;
	rq.origin = origin;
	rq.upgrade = upgrade;
	return read_with(NULL, "__Host-epione=" TOKEN);
}

static void
a_cookie_acts_for_our_own_pages_only(void **state)
{
	static const char *const foreign[] = { "https://evil.example", "null",
		"", "http://clinic.example", ORIGIN ":8443", ORIGIN "/",
		"https://CLINIC.example", "https://clinic.example.evil.example",
		"https://clinic.exampl", NULL };
	static const enum method acts[] = { METHOD_POST, METHOD_PUT,
		METHOD_PATCH, METHOD_DELETE, METHOD_OTHER };

	(void)state;
	for (size_t m = 0; m < sizeof(acts) / sizeof(acts[0]); m++) {
		for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]);
		     i++)
			assert_int_equal(from(acts[m], foreign[i], false),
			    ERR_ORIGIN_REFUSED);
		assert_int_equal(from(acts[m], ORIGIN, false), ERR_OK);
		expect(TOKEN, true);
	}
	/* a socket is opened by GET, and acts all the same (TR-06) */
	assert_int_equal(
	    from(METHOD_GET, "https://evil.example", true), ERR_ORIGIN_REFUSED);
	assert_int_equal(from(METHOD_GET, NULL, true), ERR_ORIGIN_REFUSED);
	assert_int_equal(from(METHOD_GET, ORIGIN, true), ERR_OK);
	/* looking is for the browser's same-origin rule to guard */
	assert_int_equal(from(METHOD_GET, NULL, false), ERR_OK);
	expect(TOKEN, true);
}

static void
a_bearer_needs_no_origin_but_no_foreign_one(void **state)
{
	(void)state;
	rq.method = METHOD_POST;
	assert_int_equal(read_with("Bearer " TOKEN, NULL), ERR_OK);
	expect(TOKEN, false);
	rq.origin = "https://evil.example";
	assert_int_equal(read_with("Bearer " TOKEN, NULL), ERR_ORIGIN_REFUSED);
	/* and neither has who signs in */
	assert_int_equal(read_with(NULL, NULL), ERR_ORIGIN_REFUSED);
}

static int
settings(void **state)
{
	static const char text[] = "origin " ORIGIN
				   "\ndatabase d\nroot_key k\n";
	char file[] = "/tmp/epione-credential-XXXXXX", message[256];
	int fd = mkstemp(file);
	bool good;

	(void)state;
	if (fd == -1)
		return -1;
	good = write(fd, text, sizeof(text) - 1) == sizeof(text) - 1 &&
	    conf_read(file, message) == ERR_OK;
	close(fd);
	unlink(file);
	return good && crypto_init() == ERR_OK ? 0 : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_cookie_is_found_among_others),
		TEST(another_name_is_not_ours),
		TEST(two_of_ours_are_refused),
		TEST(a_browser_is_known_by_its_own_cookie),
		TEST(a_bearer_goes_before_the_cookie),
		TEST(a_query_is_not_looked_at),
		TEST(a_cookie_acts_for_our_own_pages_only),
		TEST(a_bearer_needs_no_origin_but_no_foreign_one),
	};

	return cmocka_run_group_tests(tests, settings, NULL);
}
