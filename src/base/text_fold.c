/* Texts in the bare form by which they are compared: names, numbers. */
#include "base/text_form.h"

#include <string.h>

#define OPTIONS_FOLD                                                           \
	((utf8proc_option_t)(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE |            \
	    UTF8PROC_COMPAT | UTF8PROC_CASEFOLD))

struct twin {
	utf8proc_int32_t letter;
	utf8proc_int32_t plain[2];
};

/* Letters that Unicode does not take apart, and the letter that is commonly
 * typed for them or looks the same. After case folding and decomposition. */
static const struct twin twins[] = {
	{ 0x00e6, { 'a', 'e' } }, /* æ */
	{ 0x00f0, { 'd' } },	  /* ð */
	{ 0x00f8, { 'o' } },	  /* ø */
	{ 0x00fe, { 't', 'h' } }, /* þ */
	{ 0x0111, { 'd' } },	  /* đ */
	{ 0x0127, { 'h' } },	  /* ħ */
	{ 0x0131, { 'i' } },	  /* ı */
	{ 0x0138, { 'k' } },	  /* ĸ */
	{ 0x0142, { 'l' } },	  /* ł */
	{ 0x014b, { 'n' } },	  /* ŋ */
	{ 0x0153, { 'o', 'e' } }, /* œ */
	{ 0x0167, { 't' } },	  /* ŧ */
	{ 0x0180, { 'b' } },	  /* ƀ */
	{ 0x0183, { 'b' } },	  /* ƃ */
	{ 0x0188, { 'c' } },	  /* ƈ */
	{ 0x018c, { 'd' } },	  /* ƌ */
	{ 0x0192, { 'f' } },	  /* ƒ */
	{ 0x0199, { 'k' } },	  /* ƙ */
	{ 0x019a, { 'l' } },	  /* ƚ */
	{ 0x019e, { 'n' } },	  /* ƞ */
	{ 0x01a5, { 'p' } },	  /* ƥ */
	{ 0x01ad, { 't' } },	  /* ƭ */
	{ 0x01b4, { 'y' } },	  /* ƴ */
	{ 0x01b6, { 'z' } },	  /* ƶ */
	{ 0x01dd, { 'e' } },	  /* ǝ */
	{ 0x01e5, { 'g' } },	  /* ǥ */
	{ 0x0237, { 'j' } },	  /* ȷ */
	{ 0x023c, { 'c' } },	  /* ȼ */
	{ 0x0247, { 'e' } },	  /* ɇ */
	{ 0x0249, { 'j' } },	  /* ɉ */
	{ 0x024d, { 'r' } },	  /* ɍ */
	{ 0x024f, { 'y' } },	  /* ɏ */
	{ 0x0253, { 'b' } },	  /* ɓ */
	{ 0x0254, { 'o' } },	  /* ɔ */
	{ 0x0256, { 'd' } },	  /* ɖ */
	{ 0x0257, { 'd' } },	  /* ɗ */
	{ 0x0259, { 'e' } },	  /* ə */
	{ 0x025b, { 'e' } },	  /* ɛ */
	{ 0x0260, { 'g' } },	  /* ɠ */
	{ 0x0263, { 'g' } },	  /* ɣ */
	{ 0x0266, { 'h' } },	  /* ɦ */
	{ 0x0268, { 'i' } },	  /* ɨ */
	{ 0x0269, { 'i' } },	  /* ɩ */
	{ 0x026b, { 'l' } },	  /* ɫ */
	{ 0x0272, { 'n' } },	  /* ɲ */
	{ 0x0275, { 'o' } },	  /* ɵ */
	{ 0x0289, { 'u' } },	  /* ʉ */
	{ 0x028b, { 'v' } },	  /* ʋ */
	{ 0x0491, { 0x0433 } },	  /* ґ as г */
	{ 0x04d9, { 'e' } },	  /* Cyrillic ә as Latin ə */
	{ 0x0629, { 0x0647 } },	  /* ة as ه */
	{ 0x0643, { 0x06a9 } },	  /* Arabic kaf as Persian */
	{ 0x0649, { 0x06cc } },	  /* ى, ي as Persian yeh */
	{ 0x064a, { 0x06cc } }, { 0x0671, { 0x0627 } }, /* ٱ as ا */
	{ 0x06aa, { 0x06a9 } }, { 0x06be, { 0x0647 } }, /* ھ, ہ, ۃ, ە as ه */
	{ 0x06c1, { 0x0647 } }, { 0x06c3, { 0x0647 } }, { 0x06d5, { 0x0647 } },
	{ 0x2c65, { 'a' } },	/* ⱥ */
	{ 0x2c66, { 't' } },	/* ⱦ */
	{ 0x9ad9, { 0x9ad8 } }, /* 髙 as 高 */
	{ 0xfa11, { 0x5d0e } }, /* 﨑 as 崎 */
};

