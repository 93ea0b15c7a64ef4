#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/card.h"

#include <stdio.h>
#include <string.h>

#define IDENTIFIERS  1000000
#define ALARMS_MAX   (IDENTIFIERS / 10000)
#define ARENA_RENEWS 1000

static struct arena *arena;

static void
is(enum err want, enum card_text kind, const char *text)
{
	enum err r = card_check(arena, kind, text);

	if (r != want)
		fail_msg("%s: %s", text, err_code(r));
}

/*= PY-01: of each issuer, written as people write it, by whatever keyboard */
static void
card_numbers_are_seen(void **state)
{
	static const char *const cards[] = { "4242424242424242",
		"4222222222222", "5555555555554444", "2223003122003222",
		"378282246310005", "6011111111111117", "30569309025904",
		"3566002020360505", "6200000000000005", "6205500000000000004",
		"4242 4242 4242 4242", "4242-4242-4242-4242",
		"3782 822463 10005", "4242 - 4242 - 4242 - 4242",
		"4242\n4242\n4242\n4242", "4242.4242.4242.4242",
		"4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2", "42 42 42 42 42 42 42 42",
		"Visa 4242424242424242, 12/29, 123", "Visa4242424242424242x",
		"4242 4242 4242 4242 12/29 123", "4242 4242 4242 4242 1229 123",
		"paid on 2026-11-28 4242 4242 4242 4242",
		"4242\xc2\xa0"
		"4242\xe2\x80\x91"
		"4242\xe2\x80\x8b"
		"4242",
		/* full-width, Arabic-Indic, Devanagari and mathematical digits */
		"\xef\xbc\x94\xef\xbc\x92\xef\xbc\x94\xef\xbc\x92 4242 4242 "
		"4242",
		"\xd9\xa4\xd9\xa2\xd9\xa4\xd9\xa2 4242 4242 4242",
		"\xe0\xa5\xaa\xe0\xa5\xa8\xe0\xa5\xaa\xe0\xa5\xa8 4242 4242 "
		"4242",
		"\xf0\x9d\x9f\x92\xf0\x9d\x9f\x90"
		"42 4242 4242 4242",
		"4\xcc\x81"
		"242 4242 4242 4242" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cards) / sizeof(cards[0]); i++)
		is(ERR_CARD_NUMBER, CARD_FREE, cards[i]);
	is(ERR_CARD_NUMBER, CARD_IDENTIFIER, "4242424242424242");
	is(ERR_CARD_NUMBER, CARD_IDENTIFIER, "4242 4242 4242 4242");
	is(ERR_CARD_NUMBER, CARD_IDENTIFIER, "4242424242424242@example.com");
	is(ERR_CARD_NUMBER, CARD_PHONE, "4242 4242 4242 4242");
	is(ERR_CARD_NUMBER, CARD_PHONE, "+4242424242424242");
	is(ERR_CARD_NUMBER, CARD_PHONE, "378282246310005");
}

/* Of every length, with whatever issuer, in one piece. */
static void
each_length_is_seen(void **state)
{
	char text[20];
	unsigned n, i, d, sum;

	(void)state;
	for (n = 13; n <= 19; n++) {
		memset(text, '0', sizeof(text));
		text[n] = '\0';
		for (i = 0; i + 1 < n; i++)
			text[i] = (char)('2' + i * 3 % 7);
		for (sum = 0, i = 0; i + 1 < n; i++) {
			d = (unsigned)(text[i] - '0');
			d = (n - 2 - i) % 2 == 0 ? d * 2 : d;
			sum += d > 9 ? d - 9 : d;
		}
		text[n - 1] = (char)('0' + (10 - sum % 10) % 10);
		is(ERR_CARD_NUMBER, CARD_FREE, text);
		text[n - 1] = text[n - 1] == '9' ? '0' : text[n - 1] + 1;
		is(ERR_OK, CARD_FREE, text);
	}
}

