#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/crypto.h"
#include "base/factor.h"
#include "base/secret.h"
#include "base/text.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct arena *arena;
static json_t *oracles;

/* passwords */

static bool
right(const char *encoded, const char *password)
{
	bool is_right = true;

	assert_int_equal(
	    factor_password_check(encoded, password, &is_right), ERR_OK);
	return is_right;
}

/*= IA-18: argon2id, m = 46 MiB, t = 1, p = 1, a salt of 16 bytes, not the same
 * twice. */
static void
password_hash_states_its_costs(void **state)
{
	static const char costs[] = "$argon2id$v=19$m=47104,t=1,p=1$";
	char a[FACTOR_HASH_SIZE], b[FACTOR_HASH_SIZE];

	(void)state;
	assert_int_equal(factor_password_hash("correct horse", a), ERR_OK);
	assert_int_equal(factor_password_hash("correct horse", b), ERR_OK);
	assert_memory_equal(a, costs, sizeof(costs) - 1);
	assert_int_equal(strcspn(a + sizeof(costs) - 1, "$"), 22);
	assert_string_not_equal(a, b);
	assert_true(right(a, "correct horse"));
	assert_true(right(b, "correct horse"));
	assert_false(right(a, "Correct horse"));
	assert_false(right(a, ""));
	assert_null(strstr(a, "horse"));
}

/*= IA-12: every byte counts, at any length: no cut at 72. */
static void
last_byte_of_a_long_password_counts(void **state)
{
	char password[101], encoded[FACTOR_HASH_SIZE];

	(void)state;
	memset(password, 'x', 100);
	password[100] = '\0';
	assert_int_equal(factor_password_hash(password, encoded), ERR_OK);
	assert_true(right(encoded, password));
	password[99] = 'y';
	assert_false(right(encoded, password));
}

/*= IA-12: NFC-equivalent spellings open what the other closed. */
static void
equal_spellings_are_one_password(void **state)
{
	char encoded[FACTOR_HASH_SIZE], *composed, *apart;

	(void)state;
	assert_int_equal(
	    text_nfc(arena, "s\xc3\xbc\xc3\x9fholz im wald", &composed),
	    ERR_OK);
	assert_int_equal(
	    text_nfc(arena, "su\xcc\x88\xc3\x9fholz im wald", &apart), ERR_OK);
	assert_int_equal(factor_password_hash(composed, encoded), ERR_OK);
	assert_true(right(encoded, apart));
}

/*= IA-18: a hash with other costs is still right, and due for renewal. */
static void
hash_with_other_costs_is_outdated(void **state)
{
	/* by libsodium, of "password", with m = 64 KiB */
	static const char cheap[] =
	    "$argon2id$v=19$m=64,t=1,p=1"
	    "$9B7FAaUIUeDY+C7YraNf7Q$ukZjlonV7msQXf3rVnI8w+"
	    "6xuk65wr2Ld3c8VDgQuGs";
	char now[FACTOR_HASH_SIZE];

	(void)state;
	assert_true(right(cheap, "password"));
	assert_false(right(cheap, "passwore"));
	assert_true(factor_password_outdated(cheap));
	assert_int_equal(factor_password_hash("password", now), ERR_OK);
	assert_false(factor_password_outdated(now));
}

/*= IA-11: the decoy takes the same work and opens for nobody. */
static void
decoy_costs_the_same_and_never_opens(void **state)
{
	(void)state;
	assert_false(factor_password_outdated(factor_password_decoy()));
	assert_false(right(factor_password_decoy(), ""));
	assert_false(right(factor_password_decoy(), "password"));
}

static void
encoding_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = { "", "x", "$argon2i$v=19$m=64,t=1",
		"$argon2id$v=19$m=47104,t=1,p=1$", "$2b$12$abc" };
	bool is_right = true;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		is_right = true;
		assert_int_equal(
		    factor_password_check(bad[i], "x", &is_right), ERR_CRYPTO);
		assert_false(is_right);
		assert_true(factor_password_outdated(bad[i]) || i == 3);
	}
}

static const char *const list[] = {
#define PASSWORD(word) word,
#include "base/common_passwords.def"
#undef PASSWORD
};

