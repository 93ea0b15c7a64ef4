/* Computes the sealed log anew from its rows, and says where it is not what was
 * sealed. Nothing of the server's is believed: leaves, subtrees, roots and
 * signatures are all made here, the public keys from the root key. */
#include "base/arena.h"
#include "base/instant.h"
#include "base/keyring.h"
#include "base/loop.h"
#include "care/audit_note.h"
#include "care/audit_seal.h"
#include "ctl/audit_log.h"
#include "ctl/commands.h"
#include "data/db.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORK_MS	   120000
#define TILES	   64 /* whole ones, fetched at a time */
#define LEAVES	   (TILES * AUDIT_TILE)
#define LEVELS_MAX 8
#define STEP	   100000 /* events between signs of life */
#define DAY_US	   (INT64_C(86400) * 1000000)
/* What is gone was older than this when it went; a month may stand between it and
 * the next event that is there, and one more. */
#define KEPT_US (INT64_C(6) * 365 * DAY_US - 62 * DAY_US)

/* Hashes of a level as they were sealed, from a whole tile on. */
struct level {
	int64_t first, n; /* n < 0: none was fetched */
	uint8_t hashes[LEAVES * MERKLE_HASH_SIZE];
};

struct check {
	const struct operator_options *options;
	char *kept; /* the checkpoint that was kept outside, or NULL */
	struct audit_log log;
	struct audit_rows *rows;
	/* of the tree in hand */
	const struct audit_tree_list_row *tree;
	const char *name;
	struct level levels[LEVELS_MAX];
	struct merkle_edge edge;
	const struct audit_gone_list_row *gone, *gone_end; /* from here on */
	int64_t gone_n;
	bool gone_last;	   /* the leaf before is gone */
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
	fprintf(stderr, "epionectl: %s: %s%s%s\n", c->name, what,
	    *who == '\0' ? "" : ": ", who);
	c->faulty = true;
}

static void
fault_leaf(struct check *c, int64_t leaf, const char *what,
    const struct audit_record *row)
{
	char text[128], who[AUDIT_WHO_SIZE] = "";

	if (row != NULL)
		audit_record_who(&c->log.words, row, who);
	snprintf(text, sizeof(text), "leaf %" PRId64 ": %s", leaf, what);
	fault(c, text, who);
}

/* Reading */

/* The row after the next `skip` ones; NULL if there is none. */
static const struct audit_record *
any_peek(struct check *c, size_t skip)
{
	const struct audit_record *row = audit_rows_peek(c->rows, skip);

	if (c->r == ERR_OK && audit_rows_failed(c->rows))
		c->r = operator_say(ERR_INTERNAL,
		    "what was put in order in the folder TMPDIR cannot be read "
		    "back");
	return row;
}

/* NULL if it is none of this tree's. */
static const struct audit_record *
row_peek(struct check *c, size_t skip)
{
	const struct audit_record *row = any_peek(c, skip);

	return row != NULL && uuid_equal(&row->clinic, &c->tree->clinic_id)
	    ? row
	    : NULL;
}

/* As it was sealed; NULL if there is none. */
static const uint8_t *
hash_peek(struct check *c, unsigned level, int64_t i)
{
	struct level *l = &c->levels[level];

	if (c->r == ERR_OK &&
	    (l->n < 0 || i < l->first || i >= l->first + LEAVES)) {
		l->first = i - i % AUDIT_TILE;
		c->r = c->log.hashes(&c->log, &c->tree->clinic_id, level,
		    l->first, LEAVES, l->hashes, &l->n);
	}
	if (c->r != ERR_OK || i >= l->first + l->n)
		return NULL;
	return l->hashes + (i - l->first) * MERKLE_HASH_SIZE;
}

static bool
is_hash(const struct merkle_hash *h, const uint8_t *p)
{
	return p != NULL && memcmp(h->b, p, MERKLE_HASH_SIZE) == 0;
}

/* Looked for from where the check is. */
static bool
is_gone(const struct check *c, int64_t leaf)
{
	const struct audit_gone_list_row *g = c->gone;

	while (g < c->gone_end && leaf >= g->first + g->n)
		g++;
	return g < c->gone_end && leaf >= g->first;
}

/* How many events should be there, of these leaves. */
static int64_t
expected(const struct check *c, int64_t from, int64_t to)
{
	int64_t n = 0;

	for (; from < to; from++)
		n += !is_gone(c, from);
	return n;
}

/* The first leaf that is not its row: which of both is missed further on? */
static void
difference_tell(
    struct check *c, int64_t leaf, const struct audit_record *differs)
{
	const struct audit_record copy = *differs; /* looking ahead moves it */
	const struct audit_record *row = &copy, *other;
	const uint8_t *at = hash_peek(c, 0, leaf);
	struct merkle_hash sealed;
	bool later = false, moved = false;
	char text[96];
	int64_t i;
	size_t k;

