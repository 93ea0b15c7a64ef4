#include "care/recording.h"

#include "base/conf.h"
#include "base/instant.h"
#include "base/secret.h"
#include "base/text.h"
#include "care/operations.h"
#include "care/page.h"
#include "gate/job.h"
#include "gate/right.h"
#include "gate/tell.h"

#include <string.h>

#define DAY_S	    INT64_C(86400)
#define SECRET_SIZE (RECORDING_KEY_SIZE + RECORDING_NONCE_SIZE)

const struct shape recording_create_in[] = {
	{ "media_type", SH_TEXT, 1, 100, .flags = SH_NULLABLE },
	{ 0 },
};
/* One that was just made, as its recorder has to know it. */
struct made {
	struct recording_stands stands;
	struct recording_secret secret;
	int64_t wording, retention_until;
};
const struct shape recording_create_out[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED, COLUMN(made, stands.id) },
	{ "state", SH_CHOICE, .flags = SH_REQUIRED, .choices = RECORDING_STATES,
	    COLUMN(made, stands.state) },
	{ "key", SH_TEXT, 44, 44, .flags = SH_REQUIRED,
	    COLUMN(made, secret.key) },
	{ "nonce_prefix", SH_TEXT, 12, 12, .flags = SH_REQUIRED,
	    COLUMN(made, secret.nonce_prefix) },
	SHOWN(made, wording, SH_INT, 1, INT64_MAX),
	SHOWN(made, retention_until, SH_TIME),
	{ 0 },
};

const struct shape recording_consent_in[] = {
	{ "given", SH_BOOL, .flags = SH_REQUIRED },
	{ 0 },
};
const struct shape recording_stands_members[] = {
	SHOWN(recording_stands, id, SH_UUID),
	SHOWN(recording_stands, state, SH_CHOICE, .choices = RECORDING_STATES),
	{ 0 },
};

static const struct shape hold_members[] = {
	{ "since", SH_TIME, .flags = SH_REQUIRED,
	    COLUMN(recording_row, hold_at) },
	{ "by", SH_UUID, .flags = SH_REQUIRED, COLUMN(recording_row, hold_by) },
	{ "reason", SH_TEXT, 1, 500, .flags = SH_REQUIRED | SH_NULLABLE,
	    COLUMN(recording_row, hold_reason) },
	{ 0 },
};

#define MEMBERS                                                                \
	SHOWN(recording_row, id, SH_UUID),                                     \
	    SHOWN(recording_row, visit_id, SH_UUID),                           \
	    SHOWN(recording_row, patient_id, SH_UUID),                         \
	    SHOWN(recording_row, clinician_id, SH_UUID),                       \
	    SHOWN(                                                             \
		recording_row, state, SH_CHOICE, .choices = RECORDING_STATES), \
	    SHOWN(recording_row, created_at, SH_TIME),                         \
	    SHOWN_OR_NULL(recording_row, started_at, SH_TIME),                 \
	    SHOWN_OR_NULL(recording_row, stopped_at, SH_TIME),                 \
	    SHOWN_OR_NULL(recording_row, checked_at, SH_TIME),                 \
	    SHOWN_OR_NULL(recording_row, deleted_at, SH_TIME),                 \
	    SHOWN_OR_NULL(recording_row, duration_s, SH_INT, 0, INT64_MAX),    \
	    SHOWN_OR_NULL(recording_row, media_type, SH_TEXT, 1, 100),         \
	    { "retention_until", SH_TIME, .flags = SH_REQUIRED,                \
		    COLUMN(recording_row, keep_until) },                       \
	{                                                                      \
		"hold", SH_OBJECT, .flags = SH_REQUIRED | SH_NULLABLE,         \
				   .inner = hold_members                       \
	}

const struct shape recording_list_in[] = {
	{ "patient_id", SH_UUID, .flags = 0 },
	{ "visit_id", SH_UUID, .flags = 0 },
	{ 0 },
};
const struct shape recording_list_out[] = { MEMBERS, { 0 } };

static const struct shape person_members[] = {
	SHOWN(recording_people_row, account_id, SH_UUID),
	SHOWN(recording_people_row, role, SH_TEXT, 1, 20),
	SHOWN_OR_NULL(
	    recording_people_row, display_name, SH_TEXT, 1, NAME_WHOLE_MAX),
	SHOWN(recording_people_row, given, SH_BOOL),
	SHOWN(recording_people_row, wording, SH_INT, 1, INT64_MAX),
	SHOWN(recording_people_row, at, SH_TIME),
	{ 0 },
};

