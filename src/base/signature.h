#ifndef BASE_SIGNATURE_H
#define BASE_SIGNATURE_H

#include "base/bytes.h"
#include "base/err.h"

#include <stdint.h>

/* Ed25519 (RFC 8032). ERR_CRYPTO if libcrypto fails, or the signature is not
 * the key's. The seed is the private key. */
#define SIGNATURE_KEY_SIZE 32
#define SIGNATURE_SIZE	   64

NODISCARD enum err signature_public(
    const uint8_t seed[SIGNATURE_KEY_SIZE], uint8_t key[SIGNATURE_KEY_SIZE]);
NODISCARD enum err signature_make(const uint8_t seed[SIGNATURE_KEY_SIZE],
    struct bytes text, uint8_t out[SIGNATURE_SIZE]);
NODISCARD enum err signature_check(const uint8_t key[SIGNATURE_KEY_SIZE],
    struct bytes text, const uint8_t signature[SIGNATURE_SIZE]);

#endif
