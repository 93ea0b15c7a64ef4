#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/crypto.h"
#include "care/stripe_signature.h"

#include <string.h>

/* tests/vectors/oracles.json, stripe_derived: made with the processor's own SDK */
#define SECRET "whsec_test_secret"
#define MAC    "07b1ede164afb7b5de91267ffa656f568c65d6e0783ce0ac55ee094643578eda"
#define BODY                                                                   \
	"{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\",\n"       \
	"  \"data\": { \"object\": { \"id\": \"rdr_123\", \"object\": "        \
	"\"terminal.reader\" } }\n}"

static struct arena *arena;

static enum err
check_with(
    const char *header, const char *body, const char *secret, int64_t now)
{
	const char *const secrets[] = { "", secret, NULL };

	return stripe_signature_check(arena, header,
	    (struct bytes){ (const uint8_t *)body, strlen(body) }, secrets,
	    now);
}

static enum err
check(const char *header)
{
	return check_with(header, BODY, SECRET, 12345);
}

/*= PY-04: what the processor's own library signs is right */
static void
its_own_signature_is_right(void **state)
{
	(void)state;
	assert_int_equal(check("t=12345,v1=" MAC), ERR_OK);
	assert_int_equal(check("t=12345,v1=00,v0=x,v1=" MAC ",v1=zz"), ERR_OK);
	assert_int_equal(
	    check_with("t=12345,v1=" MAC, BODY, SECRET, 12345 + 300), ERR_OK);
	assert_int_equal(
	    check_with("t=12345,v1=" MAC, BODY, SECRET, 12345 - 300), ERR_OK);
}

static void
whatever_else_is_refused(void **state)
{
	static const char *const headers[] = { NULL, "", ",", "t=", "v1=" MAC,
		"t=12345", "t=12345,v0=" MAC, "t=12345,v1=", "t=12346,v1=" MAC,
		"t=-12345,v1=" MAC, "t=12345 ,v1=" MAC, "t=12345,v1=" MAC "00",
		"t=99999999999999999999,v1=" MAC, "t=12345,V1=" MAC };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		assert_int_equal(check(headers[i]), ERR_BAD_SIGNATURE);
	assert_int_equal(check_with("t=12345,v1=" MAC, BODY " ", SECRET, 12345),
	    ERR_BAD_SIGNATURE);
	assert_int_equal(check_with("t=12345,v1=" MAC, BODY, "whsec_", 12345),
	    ERR_BAD_SIGNATURE);
	assert_int_equal(
	    check_with("t=12345,v1=" MAC, BODY, "", 12345), ERR_BAD_SIGNATURE);
	assert_int_equal(
	    check_with("t=12345,v1=" MAC, BODY, SECRET, 12345 + 301),
	    ERR_BAD_SIGNATURE);
	assert_int_equal(
	    check_with("t=12345,v1=" MAC, BODY, SECRET, 12345 - 301),
	    ERR_BAD_SIGNATURE);
}

static int
begin(void **state)
{
	(void)state;
	arena = arena_new();
	return crypto_init() == ERR_OK ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_own_signature_is_right),
		cmocka_unit_test(whatever_else_is_refused),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
