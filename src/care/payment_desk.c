/* Payments for those who keep the books: who owes, what a month came to, and
 * all of it as a table. */
#include "care/csv.h"
#include "care/operations.h"
#include "care/page.h"
#include "care/patient_view.h"
#include "care/payment.h"
#include "gate/route.h"

#include <string.h>

#define ROWS   200 /* in one part */
#define MONTHS 24

/* Who owes */

static json_t *
due_name(const struct op *op, const void *row)
{
	const struct payment_due_row *d = row;

	return text_json(name_whole(op->arena, d->given_name, d->family_name));
}

const struct shape payment_due_in[] = {
	{ "patient_id", SH_UUID, .flags = 0 },
	{ "from", SH_TIME, .flags = 0 },
	{ "to", SH_TIME, .flags = 0 },
	{ 0 },
};

const struct shape payment_due_out[] = {
	SHOWN(payment_due_row, visit_id, SH_UUID),
	SHOWN(payment_due_row, patient_id, SH_UUID),
	{ "patient_name", SH_TEXT, 1, NAME_WHOLE_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE | SH_PHI, .made = due_name },
	SHOWN(payment_due_row, starts_at, SH_TIME),
	SHOWN(payment_due_row, title, SH_TEXT, 1, 100),
	SHOWN(payment_due_row, amount_minor, SH_INT, 1, INT64_MAX),
	SHOWN(payment_due_row, currency, SH_TEXT, 3, 3),
	SHOWN_OR_NULL(payment_due_row, payment_id, SH_UUID),
	SHOWN_OR_NULL(
	    payment_due_row, state, SH_CHOICE, .choices = PAYMENT_STATES),
	{ 0 },
};

static const struct shape due_cursor[] = {
	{ "at", SH_INT, COLUMN(payment_due_row, starts_at) },
	{ "id", SH_UUID, COLUMN(payment_due_row, visit_id) },
	{ 0 },
};

static json_t *
due_item(struct op *op, const void *row)
{
	const struct payment_due_row *d = row;

	op_returned(op, &d->visit_id);
	op_returned_once(op, &d->patient_id);
	return members_json(op, op->route->out, d);
}

