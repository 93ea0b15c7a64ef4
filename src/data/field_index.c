/* How sealed columns are looked up without being opened: by keyed tokens. */
#include "data/field.h"

#include "base/secret.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define JOIN_LETTERS 3 /* "De la Cruz" is typed "Delacruz", too */
#define JOIN_WORDS   3
#define FORMS	     4 /* TEXT_APART and TEXT_SPELLED, each or not */
#define VERSION_SIZE 2

/* The purpose of all names, whichever column they stand in. */
static const char *const purpose_word = "patient.name";
static const char *const purpose_beginning = "patient.name.beginning";

static enum err
normalise(struct arena *a, enum field f, const char *value, char **out)
{
	*out = NULL;
	switch (field_index_kind(f)) {
	case FIELD_INDEX_EXACT:
		return text_alnum(a, value, out);
	case FIELD_INDEX_EMAIL:
		return text_email(a, value, out);
	case FIELD_INDEX_PHONE:
		return text_phone(a, value, out);
	case FIELD_INDEX_DATE:
		*out = arena_text(a, value);
		return ERR_OK;
	default:
		return ERR_INTERNAL; /* nobody looks this field up so */
	}
}

/*= EN-09: a keyed hash, cut short: a match is a candidate, not a proof. */
static enum err
token_make(struct arena *a, uint32_t version,
    const uint8_t key[CRYPTO_KEY_SIZE], struct bytes value, struct bytes *token)
{
	uint8_t hash[32], *t;
	enum err r;

	if (version > UINT16_MAX)
		return ERR_CRYPTO;
	r = crypto_hmac_sha256(
	    (struct bytes){ key, CRYPTO_KEY_SIZE }, value, hash);
	if (r == ERR_OK) {
		t = arena_alloc(a, FIELD_TOKEN_SIZE);
		t[0] = (uint8_t)(version >> 8);
		t[1] = (uint8_t)version;
		memcpy(t + VERSION_SIZE, hash, FIELD_TOKEN_SIZE - VERSION_SIZE);
		*token = (struct bytes){ t, FIELD_TOKEN_SIZE };
	}
	secret_wipe(hash, sizeof(hash));
	return r;
}

uint32_t
field_token_version(struct bytes token)
{
	return token.n == FIELD_TOKEN_SIZE
	    ? (uint32_t)token.p[0] << 8 | token.p[1]
	    : 0;
}

static enum err
token_for(struct arena *a, const struct uuid *clinic, uint32_t version,
    const char *purpose, struct bytes value, struct bytes *token)
{
	uint8_t key[CRYPTO_KEY_SIZE];
	enum err r;

	if ((r = keyring_index_key(clinic, version, purpose, key)) == ERR_OK)
		r = token_make(a, version, key, value, token);
	secret_wipe(key, sizeof(key));
	return r;
}

/* The versions to look under; ERR_CRYPTO if none is kept. */
struct versions {
	uint32_t v[FIELD_VERSIONS_MAX];
	size_t n;
};

static enum err
versions_kept(const struct uuid *clinic, struct versions *vs)
{
	vs->n = keyring_class_versions(
	    clinic, KEY_CLASS_index, vs->v, FIELD_VERSIONS_MAX);
	return vs->n > 0 ? ERR_OK : ERR_CRYPTO;
}

/* A value's token under all of them. */
static enum err
tokens_for(struct arena *a, const struct uuid *clinic, const char *purpose,
    struct bytes value, struct bytes_list *tokens)
{
	struct bytes *t = arena_calloc(a, FIELD_VERSIONS_MAX, sizeof(*t));
	struct versions vs;
	size_t i;
	enum err r;

	*tokens = (struct bytes_list){ NULL, 0 };
	if ((r = versions_kept(clinic, &vs)) != ERR_OK)
		return r;
	for (i = 0; i < vs.n && r == ERR_OK; i++)
		r = token_for(a, clinic, vs.v[i], purpose, value, &t[i]);
	if (r == ERR_OK)
		*tokens = (struct bytes_list){ t, vs.n };
	return r;
}

/* How much of a value its i-th token is made of; false when there is none. */
static bool
part_bytes(enum field f, const char *form, size_t i, size_t *n)
{
	static const size_t date[] = { 4, 7, 10 };
	const size_t len = strlen(form);

	if (field_index_kind(f) == FIELD_INDEX_DATE) {
		*n = i < 3 ? date[i] : 0;
		return i < 3 && len >= *n;
	}
	*n = field_index_kind(f) == FIELD_INDEX_PHONE ? strcspn(form, "x")
						      : len;
	return i == 0 && *n > 0;
}

