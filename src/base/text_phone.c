/* Telephone numbers, by what is dialled. */
#include "base/text_form.h"

#include <ctype.h>
#include <string.h>

#define OPTIONS_COMPAT                                                         \
	((utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |            \
	    UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK))

/* Digits of any script, and what may stand between them, in ASCII; letters stay
 * for whoever looks for an extension. */
static char
plain(struct arena *a, utf8proc_int32_t c)
{
	char one[5] = "", *folded;
	utf8proc_category_t k = utf8proc_category(c);

	if (c < 0x80)
		return (char)c;
	one[utf8proc_encode_char(c, (utf8proc_uint8_t *)one)] = '\0';
	if (k == UTF8PROC_CATEGORY_ND &&
	    text_alnum(a, one, &folded) == ERR_OK && folded[1] == '\0')
		return *folded;
	switch (k) {
	case UTF8PROC_CATEGORY_PD: /* dashes */
	case UTF8PROC_CATEGORY_ZS:
	case UTF8PROC_CATEGORY_CF:
	case UTF8PROC_CATEGORY_PO: /* middle dots */
		return ' ';
	case UTF8PROC_CATEGORY_SM: /* minus and the like */
		return '-';
	default:
		return '?';
	}
}

static enum err
ascii(struct arena *a, const char *s, char **out)
{
	utf8proc_int32_t *points;
	size_t count, i;
	enum err r;

	if ((r = text_decode(a, s, OPTIONS_COMPAT, &points, &count)) != ERR_OK)
		return r;
	*out = arena_alloc(a, count + 1);
	for (i = 0; i < count; i++)
		(*out)[i] = plain(a, points[i]);
	(*out)[count] = '\0';
	return ERR_OK;
}

/* Leaves the digits alone; returns whether nothing else was there but what is
 * written between digits. */
static bool
digits_only(char *s)
{
	bool clean = true;
	char *to = s;

	for (; *s != '\0'; s++)
		if (isdigit((unsigned char)*s))
			*to++ = *s;
		else if (strchr(" -./()+*,;:", *s) == NULL)
			clean = false;
	*to = '\0';
	return clean;
}

/* "x12", "ext. 12", "extension 12", "#12" at the end: cut off, and its digits
 * given; NULL for none. */
static char *
extension_cut(char *text)
{
	static const char *const words[] = { "extension", "extn", "ext", "x",
		"#" };
	char *at = text + strcspn(text, "ex#"), *digits;
	size_t i, n;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		n = strlen(words[i]);
		if (strncmp(at, words[i], n) != 0)
			continue;
		digits = at + n + strspn(at + n, " .:=-");
		n = strspn(digits, "0123456789");
		if (n == 0 || digits[n + strspn(digits + n, " .)")] != '\0')
			return NULL;
		digits[n] = '\0';
		*at = '\0';
		return digits;
	}
	return NULL;
}

/* "+44 (0)20": the zero is dialled within the country alone. */
static void
trunk_zero_drop(char *text)
{
	char *zero = strstr(text, "(0)");
	size_t lead = strspn(text, " (");

	if (zero != NULL && zero > text &&
	    (text[lead] == '+' || strncmp(text + lead, "00", 2) == 0 ||
		strncmp(text + lead, "011", 3) == 0))
		memset(zero, ' ', 3);
}

/* Without what is dialled to leave a country: "00"; from North America "011",
 * which elsewhere begins numbers that are shorter. And without North America's
 * own country code, which is often left out. */
static const char *
prefix_skip(const char *digits)
{
	const char *from;

	do {
		from = digits;
		if (strncmp(digits, "00", 2) == 0)
			digits += 2;
		else if (strncmp(digits, "011", 3) == 0 && strlen(digits) >= 13)
			digits += 3;
		if (*digits == '1' && strlen(digits) == 11)
			digits++;
	} while (digits != from);
	return digits;
}

enum err
text_phone(struct arena *a, const char *s, char **out)
{
	char *text, *extension;
	const char *number;
	enum err r;

	*out = NULL;
	if ((r = ascii(a, s, &text)) != ERR_OK)
		return r;
	extension = extension_cut(text);
	trunk_zero_drop(text);
	if (!digits_only(text))
		return ERR_INVALID_FIELD;
	number = prefix_skip(text);
	*out = extension == NULL || *number == '\0'
	    ? arena_text(a, number)
	    : arena_format(a, "%sx%s", number, extension);
	return ERR_OK;
}
