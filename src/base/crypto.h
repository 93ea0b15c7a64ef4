#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include "base/bytes.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * The primitives, all libcrypto's. Algorithms are fetched once, at
 * crypto_init (after fork is fine, before threads). Failures of libcrypto and
 * failed authentication are both ERR_CRYPTO, and outputs are then zeroed.
 */
#define CRYPTO_KEY_SIZE	  32
#define CRYPTO_NONCE_SIZE 12
#define CRYPTO_TAG_SIZE	  16

NODISCARD enum err crypto_init(void);

/* AES-256-GCM with a given 96-bit nonce (SP 800-38D). out holds in.n bytes;
 * it may equal in.p. */
NODISCARD enum err crypto_aead_seal(const uint8_t key[CRYPTO_KEY_SIZE],
    const uint8_t nonce[CRYPTO_NONCE_SIZE], struct bytes aad, struct bytes in,
    uint8_t *out, uint8_t tag[CRYPTO_TAG_SIZE]);
NODISCARD enum err crypto_aead_open(const uint8_t key[CRYPTO_KEY_SIZE],
    const uint8_t nonce[CRYPTO_NONCE_SIZE], struct bytes aad, struct bytes in,
    const uint8_t tag[CRYPTO_TAG_SIZE], uint8_t *out);

/* HKDF-SHA256 (RFC 5869); out_n at most 255 * 32. */
NODISCARD enum err crypto_hkdf(struct bytes key, struct bytes salt,
    struct bytes info, uint8_t *out, size_t out_n);
/* Its two halves, for a key that many keys are derived from: extract once, and
 * expand for each info. crypto_hkdf is exactly one after the other. */
NODISCARD enum err crypto_hkdf_extract(
    struct bytes key, struct bytes salt, uint8_t out[CRYPTO_KEY_SIZE]);
NODISCARD enum err crypto_hkdf_expand(const uint8_t prk[CRYPTO_KEY_SIZE],
    struct bytes info, uint8_t *out, size_t out_n);
NODISCARD enum err crypto_hmac_sha256(
    struct bytes key, struct bytes in, uint8_t out[32]);
/* TURN REST credentials only: RFC 2104 with SHA-1. */
NODISCARD enum err crypto_hmac_sha1(
    struct bytes key, struct bytes in, uint8_t out[20]);
NODISCARD enum err crypto_sha256(struct bytes in, uint8_t out[32]);

/* SHA-256 of what comes piece by piece. A failure shows at the end, once. */
struct crypto_hash;
struct crypto_hash *crypto_hash_new(void); /* NULL: out of memory */
void crypto_hash_add(struct crypto_hash *, struct bytes);
NODISCARD enum err crypto_hash_end(struct crypto_hash *, uint8_t out[32]);
void crypto_hash_free(struct crypto_hash *); /* accepts NULL */

#endif
