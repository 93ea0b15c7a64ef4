#include "base/factor.h"
#include "base/instant.h"
#include "base/secret.h"
#include "base/text.h"
#include "care/attempt.h"
#include "care/mail.h"
#include "care/operations.h"
#include "care/password.h"
#include "care/session_token.h"
#include "care/totp.h"
#include "gate/member.h"
#include "sql.h"

#define ISSUER "Epione"

const struct shape account_password_in[] = {
	{ "current_password", SH_RAW, 1, PASSWORD_MAX,
	    .flags = SH_REQUIRED | SH_PHI },
	{ "new_password", SH_RAW, 1, PASSWORD_MAX,
	    .flags = SH_REQUIRED | SH_PHI },
	{ 0 },
};

const struct shape account_password_out[] = {
	{ "state", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "totp_required|totp_enrolment_required|password_expired|"
		       "active" },
	{ "token", SH_RAW, 43, 43, .flags = 0 },
	{ "user", SH_OBJECT, .inner = session_user_out },
	{ 0 },
};

struct seed_offer {
	const char *secret, *otpauth_uri, *qr_svg;
};
const struct shape account_totp_out[] = {
	SHOWN(seed_offer, secret, SH_TEXT, 32, 32),
	SHOWN(seed_offer, otpauth_uri, SH_TEXT, 1, 1000),
	SHOWN(seed_offer, qr_svg, SH_LINES, 1, 100000),
	{ 0 },
};

const struct shape account_totp_confirm_in[] = {
	{ "code", SH_TEXT, 6, 6, .flags = SH_REQUIRED | SH_PHI },
	{ "end_other_sessions", SH_BOOL, .flags = 0 },
	{ 0 },
};

const struct shape account_totp_confirm_out[] = {
	{ "recovery_codes", SH_LIST, FACTOR_RECOVERY_COUNT,
	    FACTOR_RECOVERY_COUNT, .flags = SH_REQUIRED },
	{ "state", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "totp_required|totp_enrolment_required|password_expired|"
		       "active" },
	{ "token", SH_RAW, 43, 43, .flags = 0 },
	{ "user", SH_OBJECT, .inner = session_user_out },
	{ 0 },
};

static enum err
others_end(struct op *op)
{
	struct session_end_all_in in = { op->who.account, op->who.session,
		op->now };

	return sql_session_end_all(op->tx, &in);
}