static void
other_numbers_are_none(void **state)
{
	static const char *const texts[] = { "", "4242424242424241",
		"424242424242", "since 1999 2003 2007 2011",
		"glucose 110 120 130 140 150 162 171 190 185 170",
		"2026-11-20 2026-11-27, 2026-12-04",
		"call 415-555-0100 or 415-555-0101", "808401234567893",
		"IMEI 353280110000006", "8003608166690503",
		"8901260222193612440", "0000000000000000",
		"4242 4242 x 4242 4242", "1700000000003" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		is(ERR_OK, CARD_FREE, texts[i]);
	is(ERR_OK, CARD_PHONE, "+378282246310005");
	is(ERR_OK, CARD_PHONE, "415-555-0100 415-555-0101");
	is(ERR_OK, CARD_PHONE, "011 44 20 7946 0000 ext. 4242");
	is(ERR_OK, CARD_IDENTIFIER, "XYZ4242424242424242");
	is(ERR_BAD_ENCODING, CARD_FREE, "\xff\xff\xff");
}

static uint64_t seed = 0x9e3779b97f4a7c15;

static unsigned
dice(unsigned sides)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % sides);
}

/* By a pattern: # is a digit, A a letter, the rest itself. */
static enum card_text
invent(char *text)
{
	static const struct {
		enum card_text kind;
		const char *as;
	} forms[] = {
		/* record numbers */
		{ CARD_IDENTIFIER, "######" },
		{ CARD_IDENTIFIER, "########" },
		{ CARD_IDENTIFIER, "##########" },
		{ CARD_IDENTIFIER, "MRN-############" },
		{ CARD_IDENTIFIER, "E################" },
		{ CARD_IDENTIFIER, "###-##-####" },
		/* of plans: United States, Medicare, Europe, India, Australia */
		{ CARD_IDENTIFIER, "AAA#########" },
		{ CARD_IDENTIFIER, "AAA############" },
		{ CARD_IDENTIFIER, "AAA#############" },
		{ CARD_IDENTIFIER, "#########-##" },
		{ CARD_IDENTIFIER, "#AA#-AA#-AA##" },
		{ CARD_IDENTIFIER, "A#########" },
		{ CARD_IDENTIFIER, "80276##############" },
		{ CARD_IDENTIFIER, "91-####-####-####" },
		{ CARD_IDENTIFIER, "80840##########" },
		{ CARD_IDENTIFIER, "80036##########" },
		/* telephones */
		{ CARD_PHONE, "(###) ###-####" },
		{ CARD_PHONE, "###-###-####" },
		{ CARD_PHONE, "+1 ### ### ####" },
		{ CARD_PHONE, "+## ### ########" },
		{ CARD_PHONE, "+### ############" },
		{ CARD_PHONE, "011 ## ## #### ####" },
		{ CARD_PHONE, "### ### #### x####" },
		{ CARD_PHONE, "###-###-#### ###-###-####" },
		{ CARD_PHONE, "###-###-#### #####" },
	};
	const char *p;
	unsigned form = dice(sizeof(forms) / sizeof(forms[0]));

	for (p = forms[form].as; *p != '\0'; p++)
		if (*p == '#')
			*text++ = (char)('0' + dice(10));
		else
			*text++ = *p == 'A' ? (char)('A' + dice(26)) : *p;
	*text = '\0';
	return forms[form].kind;
}

/*= PY-01: at most one alarm in ten thousand about what is somebody's number */
static void
identifiers_are_told_apart(void **state)
{
	char text[64];
	unsigned i, alarms = 0;
	enum card_text kind;

	(void)state;
	for (i = 0; i < IDENTIFIERS; i++) {
		if (i % ARENA_RENEWS == 0) {
			arena_free(arena);
			arena = arena_new();
		}
		kind = invent(text);
		alarms += card_check(arena, kind, text) != ERR_OK;
	}
	printf("%u alarms among %u identifiers\n", alarms, IDENTIFIERS);
	assert_true(alarms <= ALARMS_MAX);
}

static int
begin(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
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
		cmocka_unit_test(card_numbers_are_seen),
		cmocka_unit_test(each_length_is_seen),
		cmocka_unit_test(other_numbers_are_none),
		cmocka_unit_test(identifiers_are_told_apart),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
