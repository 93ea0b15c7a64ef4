/* What the reader of a log can prove of it, without believing this server. */
#include "base/text.h"
#include "care/audit_leaf.h"
#include "care/audit_tree.h"
#include "care/operations.h"
#include "gate/member.h"
#include "gate/route.h"

#include <string.h>

#define HASH_TEXT_MAX 44 /* base64 of 32 bytes */
#define NOTE_TEXT_MAX 4096
#define KEY_TEXT_MAX  400
#define KEYS_MAX      100

/* What an answer is made of. */
struct shown {
	int64_t leaf_index, tree_size;
	const char *leaf_hash, *checkpoint, *key;
	struct text_list hashes, consistency, succession;
	bool consistent; /* it can be */
};
struct shown_event {
	struct audit_event_row event; /* first: it is shown as a row is */
	int64_t index;
	const char *hash; /* NULL: not sealed */
};

static const char *
hash_text(struct arena *a, const struct merkle_hash *h)
{
	return text_base64(a, h->b, sizeof(h->b));
}

static struct text_list
hash_texts(struct arena *a, const struct merkle_hash *hashes, size_t n)
{
	const char **v = arena_alloc(a, (n + 1) * sizeof(*v));
	size_t i;

	for (i = 0; i < n; i++)
		v[i] = hash_text(a, &hashes[i]);
	return (struct text_list){ v, n };
}

/* An event, to make its leaf of */

static const struct shape event_members[] = {
	SHOWN(audit_event_row, seq, SH_INT, 1, INT64_MAX),
	SHOWN(audit_event_row, at, SH_TIME),
	SHOWN(audit_event_row, at_us, SH_INT, 0, INT64_MAX),
	SHOWN(audit_event_row, event, SH_TEXT, 1, 60),
	SHOWN(audit_event_row, action, SH_CHOICE, .choices = "C|R|U|D|E"),
	SHOWN(audit_event_row, outcome, SH_TEXT, 1, 40),
	SHOWN_OR_NULL(audit_event_row, actor_id, SH_UUID),
	SHOWN_OR_NULL(audit_event_row, actor_role, SH_TEXT, 1, 20),
	SHOWN_OR_NULL(audit_event_row, session, SH_TEXT, 16, 16),
	SHOWN_OR_NULL(audit_event_row, patient_id, SH_UUID),
	SHOWN_OR_NULL(audit_event_row, record_id, SH_UUID),
	SHOWN(audit_event_row, returned, SH_LIST, 0, 1000),
	SHOWN(audit_event_row, address, SH_TEXT, 1, 46),
	SHOWN(audit_event_row, request_id, SH_UUID),
	SHOWN(audit_event_row, operation, SH_TEXT, 1, 40),
	SHOWN(audit_event_row, purpose, SH_TEXT, 1, 20),
	SHOWN(audit_event_row, count, SH_INT, 1, INT32_MAX),
	{ 0 },
};

/* The hash comes first: without it there is no leaf. */
static const struct shape leaf_members[] = {
	SHOWN_OR_NULL(shown_event, hash, SH_TEXT, HASH_TEXT_MAX, HASH_TEXT_MAX),
	SHOWN(shown_event, index, SH_INT, 0, INT64_MAX),
	{ 0 },
};

const struct shape audit_event_out[] = {
	{ "event", SH_OBJECT, .flags = SH_REQUIRED, .inner = event_members },
	{ "leaf", SH_OBJECT, .flags = SH_REQUIRED | SH_NULLABLE,
	    .inner = leaf_members },
	{ 0 },
};

static enum err
event_find(struct op *op, struct audit_event_row *e)
{
	const struct audit_found_in in = { op->seq };
	const struct audit_event_gone_in of = { op->seq };
	struct audit_event_gone_row row = { false };
	enum err r = sql_audit_found(op->tx, &in, e);

	if (r != ERR_NOT_FOUND)
		return r;
	if ((r = sql_audit_event_gone(op->tx, &of, &row)) != ERR_OK)
		return r;
	return row.gone ? ERR_GONE_BY_RETENTION : ERR_NOT_FOUND;
}

/*= AU-04: of the row alone, so that the leaf can be made of it */
enum err
audit_event(struct op *op)
{
	struct shown_event shown = { .hash = NULL };
	struct merkle_hash leaf;
	enum err r;

	if ((r = event_find(op, &shown.event)) != ERR_OK)
		return r;
	r = audit_leaf_find(op->tx, &shown.event, &shown.index);
	if (r == ERR_NOT_SEALED)
		return op_answer(op, &shown);
	if (r != ERR_OK ||
	    (r = audit_leaf_hash(op->arena, &shown.event, &leaf)) != ERR_OK)
		return r;
	shown.hash = hash_text(op->arena, &leaf);
	return op_answer(op, &shown);
}

