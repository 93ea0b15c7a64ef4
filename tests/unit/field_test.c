#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/crypto.h"
#include "base/log.h"
#include "base/secret.h"
#include "data/field.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct arena *arena;
static struct record_key ann_key, bob_key;
static const struct uuid clinic_a = { { 1 } }, clinic_b = { { 2 } };
static const struct uuid ann = { { 11 } }, bob = { { 12 } };
static const struct uuid row_a = { { 21 } }, row_b = { { 22 } };
static char logged[512];

static struct bytes
text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static void
capture(enum log_level level, const char *line)
{
	(void)level;
	snprintf(logged, sizeof(logged), "%s", line);
}

static struct bytes
seal(enum field f, const char *s)
{
	struct bytes out;

	assert_int_equal(
	    field_seal(arena, &ann_key, f, &row_a, text(s), &out), ERR_OK);
	assert_int_equal(out.n, strlen(s) + FIELD_OVERHEAD);
	return out;
}

static void
opens_as(enum field f, struct bytes sealed, const char *want)
{
	struct bytes out;

	assert_int_equal(
	    field_open(arena, &ann_key, f, &row_a, sealed, &out), ERR_OK);
	assert_int_equal(out.n, strlen(want));
	assert_string_equal((const char *)out.p, want); /* NUL-terminated */
}

static void
refuses(const struct record_key *key, enum field f, const struct uuid *row,
    struct bytes sealed)
{
	struct bytes out = text("left over");

	logged[0] = '\0';
	assert_int_equal(
	    field_open(arena, key, f, row, sealed, &out), ERR_CRYPTO);
	assert_null(out.p);
	assert_int_equal(out.n, 0);
	assert_non_null(strstr(logged, "field_refused"));
}

/*= EN-02: version 1, key version, nonce, text, tag: 33 bytes over the text. */
static void
sealed_value_has_the_stated_form(void **state)
{
	struct bytes sealed = seal(FIELD_patient_family_name, "Doe");
	static const uint8_t header[5] = { 1, 0, 0, 0, 1 };

	(void)state;
	assert_int_equal(FIELD_OVERHEAD, 33);
	assert_memory_equal(sealed.p, header, sizeof(header));
	assert_null(memmem(sealed.p, sealed.n, "Doe", 3));
	opens_as(FIELD_patient_family_name, sealed, "Doe");
	opens_as(FIELD_patient_sex, seal(FIELD_patient_sex, ""), "");
}

/* The form is a contract with every stored row: recomputed here from its
 * parts, by the primitives alone. */
static void
sealed_value_can_be_recomputed(void **state)
{
	struct bytes sealed = seal(FIELD_patient_mrn, "A-17");
	uint8_t k[32], out[4], aad[5 + 16 + 16 + 11];

	(void)state;
	memcpy(aad, "\1\0\0\0\1", 5);
	memcpy(aad + 5, clinic_a.b, 16);
	memcpy(aad + 21, row_a.b, 16);
	memcpy(aad + 37, "patient.mrn", 11);
	assert_int_equal(
	    crypto_hkdf_expand(ann_key.key, text("patient.mrn"), k, 32),
	    ERR_OK);
	assert_int_equal(
	    crypto_aead_open(k, sealed.p + 5,
		(struct bytes){ aad, sizeof(aad) },
		(struct bytes){ sealed.p + 17, 4 }, sealed.p + 21, out),
	    ERR_OK);
	assert_memory_equal(out, "A-17", 4);
}

/*= EN-04: another row, column, record, clinic or key version. */
static void
sealed_value_opens_only_where_it_was_sealed(void **state)
{
	struct bytes sealed = seal(FIELD_patient_phone, "555-0100");
	struct record_key moved = ann_key;

	(void)state;
	opens_as(FIELD_patient_phone, sealed, "555-0100");
	refuses(&ann_key, FIELD_patient_phone, &row_b, sealed);
	refuses(&ann_key, FIELD_patient_mrn, &row_a, sealed);
	refuses(&ann_key, FIELD_account_email, &row_a, sealed);
	refuses(&bob_key, FIELD_patient_phone, &row_a, sealed);
	moved.clinic = clinic_b;
	refuses(&moved, FIELD_patient_phone, &row_a, sealed);
	moved = ann_key, moved.version = 2;
	refuses(&moved, FIELD_patient_phone, &row_a, sealed);
	moved = ann_key, moved.key = NULL; /* shredded */
	refuses(&moved, FIELD_patient_phone, &row_a, sealed);
}

