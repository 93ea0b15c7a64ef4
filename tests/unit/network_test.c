#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/network.h"

#include <stdio.h>
#include <string.h>

static struct address
address(const char *text)
{
	struct address a;

	if (address_read(text, strlen(text), &a) != ERR_OK)
		fail_msg("%s is an address", text);
	return a;
}

static struct networks
networks(const char *text)
{
	struct networks all;
	const char *wrong = NULL;

	if (networks_read(text, &all, &wrong) != ERR_OK)
		fail_msg("%s: not %s", text, wrong);
	return all;
}

static void
an_address_has_one_form(void **state)
{
	static const char *const pairs[][2] = {
		{ "192.0.2.1", "192.0.2.1" },
		{ "::ffff:192.0.2.1", "192.0.2.1" },
		{ "::FFFF:C000:0201", "192.0.2.1" },
		{ "2001:DB8:0:0::1", "2001:db8::1" },
		{ "::1", "::1" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "::", "::" },
	};
	char text[ADDRESS_TEXT];
	struct address a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		a = address(pairs[i][0]);
		address_write(&a, text);
		assert_string_equal(text, pairs[i][1]);
	}
}

static void
what_is_nearly_an_address_is_none(void **state)
{
	static const char *const wrong[] = { "", " ", "192.0.2", "192.0.2.256",
		"192.0.2.1 ", " 192.0.2.1", "192.0.2.01", "0x7f.0.0.1",
		"192.0.2.1:80", "[::1]", "fe80::1%eth0", "::1::", "1:2:3",
		"unknown", "192.0.2.1/32", "2130706433", "::ffff:192.0.2.1.1",
		"0000:0000:0000:0000:0000:ffff:192.168.100.228.00" };
	struct address a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (address_read(wrong[i], strlen(wrong[i]), &a) == ERR_OK)
			fail_msg("\"%s\" was taken", wrong[i]);
	assert_int_equal(address_read("::1\0", 4, &a), ERR_INVALID_FIELD);
	/* only n bytes are looked at */
	assert_int_equal(address_read("10.0.0.12", 8, &a), ERR_OK);
	assert_int_equal(a.byte[15], 1);
}

static void
loopback_is_all_of_127_and_one_of_ipv6(void **state)
{
	static const char *const here[] = { "127.0.0.1", "127.255.0.9", "::1",
		"::ffff:127.0.0.1" };
	static const char *const there[] = { "126.0.0.1", "128.0.0.1", "::2",
		"::", "0.0.0.0", "::127.0.0.1", "7f00::1" };
	struct address a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
		a = address(here[i]);
		assert_true(address_is_loopback(&a));
	}
	for (i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		a = address(there[i]);
		assert_false(address_is_loopback(&a));
	}
}

static uint64_t
home(const char *text)
{
	struct address a = address(text);

	return address_subscriber(&a);
}

/*= TR-24: of IPv6 a subscriber has 2^64 addresses, and they count as one */
static void
a_subscriber_is_an_ipv4_address_or_a_64(void **state)
{
	(void)state;
	assert_true(home("2001:db8:1:2::1") == home("2001:db8:1:2:ff::9"));
	assert_true(home("2001:db8:1:2::1") != home("2001:db8:1:3::1"));
	assert_true(home("192.0.2.1") != home("192.0.2.2"));
	assert_true(home("192.0.2.1") == home("::ffff:192.0.2.1"));
	assert_true(home("192.0.2.1") != home("::1"));
	assert_true(home("::1") != 0 && home("0.0.0.0") != 0);
}

static bool
neighbours(const char *one, const char *other)
{
	struct address a = address(one), b = address(other);

	address_neighbours(&a);
	address_neighbours(&b);
	return address_equal(&a, &b);
}

static void
neighbours_share_an_ipv4_24_or_an_ipv6_56(void **state)
{
	(void)state;
	assert_true(neighbours("192.0.2.1", "192.0.2.255"));
	assert_true(neighbours("192.0.2.1", "::ffff:192.0.2.7"));
	assert_false(neighbours("192.0.2.1", "192.0.3.1"));
	assert_true(neighbours("2001:db8:1:ff00::1", "2001:db8:1:ffff:2::3"));
	assert_false(neighbours("2001:db8:1:ff00::1", "2001:db8:1:fe00::1"));
}

