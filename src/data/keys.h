#ifndef DATA_KEYS_H
#define DATA_KEYS_H

#include "base/err.h"
#include "base/uuid.h"
#include "data/tx.h"

/*
 * Compares the root key's check value with the one the installation was made
 * with (EN-10), and opens the installation's own index key, so that sign-in
 * names can be looked up. ERR_CRYPTO if either is not ours, ERR_NOT_FOUND if
 * there is no installation yet, or the error of the database. On a fiber.
 */
NODISCARD enum err keys_verify(void);

/*
 * Opens all index keys of a clinic (nil: of the installation) unless the keyring
 * has one: what is looked up and what is indexed needs them. One round trip, once
 * per process and clinic; the transaction must be the clinic's. ERR_CRYPTO if
 * there is none, one does not open, or there are more than FIELD_VERSIONS_MAX.
 */
NODISCARD enum err keys_index_load(struct tx *, const struct uuid *clinic);

#endif
