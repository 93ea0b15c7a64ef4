#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/crypto.h"
#include "base/secret.h"

#include <jansson.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WYCHEPROOF "tests/vectors/wycheproof/aes_gcm_test.json"
#define TEXT_MAX   1024

struct hex {
	uint8_t b[TEXT_MAX];
	size_t n;
};

static struct bytes
view(const struct hex *h)
{
	return (struct bytes){ h->b, h->n };
}

static struct bytes
text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static void
hex_read(const char *s, struct hex *h)
{
	char pair[3] = "";
	char *end;

	assert_non_null(s);
	h->n = strlen(s) / 2;
	assert_true(strlen(s) % 2 == 0 && h->n <= sizeof(h->b));
	for (size_t i = 0; i < h->n; i++) {
		memcpy(pair, s + 2 * i, 2);
		h->b[i] = (uint8_t)strtoul(pair, &end, 16);
		assert_true(*end == '\0');
	}
}

static void
hex_member(json_t *o, const char *key, struct hex *h)
{
	hex_read(json_string_value(json_object_get(o, key)), h);
}

static json_t *
json_file(const char *path)
{
	json_t *j = json_load_file(path, 0, NULL);

	assert_non_null(j);
	return j;
}

struct gcm {
	struct hex key, iv, aad, msg, ct, tag;
	bool valid;
};

static void
gcm_read(json_t *o, struct gcm *g)
{
	hex_member(o, "key", &g->key);
	hex_member(o, "iv", &g->iv);
	hex_member(o, "aad", &g->aad);
	hex_member(o, "msg", &g->msg);
	hex_member(o, "ct", &g->ct);
	hex_member(o, "tag", &g->tag);
	g->valid = strcmp(json_string_value(json_object_get(o, "result")),
		       "valid") == 0;
	assert_int_equal(g->key.n, CRYPTO_KEY_SIZE);
	assert_int_equal(g->iv.n, CRYPTO_NONCE_SIZE);
	assert_int_equal(g->tag.n, CRYPTO_TAG_SIZE);
}

static enum err
gcm_open(const struct gcm *g, uint8_t *out)
{
	return crypto_aead_open(
	    g->key.b, g->iv.b, view(&g->aad), view(&g->ct), g->tag.b, out);
}

static void
assert_zeroed(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], 0);
}

static void
gcm_run(const struct gcm *g)
{
	uint8_t out[TEXT_MAX], tag[CRYPTO_TAG_SIZE];

	memset(out, 0xee, sizeof(out));
	if (!g->valid) {
		assert_int_equal(gcm_open(g, out), ERR_CRYPTO);
		assert_zeroed(out, g->ct.n);
		return;
	}
	assert_int_equal(gcm_open(g, out), ERR_OK);
	assert_memory_equal(out, g->msg.b, g->msg.n);
	assert_int_equal(out[g->msg.n], 0xee); /* not one byte more */
	assert_int_equal(crypto_aead_seal(g->key.b, g->iv.b, view(&g->aad),
			     view(&g->msg), out, tag),
	    ERR_OK);
	assert_memory_equal(out, g->ct.b, g->ct.n);
	assert_memory_equal(tag, g->tag.b, sizeof(tag));
}

/*= EN-02: NIST's answers, to seal and to open, and its forgeries. */
static void
gcm_agrees_with_nist(void **state)
{
	json_t *all = json_file("tests/vectors/aes_gcm.json"), *o;
	size_t i, count[2] = { 0, 0 };
	struct gcm g;

	(void)state;
	json_array_foreach (all, i, o) {
		gcm_read(o, &g);
		gcm_run(&g);
		count[g.valid]++;
	}
	assert_int_equal(count[true], 125);
	assert_int_equal(count[false], 50);
	json_decref(all);
}

