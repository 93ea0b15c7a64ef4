/* Emergency access: a clinician opens a record without being on its care team, for a
 * stated reason and a short time, and somebody looks at it afterwards. */
#include "base/text.h"
#include "care/operations.h"
#include "care/patient_found.h"
#include "care/review.h"
#include "data/keys.h"
#include "gate/member.h"
#include "sql.h"

/* One person, not a list to look through: the whole birth date, and a name. */
const struct shape emergency_search_in[] = {
	{ "family_name", SH_TEXT, 1, 100, .flags = SH_REQUIRED | SH_PHI },
	{ "given_name", SH_TEXT, 1, 100, .flags = SH_PHI },
	{ "birth_date", SH_DATE, .flags = SH_REQUIRED | SH_PHI },
	{ 0 },
};

const struct shape emergency_open_in[] = {
	{ "reason", SH_TEXT, 1, 500, .flags = SH_REQUIRED | SH_PHI },
	{ 0 },
};

struct opened {
	struct uuid id;
	int64_t expires_at;
};
const struct shape emergency_open_out[] = {
	SHOWN(opened, id, SH_UUID),
	SHOWN(opened, expires_at, SH_TIME),
	{ 0 },
};

enum err
emergency_search(struct op *op)
{
	op->note.emergency = true;
	return patient_search(op);
}

static enum err
access_grant(struct op *op, struct opened *made)
{
	const struct review_prepare_in find = { op->id };
	struct review_prepare_row found;
	struct review_insert_in in = { .id = made->id,
		.patient_id = op->id,
		.account_id = op->who.account,
		.reason = in_text(op, "reason"),
		.now = op->now };
	enum err r;

	if ((r = sql_review_prepare(op->tx, &find, &found)) != ERR_OK)
		return r;
	if ((in.key = found.key) == NULL)
		return ERR_NOT_FOUND;
	in.access_until = made->expires_at = op->now + found.minutes * 60;
	return sql_review_insert(op->tx, &in);
}

/*= AZ-06: whoever may open the record anyway needs no emergency */
enum err
emergency_open(struct op *op)
{
	struct opened made = { .id = uuid_new() };
	enum err r;

	op->note.emergency = true;
	if (op->standing.care)
		return ERR_ALREADY_DONE;
	if ((r = access_grant(op, &made)) != ERR_OK ||
	    (r = review_tell(op)) != ERR_OK)
		return r;
	op->note.record = made.id;
	return op_answer(op, &made);
}
