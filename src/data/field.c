#include "data/field.h"

#include "base/log.h"
#include "base/secret.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define FORMAT	    1
#define HEADER	    (1 + 4) /* format, record key version */
#define TEXT	    (HEADER + CRYPTO_NONCE_SIZE)
#define STORED_MAX  64
#define BINDING_MAX (HEADER + 16 + 16 + STORED_MAX)

static const struct {
	const char *stored;
	size_t limit;
	enum key_class class;
	enum field_index index;
} fields[FIELD_COUNT] = {
#define FIELD(name, stored, bytes, class, index)                               \
	[FIELD_##                                                              \
	    name] = { stored, bytes, KEY_CLASS_##class, FIELD_INDEX_##index },
#include "tables/fields.def"
#undef FIELD
};

#define FIELD(name, stored, bytes, class, index)                               \
	_Static_assert(sizeof(stored) - 1 <= STORED_MAX, stored " is too long");
#include "tables/fields.def"
#undef FIELD

const char *
field_stored(enum field f)
{
	return fields[f].stored;
}

size_t
field_limit(enum field f)
{
	return fields[f].limit;
}

enum key_class
field_class(enum field f)
{
	return fields[f].class;
}

enum field_index
field_index_kind(enum field f)
{
	return fields[f].index;
}

/* sealing */

static struct bytes
text_bytes(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

/*= EN-08: each column has a key of its own. */
static enum err
field_key(
    const struct record_key *key, enum field f, uint8_t out[CRYPTO_KEY_SIZE])
{
	if (key->key == NULL)
		return ERR_CRYPTO;
	return crypto_hkdf_expand(
	    key->key, text_bytes(fields[f].stored), out, CRYPTO_KEY_SIZE);
}

static void
header_put(uint32_t version, uint8_t out[HEADER])
{
	out[0] = FORMAT;
	out[1] = (uint8_t)(version >> 24);
	out[2] = (uint8_t)(version >> 16);
	out[3] = (uint8_t)(version >> 8);
	out[4] = (uint8_t)version;
}

/*= EN-04: what is authenticated with the text: format and key version, clinic,
 * row, table and column. */
static struct bytes
bind(const struct record_key *key, enum field f, const struct uuid *row,
    uint8_t out[BINDING_MAX])
{
	size_t n = strlen(fields[f].stored);
	uint8_t *p = out;

	header_put(key->version, p);
	p += HEADER;
	memcpy(p, key->clinic.b, sizeof(key->clinic.b));
	p += sizeof(key->clinic.b);
	memcpy(p, row->b, sizeof(row->b));
	p += sizeof(row->b);
	memcpy(p, fields[f].stored, n); /* last: the only part that varies */
	return (struct bytes){ out, (size_t)(p - out) + n };
}

/*= EN-02, EN-03: version, key version, random 96-bit nonce, text, 128-bit
 * tag. */
enum err
field_seal(struct arena *a, const struct record_key *key, enum field f,
    const struct uuid *row, struct bytes in, struct bytes *out)
{
	uint8_t binding[BINDING_MAX], k[CRYPTO_KEY_SIZE], *box;
	enum err r;

	*out = (struct bytes){ NULL, 0 };
	if (in.n > fields[f].limit)
		return ERR_INVALID_FIELD;
	box = arena_alloc(a, in.n + FIELD_OVERHEAD);
	header_put(key->version, box);
	secret_random(box + HEADER, CRYPTO_NONCE_SIZE);
	if ((r = field_key(key, f, k)) == ERR_OK)
		r = crypto_aead_seal(k, box + HEADER,
		    bind(key, f, row, binding), in, box + TEXT,
		    box + TEXT + in.n);
	secret_wipe(k, sizeof(k));
	if (r == ERR_OK)
		*out = (struct bytes){ box, in.n + FIELD_OVERHEAD };
	return r;
}

/* Is it an envelope under this very key version? The limit is not asked for: a
 * row stays readable when its column's limit is lowered. */
static bool
envelope_fits(const struct record_key *key, struct bytes in)
{
	uint8_t header[HEADER];

	header_put(key->version, header);
	return in.p != NULL && in.n >= FIELD_OVERHEAD &&
	    memcmp(in.p, header, sizeof(header)) == 0;
}

static enum err
open_text(const struct record_key *key, enum field f, const struct uuid *row,
    struct bytes in, uint8_t *text)
{
	uint8_t binding[BINDING_MAX], k[CRYPTO_KEY_SIZE];
	size_t n = in.n - FIELD_OVERHEAD;
	enum err r;

	if ((r = field_key(key, f, k)) == ERR_OK)
		r = crypto_aead_open(k, in.p + HEADER,
		    bind(key, f, row, binding),
		    (struct bytes){ in.p + TEXT, n }, in.p + TEXT + n, text);
	secret_wipe(k, sizeof(k));
	return r;
}

/*= EN-04, EN-05: one error for every cause, no partial text, and an event. */
enum err
field_open(struct arena *a, const struct record_key *key, enum field f,
    const struct uuid *row, struct bytes in, struct bytes *out)
{
	uint8_t *text;

	*out = (struct bytes){ NULL, 0 };
	if (envelope_fits(key, in)) {
		text = arena_alloc(a, in.n - FIELD_OVERHEAD + 1);
		if (open_text(key, f, row, in, text) == ERR_OK) {
			text[in.n - FIELD_OVERHEAD] = '\0';
			*out = (struct bytes){ text, in.n - FIELD_OVERHEAD };
			return ERR_OK;
		}
	}
	log_warn("field_refused", LOG_CODE("field", fields[f].stored),
	    LOG_ID("row", row), LOG_ID("clinic", &key->clinic));
	return ERR_CRYPTO;
}

/* blind index */

/* Columns named "email" compare as e-mail addresses, whatever their table, and
 * those named "phone" as telephone numbers. */
static bool
is_named(enum field f, const char *name)
{
	return strcmp(strchr(fields[f].stored, '.') + 1, name) == 0;
}

static enum err
normalise_exact(struct arena *a, enum field f, const char *value, char **out)
{
	if (is_named(f, "email"))
		return text_email(a, value, out);
	return is_named(f, "phone") ? text_phone(a, value, out)
				    : text_alnum(a, value, out);
}

static enum err
normalise(struct arena *a, enum field f, const char *value, char **out)
{
	*out = NULL;
	switch (fields[f].index) {
	case FIELD_INDEX_EXACT:
		return normalise_exact(a, f, value, out);
	case FIELD_INDEX_NAME:
		return text_fold(a, value, out);
	default:
		return ERR_INTERNAL; /* nobody looks this field up */
	}
}

static bool
is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The next word of folded text: its start, and the bytes in its first letters
 * up to `most`, whose number is *letters. False at the end. */
static bool
word_next(const char **at, size_t most, struct bytes *word, size_t *letters)
{
	const char *p = *at;

	while (*p == ' ')
		p++;
	*word = (struct bytes){ (const uint8_t *)p, 0 };
	*letters = 0;
	for (; *p != '\0' && *p != ' '; p++) {
		if (!is_continuation(*p))
			++*letters;
		if (*letters <= most)
			word->n++;
	}
	*at = p;
	return *letters > 0;
}

/* Bytes in the first `letters` letters of a word that has as many. */
static size_t
prefix_bytes(struct bytes word, size_t letters)
{
	size_t n;

	for (n = 0; n < word.n; n++)
		if (!is_continuation((char)word.p[n]) && letters-- == 0)
			break;
	return n;
}

struct tokens {
	struct arena *arena;
	uint8_t key[CRYPTO_KEY_SIZE];
	struct bytes *list;
	size_t n, room;
};

/*= EN-09: a keyed hash, cut short: a match is a candidate, not a proof. */
static enum err
token_add(struct tokens *t, struct bytes value)
{
	uint8_t hash[32];
	enum err r;

	if (t->n == t->room)
		return ERR_INTERNAL;
	if ((r = crypto_hmac_sha256((struct bytes){ t->key, sizeof(t->key) },
		 value, hash)) != ERR_OK)
		return r;
	t->list[t->n++] = (struct bytes){
		arena_copy(t->arena, hash, FIELD_TOKEN_SIZE), FIELD_TOKEN_SIZE
	};
	secret_wipe(hash, sizeof(hash));
	return ERR_OK;
}

static int
token_compare(const void *a, const void *b)
{
	const struct bytes *x = a, *y = b;

	return memcmp(x->p, y->p, FIELD_TOKEN_SIZE);
}

/* Sorted: the order would tell which token is a prefix of which. */
static void
tokens_finish(struct tokens *t, struct bytes **list, size_t *n)
{
	size_t from, to = 0;

	if (t->n > 1)
		qsort(t->list, t->n, sizeof(*t->list), token_compare);
	for (from = 0; from < t->n; from++)
		if (to == 0 ||
		    token_compare(&t->list[from], &t->list[to - 1]) != 0)
			t->list[to++] = t->list[from];
	*list = t->list;
	*n = to;
}

/* Never more tokens than bytes in the folded text, plus one. */
static enum err
tokens_begin(struct arena *a, const struct uuid *clinic, enum field f,
    const char *value, struct tokens *t, char **folded)
{
	enum err r;

	*t = (struct tokens){ .arena = a };
	if ((r = normalise(a, f, value, folded)) != ERR_OK ||
	    (r = keyring_index_key(clinic, fields[f].stored, t->key)) != ERR_OK)
		return r;
	t->room = strlen(*folded) + 1;
	t->list = arena_calloc(a, t->room, sizeof(*t->list));
	return ERR_OK;
}

static enum err
word_index(struct tokens *t, struct bytes word, size_t letters)
{
	size_t n = letters < FIELD_PREFIX_MIN ? letters : FIELD_PREFIX_MIN;
	size_t last = letters < FIELD_PREFIX_MAX ? letters : FIELD_PREFIX_MAX;
	enum err r = ERR_OK;

	for (; r == ERR_OK && n <= last; n++)
		r = token_add(
		    t, (struct bytes){ word.p, prefix_bytes(word, n) });
	return r;
}

static enum err
words_index(struct tokens *t, const char *folded)
{
	struct bytes word;
	size_t letters;
	enum err r = ERR_OK;

	while (r == ERR_OK &&
	    word_next(&folded, FIELD_PREFIX_MAX, &word, &letters))
		r = word_index(t, word, letters);
	return r;
}

enum err
field_index_tokens(struct arena *a, const struct uuid *clinic, enum field f,
    const char *value, struct bytes **tokens, size_t *n)
{
	struct tokens t;
	char *folded;
	enum err r;

	*tokens = NULL;
	*n = 0;
	if ((r = tokens_begin(a, clinic, f, value, &t, &folded)) != ERR_OK)
		goto out;
	if (fields[f].index == FIELD_INDEX_NAME)
		r = words_index(&t, folded);
	else if (*folded != '\0')
		r = token_add(&t, text_bytes(folded));
	if (r == ERR_OK)
		tokens_finish(&t, tokens, n);
out:
	secret_wipe(t.key, sizeof(t.key));
	return r;
}

/* One letter is a word in the scripts that come after Latin, Greek and the
 * other alphabets: 王 is a whole family name. Three bytes or more, from
 * U+2E80. */
static bool
is_short(struct bytes word, size_t letters)
{
	return letters < FIELD_PREFIX_MIN &&
	    !(word.n >= 3 &&
		(word.p[0] > 0xe2 || (word.p[0] == 0xe2 && word.p[1] >= 0xba)));
}

static enum err
words_search(struct tokens *t, const char *folded)
{
	struct bytes word;
	size_t letters;
	enum err r = ERR_OK;

	while (r == ERR_OK &&
	    word_next(&folded, FIELD_PREFIX_MAX, &word, &letters))
		r = is_short(word, letters) ? ERR_INVALID_FIELD
					    : token_add(t, word);
	return r;
}

enum err
field_search_tokens(struct arena *a, const struct uuid *clinic, enum field f,
    const char *value, struct bytes **tokens, size_t *n)
{
	struct tokens t;
	char *folded;
	enum err r;

	*tokens = NULL;
	*n = 0;
	if ((r = tokens_begin(a, clinic, f, value, &t, &folded)) != ERR_OK)
		goto out;
	if (*folded == '\0') /* would match every row */
		r = ERR_INVALID_FIELD;
	else if (fields[f].index == FIELD_INDEX_NAME)
		r = words_search(&t, folded);
	else
		r = token_add(&t, text_bytes(folded));
	if (r == ERR_OK)
		tokens_finish(&t, tokens, n);
out:
	secret_wipe(t.key, sizeof(t.key));
	return r;
}

/* Does some word of `have` begin with this one? */
static bool
word_found(const char *have, struct bytes wanted)
{
	struct bytes word;
	size_t letters;

	while (word_next(&have, SIZE_MAX, &word, &letters))
		if (word.n >= wanted.n &&
		    memcmp(word.p, wanted.p, wanted.n) == 0)
			return true;
	return false;
}

static bool
words_match(const char *have, const char *wanted)
{
	struct bytes word;
	size_t letters, count = 0;

	for (; word_next(&wanted, SIZE_MAX, &word, &letters); count++)
		if (!word_found(have, word))
			return false;
	return count > 0;
}

enum err
field_matches(struct arena *a, enum field f, const char *value,
    const char *searched, int *matches)
{
	char *have, *wanted;
	enum err r;

	*matches = 0;
	if ((r = normalise(a, f, value, &have)) != ERR_OK ||
	    (r = normalise(a, f, searched, &wanted)) != ERR_OK)
		return r;
	*matches = fields[f].index == FIELD_INDEX_NAME
	    ? words_match(have, wanted)
	    : *wanted != '\0' && strcmp(have, wanted) == 0;
	return ERR_OK;
}