static json_t *
chunk_sha256(const struct op *op, const void *row)
{
	const struct recording_chunks_row *c = row;

	return text_json(text_base64(op->arena, c->sha256.p, c->sha256.n));
}

static json_t *
chunk_state(const struct op *op, const void *row)
{
	const struct recording_chunks_row *c = row;

	(void)op;
	if (c->fault != NULL)
		return text_json(c->fault);
	if (c->seen_at != INSTANT_NONE)
		return text_json("stored");
	return text_json(c->done_at != INSTANT_NONE ? "uploaded" : "asked");
}

static const struct shape chunk_members[] = {
	SHOWN(recording_chunks_row, index, SH_INT, 0, RECORDING_CHUNKS_MAX - 1),
	SHOWN(recording_chunks_row, bytes, SH_INT, RECORDING_CHUNK_MIN,
	    RECORDING_CHUNK_MAX),
	{ "sha256", SH_TEXT, 44, 44, .flags = SH_REQUIRED,
	    .made = chunk_sha256 },
	{ "state", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "asked|uploaded|stored|missing|size|checksum",
	    .made = chunk_state },
	{ 0 },
};

/* One with all that belongs to it; MEMBERS are columns of what stands first. */
struct whole {
	struct recording_row recording;
	struct row_list chunks, participants;
	struct int_list missing;
};
const struct shape recording_read_out[] = {
	MEMBERS,
	SHOWN(whole, chunks, SH_LIST, 0, RECORDING_CHUNKS_MAX,
	    .inner = chunk_members),
	SHOWN(whole, missing, SH_INTS, 0, 100),
	SHOWN(whole, participants, SH_LIST, 0, 100, .inner = person_members),
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "before", SH_UUID, COLUMN(recording_row, id) },
	{ 0 },
};

bool
recording_is(const struct recording_row *g, const char *states)
{
	const size_t n = strlen(g->state);
	const char *s;

	for (s = states; s != NULL; s = strchr(s, '|')) {
		s += *s == '|';
		if (strncmp(s, g->state, n) == 0 &&
		    (s[n] == '\0' || s[n] == '|'))
			return true;
	}
	return false;
}

/* The key and what its nonces begin with are kept as one text. */
static const char *
secret_make(struct arena *a, uint8_t secret[SECRET_SIZE])
{
	secret_random(secret, SECRET_SIZE);
	return text_base64url(a, secret, SECRET_SIZE);
}

enum err
recording_secret_read(
    struct arena *a, const char *kept, struct recording_secret *out)
{
	uint8_t *b;
	size_t n;

	if (kept == NULL || text_base64url_decode(a, kept, &b, &n) != ERR_OK ||
	    n != SECRET_SIZE)
		return ERR_CRYPTO;
	out->key = text_base64(a, b, RECORDING_KEY_SIZE);
	out->nonce_prefix = text_base64(
	    a, b + RECORDING_KEY_SIZE, RECORDING_NONCE_SIZE);
	return ERR_OK;
}

/*= RC-03: the names of objects say nothing of whose they are */
static const char *
prefix_make(struct arena *a)
{
	uint8_t random[16];

	secret_random(random, sizeof(random));
	return text_hex(a, random, sizeof(random));
}

static enum err
consent_note(struct op *op, const struct uuid *recording, bool given)
{
	const struct recording_consent_insert_in in = {
		.id = uuid_new(),
		.recording_id = *recording,
		.account_id = op->who.account,
		.role = role_name(op->who.role),
		.given = given,
		.wording = RECORDING_WORDING,
	};

	return sql_recording_consent_insert(op->tx, &in);
}

/*= RC-01: a clinic that did not say so does not record, and neither is a guest
 * recorded, whose right ends at the call */
static enum err
may_begin(const struct recording_prepare_row *v)
{
	if (v->allowed == 0 || *conf()->store_endpoint == '\0')
		return ERR_RECORDING_OFF;
	if (strcmp(v->status, "in_call") != 0)
		return ERR_WRONG_STATUS;
	return v->guests ? ERR_GUEST_HERE : ERR_OK;
}

/* The clinician who asks has agreed by that; everybody else is asked in the
 * call. The key is told once, to the browser that is about to seal with it. */
