#include "base/text.h"

#include "base/text_form.h"

#include <limits.h>
#include <string.h>
#include <utf8proc.h>

#define PARTS_MAX   32 /* Unicode's longest decomposition has 18 */
#define OPTIONS_NFC ((utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE))
/* Folds compatible forms into one and drops what cannot be seen. */
#define OPTIONS_TYPED                                                          \
	((utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_COMPOSE |              \
	    UTF8PROC_COMPAT | UTF8PROC_IGNORE))

bool
text_utf8_valid(const char *s, size_t n)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s;
	utf8proc_int32_t c;
	utf8proc_ssize_t len;

	if (n > INT_MAX)
		return false;
	while (n > 0) {
		len = utf8proc_iterate(p, (utf8proc_ssize_t)n, &c);
		if (len <= 0 || c == 0)
			return false;
		p += len;
		n -= (size_t)len;
	}
	return true;
}

size_t
text_code_points(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* How many of a code point's parts, at its end, are marks that normalising may
 * put in another order; `whole` if all of them are. */
static int
marks_at_end(utf8proc_int32_t c, utf8proc_option_t options, bool *whole)
{
	utf8proc_int32_t parts[PARTS_MAX];
	int bound = UTF8PROC_BOUNDCLASS_START, i;
	utf8proc_ssize_t n;

	n = utf8proc_decompose_char(c, parts, PARTS_MAX, options, &bound);
	if (n > PARTS_MAX)
		n = 0; /* no character has so many */
	for (i = 0; i < n; i++)
		if (utf8proc_get_property(parts[n - 1 - i])->combining_class ==
		    0)
			break;
	*whole = i == n;
	return i;
}

/* utf8proc sorts the marks of a letter in quadratic time: a body of 256 kB
 * that is one letter and marks would keep a worker busy for minutes. */
static bool
stream_safe(const char *s, size_t n, utf8proc_option_t options)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s;
	utf8proc_int32_t c;
	utf8proc_ssize_t len;
	int run = 0, marks;
	bool whole;

	for (; n > 0; p += len, n -= (size_t)len) {
		len = utf8proc_iterate(p, (utf8proc_ssize_t)n, &c);
		if (len <= 0)
			return true; /* and no UTF-8, as decode finds */
		if (c < 0x80) {
			run = 0;
			continue;
		}
		marks = marks_at_end(c, options, &whole);
		run = whole ? run + marks : marks;
		if (run > TEXT_MARKS_MAX)
			return false;
	}
	return true;
}

/* Not utf8proc_map: its result and what it moved on the way would be left in
 * the heap, and passwords come by. */
enum err
text_decode(struct arena *a, const char *s, utf8proc_option_t options,
    utf8proc_int32_t **points, size_t *count)
{
	const utf8proc_uint8_t *in = (const utf8proc_uint8_t *)s;
	size_t n = strlen(s);
	utf8proc_ssize_t need, got;

	if (n > INT_MAX)
		return ERR_BAD_ENCODING;
	if (!stream_safe(s, n, options))
		return ERR_INVALID_FIELD;
	need = utf8proc_decompose(in, (utf8proc_ssize_t)n, NULL, 0, options);
	if (need < 0)
		return ERR_BAD_ENCODING;
	/* one more: the text is written back in place, with a NUL */
	*points = arena_calloc(a, (size_t)need + 1, sizeof(**points));
	got = utf8proc_decompose(
	    in, (utf8proc_ssize_t)n, *points, need, options);
	if (got != need)
		return ERR_BAD_ENCODING;
	*count = (size_t)got;
	return ERR_OK;
}

enum err
text_encode(utf8proc_int32_t *points, size_t count, utf8proc_option_t options,
    char **out)
{
	if (utf8proc_reencode(points, (utf8proc_ssize_t)count, options) < 0)
		return ERR_BAD_ENCODING;
	*out = (char *)points;
	return ERR_OK;
}

enum err
text_normal_form(
    struct arena *a, const char *s, utf8proc_option_t options, char **out)
{
	utf8proc_int32_t *points;
	size_t count;
	enum err r;

	*out = NULL;
	if ((r = text_decode(a, s, options, &points, &count)) != ERR_OK)
		return r;
	return text_encode(points, count, options, out);
}

/*= IA-12: spellings that look the same are the same password. */
enum err
text_nfc(struct arena *a, const char *s, char **out)
{
	return text_normal_form(a, s, OPTIONS_NFC, out);
}

static bool
is_white(utf8proc_int32_t c)
{
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_ZS:
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return true;
	default:
		return false;
	}
}

