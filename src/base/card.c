/*= PY-01: which text holds a card number */
#include "base/card.h"

#include "base/text_form.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define DIGITS_MIN 13
#define DIGITS_MAX 19
#define GAP_MAX	   4 /* separators between two digits of one number */

#define OPTIONS                                                                \
	((utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |            \
	    UTF8PROC_COMPAT | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE))

#define LENGTH(n) (1U << (n))

/* The first four digits, and how long such numbers are. */
static const struct issuer {
	int from, to;
	unsigned lengths;
} issuers[] = {
	{ 2200, 2204, LENGTH(16) | LENGTH(18) | LENGTH(19) }, /* Mir */
	{ 2221, 2720, LENGTH(16) },			      /* Mastercard */
	{ 3000, 3059, LENGTH(14) | LENGTH(16) | LENGTH(19) }, /* Diners */
	{ 3095, 3095, LENGTH(14) | LENGTH(16) | LENGTH(19) },
	{ 3400, 3499, LENGTH(15) },		 /* American Express */
	{ 3528, 3589, LENGTH(16) | LENGTH(19) }, /* JCB */
	{ 3600, 3699, LENGTH(14) | LENGTH(16) | LENGTH(19) }, /* Diners */
	{ 3700, 3799, LENGTH(15) },
	{ 3800, 3999, LENGTH(14) | LENGTH(16) | LENGTH(19) },
	{ 4000, 4999, LENGTH(13) | LENGTH(16) | LENGTH(19) }, /* Visa */
	{ 5018, 5018, LENGTH(13) | LENGTH(16) | LENGTH(19) }, /* Maestro */
	{ 5020, 5020, LENGTH(16) | LENGTH(19) },
	{ 5038, 5038, LENGTH(16) | LENGTH(19) },
	{ 5060, 5089, LENGTH(16) | LENGTH(19) }, /* Verve, RuPay */
	{ 5100, 5599, LENGTH(16) },		 /* Mastercard */
	{ 5893, 5893, LENGTH(16) | LENGTH(19) },
	{ 6000, 6099, LENGTH(16) | LENGTH(19) }, /* Discover, RuPay */
	{ 6200, 6299, LENGTH(16) | LENGTH(17) | LENGTH(18) | LENGTH(19) },
	{ 6304, 6304, LENGTH(16) | LENGTH(18) | LENGTH(19) },
	{ 6440, 6599, LENGTH(16) | LENGTH(19) }, /* Discover */
	{ 6759, 6763, LENGTH(16) | LENGTH(18) | LENGTH(19) },
	{ 8100, 8299, LENGTH(16) }, /* RuPay */
	{ 9792, 9792, LENGTH(16) }, /* Troy */
};

/* What passes the same check and is no card: 80840 and an NPI, health numbers
 * of Australia, SIM cards, telephones (IMEI), milliseconds since 1970. */
static const struct issuer others[] = {
	{ 100, 199, LENGTH(15) },
	{ 1000, 1999, LENGTH(13) },
	{ 3500, 3599, LENGTH(15) },
	{ 8003, 8003, LENGTH(16) },
	{ 8084, 8084, LENGTH(15) },
	{ 8600, 8699, LENGTH(15) },
	{ 8900, 8999, LENGTH(19) },
	{ 9900, 9999, LENGTH(15) },
};

/* Digits that belong together, as they were written. */
struct run {
	unsigned char *digit;
	unsigned char *begins; /* a group does, with this digit */
	size_t n;
	bool loose;	    /* full stops and the like stand between */
	bool plus;	    /* before it */
	bool letter_before; /* without a space between */
	bool letter_after;
};

static bool
luhn(const unsigned char *digit, size_t n)
{
	unsigned sum = 0, d;
	size_t i;

	for (i = 0; i < n; i++) {
		d = digit[n - 1 - i];
		if (i % 2 == 1)
			d = d * 2 > 9 ? d * 2 - 9 : d * 2;
		sum += d;
	}
	return sum % 10 == 0;
}

static bool
in_ranges(
    const struct issuer *ranges, size_t count, const unsigned char *d, size_t n)
{
	int first = d[0] * 1000 + d[1] * 100 + d[2] * 10 + d[3];
	size_t i;

	for (i = 0; i < count; i++)
		if (first >= ranges[i].from && first <= ranges[i].to &&
		    (ranges[i].lengths & LENGTH(n)) != 0)
			return true;
	return false;
}

/* In one group; in fours, of which the last may be shorter; or as American
 * Express, Diners and UnionPay print them. */
static bool
grouped_as_card(const struct run *run, size_t at, size_t n)
{
	static const char *const ways[] = { "465", "464", "88", "6d" };
	char way[DIGITS_MAX + 1];
	size_t i, g = 0, fours = 0, last = 0;

	for (i = 1; i <= n; i++) {
		if (i < n && !run->begins[at + i])
			continue;
		way[g++] = (char)(i - last > 9 ? 'd' : '0' + (i - last));
		fours += i - last == 4 || (i == n && i - last < 4);
		last = i;
	}
	way[g] = '\0';
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (strcmp(way, ways[i]) == 0)
			return true;
	return g == 1 || fours == g;
}