/* How letters are written out where a keyboard has none. Before case folding
 * and decomposition, which would leave the plain letter. */
static const struct twin spellings[] = {
	{ 0x00c4, { 'a', 'e' } },
	{ 0x00c5, { 'a', 'a' } },
	{ 0x00d6, { 'o', 'e' } },
	{ 0x00d8, { 'o', 'e' } },
	{ 0x00dc, { 'u', 'e' } },
	{ 0x00e4, { 'a', 'e' } },
	{ 0x00e5, { 'a', 'a' } },
	{ 0x00f6, { 'o', 'e' } },
	{ 0x00f8, { 'o', 'e' } },
	{ 0x00fc, { 'u', 'e' } },
	{ 0x018f, { 'a' } }, /* Əliyev, Aliyev */
	{ 0x0259, { 'a' } },
	{ 0x04d8, { 0x0430 } },
	{ 0x04d9, { 0x0430 } },
};

static const struct twin *
twin_find(const struct twin *list, size_t n, utf8proc_int32_t c)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i].letter == c)
			return &list[i];
	return NULL;
}

/* Marks that are written or left out at will: Latin, Greek and Cyrillic
 * accents, Hebrew points, Arabic vowels. Marks of other scripts spell. */
static bool
is_accent(utf8proc_int32_t c)
{
	if (c >= 0x0591 && c <= 0x05c7)
		return utf8proc_category(c) == UTF8PROC_CATEGORY_MN;
	return (c >= 0x0300 && c <= 0x036f) || (c >= 0x064b && c <= 0x065f) ||
	    c == 0x0670;
}

static bool
is_alnum(utf8proc_int32_t c)
{
	utf8proc_category_t k = utf8proc_category(c);

	/* marks that is_accent left in place are part of their letter */
	return (k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_NO);
}

/* What people and their keyboards take for an apostrophe. Some would come
 * apart into a space and an accent. */
