#include "base/signature.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdbool.h>

static EVP_PKEY *
private_key(const uint8_t seed[SIGNATURE_KEY_SIZE])
{
	return EVP_PKEY_new_raw_private_key_ex(
	    NULL, "ED25519", NULL, seed, SIGNATURE_KEY_SIZE);
}

static enum err
answer(bool right)
{
	if (right)
		return ERR_OK;
	ERR_clear_error();
	return ERR_CRYPTO;
}

enum err
signature_public(
    const uint8_t seed[SIGNATURE_KEY_SIZE], uint8_t key[SIGNATURE_KEY_SIZE])
{
	EVP_PKEY *k = private_key(seed);
	size_t n = SIGNATURE_KEY_SIZE;
	bool done = k != NULL && EVP_PKEY_get_raw_public_key(k, key, &n) == 1 &&
	    n == SIGNATURE_KEY_SIZE;

	EVP_PKEY_free(k);
	return answer(done);
}

enum err
signature_make(const uint8_t seed[SIGNATURE_KEY_SIZE], struct bytes text,
    uint8_t out[SIGNATURE_SIZE])
{
	EVP_PKEY *k = private_key(seed);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	size_t n = SIGNATURE_SIZE;
	bool done = k != NULL && c != NULL &&
	    EVP_DigestSignInit_ex(c, NULL, NULL, NULL, NULL, k, NULL) == 1 &&
	    EVP_DigestSign(c, out, &n, text.p, text.n) == 1 &&
	    n == SIGNATURE_SIZE;

	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k);
	return answer(done);
}

enum err
signature_check(const uint8_t key[SIGNATURE_KEY_SIZE], struct bytes text,
    const uint8_t signature[SIGNATURE_SIZE])
{
	EVP_PKEY *k = EVP_PKEY_new_raw_public_key_ex(
	    NULL, "ED25519", NULL, key, SIGNATURE_KEY_SIZE);
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool right = k != NULL && c != NULL &&
	    EVP_DigestVerifyInit_ex(c, NULL, NULL, NULL, NULL, k, NULL) == 1 &&
	    EVP_DigestVerify(c, signature, SIGNATURE_SIZE, text.p, text.n) == 1;

	EVP_MD_CTX_free(c);
	EVP_PKEY_free(k);
	return answer(right);
}
