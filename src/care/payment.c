/* Payments as people ask for them: nothing here waits for the processor. */
#include "base/conf.h"
#include "base/instant.h"
#include "care/fee.h"
#include "care/operations.h"
#include "care/page.h"
#include "care/patient_view.h"
#include "care/payment.h"
#include "gate/job.h"
#include "gate/right.h"
#include "gate/route.h"
#include "sql.h"

#include <string.h>

/* The answer about one payment says where to pay; a list does not. */
static json_t *
checkout_url(const struct op *op, const void *row)
{
	const struct payment_row *p = row;

	if ((op->route->traits & TRAIT_LISTS) != 0)
		return json_null();
	return text_json(p->checkout_url);
}

/* What differs at the processor is for those who keep the books. */
static json_t *
difference(const struct op *op, const void *row)
{
	const struct payment_row *p = row;

	return op->scope == SCOPE_CLINIC ? text_json(p->difference)
					 : json_null();
}

static json_t *
patient_name(const struct op *op, const void *row)
{
	const struct payment_row *p = row;

	return text_json(name_whole(op->arena, p->given_name, p->family_name));
}

const struct shape payment_read_out[] = {
	SHOWN(payment_row, id, SH_UUID),
	SHOWN(payment_row, visit_id, SH_UUID),
	SHOWN(payment_row, patient_id, SH_UUID),
	{ "patient_name", SH_TEXT, 1, NAME_WHOLE_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE | SH_PHI, .made = patient_name },
	SHOWN(payment_row, state, SH_CHOICE, .choices = PAYMENT_STATES),
	SHOWN(payment_row, title, SH_TEXT, 1, 100),
	SHOWN(payment_row, amount_minor, SH_INT, 1, FEE_MOST),
	SHOWN(payment_row, currency, SH_TEXT, 3, 3),
	SHOWN(payment_row, refunded_minor, SH_INT, 0, FEE_MOST),
	{ "checkout_url", SH_TEXT, 1, 4000, .flags = SH_REQUIRED | SH_NULLABLE,
	    .made = checkout_url },
	SHOWN_OR_NULL(
	    payment_row, dispute, SH_CHOICE, .choices = "open|won|lost"),
	{ "difference", SH_TEXT, 1, 40, .flags = SH_REQUIRED | SH_NULLABLE,
	    .made = difference },
	SHOWN(payment_row, created_at, SH_TIME),
	SHOWN_OR_NULL(payment_row, expires_at, SH_TIME),
	SHOWN_OR_NULL(payment_row, paid_at, SH_TIME),
	SHOWN(payment_row, restricted, SH_BOOL),
	SHOWN(payment_row, version, SH_INT, 1, INT64_MAX),
	{ 0 },
};

const struct shape payment_restrict_in[] = {
	{ "restricted", SH_BOOL, .flags = 0 },
	{ 0 },
};

const struct shape payment_list_in[] = { PAYMENT_FILTER, { 0 } };

const struct shape payment_refund_in[] = {
	{ "amount_minor", SH_INT, 1, FEE_MOST, .flags = 0 },
	{ "reason", SH_TEXT, 1, 500, .flags = SH_PHI },
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "at", SH_INT, COLUMN(payment_row, created_us) },
	{ "id", SH_UUID, COLUMN(payment_row, id) },
	{ 0 },
};

enum err
payment_find_own(struct op *op, struct payment_row *p)
{
	const struct payment_get_in in = { op->id };
	enum err r;

	if ((r = sql_payment_get(op->tx, &in, p)) != ERR_OK)
		return r;
	return op->scope == SCOPE_CLINIC ||
		uuid_equal(&p->patient_id, &op->who.patient)
	    ? ERR_OK
	    : ERR_NOT_FOUND;
}

/* Money that was refunded, or lost in a dispute, is not refunded again; a receipt
 * comes later than the payment. */
static bool
is_possible(const struct op *op, const char *operation, const void *row)
{
	const struct payment_row *p = row;

	(void)op;
	if (strcmp(operation, "payment_receipt") == 0)
		return p->receipt;
	return strcmp(operation, "payment_refund") != 0 ||
	    (strcmp(p->state, "paid") == 0 &&
		(p->dispute == NULL || strcmp(p->dispute, "won") == 0));
}

static void
may_tell(struct op *op, json_t *o, const struct payment_row *p)
{
	const struct resource of = right_resource(op->route);

	if (o != NULL && (op->route->traits & TRAIT_MAY) != 0)
		json_object_set_new(o, "may",
		    right_may(op, &of, &op->standing, is_possible, p));
}

static enum err
payment_show(struct op *op, const struct payment_row *p)
{
	enum err r;

	op->note.record = p->id;
	op->note.patient = p->patient_id;
	op->version = p->version;
	r = op_answer(op, p);
	may_tell(op, op->out, p);
	return r;
}

enum err
payment_read(struct op *op)
{
	struct payment_row p;
	enum err r = payment_find_own(op, &p);

	return r == ERR_OK ? payment_show(op, &p) : r;
}

/*= PR-04: who pays for themselves may have it that no health plan is told */
enum err
payment_restrict(struct op *op)
{
	const struct payment_restrict_in in = { op->id,
		in_bool(op, "restricted", true) };
	struct payment_row p;
	int64_t n;
	enum err r;

	if ((r = payment_find_own(op, &p)) != ERR_OK ||
	    (r = sql_payment_restrict(op->tx, &in, &n)) != ERR_OK)
		return r;
	p.restricted = in.restricted;
	p.version += n;
	return payment_show(op, &p);
}

static json_t *
payment_item(struct op *op, const void *row)
{
	const struct payment_row *p = row;
	json_t *o = members_json(op, op->route->out, p);

	op_returned(op, &p->id);
	op_returned_once(op, &p->patient_id);
	may_tell(op, o, p);
	return o;
}