enum err
field_index_tokens(struct arena *a, const struct uuid *clinic, enum field f,
    const char *value, struct bytes **tokens, size_t *n)
{
	const uint32_t newest = keyring_class_newest(clinic, KEY_CLASS_index);
	char *form;
	size_t part;
	enum err r;

	*tokens = NULL;
	*n = 0;
	if ((r = normalise(a, f, value, &form)) != ERR_OK)
		return r;
	*tokens = arena_calloc(a, FIELD_PARTS_MAX, sizeof(**tokens));
	for (; part_bytes(f, form, *n, &part) && r == ERR_OK; ++*n)
		r = token_for(a, clinic, newest, field_stored(f),
		    (struct bytes){ (const uint8_t *)form, part },
		    &(*tokens)[*n]);
	if (r != ERR_OK) {
		*tokens = NULL;
		*n = 0;
	}
	return r;
}

enum err
field_index_sought(struct arena *a, const struct uuid *clinic, enum field f,
    const char *value, struct bytes_list tokens[FIELD_PARTS_MAX])
{
	char *form;
	size_t part, i;
	enum err r;

	memset(tokens, 0, FIELD_PARTS_MAX * sizeof(tokens[0]));
	r = normalise(a, f, value, &form);
	for (i = 0; r == ERR_OK && part_bytes(f, form, i, &part); i++)
		r = tokens_for(a, clinic, field_stored(f),
		    (struct bytes){ (const uint8_t *)form, part }, &tokens[i]);
	return r;
}

/* names */

static bool
is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Bytes in the first `letters` letters of a word, or in all of it. */
static size_t
letters_bytes(const char *word, size_t letters)
{
	size_t n;

	for (n = 0; word[n] != '\0'; n++)
		if (!is_continuation(word[n]) && letters-- == 0)
			break;
	return n;
}

struct words {
	struct arena *arena;
	const char **list;
	size_t n, room;
};

/* Adds a word once. Few words: looking through them is quick. */
static void
word_add(struct words *w, const char *word)
{
	const char **grown;
	size_t i;

	for (i = 0; i < w->n; i++)
		if (strcmp(w->list[i], word) == 0)
			return;
	if (w->n == w->room) {
		w->room = w->room == 0 ? 8 : 2 * w->room;
		grown = arena_calloc(w->arena, w->room, sizeof(*grown));
		for (i = 0; i < w->n; i++)
			grown[i] = w->list[i];
		w->list = grown;
	}
	w->list[w->n++] = word;
}

/* The words of folded text, in order, with repetition. */
static size_t
words_split(struct arena *a, const char *folded, const char ***list)
{
	size_t n = 0, len;
	char *word;

	*list = arena_calloc(a, strlen(folded) / 2 + 1, sizeof(**list));
	while (*folded != '\0') {
		len = strcspn(folded, " ");
		word = arena_alloc(a, len + 1);
		memcpy(word, folded, len);
		word[len] = '\0';
		(*list)[n++] = word;
		folded += len + (folded[len] == ' ');
	}
	return n;
}

static void
joined_add(struct words *w, const char *const *list, size_t n, size_t i)
{
	const char *joined = list[i];
	size_t k;

	for (k = 1; k < JOIN_WORDS && i + k < n &&
	     text_code_points(list[i + k - 1]) <= JOIN_LETTERS;
	     k++) {
		joined = arena_format(w->arena, "%s%s", joined, list[i + k]);
		word_add(w, joined);
	}
}

static enum err
form_add(struct words *w, const char *name, unsigned how)
{
	const char **list;
	char *folded;
	size_t i, n;
	enum err r;

	if ((r = text_fold_as(w->arena, name, how, &folded)) != ERR_OK)
		return r;
	n = words_split(w->arena, folded, &list);
	for (i = 0; i < n; i++) {
		word_add(w, list[i]);
		joined_add(w, list, n, i);
	}
	return ERR_OK;
}

/* Most names have one form: only letters that can be written in other ways
 * make more. */
static bool
has_forms(const char *name)
{
	for (; *name != '\0'; name++)
		if ((unsigned char)*name >= 0x80 || strchr("'`.", *name))
			return true;
	return false;
}

