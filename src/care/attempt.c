#include "care/attempt.h"

#include "base/instant.h"

/* A stop for good answers like a long delay: only an administrator ends it,
 * and nobody is told to come back in a thousand years. */
#define RETRY_MAX_S 86400

static enum err
attempt_judge(struct op *op, int64_t blocked_until)
{
	int64_t wait;

	if (blocked_until == INSTANT_NONE)
		return ERR_OK;
	wait = blocked_until - op->now;
	if (wait < 1)
		wait = 1;
	op->retry_after_s = wait > RETRY_MAX_S ? RETRY_MAX_S : wait;
	return ERR_TOO_MANY;
}

/*= IA-09, IA-10: counted per account and factor, before the factor is looked at */
enum err
attempt_take_own(struct op *op, const char *factor)
{
	struct attempt_take_own_in in = { op->who.account, factor };
	struct attempt_take_own_row row;
	enum err r;

	if ((r = sql_attempt_take_own(op->tx, &in, &row)) != ERR_OK ||
	    (r = op_release(op)) != ERR_OK)
		return r;
	return attempt_judge(op, row.blocked_until);
}

/*= IA-11: one statement and one commit, whether the account exists or not */
enum err
attempt_take_name(
    struct op *op, struct bytes email_token, struct sign_in_take_row *row)
{
	struct sign_in_take_in in = { email_token };
	enum err r;

	if ((r = sql_sign_in_take(op->tx, &in, row)) != ERR_OK ||
	    (r = op_release(op)) != ERR_OK)
		return r;
	if (!uuid_is_nil(&row->account_id) &&
	    (r = op_assume(op, &row->clinic_id, &row->account_id,
		 role_parse(row->role))) != ERR_OK)
		return r;
	return attempt_judge(op, row->blocked_until);
}

enum err
attempt_forget(struct op *op, const struct uuid *account, const char *factor)
{
	struct attempt_reset_in in = { *account, factor };

	return sql_attempt_reset(op->tx, &in);
}
