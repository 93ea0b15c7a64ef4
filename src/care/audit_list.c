#include "base/instant.h"
#include "care/operations.h"
#include "care/page.h"
#include "sql.h"

#include <string.h>

const struct shape audit_list_in[] = {
	{ "from", SH_TIME, .flags = 0 },
	{ "to", SH_TIME, .flags = 0 },
	{ "actor_id", SH_UUID, .flags = 0 },
	{ "patient_id", SH_UUID, .flags = 0 },
	{ "action", SH_CHOICE, .choices = "C|R|U|D|E" },
	{ "outcome", SH_TEXT, 1, 40, .flags = 0 },
	{ "scope", SH_CHOICE, .choices = "clinic|nobody" },
	{ 0 },
};

const struct shape audit_list_out[] = {
	{ "seq", SH_INT, 1, INT64_MAX, .flags = SH_REQUIRED },
	{ "at", SH_TIME, .flags = SH_REQUIRED },
	{ "event", SH_TEXT, 1, 60, .flags = SH_REQUIRED },
	{ "action", SH_CHOICE, .flags = SH_REQUIRED, .choices = "C|R|U|D|E" },
	{ "outcome", SH_TEXT, 1, 40, .flags = SH_REQUIRED },
	{ "actor_id", SH_UUID, .flags = SH_REQUIRED | SH_NULLABLE },
	{ "actor_role", SH_TEXT, 1, 20, .flags = SH_REQUIRED | SH_NULLABLE },
	{ "actor_name", SH_TEXT, 1, 200, .flags = SH_REQUIRED | SH_NULLABLE },
	{ "patient_id", SH_UUID, .flags = SH_REQUIRED | SH_NULLABLE },
	{ "record_id", SH_UUID, .flags = SH_REQUIRED | SH_NULLABLE },
	{ "returned", SH_LIST, 0, 1000, .flags = SH_REQUIRED },
	{ "address", SH_TEXT, 1, 46, .flags = SH_REQUIRED },
	{ "request_id", SH_UUID, .flags = SH_REQUIRED },
	{ "operation", SH_TEXT, 1, 40, .flags = SH_REQUIRED },
	{ "purpose", SH_TEXT, 1, 20, .flags = SH_REQUIRED },
	{ "count", SH_INT, 1, INT32_MAX, .flags = SH_REQUIRED },
	{ 0 },
};

static json_t *
ids_json(const struct uuid_list *ids)
{
	json_t *out = json_array();
	size_t i;

	for (i = 0; i < ids->n; i++)
		json_array_append_new(out, uuid_json(&ids->v[i]));
	return out;
}

/*= AU-02: all that the row says */
static json_t *
event_json(const struct audit_list_row *e)
{
	return json_pack("{s:I, s:o, s:s, s:s, s:s, s:o, s:o, s:o,"
			 " s:o, s:o, s:o, s:s, s:o, s:s, s:s, s:I}",
	    "seq", (json_int_t)e->seq, "at", time_json(e->at), "event",
	    e->event, "action", e->action, "outcome", e->outcome, "actor_id",
	    uuid_json(&e->actor_id), "actor_role", text_json(e->actor_role),
	    "actor_name", text_json(e->actor_name), "patient_id",
	    uuid_json(&e->patient_id), "record_id", uuid_json(&e->record_id),
	    "returned", ids_json(&e->returned), "address", e->address,
	    "request_id", uuid_json(&e->request_id), "operation", e->operation,
	    "purpose", e->purpose, "count", (json_int_t)e->count);
}

static json_t *
next_before(int64_t at_us, int64_t seq)
{
	return json_pack("{s:I, s:I}", "before_us", (json_int_t)at_us, "before",
	    (json_int_t)seq);
}

/*= AZ-02, AU-12: an actor's name that is a patient's was shown to the reader:
 * an access to that patient, once for each page */
static void
actor_note(struct op *op, const struct audit_list_row *e)
{
	if (e->actor_name != NULL && !uuid_is_nil(&e->actor_patient))
		op_returned_once(op, &e->actor_patient);
}

/* Nobody acted on a record, nor has a name. And where several clinics share an
 * installation, whom a stranger meant to be is not one clinic's to see. */
static enum err
nobody_check(struct op *op)
{
	struct audit_nobody_seen_row row;
	enum err r;

	if (in_has(op, "actor_id"))
		return op_refuse(op, ERR_INVALID_FIELD, "actor_id");
	if (in_has(op, "patient_id"))
		return op_refuse(op, ERR_INVALID_FIELD, "patient_id");
	if ((r = sql_audit_nobody_seen(op->tx, &row)) != ERR_OK)
		return r;
	return row.seen ? ERR_OK : op_refuse(op, ERR_SEVERAL_CLINICS, "scope");
}

static bool
is_of_nobody(const struct op *op)
{
	const char *scope = in_text(op, "scope");

	return scope != NULL && strcmp(scope, "nobody") == 0;
}

/* Newest first. */
enum err
audit_list(struct op *op)
{
	struct audit_list_in in = {
		.from_at = in_time(op, "from"),
		.to_at = in_time(op, "to"),
		.actor_id = in_uuid(op, "actor_id"),
		.patient_id = in_uuid(op, "patient_id"),
		.action = in_text(op, "action"),
		.outcome = in_text(op, "outcome"),
		.before_us = page_int(op, "before_us", INT64_MIN),
		.before = page_int(op, "before", INT64_MIN),
		.limit = page_fetch(op),
		.nobody = is_of_nobody(op),
	};
	struct audit_list_row *rows;
	json_t *items, *next = NULL;
	size_t i, n, page;
	enum err r;

	op->note.patient = in.patient_id;
	if ((in.nobody && (r = nobody_check(op)) != ERR_OK) ||
	    (r = sql_audit_list(op->tx, &in, &rows, &n)) != ERR_OK)
		return r;
	items = json_array();
	page = page_size(op, n);
	for (i = 0; i < page; i++) {
		json_array_append_new(items, event_json(&rows[i]));
		actor_note(op, &rows[i]);
	}
	if (n > page)
		next = next_before(rows[page - 1].at_us, rows[page - 1].seq);
	return op_list(op, items, next);
}