	memcpy(sealed.b, at, MERKLE_HASH_SIZE);
	for (k = 1; !later && (other = row_peek(c, k)) != NULL; k++)
		later = is_hash(&sealed, other->leaf.b);
	for (i = leaf + 1; !moved && i < c->tree->size && i < leaf + AUDIT_TILE;
	     i++)
		moved = is_hash(&row->leaf, hash_peek(c, 0, i));
	if (later && moved)
		fault_leaf(c, leaf, "events were put in another order", row);
	else if (moved) {
		snprintf(text, sizeof(text),
		    "%" PRId64
		    " of the events sealed here were removed, before",
		    expected(c, leaf, i - 1));
		fault_leaf(c, leaf, text, row);
	} else if (later)
		fault_leaf(c, leaf, "an event was inserted", row);
	else
		fault_leaf(c, leaf, "an event was altered", row);
}

static enum err
subtree_check(void *arg, unsigned height, const struct merkle_hash *h)
{
	struct check *c = arg;
	const unsigned level = height / AUDIT_TILE_HEIGHT;
	const uint8_t *sealed;

	if (height % AUDIT_TILE_HEIGHT != 0 || level >= LEVELS_MAX)
		return ERR_OK;
	sealed = hash_peek(c, level, c->edge.size >> height);
	if (c->r == ERR_OK && !is_hash(h, sealed))
		fault(
		    c, "a hash of the tree itself was altered or removed", "");
	return c->r;
}

/* Retention */

/*= AU-06: what is said to be gone is older than what comes after it, which has to
 * be old enough */
static void
gone_check(struct check *c, int64_t leaf, const struct audit_record *next)
{
	if (c->gone_last &&
	    (next == NULL ||
		next->at_us > instant_now() * INT64_C(1000000) - KEPT_US))
		fault_leaf(c, leaf,
		    "events are said to be gone by retention, and are not so "
		    "old: those before",
		    next);
	c->gone_last = false;
}

static bool
gone_pass(struct check *c, const uint8_t *sealed)
{
	struct merkle_hash h;

	memcpy(h.b, sealed, MERKLE_HASH_SIZE);
	c->gone_last = true;
	c->gone_n++;
	if (c->edge.size + 1 == c->gone->first + c->gone->n)
		c->gone++;
	c->r = merkle_add(&c->edge, &h, subtree_check, c);
	return c->r == ERR_OK && !c->faulty;
}

/* One event against its leaf; false at the first that is not. */
static bool
leaf_check(struct check *c, int64_t leaf)
{
	const uint8_t *sealed = hash_peek(c, 0, leaf);
	const struct audit_record *row;

	if (c->r != ERR_OK)
		return false;
	if (sealed != NULL && is_gone(c, leaf))
		return gone_pass(c, sealed);
	row = row_peek(c, 0);
	if (c->r != ERR_OK)
		return false;
	gone_check(c, leaf, row);
	if (c->faulty)
		return false;
	if (sealed == NULL)
		fault_leaf(c, leaf, "the seal of an event was removed", row);
	else if (row == NULL)
		fault_leaf(
		    c, leaf, "this event and all after it were removed", NULL);
	else if (!is_hash(&row->leaf, sealed))
		difference_tell(c, leaf, row);
	else {
		c->r = merkle_add(&c->edge, &row->leaf, subtree_check, c);
		audit_rows_pass(c->rows);
	}
	return c->r == ERR_OK && !c->faulty;
}

/* Keys */

/* The tree's keys, opened; *n is how many there are. */
static const struct audit_key_list_row *
keys_open(struct check *c, size_t *n)
{
	const struct audit_key_list_row *first = NULL, *k;
	struct class_key_id id = { c->tree->clinic_id, KEY_CLASS_audit, 0 };
	size_t i;

	*n = 0;
	for (i = 0; i < c->log.keys_n; i++) {
		k = &c->log.keys[i];
		if (!uuid_equal(&k->clinic_id, &id.clinic))
			continue;
		id.version = (uint32_t)k->version;
		if (keyring_class_add(&id, k->wrapped) != ERR_OK)
			continue;
		if (first == NULL)
			first = k;
		++*n;
	}
	return first;
}