static void
wycheproof_group(json_t *group, size_t count[2])
{
	struct gcm g;
	json_t *o;
	size_t i;

	if (json_integer_value(json_object_get(group, "keySize")) != 256 ||
	    json_integer_value(json_object_get(group, "ivSize")) != 96 ||
	    json_integer_value(json_object_get(group, "tagSize")) != 128)
		return;
	json_array_foreach (json_object_get(group, "tests"), i, o) {
		gcm_read(o, &g);
		gcm_run(&g);
		count[g.valid]++;
	}
}

/*= EN-02: the 66 cases of Project Wycheproof, 39 valid and 27 not. They are
 * not ours to ship: tools/wycheproof.sh fetches them. */
static void
gcm_agrees_with_wycheproof(void **state)
{
	size_t i, count[2] = { 0, 0 };
	json_t *all = json_file(WYCHEPROOF), *group;

	(void)state;
	json_array_foreach (json_object_get(all, "testGroups"), i, group)
		wycheproof_group(group, count);
	assert_int_equal(count[true], 39);
	assert_int_equal(count[false], 27);
	json_decref(all);
}

static void
flip_each_bit(struct gcm *g, uint8_t *p, size_t n)
{
	uint8_t out[TEXT_MAX];

	for (size_t i = 0; i < n * 8; i++) {
		p[i / 8] ^= (uint8_t)(1 << i % 8);
		memset(out, 0xee, sizeof(out));
		assert_int_equal(gcm_open(g, out), ERR_CRYPTO);
		assert_zeroed(out, g->ct.n);
		p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(gcm_open(g, out), ERR_OK);
}

/*= EN-05: no bit of key, nonce, text, tag or what stands beside may change. */
static void
every_flipped_bit_is_refused(void **state)
{
	json_t *all = json_file("tests/vectors/aes_gcm.json"), *o;
	struct gcm g;
	size_t i;

	(void)state;
	json_array_foreach (all, i, o) {
		gcm_read(o, &g);
		if (!g.valid || i % 5 != 0)
			continue;
		flip_each_bit(&g, g.key.b, g.key.n);
		flip_each_bit(&g, g.iv.b, g.iv.n);
		flip_each_bit(&g, g.aad.b, g.aad.n);
		flip_each_bit(&g, g.ct.b, g.ct.n);
		flip_each_bit(&g, g.tag.b, g.tag.n);
	}
	json_decref(all);
}

/*= EN-05: tags that a careless comparison would let pass. */
static void
crafted_tags_are_refused(void **state)
{
	json_t *all = json_file("tests/vectors/aes_gcm.json"), *o;
	uint8_t out[TEXT_MAX], right[CRYPTO_TAG_SIZE];
	static const uint8_t mask[] = { 0xff, 0x80, 0x01, 0x7f };
	struct gcm g;
	size_t i;

	(void)state;
	json_array_foreach (all, i, o) {
		gcm_read(o, &g);
		if (!g.valid)
			continue;
		memcpy(right, g.tag.b, sizeof(right));
		memset(g.tag.b, 0, sizeof(right));
		assert_int_equal(gcm_open(&g, out), ERR_CRYPTO);
		memset(g.tag.b, 0xff, sizeof(right));
		assert_int_equal(gcm_open(&g, out), ERR_CRYPTO);
		for (size_t m = 0; m < sizeof(mask); m++) {
			for (size_t k = 0; k < sizeof(right); k++)
				g.tag.b[k] = right[k] ^ mask[m];
			assert_int_equal(gcm_open(&g, out), ERR_CRYPTO);
		}
	}
	json_decref(all);
}

static void
seal_and_open_in_place(void **state)
{
	uint8_t key[CRYPTO_KEY_SIZE] = { 7 }, nonce[CRYPTO_NONCE_SIZE] = { 9 };
	uint8_t buf[40] = "the same bytes, there and back", was[40];
	uint8_t tag[CRYPTO_TAG_SIZE];
	struct bytes none = { NULL, 0 };

	(void)state;
	memcpy(was, buf, sizeof(was));
	assert_int_equal(crypto_aead_seal(key, nonce, none,
			     (struct bytes){ buf, sizeof(buf) }, buf, tag),
	    ERR_OK);
	assert_memory_not_equal(buf, was, sizeof(was));
	assert_int_equal(crypto_aead_open(key, nonce, none,
			     (struct bytes){ buf, sizeof(buf) }, tag, buf),
	    ERR_OK);
	assert_memory_equal(buf, was, sizeof(was));
}

/* The TLS code reads the same queue after each of its own calls. */
static void
failure_leaves_no_error_queued(void **state)
{
	uint8_t key[CRYPTO_KEY_SIZE] = { 1 }, nonce[CRYPTO_NONCE_SIZE] = { 2 };
	uint8_t tag[CRYPTO_TAG_SIZE] = { 3 }, out[4];

	(void)state;
	assert_int_equal(
	    crypto_aead_open(key, nonce, text(""), text("abcd"), tag, out),
	    ERR_CRYPTO);
	assert_int_equal(ERR_peek_error(), 0);
}

/*= EN-08: RFC 5869 A.1 to A.3, whole and in its two halves. */
static void
hkdf_agrees_with_rfc5869(void **state)
{
	json_t *all = json_file("tests/vectors/hkdf_sha256.json"), *o;
	struct hex ikm, salt, info, prk, okm;
	uint8_t out[TEXT_MAX];
	size_t i;

	(void)state;
	assert_int_equal(json_array_size(all), 3);
	json_array_foreach (all, i, o) {
		hex_member(o, "ikm", &ikm);
		hex_member(o, "salt", &salt);
		hex_member(o, "info", &info);
		hex_member(o, "prk", &prk);
		hex_member(o, "okm", &okm);
		assert_int_equal(crypto_hkdf(view(&ikm), view(&salt),
				     view(&info), out, okm.n),
		    ERR_OK);
		assert_memory_equal(out, okm.b, okm.n);
		assert_int_equal(
		    crypto_hkdf_extract(view(&ikm), view(&salt), out), ERR_OK);
		assert_memory_equal(out, prk.b, 32);
		assert_int_equal(
		    crypto_hkdf_expand(prk.b, view(&info), out, okm.n), ERR_OK);
		assert_memory_equal(out, okm.b, okm.n);
	}
	json_decref(all);
}

static void
hkdf_stops_at_its_limit(void **state)
{
	static uint8_t out[255 * 32 + 1];
	uint8_t prk[CRYPTO_KEY_SIZE] = { 5 };

	(void)state;
	assert_int_equal(
	    crypto_hkdf_expand(prk, text("x"), out, 255 * 32), ERR_OK);
	memset(out, 0xee, sizeof(out));
	assert_int_equal(
	    crypto_hkdf_expand(prk, text("x"), out, sizeof(out)), ERR_CRYPTO);
	assert_zeroed(out, sizeof(out));
}

static void
sha256_check(const char *key, size_t repeat, const char *msg, const char *want)
{
	uint8_t k[160], out[32];
	struct hex w;

	hex_read(want, &w);
	for (size_t i = 0; i < repeat; i++)
		memcpy(k + i * strlen(key), key, strlen(key));
	assert_int_equal(
	    crypto_hmac_sha256(
		(struct bytes){ k, repeat * strlen(key) }, text(msg), out),
	    ERR_OK);
	assert_memory_equal(out, w.b, 32);
}

/* RFC 4231, cases 1, 2 and 6: a short key, a shorter one, one longer than a
 * block. */
static void
hmac_sha256_agrees_with_rfc4231(void **state)
{
	(void)state;
	sha256_check("\x0b", 20, "Hi There",
	    "b0344c61d8db38535ca8afceaf0bf12b"
	    "881dc200c9833da726e9376c2e32cff7");
	sha256_check("Jefe", 1, "what do ya want for nothing?",
	    "5bdcc146bf60754e6a042426089575c7"
	    "5a003f089d2739839dec58b964ec3843");
	sha256_check("\xaa", 131,
	    "Test Using Larger Than Block-Size Key - Hash Key First",
	    "60e431591ee0b67f0d8a26aacbf5b77f"
	    "8e0bc6213728c5140546040f0ee37f54");
}

/*= TR-14: the password of a TURN credential; RFC 2202 6 for a long key. */
static void
hmac_sha1_agrees_with_oracles(void **state)
{
	uint8_t out[20], key[80];
	struct hex w;

	(void)state;
	assert_int_equal(
	    crypto_hmac_sha1(text("SS"), text("1375043478:abcd1234"), out),
	    ERR_OK);
	hex_read("0d65c08571805568eec260c2e4c4afb17ec0302d", &w);
	assert_memory_equal(out, w.b, 20);
	memset(key, 0xaa, sizeof(key));
	hex_read("aa4ae5e15272d00e95705637ce8a3b55ed402112", &w);
	assert_int_equal(
	    crypto_hmac_sha1((struct bytes){ key, sizeof(key) },
		text("Test Using Larger Than Block-Size Key - Hash Key First"),
		out),
	    ERR_OK);
	assert_memory_equal(out, w.b, 20);
}

/* FIPS 180-4: "abc" and the empty message. */
static void
sha256_agrees_with_fips(void **state)
{
	uint8_t out[32];
	struct hex w;

	(void)state;
	hex_read("ba7816bf8f01cfea414140de5dae2223"
		 "b00361a396177a9cb410ff61f20015ad",
	    &w);
	assert_int_equal(crypto_sha256(text("abc"), out), ERR_OK);
	assert_memory_equal(out, w.b, 32);
	hex_read("e3b0c44298fc1c149afbf4c8996fb924"
		 "27ae41e4649b934ca495991b7852b855",
	    &w);
	assert_int_equal(crypto_sha256((struct bytes){ NULL, 0 }, out), ERR_OK);
	assert_memory_equal(out, w.b, 32);
}

static pthread_barrier_t together;

static void *
hash_often(void *arg)
{
	uint8_t first[32], out[32];

	pthread_barrier_wait(&together);
	if (crypto_sha256(text(arg), first) != ERR_OK)
		return NULL;
	for (int i = 0; i < 50000; i++)
		if (crypto_sha256(text(arg), out) != ERR_OK ||
		    !secret_equal(first, out, sizeof(out)))
			return NULL;
	return arg;
}

/* Offload threads hash while the loop's thread does. */
static void
threads_do_not_share_state(void **state)
{
	char name[4][2] = { "a", "b", "c", "d" };
	pthread_t t[4];
	void *done;

	(void)state;
	assert_int_equal(pthread_barrier_init(&together, NULL, 4), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&t[i], NULL, hash_often, name[i]), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &done), 0);
		assert_ptr_equal(done, name[i]);
	}
}

static int
setup(void **state)
{
	uint8_t out[32];

	(void)state;
	/* before crypto_init every call refuses, none crashes */
	memset(out, 0xee, sizeof(out));
	if (crypto_sha256(text("abc"), out) != ERR_CRYPTO || out[0] != 0)
		return -1;
	return crypto_init() == ERR_OK && crypto_init() == ERR_OK ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gcm_agrees_with_nist),
		cmocka_unit_test(gcm_agrees_with_wycheproof),
		cmocka_unit_test(every_flipped_bit_is_refused),
		cmocka_unit_test(crafted_tags_are_refused),
		cmocka_unit_test(seal_and_open_in_place),
		cmocka_unit_test(failure_leaves_no_error_queued),
		cmocka_unit_test(hkdf_agrees_with_rfc5869),
		cmocka_unit_test(hkdf_stops_at_its_limit),
		cmocka_unit_test(hmac_sha256_agrees_with_rfc4231),
		cmocka_unit_test(hmac_sha1_agrees_with_oracles),
		cmocka_unit_test(sha256_agrees_with_fips),
		cmocka_unit_test(threads_do_not_share_state),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
