/* What is added to an incident: what was done and found, and what has to do with it. */
#include "base/instant.h"
#include "care/incident.h"
#include "care/operations.h"
#include "care/page.h"
#include "gate/route.h"

#include <string.h>

#define FACTORS "nature|recipient|acquired|mitigation"
#define KINDS                                                                  \
	"note|detection|containment|recovery|" FACTORS                         \
	"|notice_people|notice_media|notice_secretary|delay"
#define FINDINGS "lowers|raises|unclear"

/* What was done */

static const struct shape actor_members[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED,
	    COLUMN(incident_entry_list_row, created_by) },
	{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE,
	    COLUMN(incident_entry_list_row, actor_name) },
	{ 0 },
};

const struct shape incident_entry_list_out[] = {
	SHOWN(incident_entry_list_row, id, SH_UUID),
	SHOWN(incident_entry_list_row, kind, SH_CHOICE, .choices = KINDS),
	SHOWN(incident_entry_list_row, at, SH_TIME),
	{ "text", SH_LINES, 1, 2000,
	    .flags = SH_REQUIRED | SH_NULLABLE | SH_PHI,
	    COLUMN(incident_entry_list_row, body) },
	SHOWN_OR_NULL(
	    incident_entry_list_row, finding, SH_CHOICE, .choices = FINDINGS),
	SHOWN_OR_NULL(incident_entry_list_row, until, SH_DATE),
	SHOWN(incident_entry_list_row, created_at, SH_TIME),
	{ "actor", SH_OBJECT, .flags = SH_REQUIRED, .inner = actor_members },
	{ 0 },
};

const struct shape incident_entry_add_in[] = {
	{ "kind", SH_CHOICE, .flags = SH_REQUIRED, .choices = KINDS },
	{ "text", SH_LINES, 1, 2000, .flags = SH_REQUIRED | SH_PHI },
	{ "at", SH_TIME, .flags = 0 },
	{ "finding", SH_CHOICE, .choices = FINDINGS },
	{ "until", SH_DATE, .flags = 0 },
	{ 0 },
};

const struct shape incident_entry_add_out[] = {
	SHOWN(incident_entry_list_row, id, SH_UUID),
	{ 0 },
};

static const struct shape entry_cursor[] = {
	{ "before", SH_UUID, COLUMN(incident_entry_list_row, id) },
	{ 0 },
};

/* ERR_NOT_FOUND for one that is not there: an empty list would be an answer. */
static enum err
incident_there(struct op *op)
{
	const struct incident_get_in in = { op->id };
	struct incident_row row;

	op->note.record = op->id;
	return sql_incident_get(op->tx, &in, &row);
}