/*= EN-05: every bit of header, nonce, text and tag; every length. */
static void
altered_value_is_refused(void **state)
{
	struct bytes sealed = seal(FIELD_patient_phone, "555-0100"), cut;
	uint8_t copy[8 + FIELD_OVERHEAD + 1] = { 0 };

	(void)state;
	memcpy(copy, sealed.p, sealed.n);
	cut = (struct bytes){ copy, sealed.n };
	for (size_t i = 0; i < sealed.n * 8; i++) {
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
		refuses(&ann_key, FIELD_patient_phone, &row_a, cut);
		copy[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	opens_as(FIELD_patient_phone, cut, "555-0100");
	for (cut.n = 0; cut.n <= sizeof(copy); cut.n++)
		if (cut.n != sealed.n)
			refuses(&ann_key, FIELD_patient_phone, &row_a, cut);
	refuses(
	    &ann_key, FIELD_patient_phone, &row_a, (struct bytes){ NULL, 0 });
}

/*= AU-03: the event of a refusal names the place, never the value. */
static void
refusal_names_place_not_value(void **state)
{
	struct bytes sealed = seal(FIELD_patient_phone, "555-0199");

	(void)state;
	refuses(&ann_key, FIELD_patient_phone, &row_b, sealed);
	assert_non_null(strstr(logged, "\"patient.phone\""));
	assert_non_null(strstr(logged, "16000000-0000-0000-0000-000000000000"));
	assert_null(strstr(logged, "555"));
}

static void
value_over_its_limit_is_refused(void **state)
{
	char long_sex[22] = "";
	struct bytes out = text("left over");

	(void)state;
	memset(long_sex, 'x', 20);
	opens_as(
	    FIELD_patient_sex, seal(FIELD_patient_sex, long_sex), long_sex);
	long_sex[20] = 'x';
	assert_int_equal(field_seal(arena, &ann_key, FIELD_patient_sex, &row_a,
			     text(long_sex), &out),
	    ERR_INVALID_FIELD);
	assert_null(out.p);
}

static int
nonce_compare(const void *a, const void *b)
{
	return memcmp(a, b, CRYPTO_NONCE_SIZE);
}

/*= EN-03: each seal draws a nonce of its own. */
static void
nonces_do_not_repeat(void **state)
{
	enum { COUNT = 20000 };
	static uint8_t nonce[COUNT][CRYPTO_NONCE_SIZE];
	struct arena *own;
	struct bytes sealed;

	(void)state;
	own = arena_new();
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(field_seal(own, &ann_key, FIELD_patient_sex,
				     &row_a, text("f"), &sealed),
		    ERR_OK);
		memcpy(nonce[i], sealed.p + 5, CRYPTO_NONCE_SIZE);
	}
	arena_free(own);
	qsort(nonce, COUNT, sizeof(nonce[0]), nonce_compare);
	for (int i = 1; i < COUNT; i++)
		assert_memory_not_equal(
		    nonce[i - 1], nonce[i], CRYPTO_NONCE_SIZE);
}

/* blind index */

static size_t
index_of(const struct uuid *clinic, enum field f, const char *value,
    struct bytes **tokens)
{
	size_t n;

	assert_int_equal(
	    field_index_tokens(arena, clinic, f, value, tokens, &n), ERR_OK);
	for (size_t i = 0; i < n; i++)
		assert_int_equal((*tokens)[i].n, FIELD_TOKEN_SIZE);
	return n;
}

static size_t
words_of(const char *name, struct field_word **words)
{
	size_t n;

	assert_int_equal(
	    field_name_words(arena, &clinic_a, 0, name, words, &n), ERR_OK);
	for (size_t i = 1; i < n; i++) /* sorted, and none twice */
		assert_true(memcmp((*words)[i - 1].token.p, (*words)[i].token.p,
				FIELD_TOKEN_SIZE) < 0);
	return n;
}

static bool
equal(struct bytes a, struct bytes b)
{
	assert_int_equal(a.n, FIELD_TOKEN_SIZE);
	assert_int_equal(b.n, FIELD_TOKEN_SIZE);
	return memcmp(a.p, b.p, a.n) == 0;
}

static bool
begins(const struct field_word *words, size_t n, const struct field_sought *s)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < words[i].beginnings_n; k++)
			for (size_t j = 0; j < s->alternatives_n; j++)
				if (equal(words[i].beginnings[k],
					s->alternatives[j]))
					return true;
	return false;
}