static enum err
words_of(struct words *w, const char *name)
{
	unsigned how, forms = has_forms(name) ? FORMS : 1;
	enum err r = ERR_OK;

	for (how = 0; how < forms && r == ERR_OK; how++)
		r = form_add(w, name, how);
	return r;
}

struct name_keys {
	uint32_t version;
	uint8_t word[CRYPTO_KEY_SIZE], beginning[CRYPTO_KEY_SIZE];
};

static enum err
name_keys(const struct uuid *clinic, uint32_t version, struct name_keys *k)
{
	enum err r;

	k->version = version != 0
	    ? version
	    : keyring_class_newest(clinic, KEY_CLASS_index);
	if ((r = keyring_index_key(
		 clinic, k->version, purpose_word, k->word)) != ERR_OK)
		return r;
	return keyring_index_key(
	    clinic, k->version, purpose_beginning, k->beginning);
}

static enum err
beginnings_make(struct arena *a, const struct name_keys *k, const char *word,
    struct field_word *out)
{
	size_t letters = text_code_points(word), n = FIELD_PREFIX_MIN;
	size_t last = letters < FIELD_PREFIX_MAX ? letters : FIELD_PREFIX_MAX;
	enum err r = ERR_OK;

	if (letters < n)
		n = letters;
	out->beginnings = arena_calloc(
	    a, FIELD_PREFIX_MAX, sizeof(*out->beginnings));
	for (; r == ERR_OK && n <= last; n++)
		r = token_make(a, k->version, k->beginning,
		    (struct bytes){
			(const uint8_t *)word, letters_bytes(word, n) },
		    &out->beginnings[out->beginnings_n++]);
	return r;
}

static enum err
word_make(struct arena *a, const struct name_keys *k, const char *word,
    bool whole, struct field_word *out)
{
	const struct bytes text = { (const uint8_t *)word, strlen(word) };
	enum err r;

	*out = (struct field_word){ .whole = whole };
	if ((r = token_make(a, k->version, k->word, text, &out->token)) !=
	    ERR_OK)
		return r;
	/* the name as a whole is no word */
	return strchr(word, ' ') == NULL ? beginnings_make(a, k, word, out)
					 : ERR_OK;
}

static int
word_compare(const void *a, const void *b)
{
	const struct field_word *x = a, *y = b;

	return memcmp(x->token.p, y->token.p, FIELD_TOKEN_SIZE);
}

enum err
field_name_words(struct arena *a, const struct uuid *clinic, uint32_t version,
    const char *name, struct field_word **words, size_t *n)
{
	struct words w = { .arena = a };
	struct name_keys keys;
	char *whole;
	size_t i;
	enum err r;

	*words = NULL;
	*n = 0;
	if ((r = text_fold(a, name, &whole)) != ERR_OK ||
	    (r = words_of(&w, name)) != ERR_OK)
		return r;
	if (w.n == 0)
		return ERR_OK;
	word_add(&w, whole);
	*words = arena_calloc(a, w.n, sizeof(**words));
	if ((r = name_keys(clinic, version, &keys)) != ERR_OK)
		goto out;
	for (i = 0; i < w.n && r == ERR_OK; i++)
		r = word_make(a, &keys, w.list[i],
		    strcmp(w.list[i], whole) == 0, &(*words)[i]);
	if (r == ERR_OK) {
		qsort(*words, w.n, sizeof(**words), word_compare);
		*n = w.n;
	}
out:
	secret_wipe(&keys, sizeof(keys));
	return r;
}

static enum err
sought_add(struct arena *a, const struct uuid *clinic, const char *word,
    struct field_sought *s)
{
	struct bytes_list tokens;
	size_t i;
	enum err r;

	r = tokens_for(a, clinic, purpose_beginning,
	    (struct bytes){
		(const uint8_t *)word, letters_bytes(word, FIELD_PREFIX_MAX) },
	    &tokens);
	for (i = 0; i < tokens.n; i++)
		s->alternatives[s->alternatives_n++] = tokens.v[i];
	return r;
}

