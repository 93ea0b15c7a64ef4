#include "base/merkle.h"

#include "base/crypto.h"

#include <string.h>

#define PARENT_PREFIX 1

enum err
merkle_leaf(struct bytes prefixed, struct merkle_hash *out)
{
	if (prefixed.n == 0 || prefixed.p[0] != 0)
		return ERR_CRYPTO;
	return crypto_sha256(prefixed, out->b);
}

enum err
merkle_parent(const struct merkle_hash *left, const struct merkle_hash *right,
    struct merkle_hash *out)
{
	uint8_t both[1 + 2 * MERKLE_HASH_SIZE];

	both[0] = PARENT_PREFIX;
	memcpy(both + 1, left->b, MERKLE_HASH_SIZE);
	memcpy(both + 1 + MERKLE_HASH_SIZE, right->b, MERKLE_HASH_SIZE);
	return crypto_sha256((struct bytes){ both, sizeof(both) }, out->b);
}

static size_t
bits(int64_t size)
{
	size_t n = 0;

	for (; size > 0; size &= size - 1)
		n++;
	return n;
}

enum err
merkle_edge_read(int64_t size, struct bytes hashes, struct merkle_edge *edge)
{
	memset(edge, 0, sizeof(*edge));
	if (size < 0 || hashes.n != bits(size) * MERKLE_HASH_SIZE)
		return ERR_INVALID_FIELD;
	edge->size = size;
	edge->n = bits(size);
	if (hashes.n > 0)
		memcpy(edge->v, hashes.p, hashes.n);
	return ERR_OK;
}

struct bytes
merkle_edge_bytes(const struct merkle_edge *edge)
{
	return (struct bytes){ edge->v[0].b, edge->n * MERKLE_HASH_SIZE };
}

enum err
merkle_add(struct merkle_edge *edge, const struct merkle_hash *leaf,
    enum err (*whole)(void *, unsigned, const struct merkle_hash *), void *arg)
{
	struct merkle_hash h = *leaf;
	int64_t size = edge->size;
	unsigned height = 0;
	enum err r;

	if (size == INT64_MAX)
		return ERR_CRYPTO;
	for (; (size & 1) != 0; size >>= 1) {
		if ((r = merkle_parent(&edge->v[--edge->n], &h, &h)) != ERR_OK)
			return r;
		height++;
		if (whole != NULL && (r = whole(arg, height, &h)) != ERR_OK)
			return r;
	}
	edge->v[edge->n++] = h;
	edge->size++;
	return ERR_OK;
}

enum err
merkle_root(const struct merkle_edge *edge, struct merkle_hash *root)
{
	size_t i = edge->n;
	enum err r = ERR_OK;

	if (i == 0)
		return crypto_sha256((struct bytes){ root->b, 0 }, root->b);
	*root = edge->v[--i];
	while (i > 0 && r == ERR_OK)
		r = merkle_parent(&edge->v[--i], root, root);
	return r;
}

/* The largest power of two that is smaller than n, from 2 on. */
static unsigned
split_height(int64_t n)
{
	unsigned height = 0;

	while (INT64_C(1) << (height + 1) < n)
		height++;
	return height;
}

/* The root over n leaves from `first`, a multiple of the power of two above n. */
static enum err
range(const struct merkle_source *s, int64_t first, int64_t n,
    struct merkle_hash *out)
{
	struct merkle_edge edge = { .n = 0 };
	unsigned height;
	enum err r = ERR_OK;

	for (height = MERKLE_EDGE_MAX; height-- > 0 && r == ERR_OK;) {
		if ((n >> height & 1) == 0)
			continue;
		r = s->whole(
		    s->arg, height, first >> height, &edge.v[edge.n++]);
		first += INT64_C(1) << height;
	}
	return r == ERR_OK ? merkle_root(&edge, out) : r;
}

/* Both proofs walk down from the root of `size` leaves to the place that they
 * are about, and put what lies beside the way: from below, in the end. */
static void
turn_round(struct merkle_hash *v, size_t n)
{
	struct merkle_hash h;
	size_t i;

	for (i = 0; i < n / 2; i++) {
		h = v[i];
		v[i] = v[n - 1 - i];
		v[n - 1 - i] = h;
	}
}

enum err
merkle_inclusion(const struct merkle_source *s, int64_t index, int64_t size,
    struct merkle_hash *out, size_t *n)
{
	int64_t first = 0, half;
	enum err r = ERR_OK;

	*n = 0;
	if (index < 0 || index >= size || size > MERKLE_SIZE_MAX)
		return ERR_INVALID_FIELD;
	while (size > 1 && r == ERR_OK) {
		half = INT64_C(1) << split_height(size);
		if (index - first < half) {
			r = range(s, first + half, size - half, &out[(*n)++]);
			size = half;
		} else {
			r = range(s, first, half, &out[(*n)++]);
			first += half;
			size -= half;
		}
	}
	turn_round(out, *n);
	return r;
}

enum err
merkle_consistency(const struct merkle_source *s, int64_t from, int64_t to,
    struct merkle_hash *out, size_t *n)
{
	int64_t first = 0, half, m = from, size = to;
	enum err r = ERR_OK;

	*n = 0;
	if (from < 0 || from > to || to > MERKLE_SIZE_MAX)
		return ERR_INVALID_FIELD;
	if (from == 0 || from == to)
		return ERR_OK;
	while (m < size && r == ERR_OK) {
		half = INT64_C(1) << split_height(size);
		if (m <= half) {
			r = range(s, first + half, size - half, &out[(*n)++]);
			size = half;
		} else {
			r = range(s, first, half, &out[(*n)++]);
			first += half;
			m -= half;
			size -= half;
		}
	}
	/* whoever has the old root has this one, if it is the whole of it */
	if (first > 0 && r == ERR_OK)
		r = range(s, first, size, &out[(*n)++]);
	turn_round(out, *n);
	return r;
}
