/* Money at the processor that no payment of ours is about, until somebody has
 * looked at it. */
#include "care/operations.h"
#include "care/page.h"
#include "care/payment.h"
#include "gate/route.h"

static const struct shape cursor_members[] = {
	{ "at", SH_INT, COLUMN(payment_difference_row, moved_at) },
	{ "id", SH_UUID, COLUMN(payment_difference_row, id) },
	{ 0 },
};

const struct shape difference_list_in[] = { { 0 } };
const struct shape difference_resolve_in[] = { { 0 } };
const struct shape difference_list_out[] = {
	SHOWN(payment_difference_row, id, SH_UUID),
	SHOWN(payment_difference_row, reference, SH_TEXT, 1, 255),
	SHOWN(payment_difference_row, kind, SH_TEXT, 1, 60),
	SHOWN(
	    payment_difference_row, amount_minor, SH_INT, INT64_MIN, INT64_MAX),
	SHOWN(payment_difference_row, currency, SH_TEXT, 0, 10),
	SHOWN(payment_difference_row, moved_at, SH_TIME),
	SHOWN_OR_NULL(payment_difference_row, resolved_at, SH_TIME),
	{ 0 },
};

static json_t *
item(struct op *op, const void *row)
{
	const struct payment_difference_row *d = row;

	op_returned(op, &d->id);
	return members_json(op, op->route->out, d);
}

enum err
difference_list(struct op *op)
{
	const struct payment_difference_list_in in = {
		.after_at = page_int(op, "at", PAYMENT_LATEST),
		.after_id = page_uuid(op, "id"),
		.limit = page_fetch(op),
	};
	struct payment_difference_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = cursor_members,
		.item = item,
	};
	enum err r;

	r = sql_payment_difference_list(op->tx, &in, &rows, &page.n);
	if (r != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

/* The log says by whom. */
enum err
difference_resolve(struct op *op)
{
	const struct payment_difference_resolve_in in = { op->id,
		op->who.account, op->now };
	const struct payment_difference_get_in get = { op->id };
	struct payment_difference_row d;
	int64_t n;
	enum err r;

	r = sql_payment_difference_resolve(op->tx, &in, &n);
	if (r == ERR_OK)
		r = sql_payment_difference_get(op->tx, &get, &d);
	if (r != ERR_OK)
		return r;
	if (n != 1)
		return ERR_ALREADY_DONE;
	op->note.record = d.id;
	return op_answer(op, &d);
}
