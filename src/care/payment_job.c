/* Payments as epione-jobs brings them forward. Each step stands a second time:
 * the processor knows a repeated call by its id, and the ledger takes each step
 * once. */
#include "base/conf.h"
#include "care/jobs.h"
#include "care/processor.h"
#include "care/receipt.h"
#include "sql.h"

#include <string.h>

#define BATCH	    1000
#define LOOK_BACK_S (3 * 86400) /* at what moved at the processor, each day */

static const struct processor *processor;

void
processor_set(const struct processor *p)
{
	processor = p;
}

static enum err
order_find(struct op *op, const struct uuid *id, struct payment_order_row *p)
{
	const struct payment_order_in in = { *id };

	return sql_payment_order(op->tx, &in, p);
}

static enum err
settle(
    struct op *op, const struct uuid *payment, const struct processor_truth *t)
{
	const struct payment_settle_in in = {
		.id = *payment,
		.intent = t->intent,
		.amount = t->amount_minor,
		.currency = t->currency,
		.paid = t->paid,
		.ended = t->ended,
		.refunded = t->refunded_minor,
		.cost = t->cost_minor,
		.cost_currency = t->cost_currency,
		.dispute = t->dispute,
		.dispute_cost = t->dispute_cost_minor,
		.dispute_returned = t->dispute_returned_minor,
		.dispute_currency = t->dispute_currency,
	};
	struct payment_settle_row row;

	return sql_payment_settle(op->tx, &in, &row);
}

/* A payment that the processor will not take is over, and says so. */
static enum err
opened(struct op *op, const struct payment_order_row *p, enum err outcome,
    const struct processor_checkout *made)
{
	const struct processor_truth refused = {
		.amount_minor = p->amount_minor,
		.currency = p->currency,
		.ended = "failed",
		.cost_currency = p->currency,
	};
	const struct payment_opened_in in = { p->id, made->id, made->url,
		made->expires_at };
	int64_t n;

	if (outcome == ERR_PAYMENT_REFUSED)
		return settle(op, &p->id, &refused);
	return outcome == ERR_OK ? sql_payment_opened(op->tx, &in, &n)
				 : outcome;
}

enum err
checkout_open(struct op *op)
{
	struct processor_order order;
	struct processor_checkout made = { NULL, NULL, 0 };
	struct payment_order_row p;
	char id[UUID_TEXT_SIZE];
	enum err r;

	if ((r = order_find(op, &op->job->record, &p)) != ERR_OK)
		return r;
	if (strcmp(p.state, "opening") != 0)
		return ERR_OK; /* done before by a process that died */
	if (processor == NULL)
		return ERR_PAYMENT_DELAYED;
	uuid_text(&p.id, id);
	order.clinic = p.clinic_id;
	order.payment = p.id;
	order.amount_minor = p.amount_minor;
	order.currency = p.currency;
	order.back = arena_format(
	    op->arena, "%s/payment?id=%s", conf()->origin, id);
	if ((r = op_release(op)) != ERR_OK)
		return r;
	r = processor->open(op->arena, &order, &made);
	return opened(op, &p, r, &made);
}

/* The processor does not know it: another account, or another mode. */
static enum err
missing(struct op *op, const struct uuid *payment)
{
	const struct payment_missing_in in = { *payment };
	int64_t n;

	return sql_payment_missing(op->tx, &in, &n);
}

/*= PY-05: what counts is what the processor says now, not what an event said */
enum err
checkout_fetch(struct op *op)
{
	struct processor_truth truth = { .paid = false };
	struct payment_order_row p;
	enum err r;

	if ((r = order_find(op, &op->job->record, &p)) != ERR_OK)
		return r;
	if (processor == NULL || p.checkout_id == NULL)
		return ERR_PAYMENT_DELAYED;
	if ((r = op_release(op)) != ERR_OK)
		return r;
	r = processor->fetch(op->arena, p.checkout_id, &truth);
	if (r == ERR_PAYMENT_REFUSED)
		return missing(op, &p.id);
	if (r != ERR_OK || (r = settle(op, &p.id, &truth)) != ERR_OK)
		return r;
	return receipt_ask(op, &p.id);
}

