#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/crypto.h"
#include "base/merkle.h"
#include "base/signature.h"

#include <stdio.h>
#include <string.h>

/* The leaves and roots of Certificate Transparency's own tests. */
static const struct {
	const char *leaf;
	size_t n;
	const char *root; /* of the tree up to this leaf */
} known[] = {
	{ "", 0,
	    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01"
	    "d" },
	{ "\x00", 1,
	    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c12"
	    "5" },
	{ "\x10", 1,
	    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e7"
	    "7" },
	{ "\x20\x21", 2,
	    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b"
	    "7" },
	{ "\x30\x31", 2,
	    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d"
	    "4" },
	{ "\x40\x41\x42\x43", 4,
	    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087e"
	    "f" },
	{ "\x50\x51\x52\x53\x54\x55\x56\x57", 8,
	    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8"
	    "c" },
	{ "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
	    16,
	    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff460432"
	    "8" },
};
#define KNOWN (sizeof(known) / sizeof(known[0]))

static void
hash_is(const uint8_t *hash, const char *hex)
{
	char text[2 * MERKLE_HASH_SIZE + 1];

	for (size_t i = 0; i < MERKLE_HASH_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	assert_string_equal(text, hex);
}

static void
leaf_of(size_t i, struct merkle_hash *h)
{
	uint8_t b[32] = { 0 };

	if (known[i].n > 0)
		memcpy(b + 1, known[i].leaf, known[i].n);
	assert_int_equal(
	    merkle_leaf((struct bytes){ b, 1 + known[i].n }, h), ERR_OK);
}

/* Which subtrees are whole: of leaves two, four, two, eight. */
struct told {
	unsigned heights[KNOWN];
	size_t n;
};

static enum err
tell(void *arg, unsigned height, const struct merkle_hash *h)
{
	struct told *t = arg;

	assert_non_null(h);
	assert_true(t->n < KNOWN);
	t->heights[t->n++] = height;
	return ERR_OK;
}

static void
roots_are_those_of_the_standard(void **state)
{
	struct merkle_edge edge = { .n = 0 };
	struct merkle_hash h;
	struct told told = { .n = 0 };
	const unsigned heights[] = { 1, 1, 2, 1, 1, 2, 3 };

	(void)state;
	assert_int_equal(merkle_root(&edge, &h), ERR_OK);
	hash_is(h.b,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (size_t i = 0; i < KNOWN; i++) {
		leaf_of(i, &h);
		assert_int_equal(merkle_add(&edge, &h, tell, &told), ERR_OK);
		assert_int_equal(edge.size, i + 1);
		assert_int_equal(merkle_root(&edge, &h), ERR_OK);
		hash_is(h.b, known[i].root);
	}
	assert_int_equal(told.n, sizeof(heights) / sizeof(heights[0]));
	assert_memory_equal(told.heights, heights, sizeof(heights));
}

static void
an_edge_is_kept_and_read_again(void **state)
{
	struct merkle_edge edge = { .n = 0 }, again;
	struct merkle_hash h;
	struct bytes kept;

	(void)state;
	for (size_t i = 0; i < 7; i++) {
		leaf_of(i, &h);
		assert_int_equal(merkle_add(&edge, &h, NULL, NULL), ERR_OK);
	}
	kept = merkle_edge_bytes(&edge);
	assert_int_equal(kept.n, 3 * MERKLE_HASH_SIZE);
	assert_int_equal(merkle_edge_read(7, kept, &again), ERR_OK);
	assert_int_equal(merkle_root(&again, &h), ERR_OK);
	hash_is(h.b, known[6].root);
	assert_int_equal(merkle_edge_read(8, kept, &again), ERR_INVALID_FIELD);
	assert_int_equal(merkle_edge_read(-1, kept, &again), ERR_INVALID_FIELD);
	assert_int_equal(
	    merkle_edge_read(0, (struct bytes){ NULL, 0 }, &again), ERR_OK);
}

static void
a_leaf_has_its_zero_byte(void **state)
{
	const uint8_t other[] = { 1, 'x' };
	struct merkle_hash h;

	(void)state;
	assert_int_equal(
	    merkle_leaf((struct bytes){ other, sizeof(other) }, &h),
	    ERR_CRYPTO);
	assert_int_equal(
	    merkle_leaf((struct bytes){ other, 0 }, &h), ERR_CRYPTO);
}

/* The root of the subtree of those leaves. */
static enum err
whole(void *arg, unsigned height, int64_t index, struct merkle_hash *out)
{
	struct merkle_edge edge = { .n = 0 };
	struct merkle_hash h;

	(void)arg;
	for (int64_t i = index << height; i < (index + 1) << height; i++) {
		leaf_of((size_t)i, &h);
		assert_int_equal(merkle_add(&edge, &h, NULL, NULL), ERR_OK);
	}
	return merkle_root(&edge, out);
}

static const struct merkle_source source = { whole, NULL };

/* Those of Certificate Transparency's tests. */
static void
an_inclusion_is_proved_by_what_lies_beside_the_way(void **state)
{
	static const char *const first[] = {
		"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cf"
		"c7",
		"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de303"
		"1e",
		"6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6"
		"e4",
	};
	struct merkle_hash v[MERKLE_PROOF_MAX];
	size_t n;

	(void)state;
	assert_int_equal(merkle_inclusion(&source, 0, 8, v, &n), ERR_OK);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		hash_is(v[i].b, first[i]);
	assert_int_equal(merkle_inclusion(&source, 0, 1, v, &n), ERR_OK);
	assert_int_equal(n, 0);
	assert_int_equal(
	    merkle_inclusion(&source, 8, 8, v, &n), ERR_INVALID_FIELD);
	assert_int_equal(
	    merkle_inclusion(&source, -1, 8, v, &n), ERR_INVALID_FIELD);
	assert_int_equal(
	    merkle_inclusion(&source, 0, INT64_MAX, v, &n), ERR_INVALID_FIELD);
}

static void
a_beginning_is_proved(void **state)
{
	static const char *const six[] = {
		"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef"
		"6a",
		"ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0a"
		"e0",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614"
		"b7",
	};
	struct merkle_hash v[MERKLE_PROOF_MAX];
	size_t n;

	(void)state;
	assert_int_equal(merkle_consistency(&source, 6, 8, v, &n), ERR_OK);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++)
		hash_is(v[i].b, six[i]);
	assert_int_equal(merkle_consistency(&source, 0, 8, v, &n), ERR_OK);
	assert_int_equal(n, 0);
	assert_int_equal(merkle_consistency(&source, 8, 8, v, &n), ERR_OK);
	assert_int_equal(n, 0);
	assert_int_equal(
	    merkle_consistency(&source, 9, 8, v, &n), ERR_INVALID_FIELD);
	assert_int_equal(
	    merkle_consistency(&source, -1, 8, v, &n), ERR_INVALID_FIELD);
}

/* RFC 8032, 7.1, test 2. */
static void
signatures_are_those_of_the_standard(void **state)
{
	static const uint8_t seed[] = { 0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff,
		0x96, 0xda, 0x9d, 0xb6, 0xc3, 0x46, 0xec, 0x11, 0x4e, 0x0f,
		0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24, 0xda, 0x8c,
		0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb };
	uint8_t text[] = { 0x72 };
	uint8_t key[SIGNATURE_KEY_SIZE], signature[SIGNATURE_SIZE];
	struct bytes said = { text, sizeof(text) };

	(void)state;
	assert_int_equal(signature_public(seed, key), ERR_OK);
	hash_is(key,
	    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
	assert_int_equal(signature_make(seed, said, signature), ERR_OK);
	hash_is(signature,
	    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da");
	assert_int_equal(signature_check(key, said, signature), ERR_OK);
	text[0] ^= 1;
	assert_int_equal(signature_check(key, said, signature), ERR_CRYPTO);
	text[0] ^= 1;
	signature[40] ^= 1;
	assert_int_equal(signature_check(key, said, signature), ERR_CRYPTO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(roots_are_those_of_the_standard),
		cmocka_unit_test(an_edge_is_kept_and_read_again),
		cmocka_unit_test(a_leaf_has_its_zero_byte),
		cmocka_unit_test(
		    an_inclusion_is_proved_by_what_lies_beside_the_way),
		cmocka_unit_test(a_beginning_is_proved),
		cmocka_unit_test(signatures_are_those_of_the_standard),
	};

	if (crypto_init() != ERR_OK)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