static enum err
password_store(struct op *op, const struct password_change *c)
{
	struct password_set_in in = { op->who.account, c->hash, c->current_hash,
		op->now };
	int64_t n;
	enum err r;

	if ((r = sql_password_set(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1) /* another change came first */
		return op_refuse(
		    op, ERR_INVALID_CREDENTIALS, "current_password");
	if ((r = password_changed(op, &op->who.account, true)) != ERR_OK)
		return r;
	return others_end(op);
}

/*= IA-19, IA-15, IA-16: the current password is asked for; a change clears */
enum err
account_password(struct op *op)
{
	struct password_change c = { .current = NULL };
	struct session_renew_row row;
	char *current;
	enum err r;

	if ((r = text_nfc(op->arena, in_text(op, "current_password"),
		 &current)) != ERR_OK)
		return op_refuse(op, r, "current_password");
	c.current = current;
	/* the attempt is taken last: a new password that is too weak is told
	 * without one, and what follows needs no connection for a while */
	if ((r = password_change_read(
		 op, &op->who.account, "new_password", &c)) != ERR_OK)
		return r;
	if (c.current_hash == NULL) /* an administrator reset it meanwhile */
		return op_refuse(
		    op, ERR_INVALID_CREDENTIALS, "current_password");
	if ((r = attempt_take_own(op, "password")) != ERR_OK ||
	    (r = password_change_run(op, &c)) != ERR_OK ||
	    (r = password_store(op, &c)) != ERR_OK ||
	    (r = session_renewed(op, INSTANT_NONE, &row)) != ERR_OK)
		return r;
	op->note.record = op->who.account;
	op->out = session_state_json(op, &row);
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

/*= IA-07: 160 bits of the system's randomness, shown here and never again */
static enum err
seed_offer(struct op *op, const struct account_factor_row *row, char **base32)
{
	uint8_t *seed = arena_alloc(op->arena, FACTOR_SEED_SIZE);
	struct totp_offer_in in = { .id = op->who.account, .key = row->key };

	secret_random(seed, FACTOR_SEED_SIZE);
	*base32 = factor_seed_base32(op->arena, seed);
	in.totp_pending = text_base64url(op->arena, seed, FACTOR_SEED_SIZE);
	return sql_totp_offer(op->tx, &in, NULL);
}

/* A code of the one there is was shown, or a recovery code in its place. */
static bool
may_rebind(const struct op *op)
{
	const struct actor *who = &op->who; /* INSTANT_NONE is the least */

	return who->state != STATE_ACTIVE || who->step_up_until > op->now ||
	    who->rebind_until > op->now;
}

/*= IA-08: who has an authenticator needs a fresh code of it to change it; the
 * old one works until the new one has shown its first code */
enum err
account_totp(struct op *op)
{
	struct account_factor_in in = { op->who.account };
	struct account_factor_row row;
	char *base32, *uri, *svg;
	enum err r;

	if (!may_rebind(op))
		return ERR_STEP_UP_REQUIRED;
	if ((r = sql_account_factor(op->tx, &in, &row)) != ERR_OK ||
	    (r = seed_offer(op, &row, &base32)) != ERR_OK)
		return r;
	uri = factor_otpauth_uri(op->arena, ISSUER, row.email, base32);
	if ((r = factor_qr_svg(op->arena, uri, &svg)) != ERR_OK)
		return r;
	op->note.record = op->who.account;
	return op_answer(op, &(struct seed_offer){ base32, uri, svg });
}

/* *before: it takes the place of another one */
static enum err
seed_confirm(struct op *op, bool *before)
{
	struct account_factor_in in = { op->who.account };
	struct account_factor_row row;
	struct totp_confirm_in set = { .id = op->who.account, .now = op->now };
	int64_t n;
	enum err r;

	if ((r = sql_account_factor(op->tx, &in, &row)) != ERR_OK)
		return r;
	if (row.totp_pending == NULL)
		return ERR_WRONG_STATUS;
	if ((r = totp_step(op, row.totp_pending, row.window, 0, &set.step)) !=
	    ERR_OK)
		return r;
	*before = row.totp_seed != NULL;
	set.key = row.key;
	set.totp_seed = row.totp_pending;
	if ((r = sql_totp_confirm(op->tx, &set, &n)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_WRONG_STATUS;
}

/*= IA-20: ten new codes; the old ones are void */
static enum err
codes_replace(struct op *op, json_t **codes)
{
	struct bytes *hashes = arena_calloc(
	    op->arena, FACTOR_RECOVERY_COUNT, sizeof(*hashes));
	struct recovery_replace_in in = { op->who.account,
		{ hashes, FACTOR_RECOVERY_COUNT } };
	char code[FACTOR_RECOVERY_SIZE];
	uint8_t *hash;
	size_t i;
	enum err r = ERR_OK;

	*codes = json_array();
	for (i = 0; i < FACTOR_RECOVERY_COUNT && r == ERR_OK; i++) {
		hash = arena_alloc(op->arena, 32);
		factor_recovery_code(code);
		r = factor_recovery_hash(code, hash);
		hashes[i] = (struct bytes){ hash, 32 };
		json_array_append_new(*codes, json_string(code));
	}
	secret_wipe(code, sizeof(code));
	return r != ERR_OK ? r : sql_recovery_replace(op->tx, &in);
}

/* The session becomes a full one: its owner has just shown the new factor. */
static enum err
enrolled(struct op *op, struct session_renew_row *row)
{
	enum err r;

	if ((r = attempt_reset(op, &op->who.account, "totp")) != ERR_OK ||
	    (r = attempt_reset(op, &op->who.account, "recovery")) != ERR_OK)
		return r;
	if (in_bool(op, "end_other_sessions", false) &&
	    (r = others_end(op)) != ERR_OK)
		return r;
	return session_completed(op, INSTANT_NONE, row);
}

/*= IA-20: who has set up another authenticator is told where the thief of a
 * session cannot take it away */
static enum err
factor_notice(struct op *op, bool before)
{
	return before ? mail_notice(op, MAIL_factor_changed, &op->who.account)
		      : ERR_OK;
}

enum err
account_totp_confirm(struct op *op)
{
	struct session_renew_row row;
	json_t *codes = NULL;
	bool before = false;
	enum err r;

	if ((r = attempt_take_own(op, "totp")) != ERR_OK ||
	    (r = seed_confirm(op, &before)) != ERR_OK ||
	    (r = codes_replace(op, &codes)) != ERR_OK ||
	    (r = factor_notice(op, before)) != ERR_OK ||
	    (r = enrolled(op, &row)) != ERR_OK) {
		json_decref(codes);
		return r;
	}
	op->note.record = op->who.account;
	op->out = session_state_json(op, &row);
	json_object_set_new(op->out, "recovery_codes", codes);
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}
