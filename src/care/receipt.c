/* What says that somebody paid: a page that names the clinic, the day and the sums,
 * and nothing of a patient or of what the visit was about. It is drawn by a job once
 * a payment is paid, and anew when money was given back. */
#include "care/receipt.h"

#include "care/fee.h"
#include "care/jobs.h"
#include "care/operations.h"
#include "care/paper.h"
#include "care/payment.h"
#include "sql.h"

#include <string.h>

enum err
receipt_ask(struct op *op, const struct uuid *payment)
{
	const struct receipt_due_in in = { *payment };
	const struct job_new job = { .record = *payment };
	struct receipt_due_row due;
	struct uuid id;
	enum err r = sql_receipt_due(op->tx, &in, &due);

	if (r == ERR_NOT_FOUND)
		return ERR_OK;
	return r == ERR_OK ? job_add(op, JOB_receipt_draw, &job, &id) : r;
}

static enum err
draw(struct op *op, const struct receipt_facts_row *f, struct bytes *pdf)
{
	struct arena *a = op->arena;
	const char *money = f->currency;
	char id[UUID_TEXT_SIZE];
	struct paper_line lines[5];
	size_t n = 0;
	struct paper p = {
		.heading = f->clinic_name,
		.title = "Receipt",
		.lines = lines,
		.foot = "Keep this with your papers. If you have a question "
			"about it, tell the clinic the reference.",
	};

	uuid_text(&f->id, id);
	lines[n++] = (struct paper_line){ "Paid on", f->paid_on };
	lines[n++] = (struct paper_line){ "Amount paid",
		money_text(a, f->amount_minor, money) };
	if (f->refunded_minor > 0) {
		lines[n++] = (struct paper_line){ "Given back",
			money_text(a, f->refunded_minor, money) };
		lines[n++] = (struct paper_line){ "Paid in the end",
			money_text(
			    a, f->amount_minor - f->refunded_minor, money) };
	}
	lines[n++] = (struct paper_line){ "Reference", id };
	p.n = n;
	return paper_draw(a, &p, op->deadline_ms, pdf);
}

enum err
receipt_draw(struct op *op)
{
	const struct receipt_facts_in in = { op->job->record };
	struct receipt_facts_row f;
	struct receipt_keep_in keep;
	int64_t n;
	enum err r;

	r = sql_receipt_facts(op->tx, &in, &f);
	if (r == ERR_NOT_FOUND)
		return ERR_OK; /* not paid */
	keep.id = f.id;
	keep.refunded_minor = f.refunded_minor;
	if (r != ERR_OK || (r = op_release(op)) != ERR_OK ||
	    (r = draw(op, &f, &keep.pdf)) != ERR_OK)
		return r;
	return sql_receipt_keep(op->tx, &keep, &n);
}

enum err
payment_receipt(struct op *op)
{
	const struct receipt_get_in in = { op->id };
	struct payment_row p;
	struct receipt_get_row row;
	enum err r;

	if ((r = payment_find_own(op, &p)) != ERR_OK)
		return r;
	op->note.record = p.id;
	op->note.patient = p.patient_id;
	r = sql_receipt_get(op->tx, &in, &row);
	if (r == ERR_NOT_FOUND)
		return ERR_NO_RECEIPT;
	op->pdf = row.pdf;
	op->file = "receipt.pdf";
	return r;
}
