#ifndef DATA_RECORD_KEY_H
#define DATA_RECORD_KEY_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/keyring.h"
#include "data/field.h"
#include "data/tx.h"

#include <stdint.h>

/*
 * The record keys of patients and accounts as a transaction meets them. Keys
 * belong to the transaction: tx_close wipes them.
 * The clinic is the transaction's (tx_set_clinic); ERR_INTERNAL without one.
 */

/*
 * Makes the key of a new subject under the clinic's newest class key, and
 * stores it: its row travels with the statements that wait next, ahead of
 * those that need it. wrapped, if not NULL, is what was stored, in the
 * transaction's arena.
 *
 * ERR_CRYPTO if the clinic has no key of that class, or libcrypto fails.
 * Source: EN-07; 45 CFR 164.312(a)(2)(iv).
 */
NODISCARD enum err record_key_new(struct tx *, enum key_class,
    const struct uuid *subject, const struct record_key **key,
    struct bytes *wrapped);

/* A stored key that has to be read before a row can be opened: of a record, or,
 * without a subject's version, the class key itself. */
struct key_missing {
	struct class_key_id class;
	struct uuid subject;
	uint32_t version;
};

/* The same of `n` subjects, who ask for the newest class key together. */
NODISCARD enum err record_keys_new(struct tx *, enum key_class,
    const struct uuid *subjects, size_t n, const struct record_key **keys);

/*
 * Opens a stored one; a key that the transaction has open already is given
 * again. Generated calls do this for every "key record_key" column. Asks nobody:
 * ERR_NOT_FOUND, and *missing says which, if the keyring has not its class key.
 * ERR_CRYPTO if the wrapped key does not open, for any reason.
 */
NODISCARD enum err record_key_open(struct tx *, enum key_class,
    const struct uuid *subject, uint32_t version, struct bytes wrapped,
    const struct record_key **key, struct key_missing *missing);

/* The key that opens a sealed value: *key, which is its row's, or another version
 * of the same subject's. Asks nobody: ERR_NOT_FOUND, and *missing says which, if
 * the transaction has not opened it. */
NODISCARD enum err record_key_for(struct tx *, enum field, struct bytes sealed,
    const struct record_key **key, struct key_missing *missing);

/* Reads what is missing: a class key into the keyring, a record key into the
 * transaction. ERR_CRYPTO if there is none, or it does not open. */
NODISCARD enum err record_key_load(struct tx *, const struct key_missing *);

/*
 * The newest class key of id's clinic and class: id->version says which, and the
 * keyring keeps it from now on. Always asked, as another process may have made a
 * newer one since. ERR_CRYPTO if there is none, or it does not open.
 */
NODISCARD enum err class_key_newest(struct tx *, struct class_key_id *);

#endif
