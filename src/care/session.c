#include "base/factor.h"
#include "base/instant.h"
#include "base/text.h"
#include "care/account_new.h"
#include "care/approval.h"
#include "care/review.h"
#include "care/attempt.h"
#include "care/mail.h"
#include "care/operations.h"
#include "care/password.h"
#include "care/session_token.h"
#include "care/totp.h"
#include "gate/member.h"
#include "gate/role.h"
#include "sql.h"

#define STEP_UP_S  300
#define REBIND_S   900 /* enough to get an app, too */
#define STATES	   "totp_required|totp_enrolment_required|password_expired|active"
#define STATES_ALL STATES "|guest"

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

struct session_shown {
	struct session_user user;
	const char *state;
	/* INSTANT_NONE or INT64_MIN for what is not told */
	int64_t idle_expires_at, expires_at, password_expires_at, step_up_until,
	    password_min_length, previous_sign_in_at, failed_attempts,
	    approvals_waiting, reviews_waiting;
	struct uuid visit_id; /* of a guest; nil for all others */
	const char *guest_role;
};

static json_t *
shown_user(const struct op *op, const void *row)
{
	const struct session_shown *s = row;

	return members_json(op, session_user_out, &s->user);
}

/* Of whom the session is for one visit alone. */
static const struct shape guest_members[] = {
	SHOWN(session_shown, visit_id, SH_UUID),
	{ "role", SH_CHOICE, .flags = SH_REQUIRED, .choices = GUEST_ROLES,
	    COLUMN(session_shown, guest_role) },
	{ 0 },
};

static json_t *
shown_guest(const struct op *op, const void *row)
{
	const struct session_shown *s = row;

	return uuid_is_nil(&s->visit_id) ? NULL
					 : members_json(op, guest_members, s);
}

const struct shape session_read_out[] = {
	SHOWN(session_shown, state, SH_CHOICE, .choices = STATES_ALL),
	{ "user", SH_OBJECT, .flags = SH_REQUIRED, .inner = session_user_out,
	    .made = shown_user },
	SHOWN(session_shown, idle_expires_at, SH_TIME),
	SHOWN(session_shown, expires_at, SH_TIME),
	SHOWN_OR_NULL(session_shown, password_expires_at, SH_TIME),
	SHOWN_OR_NULL(session_shown, step_up_until, SH_TIME),
	SHOWN(session_shown, password_min_length, SH_INT, 8, 64),
	SHOWN_OR_NULL(session_shown, previous_sign_in_at, SH_TIME),
	SHOWN_OR_NULL(session_shown, failed_attempts, SH_INT, 0, INT64_MAX),
	SHOWN_OR_NULL(session_shown, approvals_waiting, SH_INT, 0, INT64_MAX),
	SHOWN_OR_NULL(session_shown, reviews_waiting, SH_INT, 0, 100),
	{ "guest", SH_OBJECT, .inner = guest_members, .made = shown_guest },
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

struct stepped_up {
	int64_t step_up_until;
};
const struct shape session_step_up_out[] = {
	SHOWN(stepped_up, step_up_until, SH_TIME),
	{ "token", SH_RAW, 43, 43, .flags = 0 },
	{ 0 },
};

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
	struct bytes_list tokens;
	const char *rehash;
	bool right;
	enum err r;

	if ((r = account_email_sought(
		 op->arena, in_text(op, "email"), &tokens)) != ERR_OK ||
	    (r = attempt_take_name(op, tokens, &account)) != ERR_OK ||
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
	return who->state == STATE_ACTIVE || who->state == STATE_GUEST ||
	    who->state == STATE_PASSWORD_EXPIRED;
}

static struct session_shown
session_shown(const struct op *op, const struct session_owner_row *owner)
{
	const struct actor *who = &op->who;
	bool told = known(who), fresh = who->step_up_until > op->now;

	return (struct session_shown){
		.user = {
			.id = who->account,
			.display_name = told ? owner->display_name : NULL,
			.role = role_name(who->role),
			.clinic_name = owner->clinic_name,
			.time_zone = owner->time_zone,
			.patient_id = told ? who->patient : (struct uuid){ { 0 } },
		},
		.state = session_state_name(who->state),
		.idle_expires_at = who->idle_expires_at,
		.expires_at = who->expires_at,
		.password_expires_at = who->password_expires_at,
		.step_up_until = fresh ? who->step_up_until : INSTANT_NONE,
		.password_min_length = owner->password_min_length,
		.previous_sign_in_at = told ? owner->previous_at : INSTANT_NONE,
		.failed_attempts = told ? owner->failed : INT64_MIN,
		.visit_id = owner->visit_id,
		.guest_role = owner->guest_role,
	};
}

enum err
session_read(struct op *op)
{
	struct session_owner_in in = { op->who.account, op->who.session };
	struct session_owner_row owner;
	struct session_shown shown;
	int64_t waiting, reviews;
	enum err r;

	if ((r = sql_session_owner(op->tx, &in, &owner)) != ERR_OK ||
	    (r = approval_waiting(op, &waiting)) != ERR_OK ||
	    (r = review_waiting(op, &reviews)) != ERR_OK)
		return r;
	shown = session_shown(op, &owner);
	shown.approvals_waiting = waiting < 0 ? INT64_MIN : waiting;
	shown.reviews_waiting = reviews < 0 ? INT64_MIN : reviews;
	return op_answer(op, &shown);
}

/* The second factor was right: the session is a full one from here on. */
static enum err
factor_given(struct op *op, int64_t rebind_until)
{
	struct session_renew_row row;
	enum err r;

	if ((r = session_completed(op, rebind_until, &row)) != ERR_OK)
		return r;
	op->out = session_state_json(op, &row);
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
	    (r = mail_notice(op, MAIL_recovery_used, &op->who.account)) !=
		ERR_OK ||
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
	const struct stepped_up up = { op->now + STEP_UP_S };
	enum err r;

	if ((r = totp_use(op)) != ERR_OK ||
	    (r = session_renewed(op, up.step_up_until, &row)) != ERR_OK)
		return r;
	return op_answer(op, &up);
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