/* What others are told of a key has to be what it is. */
static bool
key_is_told(const struct check *c, struct arena *a,
    const struct audit_key_list_row *k, const uint8_t key[SIGNATURE_KEY_SIZE])
{
	const char *end;
	char *note;

	if (k->public.n != SIGNATURE_KEY_SIZE ||
	    memcmp(k->public.p, key, SIGNATURE_KEY_SIZE) != 0)
		return false;
	if (k->version == 1)
		return k->follows == NULL;
	end = k->follows == NULL ? NULL : strstr(k->follows, "/key\n");
	return end != NULL &&
	    audit_succession_make(a,
		arena_text_n(a, k->follows, (size_t)(end - k->follows)),
		&c->tree->clinic_id, (uint32_t)k->version, &note) == ERR_OK &&
	    strcmp(note, k->follows) == 0;
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
	    (said.size != c->tree->size || !is_hash(&root, said.root.b)))
		fault(c, "the checkpoint is of another log", "");
}

static bool
is_sealed(const struct check *c, const struct audit_record *row)
{
	return row->tx < c->log.sealed.tx ||
	    (row->tx == c->log.sealed.tx && row->seq <= c->log.sealed.seq);
}

static void
tree_end_check(struct check *c, struct arena *a, const uint8_t *key)
{
	const struct audit_tree_list_row *t = c->tree;
	struct bytes edge = merkle_edge_bytes(&c->edge);
	const struct audit_record *row = row_peek(c, 0);

	if (c->r != ERR_OK)
		return;
	gone_check(c, t->size, row);
	if (c->faulty)
		return;
	if (edge.n != t->edge.n ||
	    (edge.n > 0 && memcmp(edge.p, t->edge.p, edge.n) != 0))
		fault(c, "the root of the tree was altered", "");
	else if (row != NULL && is_sealed(c, row))
		fault_leaf(c, t->size,
		    "an event was inserted, or was sealed and its seal removed",
		    row);
	else if (t->size > 0)
		note_check(c, a, key);
}

/* Is what was kept this tree's? */
static bool
kept_is_ours(const struct check *c)
{
	char suffix[8 + UUID_TEXT_SIZE] = "/audit/";
	size_t n;

	if (c->kept == NULL)
		return false;
	uuid_text(&c->tree->clinic_id, suffix + strlen(suffix));
	n = strcspn(c->kept, "\n");
	return n >= strlen(suffix) &&
	    strncmp(c->kept + n - strlen(suffix), suffix, strlen(suffix)) == 0;
}

static void
kept_take(struct check *c, const struct audit_note_said *said)
{
	if (said->size > c->tree->size)
		fault(c,
		    "the newest events were cut off: the log is shorter than "
		    "the checkpoint that was kept",
		    "");
	else {
		c->kept_size = said->size;
		c->kept_root = said->root;
	}
}

/* Checks what is told of each key; the newest is answered. A checkpoint that was
 * kept may be of an older one. */
static void
keys_check(struct check *c, struct arena *a, uint8_t key[SIGNATURE_KEY_SIZE])
{
	struct audit_note_said said;
	const struct audit_key_list_row *k;
	bool kept = kept_is_ours(c), signed_by = false;
	size_t i, n;

	c->kept_used = c->kept_used || kept;
	if ((k = keys_open(c, &n)) == NULL) {
		fault(c, "there is no key that opens, to check it by", "");
		return;
	}
	for (i = 0; i < n && c->r == ERR_OK; i++) {
		c->r = audit_key_public(
		    &c->tree->clinic_id, (uint32_t)k[i].version, key);
		if (c->r == ERR_OK && !key_is_told(c, a, &k[i], key))
			fault(c, "what others are told of the key was altered",
			    "");
		if (kept && !signed_by &&
		    audit_note_read(a, c->kept, key, &said) == ERR_OK) {
			signed_by = true;
			kept_take(c, &said);
		}
	}
	if (kept && !signed_by)
		fault(c,
		    "the checkpoint that was kept is not signed by this "
		    "clinic's key",
		    "");
}

static void
progress(const struct check *c, int64_t leaf)
{
	if (leaf % STEP == 0 && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s: %3d %%\r", c->name,
		    (int)(100 * leaf / c->tree->size));
}

static void
tree_begin(struct check *c, const struct audit_tree_list_row *t)
{
	unsigned level;

	c->tree = t;
	c->name = t->name != NULL	 ? t->name
	    : uuid_is_nil(&t->clinic_id) ? "what nobody did"
					 : "a clinic that is gone";
	c->edge = (struct merkle_edge){ .n = 0 };
	for (level = 0; level < LEVELS_MAX; level++)
		c->levels[level].n = -1;
	c->kept_size = c->gone_n = 0;
	c->gone_last = false;
	c->gone_end = c->log.gone + c->log.gone_n;
	for (c->gone = c->log.gone; c->gone < c->gone_end &&
	     !uuid_equal(&c->gone->clinic_id, &t->clinic_id);)
		c->gone++;
	for (c->gone_end = c->gone; c->gone_end < c->log.gone + c->log.gone_n &&
	     uuid_equal(&c->gone_end->clinic_id, &t->clinic_id);)
		c->gone_end++;
}

