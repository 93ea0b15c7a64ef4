#include "care/invitation.h"

#include "base/factor.h"
#include "base/secret.h"
#include "care/account_change.h"
#include "care/operations.h"
#include "care/password.h"
#include "care/session_token.h"
#include "care/source.h"
#include "sql.h"

#include <string.h>

const struct shape invitation_accept_in[] = {
	{ "password", SH_RAW, 1, PASSWORD_MAX, .flags = SH_REQUIRED | SH_PHI },
	{ "phrase", SH_TEXT, 1, 64, .flags = SH_PHI },
	{ "client", SH_CHOICE, .choices = "browser|api" },
	{ 0 },
};

const struct shape invitation_accept_out[] = {
	{ "state", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "totp_required|totp_enrolment_required" },
	{ "token", SH_RAW, 43, 43, .flags = 0 },
	{ 0 },
};

static json_t *
link_state(const struct op *op, const void *row)
{
	const struct invitation_find_row *link = row;

	(void)op;
	return json_string(link->confirmed ? "open" : "waiting");
}

static json_t *
needs_phrase(const struct op *op, const void *row)
{
	const struct invitation_find_row *link = row;

	(void)op;
	return json_boolean(!link->confirmed || link->phrase_hash.p != NULL);
}

const struct shape invitation_look_out[] = {
	{ "state", SH_CHOICE, .flags = SH_REQUIRED, .choices = "waiting|open",
	    .made = link_state },
	{ "phrase", SH_BOOL, .flags = SH_REQUIRED, .made = needs_phrase },
	{ "reset", SH_BOOL, .flags = SH_REQUIRED,
	    COLUMN(invitation_find_row, own_reset) },
	SHOWN(invitation_find_row, clinic_name, SH_TEXT, 1, 200),
	SHOWN(invitation_find_row, password_min_length, SH_INT, 8, 64),
	{ 0 },
};

/* Unknown, used and expired links are one. */
static enum err
link_find(struct op *op, struct invitation_find_row *row)
{
	uint8_t *hash = arena_alloc(op->arena, 32);
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
	op->note.record = row->account_id;
	return op_assume(
	    op, &row->clinic_id, &row->account_id, role_parse(row->role));
}

/* What the page has to ask of whoever holds the link; it says nothing about
 * whom the link is for. */
enum err
invitation_look(struct op *op)
{
	struct invitation_find_row row;
	enum err r;

	r = link_find(op, &row);
	return r == ERR_OK ? op_answer(op, &row) : r;
}

/* One try is taken, and committed, before the phrase is looked at. */
static enum err
try_take(struct op *op, const struct uuid *invitation)
{
	struct invitation_try_in in = { *invitation };
	int64_t n;
	enum err r;

	if ((r = sql_invitation_try(op->tx, &in, &n)) != ERR_OK ||
	    (r = op_release(op)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_LINK_EXPIRED;
}

static enum err
phrase_compare(const struct invitation_find_row *row, const char *phrase)
{
	uint8_t hash[32];
	enum err r;

	r = factor_phrase_hash(row->invitation_id.b, phrase, hash);
	if (r == ERR_OK &&
	    (row->phrase_hash.n != sizeof(hash) ||
		!secret_equal(row->phrase_hash.p, hash, sizeof(hash))))
		r = ERR_INVALID_CODE;
	return r;
}

/*= IA-19: the link alone opens nothing where somebody else has held it */
static enum err
phrase_check(struct op *op, const struct invitation_find_row *row)
{
	struct invitation_tries_clear_in clear = { row->invitation_id };
	const char *phrase = in_text(op, "phrase");
	enum err r;

	if (row->phrase_hash.p == NULL)
		return op_release(op);
	if (phrase == NULL)
		return op_refuse(op, ERR_MISSING_FIELD, "phrase");
	if ((r = try_take(op, &row->invitation_id)) != ERR_OK)
		return r;
	r = phrase_compare(row, phrase);
	if (r == ERR_INVALID_CODE)
		return op_refuse(op, ERR_INVALID_PHRASE, "phrase");
	/* it stands, whatever is wrong with the password */
	if (r != ERR_OK ||
	    (r = sql_invitation_tries_clear(op->tx, &clear)) != ERR_OK)
		return r;
	return op_release(op);
}

/* A password that its owner did not know any more may be known to others: where
 * they signed in by it they are signed out, and no place is known. */
static enum err
places_forget(struct op *op)
{
	enum err r;

	return (r = source_forget(op->tx, &op->note.actor)) != ERR_OK
	    ? r
	    : account_sessions_end(op->tx, &op->note.actor, op->now);
}

/*= IA-19: of two that use a link together, one finds it unused */
static enum err
link_use(struct op *op, const struct invitation_find_row *link,
    const struct password_change *c)
{
	struct invitation_use_in use = { link->invitation_id, op->now };
	struct sign_in_claim_in claim = { op->note.actor };
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
	if ((r = sql_sign_in_claim(op->tx, &claim)) != ERR_OK ||
	    (link->own_reset && (r = places_forget(op)) != ERR_OK))
		return r;
	return password_changed(op, &op->note.actor, c->earlier_n > 0);
}

/* Opens a session that still lacks its second factor: an authenticator that
 * the account has stays needed (IA-19: a reset never skips it). */
enum err
invitation_accept(struct op *op)
{
	struct invitation_find_row row;
	struct password_change c = { .current = NULL };
	enum err r;

	if ((r = link_find(op, &row)) != ERR_OK)
		return r;
	if (!row.confirmed)
		return ERR_NOT_CONFIRMED;
	/* an account that was in use before keeps its history (IA-17) */
	if ((r = password_change_read(op, &op->note.actor, "password", &c)) !=
		ERR_OK ||
	    (r = phrase_check(op, &row)) != ERR_OK)
		return r;
	r = password_change_run(op, &c);
	if (r == ERR_PASSWORD_REUSED)
		return op_refuse(op, r, "password");
	if (r != ERR_OK || (r = link_use(op, &row, &c)) != ERR_OK)
		return r;
	r = session_begin(op, &op->note.actor);
	return r == ERR_NOT_FOUND ? ERR_LINK_EXPIRED : r;
}

/* A new link for the same person, and the old one ends. What was confirmed for
 * that one is asked for again: its link may be in other hands by now. */
static enum err
resend(struct op *op, const struct user_row *u)
{
	struct invitee who = {
		.kind = "invite",
		.account = u->id,
		.patient = u->patient_id,
		.role = role_parse(u->role),
		.email = u->email,
		.vouched = false,
	};
	struct invited made;
	enum err r;

	if (strcmp(u->state, "invited") != 0 && strcmp(u->state, "none") != 0)
		return ERR_WRONG_STATUS;
	r = invitation_make(op, &who, &made);
	return r == ERR_OK ? op_answer(op, &made) : r;
}

enum err
invitation_resend(struct op *op)
{
	struct invitation_account_in in = { op->id };
	struct invitation_account_row row;
	struct user_row u;
	enum err r;

	if ((r = sql_invitation_account(op->tx, &in, &row)) != ERR_OK)
		return r;
	struct user_get_in get = { .id = row.account_id, .now = op->now };
	if ((r = sql_user_get(op->tx, &get, &u)) != ERR_OK)
		return r;
	op->note.record = u.id;
	op->note.patient = u.patient_id;
	return resend(op, &u);
}
