#ifndef DATA_KEY_TURN_H
#define DATA_KEY_TURN_H

#include "base/err.h"
#include "base/keyring.h"
#include "data/tx.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Makes that version of a class key and stores it, wrapped under the root. The
 * keyring is not told: it asks once this is committed. ERR_ALREADY_DONE if
 * somebody made the same version first.
 */
NODISCARD enum err class_key_make(struct tx *, const struct class_key_id *);

/*
 * Wraps at most `limit` record keys of a class, of the transaction's clinic, under
 * its newest class key; what another transaction has in hand is passed by. Each
 * stays as it was, or is wrapped anew, with the transaction.
 */
struct keys_rewrapped {
	size_t n;      /* wrapped anew */
	size_t closed; /* that do not open: left as they were, and logged */
	bool left;     /* there are more, some perhaps in others' hands */
};
NODISCARD enum err record_keys_rewrap(
    struct tx *, enum key_class, size_t limit, struct keys_rewrapped *);

#endif