/* Proofs */

#define HASHES(member) SHOWN(shown, member, SH_LIST, 0, MERKLE_PROOF_MAX)
#define SUCCESSION     SHOWN(shown, succession, SH_LIST, 0, KEYS_MAX)

const struct shape audit_proof_out[] = {
	SHOWN(shown, leaf_index, SH_INT, 0, INT64_MAX),
	SHOWN(shown, tree_size, SH_INT, 1, INT64_MAX),
	HASHES(hashes),
	SHOWN(shown, checkpoint, SH_TEXT, 1, NOTE_TEXT_MAX),
	{ 0 },
};

/* That the event is in the tree as it is now. A leaf that came since is for the
 * next time. */
static enum err
inclusion(struct op *op, const struct audit_event_row *e,
    struct audit_tree *tree, struct shown *shown)
{
	struct merkle_hash hashes[MERKLE_PROOF_MAX];
	size_t n;
	enum err r;

	if ((r = audit_leaf_find(op->tx, e, &shown->leaf_index)) != ERR_OK ||
	    (r = audit_tree_open(op->tx, &e->clinic_id, tree)) != ERR_OK)
		return r;
	if (shown->leaf_index >= tree->size)
		return ERR_SEAL_BROKEN;
	r = audit_tree_inclusion(tree, shown->leaf_index, hashes, &n);
	if (r != ERR_OK)
		return r;
	shown->hashes = hash_texts(op->arena, hashes, n);
	shown->tree_size = tree->size;
	shown->checkpoint = tree->note;
	shown->key = tree->key;
	return ERR_OK;
}

enum err
audit_proof(struct op *op)
{
	struct shown shown = { .leaf_index = 0 };
	struct audit_event_row e;
	struct audit_tree tree = { .size = 0 };
	enum err r;

	if ((r = event_find(op, &e)) != ERR_OK ||
	    (r = inclusion(op, &e, &tree, &shown)) != ERR_OK)
		return r;
	return op_answer(op, &shown);
}

static enum err
consistency(struct op *op, struct audit_tree *tree, int64_t from, int64_t to,
    struct text_list *out)
{
	struct merkle_hash hashes[MERKLE_PROOF_MAX];
	size_t n;
	enum err r = audit_tree_consistency(tree, from, to, hashes, &n);

	if (r == ERR_OK)
		*out = hash_texts(op->arena, hashes, n);
	return r;
}

/* The same for a patient, in one answer */

/* How who saw the log signed with an older key comes to the newest. */
static enum err
succession(struct op *op, const struct audit_tree *tree, struct text_list *list)
{
	const struct audit_successions_in in = { tree->clinic };
	struct audit_successions_row *rows;
	const char **v;
	size_t i, n;
	enum err r;

	if ((r = sql_audit_successions(op->tx, &in, &rows, &n)) != ERR_OK)
		return r;
	v = arena_alloc(op->arena, (n + 1) * sizeof(*v));
	for (i = 0; i < n; i++)
		v[i] = rows[i].note;
	*list = (struct text_list){ v, n };
	return ERR_OK;
}

const struct shape patient_access_proof_in[] = {
	{ "from", SH_INT, 1, INT64_MAX, .flags = 0 },
	{ 0 },
};

static const struct shape consistency_list[] = { HASHES(consistency), { 0 } };

static json_t *
consistency_json(const struct op *op, const void *row)
{
	const struct shown *shown = row;
	json_t *o, *hashes;

	if (!shown->consistent)
		return json_null();
	o = members_json(op, consistency_list, row);
	hashes = json_incref(json_object_get(o, "consistency"));
	json_decref(o);
	return hashes;
}

const struct shape patient_access_proof_out[] = {
	SHOWN(shown, leaf_index, SH_INT, 0, INT64_MAX),
	SHOWN(shown, leaf_hash, SH_TEXT, HASH_TEXT_MAX, HASH_TEXT_MAX),
	SHOWN(shown, tree_size, SH_INT, 1, INT64_MAX),
	HASHES(hashes),
	SHOWN(shown, checkpoint, SH_TEXT, 1, NOTE_TEXT_MAX),
	SHOWN(shown, key, SH_TEXT, 1, KEY_TEXT_MAX),
	{ "consistency", SH_LIST, 0, MERKLE_PROOF_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE, .made = consistency_json },
	SUCCESSION,
	{ 0 },
};

