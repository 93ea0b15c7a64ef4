#include "care/operations.h"
#include "gate/member.h"
#include "sql.h"

#define POLICY(name, from, to)                                                 \
	{ #name, SH_INT, from, to, .flags = SH_REQUIRED,                       \
		COLUMN(policy_get_row, name) },
const struct shape policy_read_out[] = {
	SHOWN(policy_get_row, name, SH_TEXT, 1, 200),
	SHOWN(policy_get_row, time_zone, SH_TEXT, 1, 100),
	SHOWN_OR_NULL(policy_get_row, checkpoint_mail, SH_EMAIL, 3, 254),
#include "tables/policy.def"
	{ 0 },
};
#undef POLICY

#define POLICY(name, from, to) { #name, SH_INT, from, to, .flags = 0 },
const struct shape policy_patch_in[] = {
	{ "checkpoint_mail", SH_EMAIL, 3, 254, .flags = SH_NULLABLE },
#include "tables/policy.def"
	{ 0 },
};
#undef POLICY

enum err
policy_read(struct op *op)
{
	struct policy_get_row row;
	enum err r;

	if ((r = sql_policy_get(op->tx, &row)) != ERR_OK)
		return r;
	op->version = row.version;
	op->note.record = op->who.clinic;
	return op_answer(op, &row);
}

/* What the input does not name stays as it was. */
#define POLICY(name, from, to) .name = in_int(op, #name, was->name),
static struct policy_update_in
policy_merged(const struct op *op, const struct policy_get_row *was)
{
	return (struct policy_update_in){
#include "tables/policy.def"
		.version = op->if_match,
		.checkpoint_mail = in_has(op, "checkpoint_mail")
		    ? in_text(op, "checkpoint_mail")
		    : was->checkpoint_mail,
	};
}
#undef POLICY

/*= IN-05: the version that the client saw, or nothing */
enum err
policy_patch(struct op *op)
{
	struct policy_get_row was;
	struct policy_update_in in;
	struct session_idle_apply_in idle;
	struct care_team_days_apply_in days;
	int64_t n;
	enum err r;

	if ((r = sql_policy_get(op->tx, &was)) != ERR_OK)
		return r;
	if (was.version != op->if_match)
		return ERR_STALE;
	if (json_object_size(op->in) == 0)
		return policy_read(op); /* nothing changes, nor the version */
	in = policy_merged(op, &was);
	if ((r = sql_policy_update(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_STALE;
	idle = (struct session_idle_apply_in){ in.idle_minutes_workforce,
		in.idle_minutes_patient };
	days.days = in.care_days_after_visit;
	if ((r = sql_session_idle_apply(op->tx, &idle)) != ERR_OK ||
	    (days.days != was.care_days_after_visit &&
		(r = sql_care_team_days_apply(op->tx, &days)) != ERR_OK))
		return r;
	return policy_read(op);
}