/*= IA-13: every entry is found, in either case: the list is in order. */
static void
each_listed_password_is_common(void **state)
{
	size_t n = sizeof(list) / sizeof(*list);
	char upper[64];

	(void)state;
	assert_true(n > 3000);
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || strcmp(list[i - 1], list[i]) < 0);
		assert_true(factor_password_common(list[i], "x@y.test"));
		assert_true(strlen(list[i]) < sizeof(upper));
		for (size_t k = 0; k <= strlen(list[i]); k++)
			upper[k] = (char)toupper((unsigned char)list[i][k]);
		assert_true(factor_password_common(upper, "x@y.test"));
	}
}

/*= IA-13: the best known of all published lists are in ours. */
static void
notorious_passwords_are_common(void **state)
{
	static const char *const known[] = { "123456", "password", "12345678",
		"qwerty", "123456789", "12345", "111111", "1234567", "dragon",
		"iloveyou", "password1", "qwertyuiop", "sunshine", "princess",
		"football", "baseball", "trustno1", "letmein", "1q2w3e4r",
		"1qaz2wsx", "superman", "passw0rd", "p@ssw0rd", "starwars" };

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		assert_true(factor_password_common(known[i], "x@y.test"));
}

/*= IA-13: login and product are refused; a part of a password is not. */
static void
only_whole_passwords_are_compared(void **state)
{
	const char *login = "ann.doe-jos\xc3\xa9@clinic.test";

	(void)state;
	assert_true(factor_password_common(login, login));
	assert_true(
	    factor_password_common("Ann.Doe-JOS\xc3\x89@Clinic.TEST", login));
	assert_true(factor_password_common("ann.doe-Jos\xc3\xa9", login));
	assert_true(factor_password_common("Epione", login));
	assert_false(factor_password_common("ann.doe", login));
	assert_false(factor_password_common("ann.doe-jos\xc3\xa9!", login));
	assert_false(factor_password_common("epione epione", login));
	assert_false(factor_password_common("password123456 and more", login));
	assert_false(factor_password_common("a password nobody has", login));
	assert_false(factor_password_common("zqkxvbwjpfmygcud", login));
}

/*= IA-13: what people and those who guess them think of first */
static void
habits_of_people_are_guessed(void **state)
{
	static const char *const soon[] = { "epioneepione", "Epione123456",
		"abcdefghijkl", "qwertyuiopas", "aaaaaaaaaaaa", "010101010101",
		"Password2026", "P@ssw0rd1234", "iloveyoubaby", "12/12/2001",
		"harborclinic1", "maya.okafor1", "Okafor2026!!",
		"summer2026summer" };
	static const char *const late[] = { "fifteen letters long",
		"qwzkvbxjtrnplmd", "correct horse battery staple",
		"Gr\xc3\xbc\xc3\x9f"
		"e aus dem S\xc3\xbc"
		"den",
		"vZ7#kQ2m!x9L" };
	const char *words[] = { "epione", "harbor", "clinic", "maya", "okafor",
		NULL };
	char long_one[257];

	(void)state;
	for (size_t i = 0; i < sizeof(soon) / sizeof(*soon); i++)
		if (!factor_password_guessable(soon[i], words))
			fail_msg("taken: %s", soon[i]);
	for (size_t i = 0; i < sizeof(late) / sizeof(*late); i++)
		if (factor_password_guessable(late[i], words))
			fail_msg("refused: %s", late[i]);
	/* the better end counts, and no length takes for ever */
	for (size_t i = 0; i < sizeof(long_one) - 1; i++)
		long_one[i] = "01"[i % 2];
	long_one[sizeof(long_one) - 1] = '\0';
	assert_true(factor_password_guessable(long_one, words));
	memcpy(long_one + 230, "qwzkvbxjtrnplmd", 15);
	assert_false(factor_password_guessable(long_one, words));
}

/* one-time codes */

static void
seed_of_the_rfc(uint8_t seed[FACTOR_SEED_SIZE])
{
	const char *ascii = json_string_value(json_object_get(
	    json_object_get(oracles, "rfc4226_appendix_d"), "secret_ascii"));

	assert_non_null(ascii);
	assert_int_equal(strlen(ascii), FACTOR_SEED_SIZE);
	memcpy(seed, ascii, FACTOR_SEED_SIZE);
}

