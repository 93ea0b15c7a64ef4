#include "care/operations.h"
#include "sql.h"

const struct shape care_team_add_in[] = { { 0 } };
const struct shape care_team_add_out[] = { { 0 } };
const struct shape care_team_remove_in[] = { { 0 } };
const struct shape care_team_remove_out[] = { { 0 } };

/* Whoever is on the team already stays on it: the same answer. */
enum err
care_team_add(struct op *op)
{
	struct care_team_add_in in = { op->id, op->user_id, op->who.account,
		op->now };
	int64_t n;
	enum err r;

	op->note.record = op->user_id;
	if ((r = sql_care_team_add(op->tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_NOT_FOUND;
}

/*= AZ-05: the next request of that clinician finds no right to the record */
enum err
care_team_remove(struct op *op)
{
	struct care_team_leave_in in = { op->id, op->user_id, op->now };
	int64_t n;
	enum err r;

	op->note.record = op->user_id;
	if ((r = sql_care_team_leave(op->tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_NOT_FOUND;
}
