#ifndef DATA_FIELD_H
#define DATA_FIELD_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/keyring.h"
#include "base/uuid.h"

#include <stddef.h>
#include <stdint.h>

enum field {
#define FIELD(name, stored, bytes, class, index) FIELD_##name,
#include "tables/fields.def"
#undef FIELD
	FIELD_COUNT
};

enum field_index { FIELD_INDEX_NONE, FIELD_INDEX_EXACT, FIELD_INDEX_NAME };

/* format(1) = 1, record key version(4), nonce(12), text, tag(16) */
#define FIELD_OVERHEAD (1 + 4 + CRYPTO_NONCE_SIZE + CRYPTO_TAG_SIZE)

const char *field_stored(enum field); /* "patient.family_name" */
size_t field_limit(enum field);	      /* bytes of plaintext */
enum key_class field_class(enum field);
enum field_index field_index_kind(enum field);

/*
 * Seal one column's plaintext for storage.
 *
 *   key    the record key of the patient or account it belongs to
 *   f      which column: a row of tables/fields.def
 *   row    primary key of the row it will live in
 *   in     plaintext, UTF-8; at most the row's limit in bytes
 *   out    allocated in the arena, in.n + FIELD_OVERHEAD bytes
 *
 * AES-256-GCM under HKDF(record key, "table.column"); clinic, table, column,
 * row and key version are authenticated with the text, so a value copied to
 * another row, column or clinic does not open.
 *
 * ERR_INVALID_FIELD if too long; ERR_CRYPTO if libcrypto fails.
 * Source: NIST SP 800-38D 8.2.2; 45 CFR 164.312(a)(2)(iv).
 */
NODISCARD enum err field_seal(struct arena *, const struct record_key *key,
    enum field f, const struct uuid *row, struct bytes in, struct bytes *out);

/* The reverse; out is NUL-terminated in the arena (the NUL not counted).
 * ERR_CRYPTO for anything that is not exactly what field_seal made for this
 * place: no partial text, one error for every cause. */
NODISCARD enum err field_open(struct arena *, const struct record_key *key,
    enum field f, const struct uuid *row, struct bytes in, struct bytes *out);

/*
 * Blind index tokens: HMAC-SHA256 under a key of the clinic and column over
 * the normalised value, cut to FIELD_TOKEN_SIZE bytes. A match is a
 * candidate: open the row and compare (field_matches).
 */
#define FIELD_TOKEN_SIZE 8 /* 64 bits */
#define FIELD_PREFIX_MIN 2 /* letters */
#define FIELD_PREFIX_MAX 12

/* Tokens to store for a value: one for EXACT; for NAME one per word and
 * prefix length (2 to 12 letters; a word of one letter has one for itself).
 * Sorted, without repetition, so that they tell nothing of the order of
 * letters and words. None for a value without letters or digits.
 * ERR_INTERNAL for a field without an index, ERR_BAD_ENCODING, ERR_CRYPTO if
 * the clinic's index key is not kept. */
NODISCARD enum err field_index_tokens(struct arena *, const struct uuid *clinic,
    enum field, const char *value, struct bytes **tokens, size_t *n);
/* Tokens that a row must all have to match a searched value (one per word;
 * a word of more than 12 letters is looked for by its first 12).
 * ERR_INVALID_FIELD when a word is shorter than two letters (but one letter of
 * a script whose letters are words will do), or when there is no word. */
NODISCARD enum err field_search_tokens(struct arena *,
    const struct uuid *clinic, enum field, const char *value,
    struct bytes **tokens, size_t *n);
/* Does the opened value really match what was searched for? */
NODISCARD enum err field_matches(struct arena *, enum field, const char *value,
    const char *searched, int *matches);

#endif