/*= IA-04: RFC 4226 App. D: counters 0 to 9 are steps 0 to 9. */
static void
codes_agree_with_rfc4226(void **state)
{
	json_t *hotp = json_object_get(
	    json_object_get(oracles, "rfc4226_appendix_d"), "hotp");
	uint8_t seed[FACTOR_SEED_SIZE];
	int64_t step;

	(void)state;
	seed_of_the_rfc(seed);
	assert_int_equal(json_array_size(hotp), 10);
	for (int64_t i = 0; i < 10; i++) {
		assert_int_equal(
		    factor_totp_step(seed,
			json_string_value(json_array_get(hotp, (size_t)i)),
			i * FACTOR_STEP_S, 0, -1, &step),
		    ERR_OK);
		assert_int_equal(step, i);
	}
}

/*= IA-04: RFC 6238 App. B: of its 18 codes the six of our profile (SHA-1) are
 * accepted, and the twelve of the others refused. */
static void
codes_agree_with_rfc6238(void **state)
{
	json_t *all = json_object_get(
	    json_object_get(oracles, "rfc6238_appendix_b"), "vectors");
	uint8_t seed[FACTOR_SEED_SIZE];
	size_t i, ours = 0;
	int64_t t, step;
	const char *code;
	json_t *o;
	bool mine;

	(void)state;
	seed_of_the_rfc(seed);
	assert_int_equal(json_array_size(all), 18);
	json_array_foreach (all, i, o) {
		t = json_integer_value(json_object_get(o, "t"));
		code = json_string_value(json_object_get(o, "totp6"));
		mine = strcmp(json_string_value(json_object_get(o, "alg")),
			   "sha1") == 0;
		assert_string_equal(
		    code, json_string_value(json_object_get(o, "totp8")) + 2);
		assert_int_equal(factor_totp_step(seed, code, t, 1, -1, &step),
		    mine ? ERR_OK : ERR_INVALID_CODE);
		assert_int_equal(step, mine ? t / FACTOR_STEP_S : 0);
		ours += mine;
	}
	assert_int_equal(ours, 6);
}

/*= IA-04: no other of the million codes is accepted at that time. */
static void
one_code_in_a_million_is_right(void **state)
{
	uint8_t seed[FACTOR_SEED_SIZE];
	unsigned accepted = 0;
	char code[7];
	int64_t step;

	(void)state;
	seed_of_the_rfc(seed);
	for (unsigned i = 0; i < 1000000; i += 7) {
		snprintf(code, sizeof(code), "%06u", i);
		accepted += factor_totp_step(seed, code, 59, 0, -1, &step) ==
		    ERR_OK;
	}
	/* 287082 is no multiple of 7 */
	assert_int_equal(accepted, 287082 % 7 == 0);
	assert_int_equal(
	    factor_totp_step(seed, "287082", 59, 0, -1, &step), ERR_OK);
}

/*= IA-06: one step to each side at most, or none, as configured. */
static void
window_is_one_step_at_most(void **state)
{
	uint8_t seed[FACTOR_SEED_SIZE];
	const int64_t t = 1111111109, at = t / FACTOR_STEP_S;
	const char *code = "081804";
	int64_t step;

	(void)state;
	seed_of_the_rfc(seed);
	for (int64_t d = -3; d <= 3; d++)
		for (unsigned w = 0; w <= 3; w++) {
			bool in = d == 0 || (w > 0 && (d == 1 || d == -1));

			assert_int_equal(
			    factor_totp_step(seed, code, t + d * FACTOR_STEP_S,
				w, -1, &step),
			    in ? ERR_OK : ERR_INVALID_CODE);
			assert_int_equal(step, in ? at : 0);
		}
	/* the edges of the step itself */
	assert_int_equal(
	    factor_totp_step(seed, code, at * FACTOR_STEP_S, 0, -1, &step),
	    ERR_OK);
	assert_int_equal(
	    factor_totp_step(seed, code, at * FACTOR_STEP_S + 29, 0, -1, &step),
	    ERR_OK);
	assert_int_equal(
	    factor_totp_step(seed, code, at * FACTOR_STEP_S + 30, 0, -1, &step),
	    ERR_INVALID_CODE);
	assert_int_equal(
	    factor_totp_step(seed, code, at * FACTOR_STEP_S - 1, 0, -1, &step),
	    ERR_INVALID_CODE);
}

