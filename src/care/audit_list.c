#include "base/instant.h"
#include "care/operations.h"
#include "care/page.h"
#include "sql.h"

#include <string.h>

const struct shape audit_list_in[] = {
	{ "from", SH_TIME, 0, 0, 0, NULL, NULL },
	{ "to", SH_TIME, 0, 0, 0, NULL, NULL },
	{ "actor_id", SH_UUID, 0, 0, 0, NULL, NULL },
	{ "patient_id", SH_UUID, 0, 0, 0, NULL, NULL },
	{ "action", SH_CHOICE, 0, 0, 0, "C|R|U|D|E", NULL },
	{ "outcome", SH_TEXT, 1, 40, 0, NULL, NULL },
	{ "scope", SH_CHOICE, 0, 0, 0, "clinic|nobody", NULL },
	{ 0 },
};

const struct shape audit_list_out[] = {
	{ "seq", SH_INT, 1, INT64_MAX, SH_REQUIRED, NULL, NULL },
	{ "at", SH_TIME, 0, 0, SH_REQUIRED, NULL, NULL },
	{ "event", SH_TEXT, 1, 60, SH_REQUIRED, NULL, NULL },
	{ "action", SH_CHOICE, 0, 0, SH_REQUIRED, "C|R|U|D|E", NULL },
	{ "outcome", SH_TEXT, 1, 40, SH_REQUIRED, NULL, NULL },
	{ "actor_id", SH_UUID, 0, 0, SH_REQUIRED | SH_NULLABLE, NULL, NULL },
	{ "actor_role", SH_TEXT, 1, 20, SH_REQUIRED | SH_NULLABLE, NULL, NULL },
	{ "actor_name", SH_TEXT, 1, 200, SH_REQUIRED | SH_NULLABLE, NULL,
	    NULL },
	{ "patient_id", SH_UUID, 0, 0, SH_REQUIRED | SH_NULLABLE, NULL, NULL },
	{ "record_id", SH_UUID, 0, 0, SH_REQUIRED | SH_NULLABLE, NULL, NULL },
	{ "returned", SH_LIST, 0, 1000, SH_REQUIRED, NULL, NULL },
	{ "address", SH_TEXT, 1, 46, SH_REQUIRED, NULL, NULL },
	{ "request_id", SH_UUID, 0, 0, SH_REQUIRED, NULL, NULL },
	{ "operation", SH_TEXT, 1, 40, SH_REQUIRED, NULL, NULL },
	{ "purpose", SH_TEXT, 1, 20, SH_REQUIRED, NULL, NULL },
	{ "count", SH_INT, 1, INT32_MAX, SH_REQUIRED, NULL, NULL },
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