/* Would a search come upon this name, first by its tokens, then opened? */
static bool
named(const char *name, const char *searched)
{
	struct field_word *have;
	struct field_sought *want;
	size_t n = words_of(name, &have), m;
	int matches;

	assert_int_equal(
	    field_name_sought(arena, &clinic_a, searched, &want, &m), ERR_OK);
	assert_true(m > 0);
	assert_int_equal(field_matches(arena, FIELD_patient_family_name, name,
			     searched, &matches),
	    ERR_OK);
	for (size_t i = 0; i < m; i++)
		if (!begins(have, n, &want[i])) {
			/* the index may find too much, never too little */
			assert_false(matches);
			return false;
		}
	return matches;
}

/* The same of a field that is no name. */
static bool
found(enum field f, const char *value, const char *searched)
{
	struct bytes *have, *want;
	size_t n = index_of(&clinic_a, f, value, &have);
	size_t m = index_of(&clinic_a, f, searched, &want);
	int matches;
	bool equals;

	assert_int_equal(
	    field_matches(arena, f, value, searched, &matches), ERR_OK);
	m = n < m ? n : m; /* of dates, as far as both are known */
	equals = m > 0 && equal(have[m - 1], want[m - 1]);
	assert_true(equals || !matches);
	return matches;
}

static void
names_are_found_by_prefix_of_any_word(void **state)
{

	(void)state;
	assert_true(named("Garc\xc3\xad"
			  "a M\xc3\xa1rquez",
	    "ga"));
	assert_true(named("Garc\xc3\xad"
			  "a M\xc3\xa1rquez",
	    "GARCIA"));
	assert_true(named("Garc\xc3\xad"
			  "a M\xc3\xa1rquez",
	    "marq garc"));
	assert_true(named("Smith-Jones", "jon"));
	assert_true(named("O\xe2\x80\x99"
			  "Brien",
	    "o'br"));
	assert_false(named("Garcia", "garcias"));
	assert_false(named("Garcia", "arcia"));
	assert_false(named("Garcia Lopez", "garcia perez"));
	assert_true(named("\xe7\x8e\x8b", "\xe7\x8e\x8b"));
	assert_true(named("\xea\xb9\x80", "\xea\xb9\x80"));
}

/* The index knows twelve letters; opened, the rest must agree too. */
static void
long_names_are_found_by_their_beginning(void **state)
{
	const char *name = "Wolfeschlegelsteinhausen";

	(void)state;
	assert_true(named(name, "wolfeschlege"));
	assert_true(named(name, "wolfeschlegelstein"));
	assert_false(named(name, "wolfeschlegelbergen"));
	assert_true(named(name, name));
}

static size_t
beginnings_of(const char *name)
{
	struct field_word *words;
	size_t n = words_of(name, &words), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += words[i].beginnings_n;
	return sum;
}

static void
beginnings_are_counted_by_letters(void **state)
{
	struct field_word *words;

	(void)state;
	assert_int_equal(words_of("Anna", &words), 1);
	assert_true(words[0].whole);
	assert_int_equal(beginnings_of("Anna"), 3);
	assert_int_equal(beginnings_of("A"), 1);
	assert_int_equal(words_of("", &words), 0);
	assert_int_equal(words_of("!!", &words), 0);
	assert_int_equal(beginnings_of("abcdefghijklmnopqrst"), 11);
	/* three letters of two bytes */
	assert_int_equal(beginnings_of("\xd0\x90\xd0\xbd\xd1\x8f"), 2);
	/* two words, and the name as a whole, which no beginning finds */
	assert_int_equal(words_of("Anna Lena", &words), 3);
	assert_int_equal(beginnings_of("Anna Lena"), 6);
	/* oneill, o, neill */
	assert_int_equal(words_of("O'Neill", &words), 3);
}

