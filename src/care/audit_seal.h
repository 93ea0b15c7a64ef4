#ifndef CARE_AUDIT_SEAL_H
#define CARE_AUDIT_SEAL_H

#include "data/tx.h"

#include <stdbool.h>
#include <stdint.h>

/* Hashes of a tile that is whole, and how many levels of subtrees that is. */
#define AUDIT_TILE	  256
#define AUDIT_TILE_HEIGHT 8

/*
 * Seals what was committed since the last turn, of all clinics, at most some
 * hundred events: adds their leaves to the trees and signs new checkpoints, in
 * this transaction, which the caller commits. *sealed is how many; with *more
 * there are others. One turn at a time over all processes and hosts: while
 * another seals there is nothing to do.
 */
NODISCARD enum err audit_seal(struct tx *, int64_t *sealed, bool *more);

#endif
