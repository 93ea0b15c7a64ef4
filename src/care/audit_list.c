#include "base/instant.h"
#include "care/audit_filter.h"
#include "care/operations.h"
#include "care/page.h"
#include "gate/route.h"

#include <string.h>

const struct shape audit_list_in[] = { AUDIT_FILTER, { 0 } };

/*= AU-02: all that the row says */
const struct shape audit_list_out[] = {
	SHOWN(audit_list_row, seq, SH_INT, 1, INT64_MAX),
	SHOWN(audit_list_row, at, SH_TIME),
	SHOWN(audit_list_row, at_us, SH_INT, 0, INT64_MAX),
	SHOWN(audit_list_row, event, SH_TEXT, 1, 60),
	SHOWN(audit_list_row, action, SH_CHOICE, .choices = "C|R|U|D|E"),
	SHOWN(audit_list_row, outcome, SH_TEXT, 1, 40),
	SHOWN_OR_NULL(audit_list_row, actor_id, SH_UUID),
	SHOWN_OR_NULL(audit_list_row, actor_role, SH_TEXT, 1, 20),
	SHOWN_OR_NULL(audit_list_row, actor_name, SH_TEXT, 1, 200),
	SHOWN_OR_NULL(audit_list_row, session, SH_TEXT, 16, 16),
	SHOWN_OR_NULL(audit_list_row, patient_id, SH_UUID),
	SHOWN_OR_NULL(audit_list_row, record_id, SH_UUID),
	SHOWN(audit_list_row, returned, SH_LIST, 0, 1000),
	SHOWN(audit_list_row, address, SH_TEXT, 1, 46),
	SHOWN(audit_list_row, request_id, SH_UUID),
	SHOWN(audit_list_row, operation, SH_TEXT, 1, 40),
	SHOWN(audit_list_row, purpose, SH_TEXT, 1, 20),
	SHOWN(audit_list_row, count, SH_INT, 1, INT32_MAX),
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "before_us", SH_INT, COLUMN(audit_list_row, at_us) },
	{ "before", SH_INT, COLUMN(audit_list_row, seq) },
	{ 0 },
};

/*= AZ-02, AU-12: an actor's name that is a patient's was shown to the reader:
 * an access to that patient, once for each page */
static json_t *
event_item(struct op *op, const void *row)
{
	const struct audit_list_row *e = row;

	if (e->actor_name != NULL && !uuid_is_nil(&e->actor_patient))
		op_returned_once(op, &e->actor_patient);
	return members_json(op, op->route->out, e);
}

/* A stranger has no name, and acted on no record. Whose address the stranger
 * tried is not for one clinic to see where several share an installation. */
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

enum err
audit_filter(struct op *op, struct audit_list_in *in)
{
	*in = (struct audit_list_in){
		.from_at = in_time(op, "from"),
		.to_at = in_time(op, "to"),
		.actor_id = in_uuid(op, "actor_id"),
		.patient_id = in_uuid(op, "patient_id"),
		.action = in_text(op, "action"),
		.outcome = in_text(op, "outcome"),
		.before_us = INT64_MIN,
		.before = INT64_MIN,
		.nobody = is_of_nobody(op),
	};
	op->note.patient = in->patient_id;
	return in->nobody ? nobody_check(op) : ERR_OK;
}

/* Newest first. */
enum err
audit_list(struct op *op)
{
	struct audit_list_in in;
	struct audit_list_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = cursor_members,
		.item = event_item,
	};
	enum err r;

	if ((r = audit_filter(op, &in)) != ERR_OK)
		return r;
	in.before_us = page_int(op, "before_us", INT64_MIN);
	in.before = page_int(op, "before", INT64_MIN);
	in.limit = page_fetch(op);
	if ((r = sql_audit_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}
