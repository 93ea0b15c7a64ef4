#ifndef BASE_MERKLE_H
#define BASE_MERKLE_H

#include "base/bytes.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Merkle trees of RFC 6962, 2.1 (SHA-256), that only ever grow. ERR_CRYPTO if
 * libcrypto fails.
 */
#define MERKLE_HASH_SIZE 32
#define MERKLE_EDGE_MAX	 63

struct merkle_hash {
	uint8_t b[MERKLE_HASH_SIZE];
};

/* What has to be kept of a tree for it to grow: the root of each whole subtree
 * on its right edge, the largest first, one for each bit of `size` that is 1. */
struct merkle_edge {
	int64_t size;
	struct merkle_hash v[MERKLE_EDGE_MAX];
	size_t n;
};

/* `prefixed` is the leaf's bytes behind a zero byte, which the caller put. */
NODISCARD enum err merkle_leaf(struct bytes prefixed, struct merkle_hash *);
NODISCARD enum err merkle_parent(const struct merkle_hash *left,
    const struct merkle_hash *right, struct merkle_hash *);

/* Of a tree of that size; ERR_INVALID_FIELD if it is not so many hashes. */
NODISCARD enum err merkle_edge_read(
    int64_t size, struct bytes, struct merkle_edge *);
struct bytes merkle_edge_bytes(const struct merkle_edge *);

/* Adds a leaf. Of each subtree that is whole by it, of 2 ^ height leaves (height
 * from 1), `whole` is told the root; or it is NULL. */
NODISCARD enum err merkle_add(struct merkle_edge *, const struct merkle_hash *,
    enum err (*whole)(void *arg, unsigned height, const struct merkle_hash *),
    void *arg);
NODISCARD enum err merkle_root(
    const struct merkle_edge *, struct merkle_hash *);

/*
 * Proofs, RFC 6962 2.1.1 and 2.1.2. `whole` answers the root of the subtree of
 * 2 ^ height leaves that begins with leaf index * 2 ^ height. At most
 * MERKLE_PROOF_MAX hashes are put; *n is how many.
 */
#define MERKLE_PROOF_MAX 64
#define MERKLE_SIZE_MAX	 (INT64_C(1) << 62)
struct merkle_source {
	enum err (*whole)(
	    void *arg, unsigned height, int64_t index, struct merkle_hash *);
	void *arg;
};
/* That leaf `index` is in the tree of `size`. */
NODISCARD enum err merkle_inclusion(const struct merkle_source *, int64_t index,
    int64_t size, struct merkle_hash *out, size_t *n);
/* That the tree of `from` leaves is the beginning of that of `to`. */
NODISCARD enum err merkle_consistency(const struct merkle_source *,
    int64_t from, int64_t to, struct merkle_hash *out, size_t *n);

#endif
