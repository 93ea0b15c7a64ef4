#include "care/audit_seal.h"

#include "base/log.h"
#include "care/audit_leaf.h"
#include "care/audit_note.h"
#include "sql.h"

#include <string.h>

#define BATCH	   500
#define LEVELS_MAX 8

/* Hashes of a level that are not in the database yet: side by side in one tile. */
struct run {
	int64_t first;
	size_t n;
	uint8_t hashes[AUDIT_TILE * MERKLE_HASH_SIZE];
};

/* A tree in the hand. */
struct growth {
	struct tx *tx;
	struct uuid clinic;
	struct merkle_edge edge;
	const struct audit_event_row *last; /* leaf */
	struct run runs[LEVELS_MAX];
};

static enum err
run_put(struct growth *g, unsigned level)
{
	struct run *run = &g->runs[level];
	const struct audit_tile_put_in in = {
		.clinic = g->clinic,
		.level = level,
		.first = run->first,
		.hashes = { run->hashes, run->n * MERKLE_HASH_SIZE },
		.last_tx = g->last->tx,
		.last_seq = g->last->seq,
	};

	if (run->n == 0)
		return ERR_OK;
	run->first += (int64_t)run->n;
	run->n = 0;
	return sql_audit_tile_put(g->tx, &in);
}

static enum err
run_add(struct growth *g, unsigned level, const struct merkle_hash *h)
{
	struct run *run = &g->runs[level];

	memcpy(run->hashes + run->n * MERKLE_HASH_SIZE, h->b, MERKLE_HASH_SIZE);
	run->n++;
	return (run->first + (int64_t)run->n) % AUDIT_TILE == 0
	    ? run_put(g, level)
	    : ERR_OK;
}

/* A tile that is whole is a hash of the level above. */
static enum err
whole(void *arg, unsigned height, const struct merkle_hash *h)
{
	const unsigned level = height / AUDIT_TILE_HEIGHT;

	if (height % AUDIT_TILE_HEIGHT != 0)
		return ERR_OK;
	return level < LEVELS_MAX ? run_add(arg, level, h) : ERR_INTERNAL;
}

static enum err
growth_begin(struct growth *g, struct tx *tx, const struct uuid *clinic)
{
	const struct audit_tree_of_in in = { *clinic };
	const struct uuid nobody = { { 0 } };
	const struct context_set_in context = { *clinic, nobody };
	struct audit_tree_of_row row = { 0, { NULL, 0 } };
	unsigned level;
	enum err r;

	*g = (struct growth){ .tx = tx, .clinic = *clinic };
	if ((r = sql_context_set(tx, &context)) != ERR_OK)
		return r;
	r = sql_audit_tree_of(tx, &in, &row);
	if ((r != ERR_OK && r != ERR_NOT_FOUND) ||
	    (r = merkle_edge_read(row.size, row.edge, &g->edge)) != ERR_OK)
		return r;
	for (level = 0; level < LEVELS_MAX; level++)
		g->runs[level].first = row.size >> (level * AUDIT_TILE_HEIGHT);
	return ERR_OK;
}

static enum err
leaf_add(struct growth *g, const struct audit_event_row *e)
{
	struct merkle_hash leaf;
	enum err r;

	g->last = e;
	if ((r = audit_leaf_hash(tx_arena(g->tx), e, &leaf)) != ERR_OK ||
	    (r = run_add(g, 0, &leaf)) != ERR_OK)
		return r;
	return merkle_add(&g->edge, &leaf, whole, g);
}

/* A clinic without a key, or with one that is not ours, is sealed and not
 * signed: the others do not wait for it. */
static enum err
note_make(struct growth *g, char **note)
{
	uint32_t version;
	enum err r = audit_key_open(g->tx, &g->clinic, &version);

	*note = NULL;
	if (r == ERR_NOT_FOUND || r == ERR_CRYPTO) {
		log_error("audit_not_signed", LOG_ID("clinic", &g->clinic));
		return ERR_OK;
	}
	if (r != ERR_OK)
		return r;
	return audit_note_make(
	    tx_arena(g->tx), &g->clinic, version, &g->edge, note);
}

static enum err
growth_end(struct growth *g, int64_t was)
{
	struct audit_tree_put_in in = {
		.clinic = g->clinic,
		.was = was,
		.size = g->edge.size,
		.edge = merkle_edge_bytes(&g->edge),
	};
	unsigned level;
	char *note;
	enum err r;

	for (level = 0; level < LEVELS_MAX; level++)
		if ((r = run_put(g, level)) != ERR_OK)
			return r;
	if ((r = note_make(g, &note)) != ERR_OK)
		return r;
	in.note = note;
	return sql_audit_tree_put(g->tx, &in);
}

/* The first n rows are of one clinic. */
static enum err
clinic_seal(struct tx *tx, const struct audit_event_row *rows, size_t n)
{
	struct growth *g = arena_alloc(tx_arena(tx), sizeof(*g));
	int64_t was;
	size_t i;
	enum err r;

	if ((r = growth_begin(g, tx, &rows[0].clinic_id)) != ERR_OK)
		return r;
	was = g->edge.size;
	for (i = 0; i < n && r == ERR_OK; i++)
		r = leaf_add(g, &rows[i]);
	return r == ERR_OK ? growth_end(g, was) : r;
}

static bool
is_after(const struct audit_event_row *a, const struct audit_event_row *b)
{
	return a->tx != b->tx ? a->tx > b->tx : a->seq > b->seq;
}

/*= AU-04: in an order that no later commit disturbs; leaves, checkpoints and how
 * far that is are committed together */
enum err
audit_seal(struct tx *tx, int64_t *sealed, bool *more)
{
	const struct audit_unsealed_in in = { BATCH };
	const struct audit_event_row *last;
	struct audit_sealed_to_in to;
	struct audit_event_row *rows;
	size_t i, from, n;
	enum err r;

	*sealed = 0;
	*more = false;
	if ((r = sql_audit_unsealed(tx, &in, &rows, &n)) != ERR_OK || n == 0)
		return r;
	last = &rows[0];
	for (i = 0; i < n && r == ERR_OK; i = from) {
		for (from = i; from < n &&
		     uuid_equal(&rows[from].clinic_id, &rows[i].clinic_id);
		     from++)
			if (is_after(&rows[from], last))
				last = &rows[from];
		r = clinic_seal(tx, &rows[i], from - i);
	}
	if (r != ERR_OK)
		return r;
	to = (struct audit_sealed_to_in){ last->tx, last->seq };
	*sealed = (int64_t)n;
	*more = n == BATCH;
	return sql_audit_sealed_to(tx, &to);
}