enum err
payment_due(struct op *op)
{
	const struct payment_due_in in = {
		.patient_id = in_uuid(op, "patient_id"),
		.from_at = in_int(op, "from", PAYMENT_EARLIEST),
		.to_at = in_int(op, "to", PAYMENT_LATEST),
		.after_at = page_int(op, "at", PAYMENT_LATEST),
		.after_id = page_uuid(op, "id"),
		.limit = page_fetch(op),
	};
	struct payment_due_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = due_cursor,
		.item = due_item,
	};
	enum err r;

	if ((r = sql_payment_due(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

/* Months */

static json_t *
remaining(const struct op *op, const void *row)
{
	const struct payment_months_row *m = row;

	(void)op;
	return json_integer(m->paid_minor - m->refunded_minor -
	    m->disputed_minor - m->cost_minor);
}

static const struct shape month_out[] = {
	SHOWN(payment_months_row, month, SH_TEXT, 7, 7),
	SHOWN(payment_months_row, currency, SH_TEXT, 3, 3),
	SHOWN(payment_months_row, paid_minor, SH_INT, 0, INT64_MAX),
	SHOWN(payment_months_row, refunded_minor, SH_INT, 0, INT64_MAX),
	SHOWN(payment_months_row, disputed_minor, SH_INT, INT64_MIN, INT64_MAX),
	SHOWN(payment_months_row, cost_minor, SH_INT, INT64_MIN, INT64_MAX),
	SHOWN(payment_months_row, payout_minor, SH_INT, INT64_MIN, INT64_MAX),
	{ "net_minor", SH_INT, INT64_MIN, INT64_MAX, .flags = SH_REQUIRED,
	    .made = remaining },
	{ 0 },
};

struct months {
	struct row_list items;
};

const struct shape payment_months_in[] = {
	{ "from", SH_TEXT, 7, 7, .flags = SH_REQUIRED },
	{ "to", SH_TEXT, 7, 7, .flags = SH_REQUIRED },
	{ 0 },
};

const struct shape payment_months_out[] = {
	SHOWN(months, items, SH_LIST, .inner = month_out),
	NO_NEXT_PAGE,
	{ 0 },
};

static int
digits_read(const char *p, size_t n)
{
	int value = 0;

	for (; n > 0 && *p >= '0' && *p <= '9'; p++, n--)
		value = value * 10 + (*p - '0');
	return n == 0 ? value : -1;
}

/* "2026-11" as a number of months; -1 if it is none. */
static int
month_read(const char *text)
{
	const int year = digits_read(text, 4),
		  month = text[4] == '-' ? digits_read(text + 5, 2) : -1;

	return year >= 1900 && month >= 1 && month <= 12 ? year * 12 + month
							 : -1;
}

enum err
payment_months(struct op *op)
{
	const struct payment_months_in in = { in_text(op, "from"),
		in_text(op, "to") };
	const int from = month_read(in.from_month),
		  to = month_read(in.to_month);
	struct payment_months_row *rows;
	struct months m = { .items.size = sizeof(*rows) };
	enum err r;

	if (from < 0)
		return op_refuse(op, ERR_INVALID_FIELD, "from");
	if (to < from || to - from >= MONTHS)
		return op_refuse(op, ERR_INVALID_FIELD, "to");
	if ((r = sql_payment_months(op->tx, &in, &rows, &m.items.n)) != ERR_OK)
		return r;
	m.items.v = rows;
	op->note.record = op->who.clinic;
	return op_answer(op, &m);
}

/* As a table */

const struct shape payment_export_in[] = { PAYMENT_FILTER, { 0 } };
const struct shape payment_export_out[] = { { 0 } };

static const char names[] =
    "id,visit_id,patient_id,fee,amount_minor,currency,state,refunded_minor,"
    "dispute,difference,restricted,created_at,paid_at\r\n";

struct export
{
	struct payment_list_in in;
	bool begun, ended;
};

/*= AZ-02: people are ids in what leaves the clinic */
static void
line(struct csv *c, const struct payment_row *p)
{
	csv_id(c, &p->id);
	csv_id(c, &p->visit_id);
	csv_id(c, &p->patient_id);
	csv_text(c, p->title);
	csv_number(c, p->amount_minor);
	csv_text(c, p->currency);
	csv_text(c, p->state);
	csv_number(c, p->refunded_minor);
	csv_text(c, p->dispute);
	csv_text(c, p->difference);
	csv_text(c, p->restricted ? "yes" : NULL);
	csv_time(c, p->created_at);
	csv_time(c, p->paid_at);
	csv_end(c);
}

static enum err
export_next(struct op *op, void *state, struct bytes *part)
{
	struct export *x = state;
	struct csv c = csv_new(op->arena);
	struct payment_row *rows;
	size_t i, n;
	enum err r;

	if (x->ended)
		return ERR_OK;
	if ((r = sql_payment_list(op->tx, &x->in, &rows, &n)) != ERR_OK)
		return r;
	if (!x->begun)
		csv_put(&c, names);
	for (i = 0; i < n; i++)
		line(&c, &rows[i]);
	x->begun = true;
	x->ended = n < ROWS;
	if (n > 0) {
		x->in.after_us = rows[n - 1].created_us;
		x->in.after_id = rows[n - 1].id;
	}
	*part = csv_bytes(&c);
	return ERR_OK;
}

enum err
payment_export(struct op *op)
{
	struct export *x = arena_calloc(op->arena, 1, sizeof(*x));

	x->in = payment_filter(op);
	x->in.limit = ROWS;
	op->table = (struct table){ .next = export_next,
		.state = x,
		.state_bytes = sizeof(*x),
		.file = "payments.csv" };
	return ERR_OK;
}
