#ifndef BASE_KEYRING_H
#define BASE_KEYRING_H

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/err.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * root key -> class keys (per clinic and class, versioned) -> record keys
 * (of each patient, account, job or incident, versioned) -> field keys. This file holds the root and
 * the class keys, in secret memory, and never gives them out: it wraps,
 * unwraps and derives. Where wrapped keys are stored is data/record_key.c's.
 *
 * A wrapped key is an AES-256-GCM envelope:
 *   format(1) = 1 | wrapping key's version(4, big-endian) | nonce(12) |
 *   key(32) | tag(16)
 * with clinic | class | subject | own version authenticated beside it.
 */
#define WRAPPED_KEY_SIZE                                                       \
	(1 + 4 + CRYPTO_NONCE_SIZE + CRYPTO_KEY_SIZE + CRYPTO_TAG_SIZE)
#define KEY_CHECK_SIZE 16

enum key_class {
#define KEY_CLASS(name, use) KEY_CLASS_##name,
#include "tables/key_classes.def"
#undef KEY_CLASS
	KEY_CLASS_COUNT
};

const char *key_class_name(enum key_class); /* "patient", … : stored */
NODISCARD enum err key_class_parse(const char *, enum key_class *);
bool key_class_wraps(enum key_class); /* record keys are wrapped under it */

struct class_key_id {
	struct uuid clinic; /* nil: the installation itself */
	enum key_class class;
	uint32_t version; /* from 1 */
};

/* One patient's or account's key, in secret memory. */
struct record_key {
	struct uuid clinic;
	struct uuid subject;
	uint32_t version;
	/* CRYPTO_KEY_SIZE bytes: the unwrapped key after HKDF-Extract, so that
	 * each field costs one HKDF-Expand */
	uint8_t *key;
};

/*
 * Reads the root key: a file of exactly 32 bytes or 64 hexadecimal digits and
 * a newline, a regular file owned by root or by us, mode 0400 or 0600, not a
 * symbolic link. ERR_INTERNAL with a log event naming the reason if not
 * (EN-06, EN-10). *reason is a sentence for the operator.
 */
NODISCARD enum err keyring_root_load(const char *path, const char **reason);
/* The key itself, for who takes the file apart (ctl/key_share.c): the caller wipes it. */
NODISCARD enum err keyring_root_read(
    const char *path, uint8_t raw[CRYPTO_KEY_SIZE], const char **reason);
/* Value by which a wrong root key is noticed; not secret. */
NODISCARD enum err keyring_root_check(uint8_t out[KEY_CHECK_SIZE]);

/* Makes a new class key; wrapped is what to store. It is not kept: somebody
 * else may store another first, or our transaction may roll back, and what was
 * wrapped under a key that nobody stored is lost. Add the stored one. */
NODISCARD enum err keyring_class_create(
    const struct class_key_id *, uint8_t wrapped[WRAPPED_KEY_SIZE]);
/* Opens a stored class key under the root and keeps it. What is stored counts:
 * a key kept before under the same id is replaced. ERR_CRYPTO if it does not
 * open, and then nothing changes. */
NODISCARD enum err keyring_class_add(
    const struct class_key_id *, struct bytes wrapped);
bool keyring_class_has(const struct class_key_id *);
/* Highest version kept for clinic and class; 0 for none. */
uint32_t keyring_class_newest(const struct uuid *clinic, enum key_class);
/* The versions kept, the newest first, at most `max` of them: how many. */
size_t keyring_class_versions(
    const struct uuid *clinic, enum key_class, uint32_t *versions, size_t max);
/* Version of the class key that a key is wrapped under; 0 if it is none. */
uint32_t keyring_wrapped_under(struct bytes wrapped);

/* Makes a record key of that version, from 1, and wraps it under the newest
 * class key. ERR_CRYPTO if no key of the class is kept; *key is then empty. */
NODISCARD enum err keyring_record_create(const struct uuid *clinic,
    enum key_class, const struct uuid *subject, uint32_t version,
    struct record_key *, uint8_t wrapped[WRAPPED_KEY_SIZE]);
/* ERR_CRYPTO for every cause: no wrapped key, altered, made for another clinic,
 * class, subject or version, or its class key is not kept. */
NODISCARD enum err keyring_record_open(const struct uuid *clinic,
    enum key_class, const struct uuid *subject, uint32_t version,
    struct bytes wrapped, struct record_key *);
/* Wraps a stored record key anew, under the newest class key that is kept: the
 * same key, so that what is sealed under it opens. ERR_CRYPTO as for opening it,
 * and then `again` is zeroed. */
NODISCARD enum err keyring_record_rewrap(const struct uuid *clinic,
    enum key_class, const struct uuid *subject, uint32_t version,
    struct bytes wrapped, uint8_t again[WRAPPED_KEY_SIZE]);
void record_key_free(struct record_key *); /* wipes; idempotent */

/* Key for a blind index, derived from that version of the clinic's index class
 * key. ERR_CRYPTO if it is not kept. */
NODISCARD enum err keyring_index_key(const struct uuid *clinic,
    uint32_t version, const char *purpose, uint8_t out[CRYPTO_KEY_SIZE]);
/* The private Ed25519 key that signs the clinic's log, derived from that version
 * of its audit class key. ERR_CRYPTO if it is not kept. */
NODISCARD enum err keyring_signing_key(
    const struct uuid *clinic, uint32_t version, uint8_t seed[CRYPTO_KEY_SIZE]);
/* Key for one purpose of the installation (cursors, TURN pseudonyms, …),
 * derived straight from the root: only for what may be lost with it, as kept
 * answers are within a day. */
NODISCARD enum err keyring_purpose_key(
    const char *purpose, uint8_t out[CRYPTO_KEY_SIZE]);

#endif
