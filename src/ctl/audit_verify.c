/* Computes the sealed log anew from its rows, and says where it is not what was
 * sealed. Nothing of the server's is believed: leaves, subtrees, roots and
 * signatures are all made here, the public key from the root key. */
#include "base/arena.h"
#include "base/instant.h"
#include "base/loop.h"
#include "care/audit_leaf.h"
#include "care/audit_note.h"
#include "care/audit_seal.h"
#include "ctl/commands.h"
#include "ctl/operator.h"
#include "data/db.h"
#include "sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORK_MS	   120000
#define ROWS	   1000 /* fetched at a time */
#define AHEAD	   2000 /* rows that are looked through for one that is missed */
#define TILES	   8	/* whole ones, fetched at a time */
#define LEAVES	   (TILES * AUDIT_TILE)
#define LEVELS_MAX 8
#define WHO_SIZE   160
#define STEP	   10000 /* events between signs of life */

/* An event as it is in the table now. */
struct seen {
	struct merkle_hash hash;
	int64_t tx, seq;
	char who[WHO_SIZE]; /* what it claims to be */
};

/* Hashes of a level as they were sealed, from a whole tile on. */
struct level {
	int64_t first, n; /* n < 0: none was fetched */
	uint8_t hashes[LEAVES * MERKLE_HASH_SIZE];
};

struct tree {
	struct audit_tree_list_row row;
	char name[256];
	char *note; /* malloc; or NULL */
	uint8_t edge[MERKLE_EDGE_MAX * MERKLE_HASH_SIZE];
};

struct check {
	const struct operator_options *options;
	char *kept; /* the checkpoint that was kept outside, or NULL */
	struct audit_sealed_get_row sealed;
	struct tree *trees;
	size_t trees_n;
	/* of the tree in hand */
	const struct tree *tree;
	struct seen rows[AHEAD];
	size_t rows_n, rows_at;
	int64_t tx, seq; /* the last row that was fetched */
	bool rows_end;
	struct level levels[LEVELS_MAX];
	struct merkle_edge edge;
	int64_t kept_size; /* 0: the checkpoint is another tree's */
	struct merkle_hash kept_root;
	bool kept_used;
	bool faulty;
	enum err r;
};

/* What is found */

static void
fault(struct check *c, const char *what, const char *who)
{
	fprintf(stderr, "epionectl: %s: %s%s%s\n", c->tree->name, what,
	    *who == '\0' ? "" : ": ", who);
	c->faulty = true;
}

static void
fault_leaf(struct check *c, int64_t leaf, const char *what, const char *who)
{
	char text[128];

	snprintf(text, sizeof(text), "leaf %" PRId64 ": %s", leaf, what);
	fault(c, text, who);
}

/* Reading, in short transactions */

static struct tx *
tx_begin(struct arena **a)
{
	*a = arena_new();
	return tx_new(*a, instant_monotonic() + WORK_MS);
}

static void
tx_end(struct tx *tx, struct arena *a)
{
	tx_close(tx);
	arena_free(a);
}

static enum err
row_keep(struct check *c, struct arena *a, const struct audit_event_row *e)
{
	struct seen *s = &c->rows[c->rows_n];
	char actor[UUID_TEXT_SIZE], at[INSTANT_TEXT_SIZE];

	s->tx = e->tx;
	s->seq = e->seq;
	instant_text(e->at, at);
	uuid_text(&e->actor_id, actor);
	snprintf(s->who, sizeof(s->who),
	    "event %" PRId64 " of %s, %.60s by %.20s%s%s", e->seq, at,
	    e->event == NULL ? "?" : e->event,
	    e->actor_role == NULL ? "nobody" : e->actor_role,
	    uuid_is_nil(&e->actor_id) ? "" : " ",
	    uuid_is_nil(&e->actor_id) ? "" : actor);
	c->rows_n++;
	return audit_leaf_hash(a, e, &s->hash);
}

