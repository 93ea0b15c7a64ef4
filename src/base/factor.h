#ifndef BASE_FACTOR_H
#define BASE_FACTOR_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Authentication factors as pure functions. How often somebody may try, and
 * where the last step is kept, is care/'s business.
 */

/* Argon2id, m = 46 MiB, t = 1, p = 1 (OWASP; IA-18), encoded string with a
 * 16-byte salt. Slow (tens of ms): call through offload(). The password is
 * NFC already. */
#define FACTOR_HASH_SIZE 128
NODISCARD enum err factor_password_hash(
    const char *password, char out[FACTOR_HASH_SIZE]);
NODISCARD enum err factor_password_check(
    const char *encoded, const char *password, bool *right);
/* Was it made with other costs than we use now? (rehash at next sign-in) */
bool factor_password_outdated(const char *encoded);
/* An encoding that no password opens, to spend the same time on unknown
 * accounts (IA-11). */
const char *factor_password_decoy(void);
/* Is it in the list of common passwords, or the login (whole, or before the @)
 * or the product's name? (IA-13; whole password, case folded; both in NFC) */
bool factor_password_common(const char *password, const char *login);

/*
 * Would zxcvbn guess it within 10^8 tries, from words, names, rows of keys,
 * dates and repeats, and first of all from `words` (lower case, NULL at the
 * end)? Only its first and its last 48 bytes are looked at, and the better of
 * them counts: the time grows with the fourth power of the length (tens of ms
 * at this one). Call through offload(). (IA-13)
 */
bool factor_password_guessable(const char *password, const char *words[]);

/* TOTP, RFC 6238: SHA-1, 6 digits, 30 s, T0 = 0. */
#define FACTOR_SEED_SIZE 20
#define FACTOR_STEP_S	 30
/*
 * Which step does the code belong to? Looks at now's step and `window` steps
 * (0 or 1) to each side, and only at steps greater than last_step; answers the
 * newest that fits. ERR_INVALID_CODE for none. Constant time in the code.
 */
NODISCARD enum err factor_totp_step(const uint8_t seed[FACTOR_SEED_SIZE],
    const char *code, int64_t now, unsigned window, int64_t last_step,
    int64_t *step);
char *factor_seed_base32(struct arena *, const uint8_t seed[FACTOR_SEED_SIZE]);
/* otpauth://totp/Epione:login?secret=…&issuer=Epione (labels escaped) */
char *factor_otpauth_uri(
    struct arena *, const char *issuer, const char *login, const char *base32);
/* SVG of a QR code with a quiet zone, black on white, viewBox only.
 * ERR_INVALID_FIELD for a text that is empty or too long for a code. */
NODISCARD enum err factor_qr_svg(struct arena *, const char *text, char **svg);

/* Recovery codes: 80 random bits as xxxx-xxxx-xxxx-xxxx (Crockford base32). */
#define FACTOR_RECOVERY_COUNT 10
#define FACTOR_RECOVERY_SIZE  20
void factor_recovery_code(char out[FACTOR_RECOVERY_SIZE]);
/* What is stored and looked up: SHA-256 of the code in canonical form: either
 * case, o for 0, i or l for 1, hyphens and spaces anywhere or nowhere.
 * ERR_INVALID_CODE for what cannot be a code. */
NODISCARD enum err factor_recovery_hash(const char *code, uint8_t out[32]);

/* Phrases that one person reads to another: 60 random bits as xxxx-xxxx-xxxx,
 * written and read like recovery codes. */
#define FACTOR_PHRASE_SIZE 15
void factor_phrase(char out[FACTOR_PHRASE_SIZE]);
/* What is stored: SHA-256 of what the phrase opens and the phrase in canonical
 * form. ERR_INVALID_CODE for what cannot be a phrase. */
NODISCARD enum err factor_phrase_hash(
    const uint8_t opens[16], const char *phrase, uint8_t out[32]);

/* Bearer tokens, session cookies, invitations: 32 random bytes, base64url;
 * stored as SHA-256 of the text (SE-03). Any text can be hashed: what is no
 * token is never found. */
#define FACTOR_TOKEN_SIZE 44
NODISCARD enum err factor_token(char out[FACTOR_TOKEN_SIZE], uint8_t hash[32]);
NODISCARD enum err factor_token_hash(const char *token, uint8_t hash[32]);

#endif
