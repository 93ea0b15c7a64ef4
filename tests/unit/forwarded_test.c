#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/forwarded.h"

#include <stdio.h>
#include <string.h>

#define OURS "10.0.0.0/8 192.0.2.7 2001:db8:1::/48"

static struct address
address(const char *text)
{
	struct address a;

	assert_int_equal(address_read(text, strlen(text), &a), ERR_OK);
	return a;
}

/* With `chain` from `peer`, the client is `client`. */
static void
is(const char *peer, const char *chain, const char *client)
{
	struct address from = address(peer), a;
	struct networks ours;
	const char *wrong;
	char text[ADDRESS_TEXT];

	assert_int_equal(networks_read(OURS, &ours, &wrong), ERR_OK);
	a = forwarded_client(&ours, &from, chain);
	address_write(&a, text);
	if (strcmp(text, client) != 0)
		fail_msg("%s from %s: %s", chain, peer, text);
}

/*= TR-20: a forged header from a stranger says nothing */
static void
a_stranger_is_not_believed(void **state)
{
	(void)state;
	is("203.0.113.9", "198.51.100.1", "203.0.113.9");
	is("203.0.113.9", "10.0.0.1", "203.0.113.9");
	is("203.0.113.9", "198.51.100.1, 10.0.0.1", "203.0.113.9");
	is("127.0.0.1", "198.51.100.1", "127.0.0.1");
	is("2001:db8:2::1", "198.51.100.1", "2001:db8:2::1");
}

static void
a_proxy_tells_whom_it_asks_for(void **state)
{
	(void)state;
	is("10.0.0.1", "198.51.100.1", "198.51.100.1");
	is("192.0.2.7", "2001:DB8:9::1", "2001:db8:9::1");
	is("2001:db8:1::1", "198.51.100.1", "198.51.100.1");
	is("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1");
	is("10.0.0.1", "::ffff:198.51.100.1", "198.51.100.1");
	is("10.0.0.1", "198.51.100.1:4711", "198.51.100.1");
	is("10.0.0.1", "[2001:db8:9::1]:4711", "2001:db8:9::1");
	is("10.0.0.1", "[2001:db8:9::1]", "2001:db8:9::1");
	is("10.0.0.1", " \t198.51.100.1\t ", "198.51.100.1");
}

/*= TR-20: what a client wrote in front of its proxy's entry is not read */
static void
the_last_that_is_not_ours_is_the_client(void **state)
{
	(void)state;
	is("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1");
	is("10.0.0.1", "10.0.0.9, 198.51.100.1", "198.51.100.1");
	is("10.0.0.1", "127.0.0.1,198.51.100.1", "198.51.100.1");
	is("10.0.0.1", "garbage,,[, 198.51.100.1", "198.51.100.1");
	is("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.2, 192.0.2.7",
	    "198.51.100.1");
	is("10.0.0.1", "1.1.1.1,198.51.100.1:80,[2001:db8:1::2]:80",
	    "198.51.100.1");
	/* a client within our own network */
	is("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3");
}

/* The last of whom we know that he exists. */
static void
what_is_no_address_ends_the_reading(void **state)
{
	static const char *const wrong[] = { "", ",", " ", "unknown", "_hidden",
		"198.51.100", "198.51.100.1:", "198.51.100.1:x",
		"198.51.100.1:123456", "198.51.100.1 198.51.100.2",
		"\"198.51.100.1\"", "for=198.51.100.1", "[198.51.100.1]",
		"[::1", "::1]", "[]", "[::1]x", "[::1]:", "fe80::1%eth0",
		"198.51.100.1;", "198.51.100.1,", "198.51.100.1, ,", ":80",
		"[2001:db8::1]80", "2001:db8::1:2:3:4:5:6:7:8" };
	char chain[96];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		is("10.0.0.1", wrong[i], "10.0.0.1");
		snprintf(
		    chain, sizeof(chain), "1.1.1.1, %s, 10.0.0.2", wrong[i]);
		is("10.0.0.1", chain, "10.0.0.2");
	}
	is("10.0.0.1", NULL, "10.0.0.1");
}

static void
nobody_is_ours_unless_we_said_so(void **state)
{
	struct address from = address("127.0.0.1"), a;
	struct networks none = { .n = 0 };

	(void)state;
	a = forwarded_client(&none, &from, "198.51.100.1");
	assert_true(address_equal(&a, &from));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stranger_is_not_believed),
		cmocka_unit_test(a_proxy_tells_whom_it_asks_for),
		cmocka_unit_test(the_last_that_is_not_ours_is_the_client),
		cmocka_unit_test(what_is_no_address_ends_the_reading),
		cmocka_unit_test(nobody_is_ours_unless_we_said_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
