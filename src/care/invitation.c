#include "base/factor.h"
#include "care/attempt.h"
#include "care/operations.h"
#include "care/password.h"
#include "care/session_token.h"
#include "sql.h"

const struct shape invitation_accept_in[] = {
	{ "password", SH_RAW, 1, 1024, SH_REQUIRED | SH_PHI, NULL, NULL },
	{ "client", SH_CHOICE, 0, 0, 0, "browser|api", NULL },
	{ 0 },
};

const struct shape invitation_accept_out[] = {
	{ "state", SH_CHOICE, 0, 0, SH_REQUIRED,
	    "totp_required|totp_enrolment_required", NULL },
	{ "token", SH_RAW, 43, 43, 0, NULL, NULL },
	{ 0 },
};

/* Unknown, used and expired links are one. */
static enum err
link_find(struct op *op, uint8_t hash[32], struct invitation_find_row *row)
{
	struct invitation_find_in in = { { hash, 32 } };
	enum err r;

	r = factor_token_hash(op->token, hash);
	if (r == ERR_CRYPTO)
		return r;
	if (r != ERR_OK)
		return ERR_LINK_EXPIRED;
	r = sql_invitation_find(op->tx, &in, row);
	if (r == ERR_NOT_FOUND)
		return ERR_LINK_EXPIRED;
	if (r != ERR_OK)
		return r;
	return op_assume(
	    op, &row->clinic_id, &row->account_id, role_parse(row->role));
}

/*= IA-19: of two that use a link together, one finds it unused */
static enum err
link_use(struct op *op, const uint8_t hash[32], const struct password_change *c)
{
	struct invitation_use_in use = { { hash, 32 }, op->now };
	struct password_set_in set = { op->note.actor, c->hash, c->current_hash,
		op->now };
	int64_t n;
	enum err r;

	if ((r = sql_invitation_use(op->tx, &use, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_LINK_EXPIRED;
	if ((r = sql_password_set(op->tx, &set, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_LINK_EXPIRED;
	return attempt_forget(op, &op->note.actor, NULL);
}

/* Opens a session that still lacks its second factor: an authenticator that
 * the account has stays needed (IA-19: a reset never skips it). */
enum err
invitation_accept(struct op *op)
{
	uint8_t *hash = arena_alloc(op->arena, 32);
	struct invitation_find_row row;
	struct password_change c = { .current = NULL };
	enum err r;

	if ((r = link_find(op, hash, &row)) != ERR_OK ||
	    /* an account that was in use before keeps its history (IA-17) */
	    (r = password_change_read(op, &op->note.actor, "password", &c)) !=
		ERR_OK ||
	    (r = op_release(op)) != ERR_OK)
		return r;
	r = password_change_run(op, &c);
	if (r == ERR_PASSWORD_REUSED)
		return op_refuse(op, r, "password");
	if (r != ERR_OK || (r = link_use(op, hash, &c)) != ERR_OK)
		return r;
	r = session_begin(op, &op->note.actor);
	return r == ERR_NOT_FOUND ? ERR_LINK_EXPIRED : r;
}
