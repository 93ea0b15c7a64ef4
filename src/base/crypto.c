#include "base/crypto.h"

#include "base/secret.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HASH_BLOCK 64 /* of SHA-1 and of SHA-256 */
#define HASH_MAX   32
#define PARTS_MAX  4

/*= EN-02, EN-08: fetched once: a look-up by name on each call costs more than
 * the AES and SHA-256 that it finds. */
static EVP_CIPHER *aes_256_gcm;
static EVP_MD *sha256;
static EVP_MD *sha1;

/* Contexts are costly to make and cheap to use again; offload threads hash
 * too, so each thread has its own. */
struct contexts {
	EVP_CIPHER_CTX *cipher;
	EVP_MD_CTX *digest;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t contexts_key;
static bool ready;
static _Thread_local struct contexts *mine;

static void
contexts_free(void *p)
{
	struct contexts *c = p;

	if (c == NULL)
		return;
	EVP_CIPHER_CTX_free(c->cipher);
	EVP_MD_CTX_free(c->digest);
	free(c);
}

static void
fetch_all(void)
{
	aes_256_gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	sha1 = EVP_MD_fetch(NULL, "SHA1", NULL);
	ready = aes_256_gcm != NULL && sha256 != NULL && sha1 != NULL &&
	    pthread_key_create(&contexts_key, contexts_free) == 0;
}

enum err
crypto_init(void)
{
	if (pthread_once(&once, fetch_all) != 0 || !ready) {
		ERR_clear_error();
		return ERR_CRYPTO;
	}
	return ERR_OK;
}

static struct contexts *
contexts_new(void)
{
	struct contexts *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->cipher = EVP_CIPHER_CTX_new();
	c->digest = EVP_MD_CTX_new();
	if (c->cipher == NULL || c->digest == NULL ||
	    pthread_setspecific(contexts_key, c) != 0) {
		contexts_free(c);
		return NULL;
	}
	return c;
}

/* This thread's contexts; NULL before crypto_init or without memory. */
static struct contexts *
contexts_get(void)
{
	if (mine == NULL && ready)
		mine = contexts_new();
	return mine;
}

/* libcrypto leaves reasons on the thread's queue, where the TLS code would
 * take them for its own. */
static enum err
refuse(uint8_t *out, size_t n)
{
	if (n > 0)
		secret_wipe(out, n);
	ERR_clear_error();
	return ERR_CRYPTO;
}

static bool
aead_sizes_fit(struct bytes aad, struct bytes in)
{
	return aad.n <= INT_MAX && in.n <= INT_MAX;
}

/* Starts a call: key, nonce and what is authenticated beside the text. */
static bool
aead_begin(EVP_CIPHER_CTX *ctx, const uint8_t *key, const uint8_t *nonce,
    struct bytes aad, int seal)
{
	int n;