/*= IA-05: a step that was used, and any before it, is refused. */
static void
used_step_is_refused(void **state)
{
	uint8_t seed[FACTOR_SEED_SIZE];
	const int64_t t = 1111111109, at = t / FACTOR_STEP_S;
	const char *code = "081804";
	int64_t step;

	(void)state;
	seed_of_the_rfc(seed);
	assert_int_equal(
	    factor_totp_step(seed, code, t, 1, at - 1, &step), ERR_OK);
	assert_int_equal(step, at);
	assert_int_equal(
	    factor_totp_step(seed, code, t, 1, at, &step), ERR_INVALID_CODE);
	assert_int_equal(factor_totp_step(seed, code, t, 1, at + 1, &step),
	    ERR_INVALID_CODE);
}

/*= IA-05: steps 910737 and 910738 happen to have the same code: it counts for
 * the newer one, so that it is spent for both. */
static void
code_of_two_steps_is_spent_once(void **state)
{
	uint8_t seed[FACTOR_SEED_SIZE];
	const int64_t first = 910737;
	int64_t step;

	(void)state;
	seed_of_the_rfc(seed);
	for (int64_t at = first; at <= first + 1; at++) {
		assert_int_equal(factor_totp_step(seed, "911617",
				     at * FACTOR_STEP_S, 1, -1, &step),
		    ERR_OK);
		assert_int_equal(step, first + 1);
	}
	assert_int_equal(factor_totp_step(seed, "911617", first * FACTOR_STEP_S,
			     0, -1, &step),
	    ERR_OK);
	assert_int_equal(step, first);
	assert_int_equal(factor_totp_step(seed, "911617",
			     (first + 1) * FACTOR_STEP_S, 1, first + 1, &step),
	    ERR_INVALID_CODE);
}

static void
malformed_codes_are_refused(void **state)
{
	static const char *const bad[] = { "", "28708", "2870820", " 287082",
		"287082 ", "28708a", "287 082", "+87082",
		"\xd9\xa2"
		"87082" };
	uint8_t seed[FACTOR_SEED_SIZE];
	int64_t step = 5;

	(void)state;
	seed_of_the_rfc(seed);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
		    factor_totp_step(seed, bad[i], 59, 1, -1, &step),
		    ERR_INVALID_CODE);
	assert_int_equal(factor_totp_step(seed, "755224", -1, 1, -100, &step),
	    ERR_INVALID_CODE);
	assert_int_equal(step, 0);
	/* the first step of all has none before it: this is 2^64 - 1's */
	assert_int_equal(factor_totp_step(seed, "094451", 0, 1, -100, &step),
	    ERR_INVALID_CODE);
	assert_int_equal(
	    factor_totp_step(seed, "755224", 0, 1, -100, &step), ERR_OK);
}

