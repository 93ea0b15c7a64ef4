#ifndef CARE_AUDIT_TREE_H
#define CARE_AUDIT_TREE_H

#include "base/merkle.h"
#include "data/tx.h"
#include "sql.h"

/*
 * A sealed log as whoever reads it sees it: what can be proved of it. All of it
 * costs a few reads more when the log is a thousand times as long.
 */
struct audit_tree {
	struct tx *tx;
	struct uuid clinic;
	int64_t size;
	const char *note; /* the checkpoint of this size */
	const char *key;  /* that signed it, as C2SP writes it */
	struct audit_tiles *tiles;
};

/* ERR_NOT_SEALED if nothing is, or nothing is signed. */
NODISCARD enum err audit_tree_open(
    struct tx *, const struct uuid *clinic, struct audit_tree *);

/* Where an event stands. ERR_NOT_SEALED; ERR_SEAL_BROKEN if what was sealed in
 * its place is not this. */
NODISCARD enum err audit_leaf_find(
    struct tx *, const struct audit_event_row *, int64_t *index);

/* Proofs of base/merkle.h; ERR_SEAL_BROKEN if hashes are missing. */
NODISCARD enum err audit_tree_inclusion(
    struct audit_tree *, int64_t index, struct merkle_hash *, size_t *n);
NODISCARD enum err audit_tree_consistency(struct audit_tree *, int64_t from,
    int64_t to, struct merkle_hash *, size_t *n);

#endif