	return EVP_CipherInit_ex(ctx, aes_256_gcm, NULL, key, nonce, seal) ==
	    1 &&
	    (aad.n == 0 ||
		EVP_CipherUpdate(ctx, NULL, &n, aad.p, (int)aad.n) == 1);
}

/* The key schedule of the last call would stay in ordinary memory. */
static void
aead_forget(EVP_CIPHER_CTX *ctx)
{
	static const uint8_t nothing[CRYPTO_KEY_SIZE];

	(void)EVP_CipherInit_ex(ctx, NULL, NULL, nothing, nothing, 1);
}

/*= EN-02: AES-256-GCM, 96-bit nonce, 128-bit tag (SP 800-38D). */
enum err
crypto_aead_seal(const uint8_t key[CRYPTO_KEY_SIZE],
    const uint8_t nonce[CRYPTO_NONCE_SIZE], struct bytes aad, struct bytes in,
    uint8_t *out, uint8_t tag[CRYPTO_TAG_SIZE])
{
	struct contexts *c = contexts_get();
	uint8_t none[1];
	bool ok;
	int n;

	if (c == NULL || !aead_sizes_fit(aad, in)) {
		secret_wipe(tag, CRYPTO_TAG_SIZE);
		return refuse(out, in.n);
	}
	ok = aead_begin(c->cipher, key, nonce, aad, 1) &&
	    (in.n == 0 ||
		EVP_EncryptUpdate(c->cipher, out, &n, in.p, (int)in.n) == 1) &&
	    EVP_EncryptFinal_ex(c->cipher, none, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(
		c->cipher, EVP_CTRL_AEAD_GET_TAG, CRYPTO_TAG_SIZE, tag) == 1;
	aead_forget(c->cipher);
	if (!ok) {
		secret_wipe(tag, CRYPTO_TAG_SIZE);
		return refuse(out, in.n);
	}
	return ERR_OK;
}

/*= EN-05: text that fails its tag is wiped before anyone can read it. */
enum err
crypto_aead_open(const uint8_t key[CRYPTO_KEY_SIZE],
    const uint8_t nonce[CRYPTO_NONCE_SIZE], struct bytes aad, struct bytes in,
    const uint8_t tag[CRYPTO_TAG_SIZE], uint8_t *out)
{
	struct contexts *c = contexts_get();
	uint8_t none[1], expected[CRYPTO_TAG_SIZE];
	bool ok;
	int n;

	if (c == NULL || !aead_sizes_fit(aad, in))
		return refuse(out, in.n);
	memcpy(
	    expected, tag, sizeof(expected)); /* the call wants it writable */
	ok = aead_begin(c->cipher, key, nonce, aad, 0) &&
	    EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_SET_TAG,
		CRYPTO_TAG_SIZE, expected) == 1 &&
	    (in.n == 0 ||
		EVP_DecryptUpdate(c->cipher, out, &n, in.p, (int)in.n) == 1) &&
	    EVP_DecryptFinal_ex(c->cipher, none, &n) == 1;
	aead_forget(c->cipher);
	return ok ? ERR_OK : refuse(out, in.n);
}

/* Hashes up to PARTS_MAX pieces as one message. */
static bool
digest_parts(
    const EVP_MD *md, const struct bytes *parts, size_t count, uint8_t *out)
{
	struct contexts *c = contexts_get();
	size_t i;

	if (c == NULL || EVP_DigestInit_ex(c->digest, md, NULL) != 1)
		return false;
	for (i = 0; i < count; i++)
		if (parts[i].n > 0 &&
		    EVP_DigestUpdate(c->digest, parts[i].p, parts[i].n) != 1)
			return false;
	if (EVP_DigestFinal_ex(c->digest, out, NULL) != 1)
		return false;
	/* the chaining value is the result, which may be a key: start over */
	(void)EVP_DigestInit_ex(c->digest, md, NULL);
	return true;
}

/* A key longer than a block is replaced by its hash (RFC 2104 2). */
static bool
hmac_pads(const EVP_MD *md, struct bytes key, uint8_t inner[HASH_BLOCK],
    uint8_t outer[HASH_BLOCK])
{
	size_t i;

	memset(inner, 0, HASH_BLOCK);
	if (key.n > HASH_BLOCK) {
		if (!digest_parts(md, &key, 1, inner))
			return false;
	} else if (key.n > 0) {
		memcpy(inner, key.p, key.n);
	}
	for (i = 0; i < HASH_BLOCK; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	return true;
}

/* HMAC (RFC 2104) over a message in pieces. Two plain digests: OpenSSL 3.0's
 * own HMAC spends three times as long on setting up as on hashing. */
static bool
hmac_parts(const EVP_MD *md, struct bytes key, const struct bytes *parts,
    size_t count, uint8_t *out)
{
	uint8_t inner[HASH_BLOCK], outer[HASH_BLOCK], middle[HASH_MAX];
	struct bytes in[PARTS_MAX + 1] = { { inner, sizeof(inner) } };
	struct bytes over[2] = { { outer, sizeof(outer) }, { middle, 0 } };
	bool ok = false;

	if (md == NULL || count > PARTS_MAX)
		return false;
	memcpy(in + 1, parts, count * sizeof(*parts));
	over[1].n = (size_t)EVP_MD_get_size(md);
	ok = hmac_pads(md, key, inner, outer) &&
	    digest_parts(md, in, count + 1, middle) &&
	    digest_parts(md, over, 2, out);
	secret_wipe(inner, sizeof(inner));
	secret_wipe(outer, sizeof(outer));
	secret_wipe(middle, sizeof(middle));
	return ok;
}

enum err
crypto_hmac_sha256(struct bytes key, struct bytes in, uint8_t out[32])
{
	return hmac_parts(sha256, key, &in, 1, out) ? ERR_OK : refuse(out, 32);
}

enum err
crypto_hmac_sha1(struct bytes key, struct bytes in, uint8_t out[20])
{
	return hmac_parts(sha1, key, &in, 1, out) ? ERR_OK : refuse(out, 20);
}

enum err
crypto_sha256(struct bytes in, uint8_t out[32])
{
	if (sha256 == NULL || !digest_parts(sha256, &in, 1, out))
		return refuse(out, 32);
	return ERR_OK;
}

struct crypto_hash {
	EVP_MD_CTX *context;
	bool failed;
};

struct crypto_hash *
crypto_hash_new(void)
{
	struct crypto_hash *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return NULL;
	h->context = EVP_MD_CTX_new();
	h->failed = h->context == NULL || sha256 == NULL ||
	    EVP_DigestInit_ex(h->context, sha256, NULL) != 1;
	return h;
}

void
crypto_hash_add(struct crypto_hash *h, struct bytes in)
{
	h->failed = h->failed || EVP_DigestUpdate(h->context, in.p, in.n) != 1;
}

enum err
crypto_hash_end(struct crypto_hash *h, uint8_t out[32])
{
	unsigned n = 0;

	h->failed = h->failed || EVP_DigestFinal_ex(h->context, out, &n) != 1 ||
	    n != 32;
	return h->failed ? refuse(out, 32) : ERR_OK;
}

void
crypto_hash_free(struct crypto_hash *h)
{
	if (h != NULL)
		EVP_MD_CTX_free(h->context);
	free(h);
}

/*= EN-08: HKDF-SHA256, RFC 5869 2.2; an absent salt is HMAC's empty key. */
enum err
crypto_hkdf_extract(
    struct bytes key, struct bytes salt, uint8_t out[CRYPTO_KEY_SIZE])
{
	return crypto_hmac_sha256(salt, key, out);
}

/*= EN-08: RFC 5869 2.3: T(i) = HMAC(PRK, T(i-1) | info | i). */
enum err
crypto_hkdf_expand(const uint8_t prk[CRYPTO_KEY_SIZE], struct bytes info,
    uint8_t *out, size_t out_n)
{
	uint8_t block[HASH_MAX], number = 0;
	struct bytes parts[3] = { { block, 0 }, info, { &number, 1 } };
	struct bytes key = { prk, CRYPTO_KEY_SIZE };
	size_t done = 0, n;

	if (out_n > 255 * HASH_MAX)
		return refuse(out, out_n);
	while (done < out_n) {
		number++;
		if (!hmac_parts(sha256, key, parts, 3, block))
			break;
		parts[0].n = HASH_MAX;
		n = out_n - done < HASH_MAX ? out_n - done : HASH_MAX;
		memcpy(out + done, block, n);
		done += n;
	}
	secret_wipe(block, sizeof(block));
	return done == out_n ? ERR_OK : refuse(out, out_n);
}

enum err
crypto_hkdf(struct bytes key, struct bytes salt, struct bytes info,
    uint8_t *out, size_t out_n)
{
	uint8_t prk[CRYPTO_KEY_SIZE];
	enum err r;

	if (crypto_hkdf_extract(key, salt, prk) != ERR_OK)
		return refuse(out, out_n);
	r = crypto_hkdf_expand(prk, info, out, out_n);
	secret_wipe(prk, sizeof(prk));
	return r;
}