static void
names_are_found_as_they_are_typed(void **state)
{
	(void)state;
	assert_true(named("O'Neill", "o neill"));
	assert_true(named("O Neill", "O'Neill"));
	assert_true(named("O'Neill", "neill"));
	assert_true(named("Mary J", "j"));
	assert_false(named("James", "j"));
	assert_true(named("De la Cruz", "delacruz"));
	assert_true(named("Al-Sayed", "alsayed"));
	assert_true(named("M\xc3\xbcller", "Mueller"));
	assert_true(named("Mueller", "M\xc3\xbcller"));
	assert_true(named("\xc6\x8fliyev", "aliyev"));
	assert_true(named("\xc6\x8fliyev", "eli"));
}

/* One name is the whole of what was asked for, or it is not. */
static void
whole_names_have_a_token(void **state)
{
	struct field_word *words;
	struct bytes_list whole;
	size_t n = words_of("De la CRUZ", &words), count = 0;

	(void)state;
	assert_int_equal(
	    field_name_whole(arena, &clinic_a, "de  l\xc3\xa0 cruz", &whole),
	    ERR_OK);
	for (size_t i = 0; i < n; i++)
		if (words[i].whole) {
			count++;
			assert_true(equal(words[i].token, whole.v[0]));
		}
	assert_int_equal(count, 1);
	assert_int_equal(
	    field_name_whole(arena, &clinic_a, "de la", &whole), ERR_OK);
	for (size_t i = 0; i < n; i++)
		assert_false(equal(words[i].token, whole.v[0]));
}

static void
several_names_are_one_person(void **state)
{
	const char *const both[] = { "Nguyen", "Ha" };
	const char *const one[] = { "Suharto", NULL };
	int matches;

	(void)state;
	assert_int_equal(
	    field_names_match(arena, both, 2, "ha nguyen", &matches), ERR_OK);
	assert_true(matches);
	assert_int_equal(
	    field_names_match(arena, both, 2, "ha tran", &matches), ERR_OK);
	assert_false(matches);
	assert_int_equal(
	    field_names_match(arena, one, 2, "suh", &matches), ERR_OK);
	assert_true(matches);
	assert_int_equal(
	    field_names_match(arena, one, 2, "--", &matches), ERR_OK);
	assert_false(matches);
}

static void
searches_without_words_are_refused(void **state)
{
	static const char *const bad[] = { "", " ", "-", "..." };
	struct field_sought *s;
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
		    field_name_sought(arena, &clinic_a, bad[i], &s, &n),
		    ERR_INVALID_FIELD);
	assert_int_equal(n, 0);
}

static void
exact_fields_match_after_normalisation(void **state)
{
	(void)state;
	assert_true(found(FIELD_patient_ssn, "078-05-1120", "078051120"));
	assert_false(found(FIELD_patient_ssn, "078-05-1120", "07805112"));
	assert_true(
	    found(FIELD_patient_phone, "(555) 010-4477", "555 010 4477"));
	assert_true(found(FIELD_patient_email, "Ann@X.test", "ann@x.TEST"));
	/* an address keeps its punctuation: these are two people */
	assert_false(found(FIELD_account_email, "a.b@x.test", "ab@x.test"));
	assert_true(
	    found(FIELD_patient_birth_date, "1980-02-03", "1980-02-03"));
	assert_false(
	    found(FIELD_patient_birth_date, "1980-02-03", "1980-03-02"));
	assert_true(found(FIELD_patient_birth_date, "1980-02-03", "1980"));
	assert_true(found(FIELD_patient_birth_date, "1980-02", "1980-02-03"));
	assert_false(found(FIELD_patient_birth_date, "1980-02", "1980-03-02"));
	assert_true(found(FIELD_patient_phone, "555 0100 x12", "5550100"));
	assert_true(found(FIELD_patient_phone, "555 0100", "5550100 x12"));
	assert_false(found(FIELD_patient_phone, "5550100 x13", "5550100 x12"));
}

