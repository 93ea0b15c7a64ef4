#include "base/factor.h"
#include "base/instant.h"
#include "base/text.h"
#include "care/account_new.h"
#include "care/approval.h"
#include "care/attempt.h"
#include "care/operations.h"
#include "care/password.h"
#include "care/session_token.h"
#include "care/totp.h"
#include "sql.h"

#define STEP_UP_S 300
#define REBIND_S  900 /* enough to get an app, too */
#define STATES	  "totp_required|totp_enrolment_required|password_expired|active"

const struct shape session_create_in[] = {
	{ "email", SH_EMAIL, 3, 254, .flags = SH_REQUIRED | SH_PHI },
	{ "password", SH_RAW, 1, PASSWORD_MAX, .flags = SH_REQUIRED | SH_PHI },
	{ "client", SH_CHOICE, .choices = "browser|api" },
	{ 0 },
};

const struct shape session_create_out[] = {
	{ "state", SH_CHOICE, .flags = SH_REQUIRED, .choices = STATES },
	{ "token", SH_RAW, 43, 43, .flags = 0 },
	{ "user", SH_OBJECT, .inner = session_user_out },
	{ 0 },
};

const struct shape session_read_in[] = { { 0 } };

const struct shape session_read_out[] = {
	{ "state", SH_CHOICE, .flags = SH_REQUIRED, .choices = STATES },
	{ "user", SH_OBJECT, .flags = SH_REQUIRED, .inner = session_user_out },
	{ "idle_expires_at", SH_TIME, .flags = SH_REQUIRED },
	{ "expires_at", SH_TIME, .flags = SH_REQUIRED },
	{ "password_expires_at", SH_TIME, .flags = SH_REQUIRED | SH_NULLABLE },
	{ "step_up_until", SH_TIME, .flags = SH_REQUIRED | SH_NULLABLE },
	{ "password_min_length", SH_INT, 8, 64, .flags = SH_REQUIRED },
	{ "previous_sign_in_at", SH_TIME, .flags = SH_REQUIRED | SH_NULLABLE },
	{ "failed_attempts", SH_INT, 0, INT64_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE },
	{ "approvals_waiting", SH_INT, 0, INT64_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE },
	{ 0 },
};

const struct shape session_totp_in[] = {
	{ "code", SH_TEXT, 6, 6, .flags = SH_REQUIRED | SH_PHI },
	{ 0 },
};

const struct shape session_recovery_in[] = {
	{ "code", SH_TEXT, 1, 64, .flags = SH_REQUIRED | SH_PHI },
	{ 0 },
};

const struct shape session_recovery_out[] = {
	{ "state", SH_CHOICE, .flags = SH_REQUIRED, .choices = STATES },
	{ "codes_left", SH_INT, 0, FACTOR_RECOVERY_COUNT,
	    .flags = SH_REQUIRED },
	{ "token", SH_RAW, 43, 43, .flags = 0 },
	{ "user", SH_OBJECT, .inner = session_user_out },
	{ 0 },
};

const struct shape session_step_up_in[] = {
	{ "code", SH_TEXT, 6, 6, .flags = SH_REQUIRED | SH_PHI },
	{ 0 },
};

const struct shape session_step_up_out[] = {
	{ "step_up_until", SH_TIME, .flags = SH_REQUIRED },
	{ "token", SH_RAW, 43, 43, .flags = 0 },
	{ 0 },
};

const struct shape session_delete_in[] = { { 0 } };
const struct shape session_delete_out[] = { { 0 } };

/* The password was right: a session that lacks its second factor. */
static enum err
signed_in(struct op *op, const struct sign_in_take_row *a, const char *rehash)
{
	struct password_rehash_in in = { a->account_id, rehash,
		a->password_hash };
	enum err r;

	if (rehash != NULL && (r = sql_password_rehash(op->tx, &in)) != ERR_OK)
		return r;
	if ((r = attempt_forget(op, &a->account_id, "password")) != ERR_OK)
		return r;
	r = session_begin(op, &a->account_id);
	return r == ERR_NOT_FOUND ? ERR_INVALID_CREDENTIALS : r;
}

/*
 * Unknown, wrong, deactivated and not yet accepted look alike, in what they
 * answer, what they cost and how soon they must wait: each takes one attempt
 * and one hash.
 *= IA-11
 */
enum err
session_create(struct op *op)
{
	struct sign_in_take_row account;
	struct bytes token;
	const char *rehash;
	bool right;
	enum err r;

	if ((r = account_email_token(
		 op->arena, in_text(op, "email"), &token)) != ERR_OK ||
	    (r = attempt_take_name(op, token, &account)) != ERR_OK ||
	    (r = password_check(op, account.password_hash,
		 in_text(op, "password"), &right, &rehash)) != ERR_OK)
		return r;
	if (!right)
		return ERR_INVALID_CREDENTIALS;
	return signed_in(op, &account, rehash);
}