enum err
incident_entry_list(struct op *op)
{
	const struct incident_entry_list_in in = { op->id,
		page_uuid(op, "before"), page_fetch(op) };
	struct incident_entry_list_row *rows;
	struct page page = { .size = sizeof(*rows), .cursor = entry_cursor };
	enum err r;

	if ((r = incident_there(op)) != ERR_OK ||
	    (r = sql_incident_entry_list(op->tx, &in, &rows, &page.n)) !=
		ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

static bool
is_factor(const char *kind)
{
	return strstr(FACTORS, kind) != NULL;
}

/* A factor says what it is found to be, a delay until when, and nothing else
 * does; what is written down was done. */
static enum err
entry_check(struct op *op, const struct incident_entry_insert_in *e)
{
	if (is_factor(e->kind) != (e->finding != NULL))
		return op_refuse(op,
		    e->finding == NULL ? ERR_MISSING_FIELD : ERR_INVALID_FIELD,
		    "finding");
	if ((strcmp(e->kind, "delay") == 0) != (e->until != NULL))
		return op_refuse(op,
		    e->until == NULL ? ERR_MISSING_FIELD : ERR_INVALID_FIELD,
		    "until");
	return e->at <= op->now ? ERR_OK
				: op_refuse(op, ERR_INVALID_FIELD, "at");
}

/*= OP-05: added, never changed */
enum err
incident_entry_add(struct op *op)
{
	const int64_t at = in_time(op, "at");
	struct incident_entry_insert_in in = { .id = uuid_new(),
		.incident_id = op->id,
		.kind = in_text(op, "kind"),
		.at = at == INSTANT_NONE ? op->now : at,
		.body = in_text(op, "text"),
		.finding = in_text(op, "finding"),
		.until = in_text(op, "until"),
		.created_by = op->who.account,
		.now = op->now };
	const struct incident_entry_list_row made = { .id = in.id };
	struct incident_lock_row lock;
	enum err r;

	if ((r = incident_find(op, &lock)) != ERR_OK ||
	    (r = entry_check(op, &in)) != ERR_OK)
		return r;
	in.key = lock.key;
	r = sql_incident_entry_insert(op->tx, &in);
	return r == ERR_OK ? op_answer(op, &made) : r;
}

/* What has to do with it */

static const struct shape account_members[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED,
	    COLUMN(incident_link_list_row, account_id) },
	{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE,
	    COLUMN(incident_link_list_row, account_name) },
	{ 0 },
};

const struct shape incident_link_list_out[] = {
	SHOWN(incident_link_list_row, id, SH_UUID),
	SHOWN(incident_link_list_row, kind, SH_CHOICE,
	    .choices = "event|account|patient"),
	SHOWN_OR_NULL(incident_link_list_row, seq, SH_INT, 1, INT64_MAX),
	{ "account", SH_OBJECT, .flags = SH_REQUIRED | SH_NULLABLE,
	    .inner = account_members },
	SHOWN_OR_NULL(incident_link_list_row, patient_id, SH_UUID),
	SHOWN(incident_link_list_row, created_at, SH_TIME),
	{ 0 },
};

const struct shape incident_link_add_in[] = {
	{ "seq", SH_INT, 1, INT64_MAX, .flags = 0 },
	{ "account_id", SH_UUID, .flags = 0 },
	{ "patient_id", SH_UUID, .flags = 0 },
	{ 0 },
};
const struct shape incident_link_add_out[] = {
	SHOWN(incident_link_list_row, id, SH_UUID),
	{ 0 },
};

static const struct shape link_cursor[] = {
	{ "before", SH_UUID, COLUMN(incident_link_list_row, id) },
	{ 0 },
};

/* That a patient has to do with one is said: they can follow it up. */
static json_t *
link_item(struct op *op, const void *row)
{
	const struct incident_link_list_row *l = row;

	if (!uuid_is_nil(&l->patient_id))
		op_returned(op, &l->patient_id);
	return members_json(op, op->route->out, l);
}

enum err
incident_link_list(struct op *op)
{
	const struct incident_link_list_in in = { op->id,
		page_uuid(op, "before"), page_fetch(op) };
	struct incident_link_list_row *rows;
	struct page page = {
		.size = sizeof(*rows), .cursor = link_cursor, .item = link_item
	};
	enum err r;

	if ((r = incident_there(op)) != ERR_OK ||
	    (r = sql_incident_link_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

/* Exactly one is named. */
static enum err
link_check(struct op *op)
{
	switch (in_has(op, "seq") + in_has(op, "account_id") +
	    in_has(op, "patient_id")) {
	case 0:
		return op_refuse(op, ERR_MISSING_FIELD, "patient_id");
	case 1:
		return ERR_OK;
	default:
		return op_refuse(op, ERR_INVALID_FIELD,
		    in_has(op, "seq") ? "seq" : "account_id");
	}
}

static const char *
link_named(const struct op *op)
{
	if (in_has(op, "seq"))
		return "seq";
	return in_has(op, "account_id") ? "account_id" : "patient_id";
}

enum err
incident_link_add(struct op *op)
{
	const struct incident_link_insert_in in = { uuid_new(), op->id,
		in_int(op, "seq", INT64_MIN), in_uuid(op, "account_id"),
		in_uuid(op, "patient_id"), op->who.account, op->now };
	const struct incident_link_list_row made = { .id = in.id };
	struct incident_lock_row lock;
	int64_t n;
	enum err r;

	if ((r = incident_find(op, &lock)) != ERR_OK ||
	    (r = link_check(op)) != ERR_OK ||
	    (r = sql_incident_link_insert(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return op_refuse(op, ERR_INVALID_FIELD, link_named(op));
	op->note.patient = in.patient_id;
	return op_answer(op, &made);
}
