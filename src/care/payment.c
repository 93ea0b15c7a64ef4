/* Payments as people ask for them: nothing here waits for the processor. */
#include "base/conf.h"
#include "base/instant.h"
#include "care/fee.h"
#include "care/operations.h"
#include "care/page.h"
#include "gate/job.h"
#include "gate/route.h"
#include "sql.h"

#include <string.h>

#define STATES	 "opening|open|paid|failed|expired|refunding|refunded"
#define EARLIEST INT64_C(0)
#define LATEST	 INT64_C(253402300799)

/* Where to pay is told to whom it may concern, and not in lists. */
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

const struct shape payment_read_out[] = {
	SHOWN(payment_row, id, SH_UUID),
	SHOWN(payment_row, visit_id, SH_UUID),
	SHOWN(payment_row, patient_id, SH_UUID),
	SHOWN(payment_row, state, SH_CHOICE, .choices = STATES),
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
	SHOWN(payment_row, version, SH_INT, 1, INT64_MAX),
	{ 0 },
};

const struct shape payment_create_in[] = { { 0 } };
const struct shape payment_read_in[] = { { 0 } };

const struct shape payment_list_in[] = {
	{ "patient_id", SH_UUID, .flags = 0 },
	{ "visit_id", SH_UUID, .flags = 0 },
	{ "state", SH_CHOICE, .choices = STATES },
	{ "differs", SH_BOOL, .flags = 0 },
	{ "from", SH_TIME, .flags = 0 },
	{ "to", SH_TIME, .flags = 0 },
	{ 0 },
};

const struct shape payment_refund_in[] = {
	{ "amount_minor", SH_INT, 1, FEE_MOST, .flags = 0 },
	{ "reason", SH_TEXT, 1, 500, .flags = SH_PHI },
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "at", SH_INT, COLUMN(payment_row, created_at) },
	{ "id", SH_UUID, COLUMN(payment_row, id) },
	{ 0 },
};

static enum err
payment_show(struct op *op, const struct payment_row *p)
{
	op->note.record = p->id;
	op->note.patient = p->patient_id;
	op->version = p->version;
	return op_answer(op, p);
}

/* Of others' payments a patient learns nothing. */
static enum err
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

enum err
payment_read(struct op *op)
{
	struct payment_row p;
	enum err r = payment_find_own(op, &p);

	return r == ERR_OK ? payment_show(op, &p) : r;
}

static json_t *
payment_item(struct op *op, const void *row)
{
	const struct payment_row *p = row;

	op_returned(op, &p->id);
	op_returned_once(op, &p->patient_id);
	return members_json(op, op->route->out, p);
}

/*= AZ-01: the scope is part of the query, not a filter after it */
enum err
payment_list(struct op *op)
{
	struct payment_list_in in = {
		.patient_id = in_uuid(op, "patient_id"),
		.visit_id = in_uuid(op, "visit_id"),
		.state = in_text(op, "state"),
		.differs = in_bool(op, "differs", false),
		.from_at = in_int(op, "from", EARLIEST),
		.to_at = in_int(op, "to", LATEST),
		.after_at = page_int(op, "at", LATEST),
		.after_id = page_uuid(op, "id"),
		.limit = page_fetch(op),
	};
	struct payment_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = cursor_members,
		.item = payment_item,
	};
	enum err r;

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

/* Who asks again, in another window or after coming back, gets the one that is
 * there. */
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

/* That there is no such payment is told before what is wrong with the asking. */
static enum err
refund_check(struct op *op, const struct payment_row *p, int64_t amount)
{
	if (op->who.step_up_until <= op->now)
		return ERR_STEP_UP_REQUIRED;
	if (in_text(op, "reason") == NULL)
		return op_refuse(op, ERR_MISSING_FIELD, "reason");
	if (strcmp(p->state, "paid") != 0)
		return ERR_WRONG_STATUS;
	return amount <= p->amount_minor - p->refunded_minor
	    ? ERR_OK
	    : op_refuse(op, ERR_INVALID_FIELD, "amount_minor");
}

/* Of two that come together one finds the payment as it was. */
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