/*= IA-07: 20 bytes, 32 letters; RFC 4648 for the letters. */
static void
seed_is_written_in_base32(void **state)
{
	uint8_t seed[FACTOR_SEED_SIZE];

	(void)state;
	seed_of_the_rfc(seed);
	assert_string_equal(factor_seed_base32(arena, seed),
	    "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
	memset(seed, 0xff, sizeof(seed));
	assert_string_equal(factor_seed_base32(arena, seed),
	    "77777777777777777777777777777777");
}

static void
otpauth_uri_escapes_its_labels(void **state)
{
	(void)state;
	assert_string_equal(
	    factor_otpauth_uri(arena, "Epione", "ann@example.test", "GEZD"),
	    "otpauth://totp/Epione:ann%40example.test"
	    "?secret=GEZD&issuer=Epione");
	assert_string_equal(
	    factor_otpauth_uri(arena, "A&B c", "a:b/\xc3\xa9?", "GEZD"),
	    "otpauth://totp/A%26B%20c:a%3Ab%2F%C3%A9%3F"
	    "?secret=GEZD&issuer=A%26B%20c");
}

/* That it can be read is for the browser tests; here: form and frame. */
static void
qr_code_is_a_plain_svg(void **state)
{
	const char *uri = factor_otpauth_uri(arena, "Epione",
	    "ann@example.test", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
	char *svg, *again, too_long[4000];
	int side, same;

	(void)state;
	assert_int_equal(factor_qr_svg(arena, uri, &svg), ERR_OK);
	assert_int_equal(sscanf(svg,
			     "<svg xmlns=\"http://www.w3.org/2000/svg\" "
			     "viewBox=\"0 0 %d %d\"",
			     &side, &same),
	    2);
	assert_int_equal(side, same);
	assert_int_equal((side - 8 - 17) % 4, 0); /* 17 + 4 x version */
	assert_string_equal(svg + strlen(svg) - 6, "</svg>");
	assert_non_null(strstr(svg, "M4 4h7v1h-7z")); /* the finder's edge */
	assert_null(strstr(svg, "GEZD"));
	assert_null(strstr(svg, "width"));
	assert_null(strstr(svg, "style"));
	assert_int_equal(factor_qr_svg(arena, uri, &again), ERR_OK);
	assert_string_equal(svg, again);

	assert_int_equal(factor_qr_svg(arena, "", &svg), ERR_INVALID_FIELD);
	assert_null(svg);
	memset(too_long, 'x', sizeof(too_long));
	too_long[sizeof(too_long) - 1] = '\0';
	assert_int_equal(
	    factor_qr_svg(arena, too_long, &svg), ERR_INVALID_FIELD);
}

/* recovery codes and tokens */

/*= IA-20: 80 bits in four groups, none alike. */
static void
recovery_codes_are_long_and_differ(void **state)
{
	char code[200][FACTOR_RECOVERY_SIZE];
	unsigned seen[256] = { 0 }, kinds = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		factor_recovery_code(code[i]);
		assert_int_equal(strlen(code[i]), 19);
		for (int k = 0; k < 19; k++) {
			assert_true((code[i][k] == '-') == (k % 5 == 4));
			seen[(unsigned char)code[i][k]]++;
		}
		for (int j = 0; j < i; j++)
			assert_string_not_equal(code[i], code[j]);
	}
	for (int c = 0; c < 256; c++)
		kinds += c != '-' && seen[c] > 0;
	assert_int_equal(kinds, 32);
	assert_int_equal(seen['i'] + seen['l'] + seen['o'] + seen['u'], 0);
}

/* However a person types it, it is the same code. */
static void
recovery_code_is_read_leniently(void **state)
{
	static const char *const same[] = { "0123-4567-89ab-cdef",
		"0123456789abcdef", "0123 4567 89AB CDEF",
		"O123-4567-89ab-cdef", "oi23-4567-89AB-cdef",
		"oL23-4567-89ab-cdef ", "---0l234567-89abcdef" };
	static const char *const bad[] = { "", "0123-4567-89ab-cde",
		"0123-4567-89ab-cdef0", "0123-4567-89ab-cdeu",
		"0123_4567_89ab_cdef", "0123-4567-89ab-cd\xc3\xa9" };
	uint8_t first[32], hash[32], zero[32] = { 0 };

	(void)state;
	assert_int_equal(factor_recovery_hash(same[0], first), ERR_OK);
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++) {
		assert_int_equal(factor_recovery_hash(same[i], hash), ERR_OK);
		assert_memory_equal(hash, first, sizeof(hash));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(
		    factor_recovery_hash(bad[i], hash), ERR_INVALID_CODE);
		assert_memory_equal(hash, zero, sizeof(hash));
	}
	assert_int_equal(
	    factor_recovery_hash("0123-4567-89ab-cdeg", hash), ERR_OK);
	assert_memory_not_equal(hash, first, sizeof(hash));
}