enum err
recording_create(struct op *op)
{
	const struct recording_prepare_in visit = { op->id };
	struct recording_prepare_row v;
	struct recording_insert_in in = {
		.id = uuid_new(),
		.visit_id = op->id,
		.patient_id = op->patient,
		.clinician_id = op->who.account,
		.media_type = in_text(op, "media_type"),
		.now = op->now,
	};
	uint8_t secret[SECRET_SIZE];
	struct made made;
	enum err r;

	op->note.record = in.id;
	if ((r = sql_recording_prepare(op->tx, &visit, &v)) != ERR_OK ||
	    (r = may_begin(&v)) != ERR_OK)
		return r;
	in.key = v.key;
	in.keep_until = op->now + v.keep_days * DAY_S;
	in.prefix = prefix_make(op->arena);
	in.secret = secret_make(op->arena, secret);
	secret_wipe(secret, sizeof(secret));
	if ((r = sql_recording_insert(op->tx, &in)) != ERR_OK ||
	    (r = consent_note(op, &in.id, true)) != ERR_OK ||
	    (r = op_tell(op, TELL_RECORDING, &op->id, "consent")) != ERR_OK ||
	    (r = recording_secret_read(op->arena, in.secret, &made.secret)) !=
		ERR_OK)
		return r;
	made.stands = (struct recording_stands){ in.id, "consent" };
	made.wording = RECORDING_WORDING;
	made.retention_until = in.keep_until;
	return op_answer(op, &made);
}

static enum err
recording_lock(struct op *op, struct recording_row *g)
{
	const struct recording_lock_in in = { op->id };

	op->note.record = op->id;
	return sql_recording_lock(op->tx, &in, g);
}

/* What has become of it; the room hears of it. */
static enum err
state_tell(struct op *op, const struct recording_row *g, const char *state)
{
	const struct recording_stands stands = { g->id, state };
	enum err r = op_tell(op, TELL_RECORDING, &g->visit_id, state);

	return r == ERR_OK ? op_answer(op, &stands) : r;
}

