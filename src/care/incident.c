/* Incidents: what went wrong, how it is judged by the four factors of 45 CFR
 * 164.402(2), and when its notices are due. */
#include "care/incident.h"

#include "base/instant.h"
#include "care/operations.h"
#include "care/page.h"
#include "data/record_key.h"
#include "gate/route.h"

#include <string.h>

#define KINDS	    "access|recipient|device|backup|credentials|malware|outage|other"
#define STATES	    "open|closed"
#define FINDINGS    "lowers|raises|unclear"
#define CONCLUSIONS "low_probability|breach"
#define PEOPLE_MAX  1000000000
#define WORDS_MAX   2000

#define PERSON(which, id_column, name_column)                                  \
	static const struct shape which##_members[] = {                        \
		{ "id", SH_UUID, .flags = SH_REQUIRED,                         \
		    COLUMN(incident_row, id_column) },                         \
		{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX,                  \
		    .flags = SH_REQUIRED | SH_NULLABLE,                        \
		    COLUMN(incident_row, name_column) },                       \
		{ 0 },                                                         \
	}
PERSON(opener, created_by, opener_name);
PERSON(closer, closed_by, closer_name);

/* When a notice is due, and, while it is not given, in how many days. */
#define NOTICE(whom)                                                           \
	static const struct shape whom##_members[] = {                         \
		{ "due_on", SH_DATE, .flags = SH_REQUIRED,                     \
		    COLUMN(incident_row, whom##_due) },                        \
		{ "given_on", SH_DATE, .flags = SH_REQUIRED | SH_NULLABLE,     \
		    COLUMN(incident_row, whom##_on) },                         \
		{ "days_left", SH_INT, -4000000, 4000000,                      \
		    .flags = SH_REQUIRED | SH_NULLABLE,                        \
		    COLUMN(incident_row, whom##_days) },                       \
		{ 0 },                                                         \
	}
NOTICE(people);
NOTICE(media);
NOTICE(secretary);

#define FACTOR(name)                                                           \
	SHOWN_OR_NULL(incident_row, name, SH_CHOICE, .choices = FINDINGS)
static const struct shape factor_members[] = {
	FACTOR(nature),
	FACTOR(recipient),
	FACTOR(acquired),
	FACTOR(mitigation),
	{ 0 },
};

#define OBJECT(name, made_of, more)                                            \
	{                                                                      \
		name, SH_OBJECT, .flags = SH_REQUIRED | (more),                \
				 .inner = made_of##_members                    \
	}

const struct shape incident_read_out[] = {
	SHOWN(incident_row, id, SH_UUID),
	SHOWN(incident_row, kind, SH_CHOICE, .choices = KINDS),
	SHOWN(incident_row, state, SH_CHOICE, .choices = STATES),
	{ "title", SH_TEXT, 1, 200, .flags = SH_REQUIRED | SH_NULLABLE | SH_PHI,
	    COLUMN(incident_row, title) },
	{ "description", SH_LINES, 1, WORDS_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE | SH_PHI,
	    COLUMN(incident_row, description) },
	SHOWN(incident_row, discovered_at, SH_TIME),
	SHOWN_OR_NULL(incident_row, began_at, SH_TIME),
	SHOWN_OR_NULL(incident_row, ended_at, SH_TIME),
	SHOWN_OR_NULL(incident_row, affected, SH_INT, 0, PEOPLE_MAX),
	SHOWN_OR_NULL(incident_row, in_state, SH_INT, 0, PEOPLE_MAX),
	OBJECT("factors", factor, 0),
	SHOWN_OR_NULL(incident_row, delay_on, SH_DATE),
	OBJECT("people", people, SH_NULLABLE),
	OBJECT("media", media, SH_NULLABLE),
	OBJECT("secretary", secretary, SH_NULLABLE),
	SHOWN_OR_NULL(
	    incident_row, conclusion, SH_CHOICE, .choices = CONCLUSIONS),
	{ "outcome", SH_LINES, 1, WORDS_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE | SH_PHI,
	    COLUMN(incident_row, outcome) },
	SHOWN(incident_row, created_at, SH_TIME),
	OBJECT("opened_by", opener, 0),
	SHOWN_OR_NULL(incident_row, closed_at, SH_TIME),
	OBJECT("closed_by", closer, SH_NULLABLE),
	SHOWN(incident_row, version, SH_INT, 1, INT64_MAX),
	{ 0 },
};

const struct shape incident_list_in[] = {
	{ "state", SH_CHOICE, .choices = STATES },
	{ 0 },
};

#define TAKEN(must)                                                            \
	{ "kind", SH_CHOICE, .flags = (must), .choices = KINDS },              \
	    { "title", SH_TEXT, 1, 200, .flags = (must) | SH_PHI },            \
	    { "description", SH_LINES, 1, WORDS_MAX,                           \
		    .flags = SH_NULLABLE | SH_PHI },                           \
	    { "discovered_at", SH_TIME, .flags = (must) },                     \
	    { "began_at", SH_TIME, .flags = SH_NULLABLE },                     \
	    { "ended_at", SH_TIME, .flags = SH_NULLABLE },                     \
	    { "affected", SH_INT, 0, PEOPLE_MAX, .flags = SH_NULLABLE },       \
	{                                                                      \
		"in_state", SH_INT, 0, PEOPLE_MAX, .flags = SH_NULLABLE        \
	}
const struct shape incident_open_in[] = { TAKEN(SH_REQUIRED), { 0 } };
const struct shape incident_patch_in[] = { TAKEN(0), { 0 } };

const struct shape incident_close_in[] = {
	{ "conclusion", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = CONCLUSIONS },
	{ "outcome", SH_LINES, 1, WORDS_MAX, .flags = SH_REQUIRED | SH_PHI },
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "before", SH_UUID, COLUMN(incident_row, id) },
	{ 0 },
};

static json_t *
incident_item(struct op *op, const void *row)
{
	const struct incident_row *v = row;

	op_returned(op, &v->id);
	return members_json(op, op->route->out, v);
}

enum err
incident_list(struct op *op)
{
	const struct incident_list_in in = { in_text(op, "state"),
		page_uuid(op, "before"), page_fetch(op) };
	struct incident_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = cursor_members,
		.item = incident_item,
	};
	enum err r;

	if ((r = sql_incident_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

static enum err
incident_show(struct op *op, const struct uuid *id)
{
	const struct incident_get_in in = { *id };
	struct incident_row row;
	enum err r;

	op->note.record = *id;
	if ((r = sql_incident_get(op->tx, &in, &row)) != ERR_OK)
		return r;
	op->version = row.version;
	return op_answer(op, &row);
}

enum err
incident_read(struct op *op)
{
	return incident_show(op, &op->id);
}

/* What is given, on what was there. */
static void
row_take(const struct op *op, struct incident_row *v)
{
	if (in_has(op, "kind"))
		v->kind = in_text(op, "kind");
	if (in_has(op, "title"))
		v->title = in_text(op, "title");
	if (in_has(op, "description"))
		v->description = in_text(op, "description");
	if (in_has(op, "discovered_at"))
		v->discovered_at = in_time(op, "discovered_at");
	if (in_has(op, "began_at"))
		v->began_at = in_time(op, "began_at");
	if (in_has(op, "ended_at"))
		v->ended_at = in_time(op, "ended_at");
	if (in_has(op, "affected"))
		v->affected = in_int(op, "affected", INT64_MIN);
	if (in_has(op, "in_state"))
		v->in_state = in_int(op, "in_state", INT64_MIN);
}

static enum err
times_check(struct op *op, const struct incident_row *v)
{
	if (v->discovered_at > op->now)
		return op_refuse(op, ERR_INVALID_FIELD, "discovered_at");
	if (v->began_at != INSTANT_NONE && v->began_at > op->now)
		return op_refuse(op, ERR_INVALID_FIELD, "began_at");
	if (v->began_at != INSTANT_NONE && v->ended_at != INSTANT_NONE &&
	    v->ended_at < v->began_at)
		return op_refuse(op, ERR_INVALID_FIELD, "ended_at");
	return ERR_OK;
}

/* Of how many, those of one state are a part. */
static enum err
row_check(struct op *op, const struct incident_row *v)
{
	if (v->in_state != INT64_MIN && v->in_state > v->affected)
		return op_refuse(op, ERR_INVALID_FIELD, "in_state");
	return times_check(op, v);
}

/*= OP-05 */
enum err
incident_open(struct op *op)
{
	struct incident_row v = { .id = uuid_new(),
		.began_at = INSTANT_NONE,
		.ended_at = INSTANT_NONE,
		.affected = INT64_MIN,
		.in_state = INT64_MIN };
	struct incident_insert_in in;
	enum err r;

	row_take(op, &v);
	if ((r = row_check(op, &v)) != ERR_OK ||
	    (r = record_key_new(
		 op->tx, KEY_CLASS_incident, &v.id, &v.key, NULL)) != ERR_OK)
		return r;
	in = (struct incident_insert_in){ v.id, v.key, v.kind, v.title,
		v.description, v.discovered_at, v.began_at, v.ended_at,
		v.affected, v.in_state, op->who.account, op->now };
	r = sql_incident_insert(op->tx, &in);
	return r == ERR_OK ? incident_show(op, &v.id) : r;
}

enum err
incident_find(struct op *op, struct incident_lock_row *v)
{
	const struct incident_lock_in in = { op->id };
	enum err r;

	op->note.record = op->id;
	if ((r = sql_incident_lock(op->tx, &in, v)) != ERR_OK)
		return r;
	return v->open ? ERR_OK : ERR_WRONG_STATUS;
}

static enum err
row_write(struct op *op, const struct incident_row *v)
{
	const struct incident_update_in in = { v->id, v->key, v->kind, v->title,
		v->description, v->discovered_at, v->began_at, v->ended_at,
		v->affected, v->in_state, op->if_match };
	int64_t n;
	enum err r = sql_incident_update(op->tx, &in, &n);

	return r == ERR_OK && n != 1 ? ERR_STALE : r;
}

/* What does not open is not written over with nothing. */
static enum err
read_check(const struct incident_row *v)
{
	return v->title == NULL || (v->described && v->description == NULL)
	    ? ERR_CRYPTO
	    : ERR_OK;
}

/*= IN-05: the version that the client saw, or nothing */
enum err
incident_patch(struct op *op)
{
	const struct incident_get_in in = { op->id };
	struct incident_lock_row lock;
	struct incident_row v;
	enum err r;

	if ((r = incident_find(op, &lock)) != ERR_OK ||
	    (r = sql_incident_get(op->tx, &in, &v)) != ERR_OK)
		return r;
	if (v.version != op->if_match)
		return ERR_STALE;
	if ((r = read_check(&v)) != ERR_OK)
		return r;
	row_take(op, &v);
	if ((r = row_check(op, &v)) != ERR_OK ||
	    (r = row_write(op, &v)) != ERR_OK)
		return r;
	return incident_show(op, &op->id);
}

/* What has to be there before it can be closed; the first that is missing. */
/*= PR-08: all four factors, whatever they come to; a breach with its notices */
static enum err
ready_check(struct op *op, const struct incident_row *v, bool breach)
{
	const struct {
		const char *name, *found;
	} needs[] = { { "nature", v->nature }, { "recipient", v->recipient },
		{ "acquired", v->acquired }, { "mitigation", v->mitigation } };
	const struct {
		const char *name, *due, *given;
	} notices[] = { { "people", v->people_due, v->people_on },
		{ "media", v->media_due, v->media_on },
		{ "secretary", v->secretary_due, v->secretary_on } };
	size_t i;

	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (needs[i].found == NULL)
			return op_refuse(op, ERR_FACTOR_MISSING, needs[i].name);
	if (breach && v->affected == INT64_MIN)
		return op_refuse(op, ERR_NOTICE_MISSING, "affected");
	for (i = 0; breach && i < sizeof(notices) / sizeof(notices[0]); i++)
		if (notices[i].due != NULL && notices[i].given == NULL)
			return op_refuse(
			    op, ERR_NOTICE_MISSING, notices[i].name);
	return ERR_OK;
}

enum err
incident_close(struct op *op)
{
	const char *conclusion = in_text(op, "conclusion");
	const struct incident_get_in get = { op->id };
	struct incident_lock_row lock;
	struct incident_row v;
	struct incident_close_in in = { .id = op->id,
		.conclusion = conclusion,
		.outcome = in_text(op, "outcome"),
		.closed_by = op->who.account,
		.now = op->now };
	int64_t n;
	enum err r;

	if ((r = incident_find(op, &lock)) != ERR_OK ||
	    (r = sql_incident_get(op->tx, &get, &v)) != ERR_OK ||
	    (r = ready_check(op, &v, strcmp(conclusion, "breach") == 0)) !=
		ERR_OK)
		return r;
	in.key = lock.key;
	if ((r = sql_incident_close(op->tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? incident_show(op, &op->id) : ERR_WRONG_STATUS;
}