/*= IA-19: told by one person to another, and of use for one link alone */
static void
phrase_is_read_leniently_and_opens_one_thing(void **state)
{
	static const uint8_t here[16] = { 1 }, there[16] = { 2 };
	static const char *const same[] = { "0123-4567-89ab", "0123456789ab",
		"O123 4567 89AB", "oi23-4567-89ab " };
	static const char *const bad[] = { "", "0123-4567-89a",
		"0123-4567-89ab0", "0123-4567-89au", "0123_4567_89ab" };
	char made[FACTOR_PHRASE_SIZE], other[FACTOR_PHRASE_SIZE];
	uint8_t first[32], hash[32], zero[32] = { 0 };
	size_t i;

	(void)state;
	factor_phrase(made);
	factor_phrase(other);
	assert_int_equal(strlen(made), FACTOR_PHRASE_SIZE - 1);
	assert_string_not_equal(made, other);
	assert_int_equal(factor_phrase_hash(here, made, hash), ERR_OK);

	assert_int_equal(factor_phrase_hash(here, same[0], first), ERR_OK);
	for (i = 0; i < sizeof(same) / sizeof(*same); i++) {
		assert_int_equal(
		    factor_phrase_hash(here, same[i], hash), ERR_OK);
		assert_memory_equal(hash, first, sizeof(hash));
	}
	assert_int_equal(factor_phrase_hash(there, same[0], hash), ERR_OK);
	assert_memory_not_equal(hash, first, sizeof(hash));
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(
		    factor_phrase_hash(here, bad[i], hash), ERR_INVALID_CODE);
		assert_memory_equal(hash, zero, sizeof(hash));
	}
}

static int
token_compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

/*= SE-03: 256 bits, none alike, and only the hash has to be kept. */
static void
tokens_are_long_and_differ(void **state)
{
	enum { COUNT = 10000 };
	static char token[COUNT][FACTOR_TOKEN_SIZE];
	uint8_t hash[32], again[32], *bits;
	size_t n;

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(factor_token(token[i], hash), ERR_OK);
		assert_int_equal(strlen(token[i]), FACTOR_TOKEN_SIZE - 1);
		assert_int_equal(factor_token_hash(token[i], again), ERR_OK);
		assert_memory_equal(hash, again, sizeof(hash));
	}
	assert_int_equal(
	    text_base64url_decode(arena, token[0], &bits, &n), ERR_OK);
	assert_int_equal(n, 32);
	qsort(token, COUNT, sizeof(token[0]), token_compare);
	for (int i = 1; i < COUNT; i++)
		assert_string_not_equal(token[i - 1], token[i]);
	assert_int_equal(factor_token_hash("", again), ERR_OK);
	assert_memory_not_equal(hash, again, sizeof(hash));
}

static int
setup(void **state)
{
	(void)state;
	oracles = json_load_file("tests/vectors/oracles.json", 0, NULL);
	arena = arena_new();
	return oracles != NULL && crypto_init() == ERR_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	(void)state;
	arena_free(arena);
	json_decref(oracles);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(password_hash_states_its_costs),
		cmocka_unit_test(last_byte_of_a_long_password_counts),
		cmocka_unit_test(equal_spellings_are_one_password),
		cmocka_unit_test(hash_with_other_costs_is_outdated),
		cmocka_unit_test(decoy_costs_the_same_and_never_opens),
		cmocka_unit_test(encoding_that_is_none_is_refused),
		cmocka_unit_test(each_listed_password_is_common),
		cmocka_unit_test(notorious_passwords_are_common),
		cmocka_unit_test(only_whole_passwords_are_compared),
		cmocka_unit_test(habits_of_people_are_guessed),
		cmocka_unit_test(codes_agree_with_rfc4226),
		cmocka_unit_test(codes_agree_with_rfc6238),
		cmocka_unit_test(one_code_in_a_million_is_right),
		cmocka_unit_test(window_is_one_step_at_most),
		cmocka_unit_test(used_step_is_refused),
		cmocka_unit_test(code_of_two_steps_is_spent_once),
		cmocka_unit_test(malformed_codes_are_refused),
		cmocka_unit_test(seed_is_written_in_base32),
		cmocka_unit_test(otpauth_uri_escapes_its_labels),
		cmocka_unit_test(qr_code_is_a_plain_svg),
		cmocka_unit_test(recovery_codes_are_long_and_differ),
		cmocka_unit_test(recovery_code_is_read_leniently),
		cmocka_unit_test(phrase_is_read_leniently_and_opens_one_thing),
		cmocka_unit_test(tokens_are_long_and_differ),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