static enum err
rows_fetch(struct check *c)
{
	struct audit_entries_in in = { c->tree->row.clinic_id, c->tx, c->seq,
		ROWS };
	struct audit_event_row *rows;
	struct arena *a;
	struct tx *tx = tx_begin(&a);
	size_t i, n = 0;
	enum err r;

	memmove(c->rows, c->rows + c->rows_at,
	    (c->rows_n - c->rows_at) * sizeof(c->rows[0]));
	c->rows_n -= c->rows_at;
	c->rows_at = 0;
	r = sql_audit_entries(tx, &in, &rows, &n);
	for (i = 0; i < n && r == ERR_OK; i++)
		r = row_keep(c, a, &rows[i]);
	if (n > 0) {
		c->tx = rows[n - 1].tx;
		c->seq = rows[n - 1].seq;
	}
	c->rows_end = n < ROWS;
	tx_end(tx, a);
	return r;
}

/* The row after the next `skip` ones; NULL if there is none. */
static const struct seen *
row_peek(struct check *c, size_t skip)
{
	while (c->r == ERR_OK && c->rows_at + skip >= c->rows_n &&
	    !c->rows_end && c->rows_n - c->rows_at + ROWS <= AHEAD)
		c->r = rows_fetch(c);
	return c->r == ERR_OK && c->rows_at + skip < c->rows_n
	    ? &c->rows[c->rows_at + skip]
	    : NULL;
}

static enum err
tiles_fetch(struct check *c, unsigned level, int64_t from)
{
	struct level *l = &c->levels[level];
	struct audit_tile_list_in in = { c->tree->row.clinic_id, level, from,
		from + LEAVES, LEAVES };
	struct audit_tile_list_row *rows;
	struct arena *a;
	struct tx *tx = tx_begin(&a);
	size_t i, n;
	enum err r;

	l->first = from;
	l->n = 0;
	if ((r = sql_audit_tile_list(tx, &in, &rows, &n)) == ERR_OK)
		for (i = 0; i < n && rows[i].first == from + l->n; i++) {
			memcpy(l->hashes + l->n * MERKLE_HASH_SIZE,
			    rows[i].hashes.p, rows[i].hashes.n);
			l->n += (int64_t)(rows[i].hashes.n / MERKLE_HASH_SIZE);
		}
	tx_end(tx, a);
	return r;
}

/* As it was sealed; NULL if there is none. */
static const uint8_t *
hash_peek(struct check *c, unsigned level, int64_t i)
{
	struct level *l = &c->levels[level];

	if (c->r == ERR_OK &&
	    (l->n < 0 || i < l->first || i >= l->first + LEAVES))
		c->r = tiles_fetch(c, level, i - i % AUDIT_TILE);
	if (c->r != ERR_OK || i >= l->first + l->n)
		return NULL;
	return l->hashes + (i - l->first) * MERKLE_HASH_SIZE;
}

static bool
is_hash(const struct merkle_hash *h, const uint8_t *p)
{
	return p != NULL && memcmp(h->b, p, MERKLE_HASH_SIZE) == 0;
}

/* The first leaf that is not its row: which of both is missed further on? */
static void
difference_tell(struct check *c, int64_t leaf, const struct seen *differs)
{
	const struct seen copy = *differs; /* to look ahead moves the rows */
	const struct seen *row = &copy;
	const uint8_t *sealed = hash_peek(c, 0, leaf);
	const struct seen *other = NULL;
	bool later = false, moved;
	char text[96];
	int64_t i;
	size_t k;

	for (k = 1; !later && (other = row_peek(c, k)) != NULL;)
		later = is_hash(&other->hash, sealed) || (k++, false);
	for (i = leaf + 1, moved = false;
	     !moved && i < c->tree->row.size && i < leaf + AUDIT_TILE; i++)
		moved = is_hash(&row->hash, hash_peek(c, 0, i));
	if (later && moved)
		fault_leaf(
		    c, leaf, "events were put in another order", row->who);
	else if (moved) {
		snprintf(text, sizeof(text),
		    "%" PRId64
		    " of the events sealed here were removed, before",
		    i - 1 - leaf);
		fault_leaf(c, leaf, text, row->who);
	} else if (later)
		fault_leaf(c, leaf, "an event was inserted", row->who);
	else
		fault_leaf(c, leaf, "an event was altered", row->who);
}