static bool
in_one_group(const struct run *run, size_t at, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++)
		if (run->begins[at + i])
			return false;
	return true;
}

static bool
is_card_of_identifier(
    const struct run *run, enum card_text kind, size_t at, size_t n)
{
	const bool first = at == 0, last = at + n == run->n;

	if (!grouped_as_card(run, at, n))
		return false;
	if (kind == CARD_PHONE) /* E.164: 15 digits behind the plus */
		return !(run->plus && first && n <= 15);
	return !(run->letter_before && first) && !(run->letter_after && last);
}

static bool
is_card(const struct run *run, enum card_text kind, size_t at, size_t n)
{
	const unsigned char *d = run->digit + at;
	const bool known = in_ranges(
	    issuers, sizeof(issuers) / sizeof(issuers[0]), d, n);

	if (!luhn(d, n))
		return false;
	if (kind != CARD_FREE)
		return known && is_card_of_identifier(run, kind, at, n);
	if (known)
		return grouped_as_card(run, at, n) ||
		    (n == run->n && !run->loose);
	return d[0] != 0 && in_one_group(run, at, n) &&
	    !in_ranges(others, sizeof(others) / sizeof(others[0]), d, n);
}

/* Begins and ends with a group, so that a date before or behind it hides
 * nothing. */
static bool
run_has_card(const struct run *run, enum card_text kind)
{
	size_t at, n;

	for (at = 0; at + DIGITS_MIN <= run->n; at++) {
		if (!run->begins[at])
			continue;
		for (n = DIGITS_MIN; n <= DIGITS_MAX && at + n <= run->n; n++)
			if ((at + n == run->n || run->begins[at + n]) &&
			    is_card(run, kind, at, n))
				return true;
	}
	return false;
}

enum part { PART_DIGIT, PART_GAP, PART_LOOSE, PART_LETTER, PART_OTHER };

static bool
is_gap(utf8proc_int32_t c, utf8proc_category_t k)
{
	return (c >= '\t' && c <= '\r') || k == UTF8PROC_CATEGORY_PD ||
	    k == UTF8PROC_CATEGORY_ZS || k == UTF8PROC_CATEGORY_CF ||
	    c == 0x2212; /* minus */
}

static bool
is_loose(utf8proc_int32_t c)
{
	return c == 0x00b7 || c == 0x2022 || /* middle dots */
	    (c > 0 && c < 0x80 && strchr("._/,*|:;'", c) != NULL);
}

static enum part
part_of(utf8proc_int32_t c)
{
	utf8proc_category_t k = utf8proc_category(c);

	if (text_digit(c) >= 0)
		return PART_DIGIT;
	if (is_gap(c, k))
		return PART_GAP;
	if (is_loose(c))
		return PART_LOOSE;
	return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO
	    ? PART_LETTER
	    : PART_OTHER;
}

static void
run_begin(struct run *run, const utf8proc_int32_t *points, size_t at)
{
	size_t before = at;

	run->n = 0;
	run->loose = run->letter_after = false;
	run->letter_before = at > 0 && part_of(points[at - 1]) == PART_LETTER;
	while (before > 0 && part_of(points[before - 1]) == PART_GAP)
		before--;
	run->plus = before > 0 && points[before - 1] == '+';
}

/* Takes digits and what stands between them; returns where it ends. */
static size_t
run_read(
    struct run *run, const utf8proc_int32_t *points, size_t count, size_t at)
{
	size_t i, gap = 0, end = at;
	bool loose = false;
	enum part part;

	run_begin(run, points, at);
	for (i = at; i < count && gap <= GAP_MAX; i++) {
		part = part_of(points[i]);
		if (part == PART_DIGIT) {
			run->begins[run->n] = run->n == 0 || gap > 0;
			run->digit[run->n++] = (unsigned char)text_digit(
			    points[i]);
			run->loose = run->loose || loose;
			gap = 0;
			end = i + 1;
		} else if (part == PART_GAP || part == PART_LOOSE) {
			gap++;
			loose = loose || part == PART_LOOSE;
		} else {
			break;
		}
	}
	run->letter_after = end < count && part_of(points[end]) == PART_LETTER;
	return end;
}

/* Most texts have fewer digits, in ASCII. */
static bool
may_hold(const char *s)
{
	size_t digits = 0;

	for (; *s != '\0'; s++) {
		if ((unsigned char)*s >= 0x80)
			return true;
		digits += isdigit((unsigned char)*s) != 0;
	}
	return digits >= DIGITS_MIN;
}

enum err
card_check(struct arena *a, enum card_text kind, const char *s)
{
	utf8proc_int32_t *points;
	struct run run;
	size_t count, i;
	enum err r;

	if (!may_hold(s))
		return ERR_OK;
	if ((r = text_decode(a, s, OPTIONS, &points, &count)) != ERR_OK)
		return r;
	run.digit = arena_alloc(a, count + 1);
	run.begins = arena_alloc(a, count + 1);
	for (i = 0; i < count; i++) {
		if (text_digit(points[i]) < 0)
			continue;
		i = run_read(&run, points, count, i);
		if (run_has_card(&run, kind))
			return ERR_CARD_NUMBER;
	}
	return ERR_OK;
}
