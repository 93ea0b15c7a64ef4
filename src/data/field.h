#ifndef DATA_FIELD_H
#define DATA_FIELD_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"
#include "base/keyring.h"
#include "base/uuid.h"
#include "data/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field {
#define FIELD(name, stored, bytes, class, index) FIELD_##name,
#include "tables/fields.def"
#undef FIELD
	FIELD_COUNT
};

enum field_index {
	FIELD_INDEX_NONE,
	FIELD_INDEX_EXACT,
	FIELD_INDEX_EMAIL,
	FIELD_INDEX_PHONE,
	FIELD_INDEX_DATE,
	FIELD_INDEX_NAME
};

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

/* The version of the record key that a value is sealed under; 0 if it is no
 * envelope. */
uint32_t field_sealed_under(struct bytes);

/*
 * Blind index tokens: the version of the clinic's index key (2 bytes,
 * big-endian), and HMAC-SHA256 under a key of that and of the column over the
 * normalised value, cut to 64 bits. A match is a candidate: open the row and
 * compare (field_matches). What is written is under the newest version; what is
 * looked for is looked for under each that is kept.
 */
#define FIELD_TOKEN_SIZE   (2 + 8)
#define FIELD_VERSIONS_MAX 2 /* a turn of the index key ends before the next */
#define FIELD_PARTS_MAX	   3 /* of a date */
#define FIELD_PREFIX_MIN   2 /* letters */
#define FIELD_PREFIX_MAX   12

/* Tokens of a value that is no name: one; of a date one for the year, the month
 * and the day, as far as they are known; of a telephone number without its
 * extension. None for a value without letters or digits. ERR_INTERNAL for
 * another field, ERR_BAD_ENCODING, ERR_INVALID_FIELD for what cannot be such a
 * value, ERR_CRYPTO if the clinic's index key is not kept. */
NODISCARD enum err field_index_tokens(struct arena *, const struct uuid *clinic,
    enum field, const char *value, struct bytes **tokens, size_t *n);

/* The same to look for it: each of these tokens under all versions, the newest
 * first. How many there are is how many lists are not empty. */
NODISCARD enum err field_index_sought(struct arena *, const struct uuid *clinic,
    enum field, const char *value, struct bytes_list tokens[FIELD_PARTS_MAX]);

/* The version of the index key that a token was made with; 0 if it is none. */
uint32_t field_token_version(struct bytes token);

/*
 * A word of a name, as all fields of names share it. What is written "O'Neill"
 * is the words oneill, o and neill; "De la Cruz" is also delacruz, and "Muller"
 * with its dots is also mueller, so that each way to type it finds it.
 * `whole`: the name is this one word, or this row stands for its words together.
 */
struct field_word {
	struct bytes token;
	bool whole;
	struct bytes *beginnings; /* by which it is found; none if not a word */
	size_t beginnings_n;
};

/* The words of a name, sorted by token, without repetition: they tell nothing
 * of the order of the words. Under that version of the index key; 0: the newest. */
NODISCARD enum err field_name_words(struct arena *, const struct uuid *clinic,
    uint32_t version, const char *name, struct field_word **words, size_t *n);

/* What is looked for, word by word: each beginning of `alternatives` stands for
 * it, at most FIELD_ALTERNATIVES_MAX. A word of one letter is looked for whole, one of more than 12 letters by
 * its first 12. ERR_INVALID_FIELD when there is no word. */
#define FIELD_ALTERNATIVES_MAX (2 * FIELD_VERSIONS_MAX)
struct field_sought {
	struct bytes *alternatives;
	size_t alternatives_n;
	const char *text; /* the bare word */
};
NODISCARD enum err field_name_sought(struct arena *, const struct uuid *clinic,
    const char *searched, struct field_sought **words, size_t *n);

/* The token that a name which is exactly this one has as a whole, under each
 * version, the newest first. */
NODISCARD enum err field_name_whole(struct arena *, const struct uuid *clinic,
    const char *name, struct bytes_list *tokens);

/* Does the opened value really match what was searched for? */
NODISCARD enum err field_matches(struct arena *, enum field, const char *value,
    const char *searched, int *matches);
/* The same of several names of one person, of any of which each word that was
 * searched for may be; NULL for a name that there is not. */
NODISCARD enum err field_names_match(struct arena *, const char *const *names,
    size_t n, const char *searched, int *matches);

#endif
