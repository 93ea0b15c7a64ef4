#include "care/attempt.h"

#include "base/instant.h"
#include "care/mail.h"
#include "care/source.h"

/* An attempt that is stopped for good is answered like a long delay: another
 * factor ends it, and nobody is told to come back in a thousand years. */
#define RETRY_MAX_S 86400

static enum err
attempt_judge(struct op *op, int64_t wait_until)
{
	int64_t wait;

	if (wait_until == INSTANT_NONE)
		return ERR_OK;
	wait = wait_until - op->now;
	if (wait < 1)
		wait = 1;
	op->retry_after_s = wait > RETRY_MAX_S ? RETRY_MAX_S : wait;
	return ERR_TOO_MANY_ATTEMPTS;
}

/* The attempt stands by now, and the mail is asked for in a transaction of its
 * own: rare enough for two more round trips, and nobody who guesses can undo it.
 * A process that dies in between leaves it to the next guess. */
static enum err
owner_warn(struct op *op, bool warn, const struct uuid *account)
{
	const struct account_warn_in in = { *account };
	struct uuid mail;
	int64_t first;
	enum err r;

	if (!warn || !mail_configured())
		return ERR_OK;
	if ((r = sql_account_warn(op->tx, &in, &first)) != ERR_OK ||
	    (first > 0 &&
		(r = mail_add(op, MAIL_guesses, account, NULL, &mail)) !=
		    ERR_OK))
		return r;
	return op_release(op);
}

/*= IA-09, IA-10: counted per account, factor and source, before the factor is
 * looked at */
enum err
attempt_take_own(struct op *op, const char *factor)
{
	struct attempt_take_own_in in = { op->who.account, factor, { NULL, 0 },
		{ NULL, 0 } };
	struct attempt_take_own_row row;
	struct source source;
	struct tx_call *taken;
	enum err r;

	if ((r = source_read(op, &source)) != ERR_OK)
		return r;
	in.device = source.device;
	in.network = source.network;
	if ((r = sql_attempt_take_own_send(op->tx, &in, &taken)) != ERR_OK ||
	    (r = tx_commit(op->tx)) != ERR_OK ||
	    (r = sql_attempt_take_own_take(op->tx, taken, &row)) != ERR_OK ||
	    (r = op_renew(op)) != ERR_OK ||
	    (r = owner_warn(op, row.warn, &op->who.account)) != ERR_OK)
		return r;
	return attempt_judge(op, row.wait_until);
}

/*= IA-11: one statement and its commit, whether the account exists or not */
static enum err
name_take(
    struct op *op, struct bytes_list email_tokens, struct sign_in_take_row *row)
{
	struct sign_in_take_in in = { email_tokens, { NULL, 0 }, { NULL, 0 } };
	struct source source;
	struct tx_call *taken;
	enum err r;

	if ((r = source_read(op, &source)) != ERR_OK)
		return r;
	in.device = source.device;
	in.network = source.network;
	if ((r = sql_sign_in_take_send(op->tx, &in, &taken)) != ERR_OK ||
	    (r = tx_commit(op->tx)) != ERR_OK)
		return r;
	return sql_sign_in_take_take(op->tx, taken, row);
}

enum err
attempt_take_name(
    struct op *op, struct bytes_list email_tokens, struct sign_in_take_row *row)
{
	enum err r;

	if ((r = name_take(op, email_tokens, row)) != ERR_OK ||
	    (r = op_renew(op)) != ERR_OK)
		return r;
	if (!uuid_is_nil(&row->account_id) &&
	    ((r = op_assume(op, &row->clinic_id, &row->account_id,
		  role_parse(row->role))) != ERR_OK ||
		(r = owner_warn(op, row->warn, &row->account_id)) != ERR_OK))
		return r;
	r = attempt_judge(op, row->wait_until);
	/*= AU-01: requests that come during a wait are many, and are counted */
	if (r != ERR_OK)
		op->note = (struct audit_note){ .role = ROLE_NONE };
	return r;
}

enum err
attempt_forget(struct op *op, const struct uuid *account, const char *factor)
{
	struct attempt_forget_in in = { *account, factor, { NULL, 0 },
		{ NULL, 0 } };
	struct source source;
	enum err r;

	if ((r = source_read(op, &source)) != ERR_OK)
		return r;
	in.device = source.device;
	in.network = source.network;
	return sql_attempt_forget(op->tx, &in);
}

enum err
attempt_reset(struct op *op, const struct uuid *account, const char *factor)
{
	struct attempt_reset_in in = { *account, factor };

	return sql_attempt_reset(op->tx, &in);
}