static bool
is_control(utf8proc_int32_t c)
{
	return utf8proc_category(c) == UTF8PROC_CATEGORY_CC;
}

/* Folds white space in place: runs become one space, or the line feeds that
 * they hold; none stays at either end. Counts what is left. */
static enum err
fold_white(utf8proc_int32_t *points, size_t *count, bool lines)
{
	size_t from, to = 0, feeds = 0;
	bool gap = false;
	utf8proc_int32_t c;

	for (from = 0; from < *count; from++) {
		c = points[from];
		if (c == '\n' && lines) {
			feeds++;
			continue;
		}
		if (is_control(c))
			return ERR_INVALID_FIELD;
		if (is_white(c)) {
			gap = true;
			continue;
		}
		/* never more than was read: each feed and gap was a point */
		for (; to > 0 && feeds > 0; feeds--, gap = false)
			points[to++] = '\n';
		if (to > 0 && gap)
			points[to++] = ' ';
		points[to++] = c;
		feeds = 0;
		gap = false;
	}
	*count = to;
	return ERR_OK;
}

enum err
text_clean(struct arena *a, const char *s, bool lines, char **out)
{
	utf8proc_int32_t *points;
	size_t count;
	enum err r;

	*out = NULL;
	if ((r = text_decode(a, s, OPTIONS_NFC, &points, &count)) != ERR_OK ||
	    (r = fold_white(points, &count, lines)) != ERR_OK)
		return r;
	return text_encode(points, count, OPTIONS_NFC, out);
}

/*= IA-01: logins that differ by case or Unicode form are one login. */
enum err
text_email(struct arena *a, const char *s, char **out)
{
	utf8proc_int32_t *points;
	size_t count, first = 0, i;
	enum err r;

	*out = NULL;
	if ((r = text_decode(a, s, OPTIONS_TYPED, &points, &count)) != ERR_OK)
		return r;
	while (first < count &&
	    (is_white(points[first]) || is_control(points[first])))
		first++;
	while (count > first &&
	    (is_white(points[count - 1]) || is_control(points[count - 1])))
		count--;
	for (i = first; i < count; i++)
		points[i] = utf8proc_tolower(points[i]);
	return text_encode(points + first, count - first, OPTIONS_NFC, out);
}

char *
text_hex(struct arena *a, const void *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";
	const uint8_t *in = p;
	char *out = arena_calloc(a, n + 1, 2);

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digit[in[i] >> 4];
		out[2 * i + 1] = digit[in[i] & 15];
	}
	return out;
}

#define BASE64_COMMON                                                          \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* RFC 4648 4: three bytes to four letters; returns the letters written. */
static size_t
base64(const uint8_t *in, size_t n, const char *letter, char *out)
{
	uint32_t bits = 0;
	size_t i, held = 0, to = 0;

	for (i = 0; i < n; i++) {
		bits = bits << 8 | in[i];
		for (held += 8; held >= 6; held -= 6)
			out[to++] = letter[bits >> (held - 6) & 63];
	}
	if (held > 0)
		out[to++] = letter[bits << (6 - held) & 63];
	return to;
}

char *
text_base64url(struct arena *a, const void *p, size_t n)
{
	char *out = arena_calloc(a, n / 3 + 1, 4 + 1);

	base64(p, n, BASE64_COMMON "-_", out);
	return out;
}

char *
text_base64(struct arena *a, const void *p, size_t n)
{
	char *out = arena_calloc(a, n / 3 + 1, 4 + 1);
	size_t to = base64(p, n, BASE64_COMMON "+/", out);

	while (to % 4 != 0)
		out[to++] = '=';
	return out;
}

static int
base64url_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

/* One text per value: no padding, no spare bits set, so that a token cannot be
 * written in two ways. */
enum err
text_base64url_decode(struct arena *a, const char *s, uint8_t **out, size_t *n)
{
	size_t len = strlen(s), i, to = 0;
	uint32_t bits = 0;
	unsigned held = 0;
	int v;

	*out = NULL;
	*n = 0;
	if (len % 4 == 1)
		return ERR_INVALID_FIELD;
	*out = arena_alloc(a, len / 4 * 3 + 3);
	for (i = 0; i < len; i++) {
		if ((v = base64url_value(s[i])) < 0)
			return ERR_INVALID_FIELD;
		bits = bits << 6 | (uint32_t)v;
		if ((held += 6) >= 8) {
			held -= 8;
			(*out)[to++] = (uint8_t)(bits >> held);
		}
	}
	if ((bits & ((1u << held) - 1)) != 0)
		return ERR_INVALID_FIELD;
	*n = to;
	return ERR_OK;
}