/* Before the second factor a session tells nothing about its owner. */
static bool
known(const struct actor *who)
{
	return who->state == STATE_ACTIVE ||
	    who->state == STATE_PASSWORD_EXPIRED;
}

static json_t *
owner_json(const struct op *op, const struct session_owner_row *owner)
{
	bool told = known(&op->who);

	return json_pack("{s:o, s:o, s:s, s:s, s:s, s:o}", "id",
	    uuid_json(&op->who.account), "display_name",
	    text_json(told ? owner->display_name : NULL), "role",
	    role_name(op->who.role), "clinic_name", owner->clinic_name,
	    "time_zone", owner->time_zone, "patient_id",
	    told ? uuid_json(&op->who.patient) : json_null());
}

enum err
session_read(struct op *op)
{
	struct session_owner_in in = { op->who.account, op->who.session };
	struct session_owner_row owner;
	const struct actor *who = &op->who;
	int64_t step_up = who->step_up_until, waiting;
	enum err r;

	if ((r = sql_session_owner(op->tx, &in, &owner)) != ERR_OK ||
	    (r = approval_waiting(op, &waiting)) != ERR_OK)
		return r;
	if (step_up != INSTANT_NONE && step_up <= op->now)
		step_up = INSTANT_NONE;
	op->out = json_pack(
	    "{s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o, s:o}", "state",
	    session_state_name(who->state), "user", owner_json(op, &owner),
	    "idle_expires_at", time_json(who->idle_expires_at), "expires_at",
	    time_json(who->expires_at), "password_expires_at",
	    time_json(who->password_expires_at), "step_up_until",
	    time_json(step_up), "password_min_length",
	    (json_int_t)owner.password_min_length, "previous_sign_in_at",
	    known(who) ? time_json(owner.previous_at) : json_null(),
	    "failed_attempts",
	    known(who) ? json_integer(owner.failed) : json_null(),
	    "approvals_waiting",
	    waiting < 0 ? json_null() : json_integer(waiting));
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

/* The second factor was right: the session is a full one from here on. */
static enum err
factor_given(struct op *op, int64_t rebind_until)
{
	struct session_renew_row row;
	enum err r;

	if ((r = session_completed(op, rebind_until, &row)) != ERR_OK)
		return r;
	op->out = session_state_json(&row);
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

enum err
session_totp(struct op *op)
{
	enum err r;

	return (r = totp_use(op)) != ERR_OK ? r
					    : factor_given(op, INSTANT_NONE);
}

/*= IA-20: the password and a recovery code, which works once; somebody who lost
 * the authenticator has no code of it, and yet can set up another at once.
 *= AZ-09: and that alone: for sensitive calls it is no fresh factor */
enum err
session_recovery(struct op *op)
{
	uint8_t hash[32];
	char *code;
	struct recovery_use_in in = { op->who.account, { hash, sizeof(hash) },
		op->now };
	struct recovery_use_row row;
	enum err r;

	if ((r = attempt_take_own(op, "recovery")) != ERR_OK)
		return r;
	if ((r = text_alnum(op->arena, in_text(op, "code"), &code)) != ERR_OK)
		return op_refuse(op, r, "code");
	r = factor_recovery_hash(code, hash);
	if (r == ERR_CRYPTO)
		return r;
	if (r != ERR_OK)
		return op_refuse(op, ERR_INVALID_CODE, "code");
	if ((r = sql_recovery_use(op->tx, &in, &row)) != ERR_OK)
		return r;
	if (row.used != 1)
		return op_refuse(op, ERR_INVALID_CODE, "code");
	if ((r = attempt_forget(op, &op->who.account, "recovery")) != ERR_OK ||
	    (r = factor_given(op, op->now + REBIND_S)) != ERR_OK)
		return r;
	json_object_set_new(
	    op->out, "codes_left", json_integer(row.codes_left));
	return ERR_OK;
}

/*= AZ-09: a fresh factor for what is sensitive */
enum err
session_step_up(struct op *op)
{
	struct session_renew_row row;
	int64_t until = op->now + STEP_UP_S;
	enum err r;

	if ((r = totp_use(op)) != ERR_OK ||
	    (r = session_renewed(op, until, &row)) != ERR_OK)
		return r;
	op->out = json_pack("{s:o}", "step_up_until", time_json(until));
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

/*= SE-05 */
enum err
session_delete(struct op *op)
{
	struct session_end_in in = { op->who.session, op->who.account,
		op->now };
	enum err r;

	if ((r = sql_session_end(op->tx, &in, NULL)) != ERR_OK)
		return r;
	op->clear_session = true;
	op->note.record = op->who.session;
	return ERR_OK;
}