/*= EN-09: the same value in two clinics or columns has different tokens. */
static void
tokens_differ_by_clinic_and_column(void **state)
{
	struct bytes *a, *b, *c;

	(void)state;
	assert_int_equal(index_of(&clinic_a, FIELD_patient_mrn, "42", &a), 1);
	assert_int_equal(index_of(&clinic_b, FIELD_patient_mrn, "42", &b), 1);
	assert_int_equal(index_of(&clinic_a, FIELD_patient_ssn, "42", &c), 1);
	assert_memory_not_equal(a[0].p, b[0].p, FIELD_TOKEN_SIZE);
	assert_memory_not_equal(a[0].p, c[0].p, FIELD_TOKEN_SIZE);
	assert_int_equal(index_of(&clinic_a, FIELD_patient_mrn, "42", &b), 1);
	assert_memory_equal(a[0].p, b[0].p, FIELD_TOKEN_SIZE);
}

/*= EN-07, EN-09: written under the newest version, looked for under both */
static void
tokens_carry_the_version_of_their_key(void **state)
{
	struct class_key_id id = { clinic_a, KEY_CLASS_index, 2 };
	uint8_t wrapped[WRAPPED_KEY_SIZE];
	struct bytes_list sought[FIELD_PARTS_MAX], whole;
	struct field_word *old, *young;
	struct field_sought *words;
	struct bytes *first, *second;
	size_t n, m, i;

	(void)state;
	assert_int_equal(
	    index_of(&clinic_a, FIELD_patient_birth_date, "1980-02", &first),
	    2);
	assert_int_equal(field_token_version(first[0]), 1);
	n = words_of("Ann", &old);
	assert_int_equal(keyring_class_create(&id, wrapped), ERR_OK);
	assert_int_equal(
	    keyring_class_add(&id, (struct bytes){ wrapped, sizeof(wrapped) }),
	    ERR_OK);
	index_of(&clinic_a, FIELD_patient_birth_date, "1980-02", &second);
	assert_int_equal(field_token_version(second[1]), 2);
	assert_memory_not_equal(
	    first[1].p + 2, second[1].p + 2, FIELD_TOKEN_SIZE - 2);
	assert_int_equal(field_index_sought(arena, &clinic_a,
			     FIELD_patient_birth_date, "1980-02", sought),
	    ERR_OK);
	for (i = 0; i < 2; i++) {
		assert_int_equal(sought[i].n, 2);
		assert_true(equal(sought[i].v[0], second[i]));
		assert_true(equal(sought[i].v[1], first[i]));
	}
	assert_int_equal(sought[2].n, 0); /* no day */
	assert_int_equal(
	    field_name_sought(arena, &clinic_a, "an", &words, &m), ERR_OK);
	assert_int_equal(words[0].alternatives_n, 2);
	assert_true(begins(old, n, &words[0]));
	words_of("Ann", &young);
	assert_true(begins(young, n, &words[0]));
	assert_int_equal(
	    field_name_whole(arena, &clinic_a, "ann", &whole), ERR_OK);
	assert_int_equal(whole.n, 2);
	assert_true(equal(whole.v[0], young[0].token));
	assert_true(equal(whole.v[1], old[0].token));
	assert_int_equal(
	    field_name_words(arena, &clinic_a, 1, "Ann", &young, &m), ERR_OK);
	assert_true(equal(young[0].token, old[0].token));
	assert_int_equal(
	    field_token_version((struct bytes){ first[0].p, 8 }), 0);
}

static void
index_misuse_is_refused(void **state)
{
	struct uuid stranger = { { 99 } };
	struct bytes *t;
	size_t n;
	int matches;

	(void)state;
	assert_int_equal(field_index_tokens(arena, &clinic_a,
			     FIELD_patient_address, "x", &t, &n),
	    ERR_INTERNAL);
	assert_int_equal(field_index_tokens(arena, &clinic_a,
			     FIELD_patient_family_name, "x", &t, &n),
	    ERR_INTERNAL);
	assert_int_equal(field_name_words(arena, &stranger, 0, "x",
			     &(struct field_word *){ 0 }, &n),
	    ERR_CRYPTO);
	assert_int_equal(field_index_tokens(arena, &clinic_a,
			     FIELD_patient_phone, "abc", &t, &n),
	    ERR_INVALID_FIELD);
	assert_int_equal(
	    field_matches(arena, FIELD_patient_address, "x", "x", &matches),
	    ERR_INTERNAL);
	assert_int_equal(field_index_tokens(
			     arena, &stranger, FIELD_patient_mrn, "x", &t, &n),
	    ERR_CRYPTO);
	assert_int_equal(field_index_tokens(arena, &clinic_a, FIELD_patient_mrn,
			     "\xff", &t, &n),
	    ERR_BAD_ENCODING);
	assert_null(t);
	assert_int_equal(n, 0);
}

