/* What somebody has to look at afterwards: the queue, and what is said of each. */
#include "care/review.h"

#include "base/instant.h"
#include "care/access_rule.h"
#include "care/mail.h"
#include "care/operations.h"
#include "care/page.h"
#include "gate/role.h"
#include "gate/route.h"
#include "sql.h"

#define KINDS	 "emergency_access|unusual_access"
#define STATES	 "open|signed"
#define FINDINGS "justified|unjustified|unclear"
#define TOLD_MAX 20 /* officers who get a mail of it */

static const struct shape actor_members[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED,
	    COLUMN(review_list_row, account_id) },
	{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE,
	    COLUMN(review_list_row, account_name) },
	{ 0 },
};

static const struct shape signer_members[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED,
	    COLUMN(review_list_row, signed_by) },
	{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE,
	    COLUMN(review_list_row, signer_name) },
	{ 0 },
};

const struct shape review_list_in[] = {
	{ "state", SH_CHOICE, .choices = STATES },
	{ 0 },
};

/* What was said, or what a rule found, in words. */
static json_t *
reason_words(const struct op *op, const void *row)
{
	const struct review_list_row *v = row;

	return text_json(v->rule == NULL ? v->reason
					 : access_rule_words(op->arena, v->rule,
					       v->day, v->found, v->usual));
}

static json_t *
note_words(const struct op *op, const void *row)
{
	const struct review_list_row *v = row;

	(void)op;
	return text_json(v->note != NULL ? v->note : v->account_note);
}

const struct shape review_list_out[] = {
	SHOWN(review_list_row, id, SH_UUID),
	SHOWN(review_list_row, kind, SH_CHOICE, .choices = KINDS),
	SHOWN(review_list_row, state, SH_CHOICE, .choices = STATES),
	SHOWN_OR_NULL(review_list_row, patient_id, SH_UUID),
	{ "actor", SH_OBJECT, .flags = SH_REQUIRED, .inner = actor_members },
	{ "reason", SH_TEXT, 1, 500,
	    .flags = SH_REQUIRED | SH_NULLABLE | SH_PHI, .made = reason_words },
	SHOWN_OR_NULL(review_list_row, rule, SH_TEXT, 1, 40),
	SHOWN_OR_NULL(review_list_row, day, SH_DATE),
	SHOWN(review_list_row, created_at, SH_TIME),
	SHOWN_OR_NULL(review_list_row, access_until, SH_TIME),
	{ "from", SH_TIME, .flags = SH_REQUIRED,
	    COLUMN(review_list_row, from_at) },
	{ "to", SH_TIME, .flags = SH_REQUIRED, COLUMN(review_list_row, to_at) },
	SHOWN_OR_NULL(review_list_row, finding, SH_CHOICE, .choices = FINDINGS),
	{ "note", SH_TEXT, 1, 500, .flags = SH_REQUIRED | SH_NULLABLE | SH_PHI,
	    .made = note_words },
	{ "signed_by", SH_OBJECT, .flags = SH_REQUIRED | SH_NULLABLE,
	    .inner = signer_members },
	SHOWN_OR_NULL(review_list_row, signed_at, SH_TIME),
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "before", SH_UUID, COLUMN(review_list_row, id) },
	{ 0 },
};

const struct shape review_sign_in[] = {
	{ "finding", SH_CHOICE, .flags = SH_REQUIRED, .choices = FINDINGS },
	{ "note", SH_TEXT, 1, 500, .flags = SH_REQUIRED | SH_PHI },
	{ 0 },
};

static json_t *
review_item(struct op *op, const void *row)
{
	const struct review_list_row *v = row;

	if (!uuid_is_nil(&v->patient_id))
		op_returned(op, &v->patient_id);
	op_returned(op, &v->account_id);
	return members_json(op, op->route->out, v);
}

enum err
review_list(struct op *op)
{
	const struct review_list_in in = { in_text(op, "state"),
		page_uuid(op, "before"), page_fetch(op) };
	struct review_list_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = cursor_members,
		.item = review_item,
	};
	enum err r;

	if ((r = sql_review_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

/* Patients learn of it once it has been looked at, so that what they are told is
 * the whole of it. */
static enum err
patient_tell(struct op *op, const struct uuid *patient)
{
	const struct review_patient_account_in in = { *patient };
	struct review_patient_account_row account;
	enum err r = sql_review_patient_account(op->tx, &in, &account);

	if (r == ERR_NOT_FOUND)
		return ERR_OK;
	return r == ERR_OK ? mail_notice(op, MAIL_emergency_signed, &account.id)
			   : r;
}

/* What stands beside a reason goes with it; where there is none, or its key is gone,
 * the note is the account's. */
static void
note_put(
    struct op *op, const struct review_lock_row *v, struct review_sign_in *in)
{
	in->key = v->key;
	in->account_key = v->account_key;
	*(v->key != NULL ? &in->note : &in->account_note) = in_text(op, "note");
}

/*= AZ-06: never by whom it is about */
enum err
review_sign(struct op *op)
{
	const struct review_lock_in lock = { op->id };
	struct review_sign_in in = { .id = op->id,
		.finding = in_text(op, "finding"),
		.signed_by = op->who.account,
		.now = op->now };
	struct review_lock_row v;
	int64_t n;
	enum err r;

	if ((r = sql_review_lock(op->tx, &lock, &v)) != ERR_OK)
		return r;
	op->note.patient = v.patient_id;
	if (uuid_equal(&v.account_id, &op->who.account))
		return ERR_OWN_REQUEST;
	if (v.signed_at != INSTANT_NONE)
		return ERR_ALREADY_DONE;
	note_put(op, &v, &in);
	if ((r = sql_review_sign(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_ALREADY_DONE;
	return v.emergency ? patient_tell(op, &v.patient_id) : ERR_OK;
}

enum err
review_waiting(struct op *op, int64_t *n)
{
	struct review_waiting_row row;
	enum err r;

	*n = -1;
	if (op->who.state != STATE_ACTIVE ||
	    perm_scope(PERM_review_manage, op->who.role) == SCOPE_NONE)
		return ERR_OK;
	if ((r = sql_review_waiting(op->tx, &row)) == ERR_OK)
		*n = row.n;
	return r;
}

enum err
review_tell(struct op *op)
{
	const char *names[ROLE_COUNT];
	struct review_officers_in in = { { names, 0 }, TOLD_MAX };
	struct review_officers_row *rows;
	size_t i, n = 0;
	int role;
	enum err r;

	if (!mail_configured())
		return ERR_OK;
	for (role = ROLE_NONE + 1; role < ROLE_COUNT; role++)
		if (perm_scope(PERM_review_manage, (enum role)role) !=
		    SCOPE_NONE)
			names[in.roles.n++] = role_name((enum role)role);
	r = sql_review_officers(op->tx, &in, &rows, &n);
	for (i = 0; r == ERR_OK && i < n; i++)
		r = mail_notice(op, MAIL_emergency_opened, &rows[i].id);
	return r;
}