/* Would it be in the list of who saw the record? */
static bool
is_about(const struct audit_event_row *e, const struct uuid *patient)
{
	size_t i;

	if (strcmp(e->outcome, "ok") != 0)
		return false;
	if (uuid_equal(&e->patient_id, patient))
		return true;
	for (i = 0; i < e->returned.n; i++)
		if (uuid_equal(&e->returned.v[i], patient))
			return true;
	return false;
}

/*= AZ-02: the hash alone: the entry says whom else a list showed, and from where.
 * Nobody makes it from guesses, as the request's id is random. */
enum err
patient_access_proof(struct op *op)
{
	const int64_t from = in_int(op, "from", 0);
	struct shown shown = { .leaf_index = 0 };
	struct audit_event_row e;
	struct audit_tree tree = { .size = 0 };
	struct merkle_hash leaf;
	enum err r;

	if ((r = event_find(op, &e)) != ERR_OK)
		return r;
	if (!is_about(&e, &op->id))
		return ERR_NOT_FOUND;
	if ((r = inclusion(op, &e, &tree, &shown)) != ERR_OK ||
	    (r = succession(op, &tree, &shown.succession)) != ERR_OK ||
	    (r = audit_leaf_hash(op->arena, &e, &leaf)) != ERR_OK)
		return r;
	shown.leaf_hash = hash_text(op->arena, &leaf);
	shown.consistent = from > 0 && from <= tree.size;
	if (shown.consistent)
		r = consistency(op, &tree, from, tree.size, &shown.consistency);
	return r == ERR_OK ? op_answer(op, &shown) : r;
}

/* The tree as it is now */

#define SCOPE                                                                  \
	{                                                                      \
		"scope", SH_CHOICE, .choices = "clinic|nobody"                 \
	}
const struct shape audit_checkpoint_in[] = { SCOPE, { 0 } };
const struct shape audit_key_in[] = { SCOPE, { 0 } };
const struct shape audit_consistency_in[] = {
	{ "from", SH_INT, 0, INT64_MAX, .flags = SH_REQUIRED },
	{ "to", SH_INT, 0, INT64_MAX, .flags = 0 },
	SCOPE,
	{ 0 },
};
const struct shape audit_consistency_out[] = { HASHES(hashes), SUCCESSION,
	{ 0 } };

static enum err
tree_open(struct op *op, struct audit_tree *tree)
{
	const struct uuid nobody = { { 0 } };
	const char *scope = in_text(op, "scope");
	struct audit_nobody_seen_row row;
	enum err r;

	if (scope == NULL || strcmp(scope, "nobody") != 0)
		return audit_tree_open(op->tx, &op->who.clinic, tree);
	if ((r = sql_audit_nobody_seen(op->tx, &row)) != ERR_OK)
		return r;
	return row.seen ? audit_tree_open(op->tx, &nobody, tree)
			: op_refuse(op, ERR_SEVERAL_CLINICS, "scope");
}

enum err
audit_checkpoint(struct op *op)
{
	struct audit_tree tree = { .size = 0 };
	enum err r;

	if ((r = tree_open(op, &tree)) == ERR_OK)
		op->plain = tree.note;
	return r;
}

enum err
audit_key(struct op *op)
{
	struct audit_tree tree = { .size = 0 };
	enum err r;

	if ((r = tree_open(op, &tree)) == ERR_OK)
		op->plain = arena_format(op->arena, "%s\n", tree.key);
	return r;
}

enum err
audit_consistency(struct op *op)
{
	const int64_t from = in_int(op, "from", 0);
	struct shown shown = { .leaf_index = 0 };
	struct audit_tree tree = { .size = 0 };
	int64_t to;
	enum err r;

	if ((r = tree_open(op, &tree)) != ERR_OK)
		return r;
	to = in_int(op, "to", tree.size);
	if (to > tree.size)
		return op_refuse(op, ERR_INVALID_FIELD, "to");
	if (from > to)
		return op_refuse(op, ERR_INVALID_FIELD, "from");
	if ((r = succession(op, &tree, &shown.succession)) != ERR_OK ||
	    (r = consistency(op, &tree, from, to, &shown.hashes)) != ERR_OK)
		return r;
	return op_answer(op, &shown);
}