static void
table_is_sound(void **state)
{
	const char *dot;

	(void)state;
	for (int f = 0; f < FIELD_COUNT; f++) {
		dot = strchr(field_stored((enum field)f), '.');
		assert_non_null(dot);
		assert_null(strchr(dot + 1, '.'));
		assert_true(field_limit((enum field)f) > 0);
		assert_true(field_class((enum field)f) != KEY_CLASS_index);
		for (int g = 0; g < f; g++)
			assert_string_not_equal(field_stored((enum field)f),
			    field_stored((enum field)g));
	}
	assert_int_equal(
	    field_index_kind(FIELD_patient_mrn), FIELD_INDEX_EXACT);
}

/* keys for all of them */

static enum err
class_make(const struct uuid *clinic, enum key_class class)
{
	struct class_key_id id = { *clinic, class, 1 };
	uint8_t wrapped[WRAPPED_KEY_SIZE];
	enum err r;

	if ((r = keyring_class_create(&id, wrapped)) != ERR_OK)
		return r;
	return keyring_class_add(
	    &id, (struct bytes){ wrapped, sizeof(wrapped) });
}

static enum err
root_make(void)
{
	char name[] = "/tmp/field_test.XXXXXX";
	const char *reason;
	int fd = mkstemp(name);
	enum err r = ERR_INTERNAL;

	if (fd >= 0 && write(fd, "0123456789abcdef0123456789ABCDEF", 32) == 32)
		r = keyring_root_load(name, &reason);
	close(fd);
	unlink(name);
	return r;
}

static int
setup(void **state)
{
	uint8_t wrapped[WRAPPED_KEY_SIZE];

	(void)state;
	log_sink(capture);
	if (crypto_init() != ERR_OK || secret_init(1 << 16) != ERR_OK ||
	    root_make() != ERR_OK ||
	    class_make(&clinic_a, KEY_CLASS_patient) != ERR_OK ||
	    class_make(&clinic_a, KEY_CLASS_index) != ERR_OK ||
	    class_make(&clinic_b, KEY_CLASS_index) != ERR_OK ||
	    keyring_record_create(&clinic_a, KEY_CLASS_patient, &ann, 1,
		&ann_key, wrapped) != ERR_OK ||
	    keyring_record_create(&clinic_a, KEY_CLASS_patient, &bob, 1,
		&bob_key, wrapped) != ERR_OK)
		return -1;
	return (arena = arena_new()) != NULL ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	record_key_free(&ann_key);
	record_key_free(&bob_key);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sealed_value_has_the_stated_form),
		cmocka_unit_test(sealed_value_can_be_recomputed),
		cmocka_unit_test(sealed_value_opens_only_where_it_was_sealed),
		cmocka_unit_test(altered_value_is_refused),
		cmocka_unit_test(refusal_names_place_not_value),
		cmocka_unit_test(value_over_its_limit_is_refused),
		cmocka_unit_test(nonces_do_not_repeat),
		cmocka_unit_test(names_are_found_by_prefix_of_any_word),
		cmocka_unit_test(long_names_are_found_by_their_beginning),
		cmocka_unit_test(beginnings_are_counted_by_letters),
		cmocka_unit_test(names_are_found_as_they_are_typed),
		cmocka_unit_test(whole_names_have_a_token),
		cmocka_unit_test(several_names_are_one_person),
		cmocka_unit_test(searches_without_words_are_refused),
		cmocka_unit_test(exact_fields_match_after_normalisation),
		cmocka_unit_test(tokens_differ_by_clinic_and_column),
		cmocka_unit_test(tokens_carry_the_version_of_their_key),
		cmocka_unit_test(index_misuse_is_refused),
		cmocka_unit_test(table_is_sound),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