static void
leaves_check(struct check *c)
{
	int64_t i;

	for (i = 0; i < c->tree->size && c->r == ERR_OK && !c->faulty; i++) {
		progress(c, i);
		if (leaf_check(c, i))
			kept_check(c);
	}
}

/* A row before those of this tree, or behind all: is it one that no tree has,
 * though all of its time are sealed? What is left over is the tree's before. */
static bool
is_stray(const struct check *c, const struct audit_tree_list_row *t,
    const struct audit_record *row)
{
	return is_sealed(c, row) &&
	    (t == c->log.trees || !uuid_equal(&row->clinic, &t[-1].clinic_id));
}

/* Says the first. */
static void
strays_pass(struct check *c, const struct audit_tree_list_row *t)
{
	const struct audit_tree_list_row *end = c->log.trees + c->log.trees_n;
	const struct audit_record *row;
	char who[AUDIT_WHO_SIZE];
	bool told = false;

	c->name = "no clinic";
	while ((row = any_peek(c, 0)) != NULL &&
	    (t == end || uuid_compare(&row->clinic, &t->clinic_id) < 0)) {
		if (!told && is_stray(c, t, row)) {
			audit_record_who(&c->log.words, row, who);
			fault(c,
			    "an event was inserted, or the tree that it is in "
			    "was removed",
			    who);
			told = true;
		}
		audit_rows_pass(c->rows);
	}
}

static void
right_say(const struct check *c)
{
	printf("%s: %" PRId64 " events are as they were sealed", c->name,
	    c->tree->size - c->gone_n);
	if (c->gone_n > 0)
		printf("; of %" PRId64 " that are gone by retention the hashes "
		       "are",
		    c->gone_n);
	putchar('\n');
}

static void
tree_check(struct check *c, const struct audit_tree_list_row *t)
{
	uint8_t key[SIGNATURE_KEY_SIZE];
	struct arena *a = arena_new();
	bool before;

	strays_pass(c, t);
	before = c->faulty;
	tree_begin(c, t);
	c->faulty = false;
	keys_check(c, a, key);
	leaves_check(c);
	if (c->r == ERR_OK && !c->faulty)
		tree_end_check(c, a, key);
	if (c->r == ERR_OK && !c->faulty)
		right_say(c);
	c->faulty = c->faulty || before;
	arena_free(a);
}

/* The whole */

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
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a, instant_monotonic() + WORK_MS);
	enum err r;

	if ((r = sql_audit_note(tx, &in)) == ERR_OK)
		r = tx_commit(tx);
	tx_close(tx);
	arena_free(a);
	return r;
}

static enum err
log_read(struct check *c)
{
	struct audit_log *log = &c->log;
	struct audit_reading what = { .words = &log->words };
	enum err r = c->options->from_dump != NULL
	    ? audit_log_dump(log, c->options->from_dump)
	    : audit_log_database(log);

	if (r != ERR_OK)
		return r;
	if (c->options->from_dump == NULL) {
		what.database = c->options->database;
		what.password = c->options->password;
	}
	what.parts = log->parts;
	what.parts_n = log->parts_n;
	return audit_rows_read(&what, &c->rows);
}

static void
all_check(struct check *c)
{
	size_t i;

	if ((c->r = log_read(c)) != ERR_OK)
		return;
	for (i = 0; i < c->log.trees_n && c->r == ERR_OK; i++)
		tree_check(c, &c->log.trees[i]);
	if (c->r == ERR_OK)
		strays_pass(c, c->log.trees + c->log.trees_n);
	if (c->r != ERR_OK)
		return;
	if (c->kept != NULL && !c->kept_used)
		c->r = operator_say(ERR_INVALID_FIELD,
		    "the checkpoint is of none of these clinics");
	else if (c->faulty)
		c->r = operator_say(ERR_INTERNAL,
		    "the log is not what was sealed: keep this database as it "
		    "is, with its backups, and ask who could write to it");
	else if (c->options->from_dump == NULL)
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

	if (c->options->from_dump != NULL) {
		all_check(c);
		return;
	}
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
	audit_rows_free(c->rows);
	audit_words_free(&c->log.words);
	audit_log_dump_end(&c->log);
	arena_free(c->log.a);
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
	c->log.a = arena_new();
	c->r = ERR_OK;
	if ((o.checkpoint == NULL || file_read(o.checkpoint, &c->kept)) &&
	    operator_ready(&o)) {
		if (loop_poll_run(run, c) != ERR_OK)
			c->r = ERR_INTERNAL;
		status = operator_end(c->r);
	}
	check_free(c);
	return status;
}