static enum err
subtree_check(void *arg, unsigned height, const struct merkle_hash *h)
{
	struct check *c = arg;
	const unsigned level = height / AUDIT_TILE_HEIGHT;

	if (height % AUDIT_TILE_HEIGHT != 0 || level >= LEVELS_MAX)
		return ERR_OK;
	if (!is_hash(h, hash_peek(c, level, c->edge.size >> height)))
		fault(
		    c, "a hash of the tree itself was altered or removed", "");
	return c->r;
}

/* One event against its leaf; false at the first that is not. */
static bool
leaf_check(struct check *c, int64_t leaf)
{
	const uint8_t *sealed = hash_peek(c, 0, leaf);
	const struct seen *row = row_peek(c, 0);

	if (c->r != ERR_OK)
		return false;
	if (sealed == NULL)
		fault_leaf(c, leaf, "the seal of an event was removed",
		    row == NULL ? "" : row->who);
	else if (row == NULL)
		fault_leaf(
		    c, leaf, "this event and all after it were removed", "");
	else if (!is_hash(&row->hash, sealed))
		difference_tell(c, leaf, row);
	else {
		c->r = merkle_add(&c->edge, &row->hash, subtree_check, c);
		c->rows_at++;
	}
	return c->r == ERR_OK && !c->faulty;
}

/* Roots and checkpoints */

static void
kept_check(struct check *c)
{
	struct merkle_hash root;

	if (c->kept_size != c->edge.size || c->kept_size == 0)
		return;
	if ((c->r = merkle_root(&c->edge, &root)) == ERR_OK &&
	    !is_hash(&root, c->kept_root.b))
		fault(c,
		    "the log does not begin as the checkpoint that was kept "
		    "says",
		    "");
}

static void
note_check(struct check *c, struct arena *a, const uint8_t *key)
{
	struct audit_note_said said;
	struct merkle_hash root;
	enum err r;

	if (c->tree->note == NULL) {
		fault(c, "the log is not signed", "");
		return;
	}
	r = audit_note_read(a, c->tree->note, key, &said);
	if (r != ERR_OK)
		fault(c, "the signature of the checkpoint is not the clinic's",
		    "");
	else if ((c->r = merkle_root(&c->edge, &root)) == ERR_OK &&
	    (said.size != c->tree->row.size || !is_hash(&root, said.root.b)))
		fault(c, "the checkpoint is of another log", "");
}

static void
tree_end_check(struct check *c, struct arena *a, const uint8_t *key)
{
	const struct audit_tree_list_row *t = &c->tree->row;
	struct bytes edge = merkle_edge_bytes(&c->edge);
	const struct seen *row = row_peek(c, 0);

	if (edge.n != t->edge.n || memcmp(edge.p, c->tree->edge, edge.n) != 0)
		fault(c, "the root of the tree was altered", "");
	else if (row != NULL &&
	    (row->tx < c->sealed.tx ||
		(row->tx == c->sealed.tx && row->seq <= c->sealed.seq)))
		fault(c,
		    "an event was inserted, or was sealed and its seal removed",
		    row->who);
	else if (t->size > 0)
		note_check(c, a, key);
}