struct payment_list_in
payment_filter(const struct op *op)
{
	return (struct payment_list_in){
		.patient_id = in_uuid(op, "patient_id"),
		.visit_id = in_uuid(op, "visit_id"),
		.state = in_text(op, "state"),
		.differs = in_bool(op, "differs", false),
		.from_at = in_int(op, "from", PAYMENT_EARLIEST),
		.to_at = in_int(op, "to", PAYMENT_LATEST),
		.after_us = PAYMENT_LATEST * 1000000,
		.currency = in_text(op, "currency"),
	};
}

/*= AZ-01: the scope is part of the query, not a filter after it */
enum err
payment_list(struct op *op)
{
	struct payment_list_in in = payment_filter(op);
	struct payment_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = cursor_members,
		.item = payment_item,
	};
	enum err r;

	in.after_us = page_int(op, "at", in.after_us);
	in.after_id = page_uuid(op, "id");
	in.limit = page_fetch(op);
	if (op->scope == SCOPE_SELF) {
		if (!uuid_is_nil(&in.patient_id) &&
		    !uuid_equal(&in.patient_id, &op->who.patient))
			return page_show(op, &page);
		in.patient_id = op->who.patient;
	}
	if ((r = sql_payment_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

/*= PY-06: what is paid, and in which money, the fee of the visit says */
static enum err
payment_begin(struct op *op, const struct payment_prepare_row *visit)
{
	const struct payment_insert_in in = {
		.id = uuid_new(),
		.visit_id = op->id,
		.patient_id = visit->patient_id,
		.fee_id = visit->fee_id,
		.amount_minor = visit->amount_minor,
		.currency = visit->currency,
		.created_by = op->who.account,
	};
	const struct job_new job = { .record = in.id };
	const struct payment_get_in get = { in.id };
	struct payment_row p;
	struct uuid id;
	enum err r;

	if ((r = sql_payment_insert(op->tx, &in)) != ERR_OK ||
	    (r = job_add(op, JOB_checkout_open, &job, &id)) != ERR_OK ||
	    (r = sql_payment_get(op->tx, &get, &p)) != ERR_OK)
		return r;
	return payment_show(op, &p);
}

/* A payer who asks again, in another window or after coming back, gets the one
 * that is there. */
static enum err
payment_again(struct op *op, const struct payment_row *p)
{
	return strcmp(p->state, "opening") == 0 || strcmp(p->state, "open") == 0
	    ? payment_show(op, p)
	    : ERR_ALREADY_DONE;
}

enum err
payment_create(struct op *op)
{
	const struct payment_prepare_in in = { op->id };
	const struct payment_standing_in standing = { op->id };
	struct payment_prepare_row visit;
	struct payment_row p;
	enum err r;

	if (*conf()->stripe_webhook_secret == '\0')
		return ERR_PAYMENTS_OFF;
	if ((r = sql_payment_prepare(op->tx, &in, &visit)) != ERR_OK)
		return r;
	if (uuid_is_nil(&visit.fee_id))
		return ERR_NO_FEE;
	r = sql_payment_standing(op->tx, &standing, &p);
	if (r == ERR_OK)
		return payment_again(op, &p);
	if (r != ERR_NOT_FOUND)
		return r;
	if (strcmp(visit.status, "cancelled") == 0)
		return ERR_WRONG_STATUS;
	return payment_begin(op, &visit);
}

static enum err
refund_begin(struct op *op, const struct payment_row *p, int64_t amount)
{
	const struct payment_refund_begin_in begin = { p->id, amount };
	const struct payment_refund_key_in whose = { p->patient_id };
	struct payment_refund_key_row key;
	struct payment_refund_insert_in in = {
		.id = uuid_new(),
		.payment_id = p->id,
		.patient_id = p->patient_id,
		.amount_minor = amount,
		.reason = in_text(op, "reason"),
		.created_by = op->who.account,
	};
	const struct job_new job = { .record = in.id };
	struct uuid id;
	int64_t n;
	enum err r;

	if ((r = sql_payment_refund_begin(op->tx, &begin, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_WRONG_STATUS;
	if ((r = sql_payment_refund_key(op->tx, &whose, &key)) != ERR_OK)
		return r;
	in.key = key.key;
	if ((r = sql_payment_refund_insert(op->tx, &in)) != ERR_OK)
		return r;
	return job_add(op, JOB_refund_send, &job, &id);
}

/* A payment that is not there is told before what is wrong with the request. */
static enum err
refund_check(struct op *op, const struct payment_row *p, int64_t amount)
{
	if (in_text(op, "reason") == NULL)
		return op_refuse(op, ERR_MISSING_FIELD, "reason");
	if (strcmp(p->state, "paid") != 0)
		return ERR_WRONG_STATUS;
	return amount <= p->amount_minor - p->refunded_minor
	    ? ERR_OK
	    : op_refuse(op, ERR_INVALID_FIELD, "amount_minor");
}

/* One of two that come together finds the payment as it was. */
enum err
payment_refund(struct op *op)
{
	const struct payment_get_in in = { op->id };
	struct payment_row p;
	int64_t amount;
	enum err r;

	if ((r = sql_payment_get(op->tx, &in, &p)) != ERR_OK)
		return r;
	amount = in_int(op, "amount_minor", p.amount_minor - p.refunded_minor);
	if ((r = refund_check(op, &p, amount)) != ERR_OK)
		return r;
	if ((r = refund_begin(op, &p, amount)) != ERR_OK ||
	    (r = sql_payment_get(op->tx, &in, &p)) != ERR_OK)
		return r;
	return payment_show(op, &p);
}