static void
a_network_holds_what_begins_like_it(void **state)
{
	static const struct {
		const char *list, *address;
		bool held;
	} cases[] = {
		{ "", "192.0.2.1", false },
		{ " \t ", "192.0.2.1", false },
		{ "192.0.2.1", "192.0.2.1", true },
		{ "192.0.2.1", "192.0.2.2", false },
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.255", true },
		{ "192.0.2.4/31", "192.0.2.5", true },
		{ "192.0.2.4/31", "192.0.2.6", false },
		{ "128.0.0.0/1", "255.0.0.1", true },
		{ "128.0.0.0/1", "127.0.0.1", false },
		{ "2001:db8::/32", "2001:db8:ffff::1", true },
		{ "2001:db8::/32", "2001:db9::1", false },
		{ "2001:db8::1", "2001:db8::1", true },
		{ "2001:db8::1/128", "2001:db8::2", false },
		{ "::ffff:10.0.0.0/104", "10.9.9.9", true },
		{ "::1", "127.0.0.1", false },
		/* wide as it is, IPv4 is not meant */
		{ "::/1", "10.0.0.1", false },
		{ "::/1", "2001:db8::1", true },
		{ "192.0.2.1\t10.0.0.0/8  2001:db8::/32 ", "10.1.1.1", true },
		{ "192.0.2.1\t10.0.0.0/8  2001:db8::/32 ", "2001:db8::", true },
	};
	struct networks all;
	struct address a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		all = networks(cases[i].list);
		a = address(cases[i].address);
		if (networks_hold(&all, &a) != cases[i].held)
			fail_msg("%s in %s", cases[i].address, cases[i].list);
	}
}

/*= TR-20: who is believed is not guessed from a misspelt network */
static void
a_misspelt_network_is_pointed_at(void **state)
{
	static const char *const wrong[] = { "10.0.0/8", "10.0.0.0/0", "::/0",
		"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "10.0.0.0/-8",
		"10.0.0.0/ 8", "10.0.0.1/8", "2001:db8::1/32", "::/129",
		"2001:db8::/0032", "localhost", "*", "10.0.0.1,10.0.0.2",
		"10.0.0.0/+8", "10.0.0.0/8x", "/8", "[::1]" };
	char text[64];
	struct networks all;
	const char *at;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(
		    text, sizeof(text), "192.0.2.1 %s 192.0.2.2", wrong[i]);
		at = NULL;
		if (networks_read(text, &all, &at) == ERR_OK)
			fail_msg("%s was taken", text);
		assert_ptr_equal(at, text + strlen("192.0.2.1 "));
	}
}

static void
a_list_has_an_end(void **state)
{
	char text[NETWORKS_MAX * 10 + 32] = "";
	struct networks all;
	const char *at = NULL;
	size_t n = 0;

	(void)state;
	while (n < NETWORKS_MAX * 10)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "192.0.2.1 ");
	assert_int_equal(networks_read(text, &all, &at), ERR_OK);
	assert_int_equal(all.n, NETWORKS_MAX);
	snprintf(text + n, sizeof(text) - n, "192.0.2.2");
	assert_int_equal(networks_read(text, &all, &at), ERR_INVALID_FIELD);
	assert_string_equal(at, "192.0.2.2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_has_one_form),
		cmocka_unit_test(what_is_nearly_an_address_is_none),
		cmocka_unit_test(loopback_is_all_of_127_and_one_of_ipv6),
		cmocka_unit_test(a_subscriber_is_an_ipv4_address_or_a_64),
		cmocka_unit_test(neighbours_share_an_ipv4_24_or_an_ipv6_56),
		cmocka_unit_test(a_network_holds_what_begins_like_it),
		cmocka_unit_test(a_misspelt_network_is_pointed_at),
		cmocka_unit_test(a_list_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