/* Is what was kept this tree's? */
static void
kept_read(struct check *c, struct arena *a, const uint8_t *key)
{
	struct audit_note_said said;
	char suffix[8 + UUID_TEXT_SIZE] = "/audit/";
	size_t n;

	c->kept_size = 0;
	if (c->kept == NULL)
		return;
	uuid_text(&c->tree->row.clinic_id, suffix + strlen(suffix));
	n = strcspn(c->kept, "\n");
	if (n < strlen(suffix) ||
	    strncmp(c->kept + n - strlen(suffix), suffix, strlen(suffix)) != 0)
		return;
	c->kept_used = true;
	if (audit_note_read(a, c->kept, key, &said) != ERR_OK)
		fault(c,
		    "the checkpoint that was kept is not signed by this "
		    "clinic's key",
		    "");
	else if (said.size > c->tree->row.size)
		fault(c,
		    "the newest events were cut off: the log is shorter than "
		    "the checkpoint that was kept",
		    "");
	else {
		c->kept_size = said.size;
		c->kept_root = said.root;
	}
}

static void
progress(const struct check *c, int64_t leaf)
{
	if (leaf % STEP == 0 && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s: %3d %%\r", c->tree->name,
		    (int)(100 * leaf / c->tree->row.size));
}

/* A clinic has a key from the beginning: without one nothing is checked. */
static enum err
key_read(const struct uuid *clinic, uint8_t key[SIGNATURE_KEY_SIZE])
{
	struct arena *a;
	struct tx *tx = tx_begin(&a);
	uint32_t version;
	enum err r;

	if ((r = audit_key_open(tx, clinic, &version)) == ERR_OK)
		r = audit_key_public(clinic, version, key);
	tx_end(tx, a);
	return r;
}

static void
tree_begin(struct check *c, const struct tree *t)
{
	unsigned level;

	c->tree = t;
	c->rows_n = c->rows_at = 0;
	c->tx = c->seq = 0;
	c->rows_end = false;
	c->edge = (struct merkle_edge){ .n = 0 };
	for (level = 0; level < LEVELS_MAX; level++)
		c->levels[level].n = -1;
}

static void
leaves_check(struct check *c)
{
	int64_t i;

	for (i = 0; i < c->tree->row.size && c->r == ERR_OK && !c->faulty;
	     i++) {
		progress(c, i);
		if (leaf_check(c, i))
			kept_check(c);
	}
}

static void
tree_check(struct check *c, const struct tree *t)
{
	uint8_t key[SIGNATURE_KEY_SIZE];
	struct arena *a = arena_new();
	bool before = c->faulty;
	enum err r;

	tree_begin(c, t);
	c->faulty = false;
	r = key_read(&t->row.clinic_id, key);
	if (r == ERR_NOT_FOUND || r == ERR_CRYPTO)
		fault(c, "there is no key that opens, to check it by", "");
	else if ((c->r = r) == ERR_OK)
		kept_read(c, a, key);
	leaves_check(c);
	if (c->r == ERR_OK && !c->faulty)
		tree_end_check(c, a, key);
	if (c->r == ERR_OK && !c->faulty)
		printf("%s: %" PRId64 " events are as they were sealed\n",
		    t->name, t->row.size);
	c->faulty = c->faulty || before;
	arena_free(a);
}

/* The whole */

static enum err
tree_keep(struct tree *t, const struct audit_tree_list_row *row)
{
	t->row = *row;
	if (row->edge.n > sizeof(t->edge))
		return ERR_INTERNAL;
	if (row->edge.n > 0)
		memcpy(t->edge, row->edge.p, row->edge.n);
	snprintf(t->name, sizeof(t->name), "%s",
	    row->name != NULL		       ? row->name
		: uuid_is_nil(&row->clinic_id) ? "what nobody did"
					       : "a clinic that is gone");
	if (row->note != NULL && (t->note = strdup(row->note)) == NULL)
		return ERR_INTERNAL;
	return ERR_OK;
}

