#include "care/audit_tree.h"

#include "base/signature.h"
#include "care/audit_leaf.h"
#include "care/audit_note.h"
#include "care/audit_seal.h"

#include <string.h>

/* Both ends of what is proved, and what lies between, on each of the levels. */
#define TILES_MAX 32

struct audit_tile {
	unsigned level;
	int64_t first;
	size_t n;
	uint8_t hashes[AUDIT_TILE * MERKLE_HASH_SIZE];
};
struct audit_tiles {
	size_t n;
	const struct audit_tile *v[TILES_MAX];
};

enum err
audit_tree_open(
    struct tx *tx, const struct uuid *clinic, struct audit_tree *tree)
{
	const struct audit_tree_seen_in in = { *clinic };
	struct arena *a = tx_arena(tx);
	struct audit_tree_seen_row row;
	char *key;
	enum err r;

	if ((r = sql_audit_tree_seen(tx, &in, &row)) != ERR_OK)
		return r == ERR_NOT_FOUND ? ERR_NOT_SEALED : r;
	if (row.note == NULL || row.public.n != SIGNATURE_KEY_SIZE)
		return ERR_NOT_SEALED;
	r = audit_key_text(a, audit_origin(a, clinic), row.public.p, &key);
	if (r != ERR_OK)
		return r;
	*tree = (struct audit_tree){
		.tx = tx,
		.clinic = *clinic,
		.size = row.size,
		.note = row.note,
		.key = key,
		.tiles = arena_alloc(a, sizeof(*tree->tiles)),
	};
	tree->tiles->n = 0;
	return ERR_OK;
}

/* By its hash: its number among those of all clinics tells no place in one. */
enum err
audit_leaf_find(struct tx *tx, const struct audit_event_row *e, int64_t *index)
{
	const struct audit_tile_of_in in = { e->clinic_id, e->tx, e->seq };
	struct audit_tile_of_row row;
	struct merkle_hash leaf;
	size_t i;
	enum err r;

	if ((r = sql_audit_tile_of(tx, &in, &row)) != ERR_OK)
		return r == ERR_NOT_FOUND ? ERR_NOT_SEALED : r;
	if ((r = audit_leaf_hash(tx_arena(tx), e, &leaf)) != ERR_OK)
		return r;
	for (i = 0; i + MERKLE_HASH_SIZE <= row.hashes.n; i += MERKLE_HASH_SIZE)
		if (memcmp(row.hashes.p + i, leaf.b, MERKLE_HASH_SIZE) == 0) {
			*index = row.first + (int64_t)(i / MERKLE_HASH_SIZE);
			return ERR_OK;
		}
	return ERR_SEAL_BROKEN;
}

/* The rows of a tile that is not whole yet lie side by side. */
static enum err
tile_fetch(struct audit_tree *t, unsigned level, int64_t first,
    struct audit_tile *tile)
{
	const struct audit_tile_list_in in = { t->clinic, level, first,
		first + AUDIT_TILE, AUDIT_TILE };
	struct audit_tile_list_row *rows;
	size_t i, n;
	enum err r;

	tile->level = level;
	tile->first = first;
	tile->n = 0;
	if ((r = sql_audit_tile_list(t->tx, &in, &rows, &n)) != ERR_OK)
		return r;
	for (i = 0; i < n; i++) {
		const size_t more = rows[i].hashes.n / MERKLE_HASH_SIZE;

		if (rows[i].first != first + (int64_t)tile->n ||
		    tile->n + more > AUDIT_TILE)
			return ERR_SEAL_BROKEN;
		memcpy(tile->hashes + tile->n * MERKLE_HASH_SIZE,
		    rows[i].hashes.p, more * MERKLE_HASH_SIZE);
		tile->n += more;
	}
	return ERR_OK;
}

static enum err
tile_get(struct audit_tree *t, unsigned level, int64_t first,
    const struct audit_tile **out)
{
	struct audit_tiles *have = t->tiles;
	struct audit_tile *tile;
	size_t i;
	enum err r;

	for (i = 0; i < have->n; i++)
		if (have->v[i]->level == level && have->v[i]->first == first) {
			*out = have->v[i];
			return ERR_OK;
		}
	if (have->n == TILES_MAX)
		return ERR_INTERNAL;
	tile = arena_alloc(tx_arena(t->tx), sizeof(*tile));
	if ((r = tile_fetch(t, level, first, tile)) == ERR_OK)
		*out = have->v[have->n++] = tile;
	return r;
}

/* A subtree is, of a tile's hashes, as many as a power of two side by side. */
static enum err
subtree(void *arg, unsigned height, int64_t index, struct merkle_hash *out)
{
	const unsigned level = height / AUDIT_TILE_HEIGHT;
	size_t n = (size_t)1 << height % AUDIT_TILE_HEIGHT, i;
	const int64_t first = index * (int64_t)n;
	struct merkle_hash v[AUDIT_TILE / 2];
	const struct audit_tile *tile;
	enum err r;

	r = tile_get(arg, level, first - first % AUDIT_TILE, &tile);
	if (r != ERR_OK)
		return r;
	if ((size_t)(first % AUDIT_TILE) + n > tile->n)
		return ERR_SEAL_BROKEN;
	memcpy(v, tile->hashes + first % AUDIT_TILE * MERKLE_HASH_SIZE,
	    n * MERKLE_HASH_SIZE);
	for (; n > 1; n /= 2)
		for (i = 0; i < n; i += 2)
			if ((r = merkle_parent(&v[i], &v[i + 1], &v[i / 2])) !=
			    ERR_OK)
				return r;
	*out = v[0];
	return ERR_OK;
}

enum err
audit_tree_inclusion(
    struct audit_tree *t, int64_t index, struct merkle_hash *out, size_t *n)
{
	const struct merkle_source source = { subtree, t };

	return merkle_inclusion(&source, index, t->size, out, n);
}

enum err
audit_tree_consistency(struct audit_tree *t, int64_t from, int64_t to,
    struct merkle_hash *out, size_t *n)
{
	const struct merkle_source source = { subtree, t };

	return merkle_consistency(&source, from, to, out, n);
}