static enum err
end(struct op *op, const struct recording_row *g)
{
	const struct recording_end_in in = { g->id, op->now };
	int64_t n;
	enum err r = sql_recording_end(op->tx, &in, &n);

	if (r != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_WRONG_STATUS;
}

/*= RC-01: who says no, or takes a yes back, ends it */
enum err
recording_consent(struct op *op)
{
	const bool given = in_bool(op, "given", false);
	struct recording_row g;
	enum err r;

	if ((r = recording_lock(op, &g)) != ERR_OK)
		return r;
	if (!recording_is(&g, "consent|recording"))
		return ERR_WRONG_STATUS;
	if ((r = consent_note(op, &g.id, given)) != ERR_OK ||
	    (!given && (r = end(op, &g)) != ERR_OK))
		return r;
	return state_tell(op, &g, given ? g.state : "stopped");
}

/*= RC-01: not before everybody who was asked has agreed, its patient among them;
 * that nobody else is there the room sees to */
enum err
recording_start(struct op *op)
{
	const struct recording_begin_in in = { op->id, op->now };
	struct recording_row g;
	int64_t n;
	enum err r;

	if ((r = recording_lock(op, &g)) != ERR_OK)
		return r;
	if (!recording_is(&g, "consent"))
		return ERR_WRONG_STATUS;
	if ((r = sql_recording_begin(op->tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? state_tell(op, &g, "recording") : ERR_NO_CONSENT;
}

enum err
recording_stop(struct op *op)
{
	struct recording_row g;
	enum err r;

	return (r = recording_lock(op, &g)) != ERR_OK ||
		(r = end(op, &g)) != ERR_OK
	    ? r
	    : state_tell(op, &g, "stopped");
}

/* Lists and single ones */

static json_t *
recording_item(struct op *op, const void *row)
{
	const struct recording_row *g = row;

	op_returned(op, &g->id);
	op_returned_once(op, &g->patient_id);
	return members_json(op, recording_list_out, g);
}

/*= AZ-01: the scope is part of the query */
enum err
recording_list(struct op *op)
{
	struct recording_list_in in = {
		.patient_id = in_uuid(op, "patient_id"),
		.visit_id = in_uuid(op, "visit_id"),
		.before = page_uuid(op, "before"),
		.limit = page_fetch(op),
	};
	struct recording_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = cursor_members,
		.item = recording_item,
	};
	enum err r;

	if (op->scope == SCOPE_CARE)
		in.care_of = op->who.account;
	if (op->scope == SCOPE_SELF) {
		if (!uuid_is_nil(&in.patient_id) &&
		    !uuid_equal(&in.patient_id, &op->who.patient))
			return page_show(op, &page);
		in.patient_id = op->who.patient;
	}
	if ((r = sql_recording_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

static enum err
missing_find(struct op *op, struct whole *w)
{
	const struct recording_row *g = &w->recording;
	const struct recording_missing_in in = { g->id, g->total };
	struct recording_missing_row *rows;
	int64_t *missing;
	size_t i, n;
	enum err r;

	if (g->total == INT64_MIN || !recording_is(g, "checking|incomplete"))
		return ERR_OK;
	if ((r = sql_recording_missing(op->tx, &in, &rows, &n)) != ERR_OK)
		return r;
	missing = arena_calloc(op->arena, n + 1, sizeof(*missing));
	for (i = 0; i < n; i++)
		missing[i] = rows[i].index;
	w->missing = (struct int_list){ missing, n };
	return ERR_OK;
}

static enum err
whole_find(struct op *op, struct whole *w)
{
	const struct recording_get_in in = { op->id };
	const struct recording_chunks_in of = { op->id, 0,
		RECORDING_CHUNKS_MAX };
	const struct recording_people_in by = { op->id };
	struct recording_chunks_row *chunks;
	struct recording_people_row *people;
	enum err r;

	*w = (struct whole){ .chunks.size = sizeof(*chunks),
		.participants.size = sizeof(*people) };
	if ((r = sql_recording_get(op->tx, &in, &w->recording)) != ERR_OK ||
	    (r = sql_recording_chunks(op->tx, &of, &chunks, &w->chunks.n)) !=
		ERR_OK ||
	    (r = missing_find(op, w)) != ERR_OK ||
	    (r = sql_recording_people(
		 op->tx, &by, &people, &w->participants.n)) != ERR_OK)
		return r;
	w->chunks.v = chunks;
	w->participants.v = people;
	return ERR_OK;
}

/* In which states an operation is of use; those that are not here, in any. */
static bool
is_possible(const struct op *op, const char *operation, const void *row)
{
	static const struct {
		const char *operation, *states;
	} rows[] = {
		{ "recording_consent", "consent|recording" },
		{ "recording_start", "consent" },
		{ "recording_stop", "consent|recording" },
		{ "recording_chunk", "recording|stopped|checking|incomplete" },
		{ "recording_chunk_done",
		    "recording|stopped|checking|incomplete" },
		{ "recording_chunk_fault", "stored|incomplete" },
		{ "recording_finish", "recording|stopped|incomplete" },
		{ "recording_playback", "stored|incomplete" },
		{ "recording_hold",
		    "consent|recording|stopped|checking|stored|incomplete" },
		{ "recording_release",
		    "consent|recording|stopped|checking|stored|incomplete" },
		{ "recording_delete", "stopped|checking|stored|incomplete" },
	};
	const struct recording_row *g = row;
	const bool held = g->hold_at != INSTANT_NONE;
	size_t i;

	if ((strcmp(operation, "recording_release") == 0 && !held) ||
	    ((strcmp(operation, "recording_hold") == 0 ||
		 strcmp(operation, "recording_delete") == 0) &&
		held) ||
	    (strcmp(operation, "recording_playback") == 0 &&
		op->who.role == ROLE_PATIENT && !g->patient_plays))
		return false;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].operation, operation) == 0)
			return recording_is(g, rows[i].states);
	return true;
}

enum err
recording_read(struct op *op)
{
	struct resource of = right_resource(op->route);
	struct whole w;
	enum err r;

	op->note.record = op->id;
	if ((r = whole_find(op, &w)) != ERR_OK ||
	    (r = op_answer(op, &w)) != ERR_OK)
		return r;
	json_object_set_new(op->out, "may",
	    right_may(op, &of, &op->standing, is_possible, &w.recording));
	return ERR_OK;
}

enum err
recording_doom(struct tx *tx, const struct uuid *id)
{
	struct op op = { .arena = tx_arena(tx), .tx = tx };
	const struct recording_doom_in in = { *id };
	char text[UUID_TEXT_SIZE];
	const struct job_new job = { .key = text, .record = *id };
	struct uuid asked;
	int64_t n;
	enum err r;

	uuid_text(id, text);
	if ((r = sql_recording_doom(tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? job_add(&op, JOB_recording_remove, &job, &asked)
		      : ERR_ALREADY_DONE;
}