/* One transaction: how far the log is sealed, and which trees that makes. */
static enum err
trees_read(struct check *c)
{
	struct audit_tree_list_row *rows;
	struct arena *a;
	struct tx *tx = tx_begin(&a);
	size_t i, n = 0;
	enum err r;

	if ((r = sql_audit_sealed_get(tx, &c->sealed)) == ERR_OK &&
	    (r = sql_audit_tree_list(tx, &rows, &n)) == ERR_OK &&
	    (c->trees = calloc(n + 1, sizeof(*c->trees))) == NULL)
		r = ERR_INTERNAL;
	for (i = 0; i < n && r == ERR_OK; i++)
		r = tree_keep(&c->trees[c->trees_n++], &rows[i]);
	tx_end(tx, a);
	return r;
}

/*= AU-01: that the log was checked, and found right, stands in it */
static enum err
verified_note(void)
{
	struct audit_note_in in = {
		.event = "audit.verified",
		.action = "E",
		.actor_role = "operator",
		.purpose = "HSYSADMIN",
		.request_id = uuid_random(),
		.operation = "epionectl audit verify",
	};
	struct arena *a;
	struct tx *tx = tx_begin(&a);
	enum err r;

	if ((r = sql_audit_note(tx, &in)) == ERR_OK)
		r = tx_commit(tx);
	tx_end(tx, a);
	return r;
}

static void
all_check(struct check *c)
{
	size_t i;

	if ((c->r = trees_read(c)) != ERR_OK)
		return;
	for (i = 0; i < c->trees_n && c->r == ERR_OK; i++)
		tree_check(c, &c->trees[i]);
	if (c->r != ERR_OK)
		return;
	if (c->kept != NULL && !c->kept_used)
		c->r = operator_say(ERR_INVALID_FIELD,
		    "the checkpoint is of none of these clinics");
	else if (c->faulty)
		c->r = operator_say(ERR_INTERNAL,
		    "the log is not what was sealed: keep this database as it "
		    "is, with its backups, and ask who could write to it");
	else
		c->r = verified_note();
}

static void
run(void *arg)
{
	struct check *c = arg;
	const struct db_options db = {
		.conninfo = c->options->database,
		.password = c->options->password,
		.connections = 1,
		.queue_max = 4,
		.statement_timeout_ms = WORK_MS,
	};

	if ((c->r = db_start(&db)) != ERR_OK)
		return;
	all_check(c);
	db_stop();
}

static bool
file_read(const char *path, char **text)
{
	char *p = calloc(1, AUDIT_NOTE_MAX + 1);
	FILE *f = fopen(path, "re");
	size_t n = 0;
	bool whole = false;

	if (f != NULL && p != NULL) {
		n = fread(p, 1, AUDIT_NOTE_MAX, f);
		whole = ferror(f) == 0 && n > 0 && fgetc(f) == EOF;
	}
	if (f != NULL)
		fclose(f);
	if (!whole) {
		free(p);
		operator_say(ERR_INVALID_FIELD,
		    "the checkpoint cannot be read: it is a file as GET "
		    "/v1/audit/checkpoint answers");
		return false;
	}
	*text = p;
	return true;
}

static void
check_free(struct check *c)
{
	size_t i;

	for (i = 0; i < c->trees_n; i++)
		free(c->trees[i].note);
	free(c->trees);
	free(c->kept);
	free(c);
}

int
ctl_audit_verify(int argc, char *argv[])
{
	struct operator_options o;
	struct check *c;
	int status = 1;

	if (!operator_options_read(argc, argv, &o) || o.rest != NULL)
		return command_usage(ctl_audit_verify);
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return operator_end(ERR_INTERNAL);
	c->options = &o;
	c->r = ERR_INTERNAL;
	if ((o.checkpoint == NULL || file_read(o.checkpoint, &c->kept)) &&
	    operator_ready(&o)) {
		if (loop_poll_run(run, c) != ERR_OK)
			c->r = ERR_INTERNAL;
		status = operator_end(c->r);
	}
	check_free(c);
	return status;
}