/* The two forms have the same words: only letters are written in other ways. */
static size_t
sought_forms(struct arena *a, const char *searched, const char ***plain,
    const char ***spelled, enum err *r)
{
	char *folded, *other;
	size_t n;

	if ((*r = text_fold(a, searched, &folded)) != ERR_OK ||
	    (*r = text_fold_as(a, searched, TEXT_SPELLED, &other)) != ERR_OK)
		return 0;
	n = words_split(a, folded, plain);
	if (words_split(a, other, spelled) != n)
		*spelled = *plain;
	return n;
}

enum err
field_name_sought(struct arena *a, const struct uuid *clinic,
    const char *searched, struct field_sought **words, size_t *n)
{
	const char **plain, **spelled;
	struct field_sought *s;
	size_t i, count;
	enum err r;

	*words = NULL;
	*n = 0;
	count = sought_forms(a, searched, &plain, &spelled, &r);
	if (r != ERR_OK)
		return r;
	if (count == 0) /* would match every row */
		return ERR_INVALID_FIELD;
	*words = arena_calloc(a, count, sizeof(**words));
	for (i = 0; i < count && r == ERR_OK; i++) {
		s = &(*words)[i];
		s->text = plain[i];
		s->alternatives = arena_calloc(
		    a, FIELD_ALTERNATIVES_MAX, sizeof(struct bytes));
		r = sought_add(a, clinic, plain[i], s);
		if (r == ERR_OK && strcmp(plain[i], spelled[i]) != 0)
			r = sought_add(a, clinic, spelled[i], s);
	}
	if (r == ERR_OK)
		*n = count;
	return r;
}

enum err
field_name_whole(struct arena *a, const struct uuid *clinic, const char *name,
    struct bytes_list *tokens)
{
	char *whole;
	enum err r;

	if ((r = text_fold(a, name, &whole)) != ERR_OK)
		return r;
	return tokens_for(a, clinic, purpose_word,
	    (struct bytes){ (const uint8_t *)whole, strlen(whole) }, tokens);
}

/* One letter is the whole word or nothing. */
static bool
word_begins(const char *have, const char *wanted)
{
	return text_code_points(wanted) < FIELD_PREFIX_MIN
	    ? strcmp(have, wanted) == 0
	    : strncmp(have, wanted, strlen(wanted)) == 0;
}

static bool
word_found(const struct words *have, const char *wanted)
{
	size_t i;

	for (i = 0; i < have->n; i++)
		if (word_begins(have->list[i], wanted))
			return true;
	return false;
}

enum err
field_names_match(struct arena *a, const char *const *names, size_t n,
    const char *searched, int *matches)
{
	struct words have = { .arena = a };
	const char **plain, **spelled;
	size_t i, count;
	enum err r;

	*matches = 0;
	for (i = 0; i < n; i++)
		if (names[i] != NULL &&
		    (r = words_of(&have, names[i])) != ERR_OK)
			return r;
	count = sought_forms(a, searched, &plain, &spelled, &r);
	if (r != ERR_OK || count == 0)
		return r;
	for (i = 0; i < count; i++)
		if (!word_found(&have, plain[i]) &&
		    !word_found(&have, spelled[i]))
			return ERR_OK;
	*matches = 1;
	return ERR_OK;
}

/* Numbers without an extension stand for those with one. */
static bool
phones_match(const char *a, const char *b)
{
	size_t n = strcspn(a, "x");

	return n > 0 && n == strcspn(b, "x") && strncmp(a, b, n) == 0 &&
	    (a[n] == '\0' || b[n] == '\0' || strcmp(a, b) == 0);
}

/* As far as both are known. */
static bool
dates_match(const char *a, const char *b)
{
	size_t n = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

	return n > 0 && strncmp(a, b, n) == 0;
}

enum err
field_matches(struct arena *a, enum field f, const char *value,
    const char *searched, int *matches)
{
	char *have, *wanted;
	enum err r;

	*matches = 0;
	if (field_index_kind(f) == FIELD_INDEX_NAME)
		return field_names_match(a, &value, 1, searched, matches);
	if ((r = normalise(a, f, value, &have)) != ERR_OK ||
	    (r = normalise(a, f, searched, &wanted)) != ERR_OK)
		return r;
	switch (field_index_kind(f)) {
	case FIELD_INDEX_PHONE:
		*matches = phones_match(have, wanted);
		break;
	case FIELD_INDEX_DATE:
		*matches = dates_match(have, wanted);
		break;
	default:
		*matches = *wanted != '\0' && strcmp(have, wanted) == 0;
	}
	return ERR_OK;
}