/* The payment is looked at anew, whether it was made or refused. */
static enum err
refund_end(struct op *op, const struct payment_refund_waiting_row *f,
    enum err outcome, const char *external)
{
	const struct payment_refund_end_in in = { f->id,
		outcome == ERR_OK ? "made" : "refused", external };
	const struct job_new job = { .record = f->payment_id };
	struct uuid id;
	int64_t n;
	enum err r;

	if (outcome != ERR_OK && outcome != ERR_PAYMENT_REFUSED)
		return outcome;
	if ((r = sql_payment_refund_end(op->tx, &in, &n)) != ERR_OK)
		return r;
	return job_add(op, JOB_checkout_fetch, &job, &id);
}

enum err
refund_send(struct op *op)
{
	const struct payment_refund_waiting_in in = { op->job->record };
	struct payment_refund_waiting_row f;
	struct processor_refund refund;
	const char *external = NULL;
	enum err r;

	if ((r = sql_payment_refund_waiting(op->tx, &in, &f)) != ERR_OK)
		return r;
	if (strcmp(f.state, "waiting") != 0)
		return ERR_OK;
	if (processor == NULL)
		return ERR_PAYMENT_DELAYED;
	refund.payment = f.payment_id;
	refund.refund = f.id;
	refund.intent = f.intent_id;
	refund.amount_minor = f.amount_minor;
	refund.currency = f.currency;
	if ((r = op_release(op)) != ERR_OK)
		return r;
	r = refund.intent == NULL
	    ? ERR_PAYMENT_REFUSED
	    : processor->refund(op->arena, &refund, &external);
	return refund_end(op, &f, r, external);
}

enum err
payment_reconcile(struct op *op)
{
	const struct payment_reconcile_in in = { BATCH };
	struct payment_reconcile_row row;

	return sql_payment_reconcile(op->tx, &in, &row);
}

/* The columns of a list, as queries take them. */
struct columns {
	const char **ids, **kinds, **currencies, **intents, **owns, **clinics;
	int64_t *amounts, *moved;
};

static struct columns
columns_of(struct arena *a, const struct processor_movement *m, size_t n)
{
	const size_t room = (n + 1) * sizeof(const char *);
	struct columns c = {
		.ids = arena_alloc(a, room),
		.kinds = arena_alloc(a, room),
		.currencies = arena_alloc(a, room),
		.intents = arena_alloc(a, room),
		.owns = arena_alloc(a, room),
		.clinics = arena_alloc(a, room),
		.amounts = arena_alloc(a, (n + 1) * sizeof(int64_t)),
		.moved = arena_alloc(a, (n + 1) * sizeof(int64_t)),
	};
	size_t i;

	for (i = 0; i < n; i++) {
		c.ids[i] = m[i].id;
		c.kinds[i] = m[i].kind;
		c.currencies[i] = m[i].currency;
		c.intents[i] = m[i].intent;
		c.owns[i] = m[i].payment;
		c.clinics[i] = m[i].clinic;
		c.amounts[i] = m[i].amount_minor;
		c.moved[i] = m[i].at;
	}
	return c;
}

/* Compares the money at the processor with what is known here, whether or not
 * an event told of it. */
enum err
payment_compare(struct op *op)
{
	struct payment_compare_in in;
	struct payment_compare_row row;
	struct processor_movement *m;
	struct columns c;
	size_t n;
	enum err r;

	if (processor == NULL)
		return ERR_OK;
	if ((r = op_release(op)) != ERR_OK ||
	    (r = processor->list(op->arena, op->now - LOOK_BACK_S, &m, &n)) !=
		ERR_OK)
		return r == ERR_PAYMENT_REFUSED ? ERR_PAYMENT_DELAYED : r;
	c = columns_of(op->arena, m, n);
	in = (struct payment_compare_in){ { c.ids, n }, { c.kinds, n },
		{ c.amounts, n }, { c.currencies, n }, { c.intents, n },
		{ c.owns, n }, { c.clinics, n }, { c.moved, n } };
	return sql_payment_compare(op->tx, &in, &row);
}