static bool
is_apostrophe(utf8proc_int32_t c)
{
	static const utf8proc_int32_t more[] = { 0x0027, 0x0060, 0x00b4, 0x02c0,
		0x02c8, 0x02ca, 0x02cb, 0x02ee, 0x0374, 0x0384, 0x055a, 0x05f3,
		0x07f4, 0x07f5, 0x1fbd, 0x1fbf, 0x1fef, 0x1ffd, 0x1ffe, 0x2032,
		0x2035, 0x275b, 0x275c, 0xa78b, 0xa78c, 0xff07, 0xff40 };
	size_t i;

	if ((c >= 0x02b9 && c <= 0x02bf) || (c >= 0x2018 && c <= 0x201b))
		return true;
	for (i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (more[i] == c)
			return true;
	return false;
}

/* O'Brien and OBrien are one word, Smith-Jones is two. Some letters hold an
 * apostrophe, which comes apart from them: ŉ, ẚ. */
static bool
joins(utf8proc_int32_t c)
{
	return is_apostrophe(c) || c == '.' || c == 0x00b7 || /* Gal·la */
	    utf8proc_category(c) == UTF8PROC_CATEGORY_CF;
}

/* Of those that join, the ones between which words can be seen. */
static bool
separates(utf8proc_int32_t c)
{
	return utf8proc_category(c) != UTF8PROC_CATEGORY_CF || c == 0x200c;
}

/* What stands for no sound: the tatweel stretches a word. */
static bool
is_filler(utf8proc_int32_t c)
{
	return c == 0x0640 || is_accent(c);
}

/* Blocks of digits have ten each, and begin with zero. */
int
text_digit(utf8proc_int32_t c)
{
	int n = 0;

	if (c < 0x80)
		return c >= '0' && c <= '9' ? c - '0' : -1;
	if (utf8proc_category(c) != UTF8PROC_CATEGORY_ND)
		return -1;
	while (utf8proc_category(c - 1 - n) == UTF8PROC_CATEGORY_ND)
		n++;
	return n % 10;
}

static size_t
put_letter(utf8proc_int32_t c, utf8proc_int32_t *out)
{
	const struct twin *t = NULL;
	int digit;

	if (c >= 0x80) {
		if ((digit = text_digit(c)) >= 0)
			c = '0' + digit;
		t = twin_find(twins, sizeof(twins) / sizeof(twins[0]), c);
	}
	out[0] = t != NULL ? t->plain[0] : c;
	if (t == NULL || t->plain[1] == 0)
		return 1;
	out[1] = t->plain[1];
	return 2;
}

static char *
put_utf8(char *to, utf8proc_int32_t c)
{
	return to + utf8proc_encode_char(c, (utf8proc_uint8_t *)to);
}

/* What decomposing would lose. Never longer than it was; what is no UTF-8
 * stays, for the decoder to find. */
static const char *
prepare(struct arena *a, const char *s, unsigned how)
{
	const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)s;
	size_t n = strlen(s);
	char *out = arena_alloc(a, n + 1), *to = out;
	const struct twin *t;
	utf8proc_int32_t c;
	utf8proc_ssize_t len;

	for (; n > 0; p += len, n -= (size_t)len) {
		len = utf8proc_iterate(p, (utf8proc_ssize_t)n, &c);
		if (len <= 0)
			return s;
		t = (how & TEXT_SPELLED) == 0
		    ? NULL
		    : twin_find(spellings,
			  sizeof(spellings) / sizeof(spellings[0]), c);
		if (t != NULL) {
			to = put_utf8(to, t->plain[0]);
			if (t->plain[1] != 0)
				to = put_utf8(to, t->plain[1]);
		} else
			to = put_utf8(to, is_apostrophe(c) ? '\'' : c);
	}
	*to = '\0';
	return out;
}

/* The words of a text in a bare form, with `between` (a space, or 0 for
 * nothing) between them. */
static enum err
fold(struct arena *a, const char *s, utf8proc_int32_t between, unsigned how,
    char **out)
{
	utf8proc_int32_t *points, *folded, c;
	size_t count, from, to = 0;
	bool gap = false;
	char *bare;
	enum err r;

	*out = NULL;
	r = text_decode(a, prepare(a, s, how), OPTIONS_FOLD, &points, &count);
	if (r != ERR_OK)
		return r;
	/* a letter becomes two at most */
	folded = arena_calloc(a, 2 * count + 1, sizeof(*folded));
	for (from = 0; from < count; from++) {
		c = points[from];
		if (is_filler(c) ||
		    (joins(c) && !((how & TEXT_APART) != 0 && separates(c))))
			continue;
		if (!is_alnum(c)) {
			gap = true;
			continue;
		}
		if (gap && to > 0 && between != 0)
			folded[to++] = between;
		gap = false;
		to += put_letter(c, folded + to);
	}
	if ((r = text_encode(folded, to, UTF8PROC_STABLE, &bare)) != ERR_OK)
		return r;
	/* marks that stood apart may now stand at one letter, in any order */
	return text_normal_form(a, bare, OPTIONS_FOLD, out);
}

enum err
text_fold_as(struct arena *a, const char *s, unsigned how, char **out)
{
	return fold(a, s, ' ', how, out);
}

enum err
text_fold(struct arena *a, const char *s, char **out)
{
	return fold(a, s, ' ', 0, out);
}

enum err
text_alnum(struct arena *a, const char *s, char **out)
{
	return fold(a, s, 0, 0, out);
}
