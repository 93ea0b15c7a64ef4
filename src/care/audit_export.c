/* The log as a table for a spreadsheet, as long as it is. */
#include "care/audit_filter.h"
#include "care/csv.h"
#include "care/operations.h"

#define ROWS 200 /* in one part */

const struct shape audit_export_in[] = { AUDIT_FILTER, { 0 } };

static const char names[] =
    "seq,at,event,action,outcome,actor_id,actor_role,actor_name,patient_id,"
    "record_id,returned,address,request_id,operation,purpose,count,"
    "at_us,session\r\n";

/* Where it is: the page to ask for. */
struct export
{
	struct audit_list_in in;
	bool begun, ended;
};

/*= AZ-02: staff are named; a patient who acted is an id, as whose record it was
 * is, so that nobody's name is in a file that leaves the clinic's log */
static void
line(struct csv *c, const struct audit_list_row *e)
{
	csv_number(c, e->seq);
	csv_time(c, e->at);
	csv_text(c, e->event);
	csv_text(c, e->action);
	csv_text(c, e->outcome);
	csv_id(c, &e->actor_id);
	csv_text(c, e->actor_role);
	csv_text(c, uuid_is_nil(&e->actor_patient) ? e->actor_name : NULL);
	csv_id(c, &e->patient_id);
	csv_id(c, &e->record_id);
	csv_ids(c, &e->returned);
	csv_text(c, e->address);
	csv_id(c, &e->request_id);
	csv_text(c, e->operation);
	csv_text(c, e->purpose);
	csv_number(c, e->count);
	csv_number(c, e->at_us);
	csv_text(c, e->session);
	csv_end(c);
}

static enum err
export_next(struct op *op, void *state, struct bytes *part)
{
	struct export *x = state;
	struct csv c = csv_new(op->arena);
	struct audit_list_row *rows;
	size_t i, n;
	enum err r;

	if (x->ended)
		return ERR_OK;
	if ((r = sql_audit_list(op->tx, &x->in, &rows, &n)) != ERR_OK)
		return r;
	if (!x->begun)
		csv_put(&c, names);
	for (i = 0; i < n; i++)
		line(&c, &rows[i]);
	x->begun = true;
	x->ended = n < ROWS;
	if (n > 0) {
		x->in.before_us = rows[n - 1].at_us;
		x->in.before = rows[n - 1].seq;
	}
	*part = csv_bytes(&c);
	return ERR_OK;
}

enum err
audit_export(struct op *op)
{
	struct export *x = arena_alloc(op->arena, sizeof(*x));
	enum err r;

	if ((r = audit_filter(op, &x->in)) != ERR_OK)
		return r;
	x->in.limit = ROWS;
	op->table = (struct table){ .next = export_next,
		.state = x,
		.state_bytes = sizeof(*x),
		.file = "audit.csv" };
	return ERR_OK;
}
