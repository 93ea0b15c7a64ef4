#include "care/approval.h"

#include "base/secret.h"
#include "care/account_change.h"
#include "care/mail.h"
#include "care/operations.h"
#include "care/page.h"
#include "care/recording.h"
#include "gate/role.h"
#include "gate/route.h"

#include <string.h>

#define STATES "waiting|confirmed|refused|expired"

#define PERSON(person, called)                                                 \
	{ "id", SH_UUID, .flags = SH_REQUIRED,                                 \
		COLUMN(approval_list_row, person) },                           \
	{                                                                      \
		"display_name", SH_TEXT, 1, NAME_WHOLE_MAX,                    \
		    .flags = SH_REQUIRED | SH_NULLABLE,                        \
		    COLUMN(approval_list_row, called)                          \
	}

static const struct shape requester_members[] = {
	PERSON(requested_by, requester_name),
	{ 0 },
};

static const struct shape decider_members[] = {
	PERSON(decided_by, decider_name),
	{ 0 },
};

static const struct shape account_members[] = {
	PERSON(account_id, account_name),
	{ "email", SH_EMAIL, 3, 254, .flags = SH_REQUIRED | SH_NULLABLE,
	    COLUMN(approval_list_row, account_email) },
	{ "role", SH_CHOICE, .flags = SH_REQUIRED, .choices = ROLES,
	    COLUMN(approval_list_row, account_role) },
	{ 0 },
};

/* Somebody else has to decide. */
static json_t *
yours(const struct op *op, const void *row)
{
	const struct approval_list_row *p = row;

	return json_boolean(uuid_equal(&p->requested_by, &op->who.account) ||
	    uuid_equal(&p->account_id, &op->who.account));
}

const struct shape account_approvals_out[] = {
	SHOWN(approval_list_row, id, SH_UUID),
	SHOWN(approval_list_row, kind, SH_CHOICE,
	    .choices =
		"invite|role|reset_password|reset_totp|delete_recording"),
	SHOWN_OR_NULL(approval_list_row, role, SH_CHOICE, .choices = WORKFORCE),
	SHOWN(approval_list_row, state, SH_CHOICE, .choices = STATES),
	{ "account", SH_OBJECT, .flags = SH_REQUIRED,
	    .inner = account_members },
	{ "requested_by", SH_OBJECT, .flags = SH_REQUIRED,
	    .inner = requester_members },
	{ "decided_by", SH_OBJECT, .flags = SH_REQUIRED | SH_NULLABLE,
	    .inner = decider_members },
	SHOWN(approval_list_row, created_at, SH_TIME),
	SHOWN(approval_list_row, expires_at, SH_TIME),
	SHOWN_OR_NULL(approval_list_row, decided_at, SH_TIME),
	{ "yours", SH_BOOL, .flags = SH_REQUIRED, .made = yours },
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "before", SH_UUID, COLUMN(approval_list_row, id) },
	{ 0 },
};

const struct shape approval_list_in[] = {
	{ "state", SH_CHOICE, .choices = STATES },
	{ 0 },
};

struct decided {
	struct uuid id;
	const char *state, *phrase;
};
const struct shape approval_confirm_out[] = {
	SHOWN(decided, id, SH_UUID),
	SHOWN(decided, state, SH_CHOICE, .choices = STATES),
	SHOWN_OR_NULL(decided, phrase, SH_TEXT, FACTOR_PHRASE_SIZE - 1,
	    FACTOR_PHRASE_SIZE - 1),
	{ 0 },
};

/*= AZ-05: read off the tables, so that a new role or route needs no second
 * list */
bool
role_guarded(enum role role)
{
	size_t i;

	for (i = 0; i < routes_count; i++)
		if (routes[i].subject >= SUBJECT_PATIENT &&
		    perm_scope(routes[i].perm, role) >= SCOPE_CARE)
			return true;
	return perm_scope(PERM_approval_decide, role) != SCOPE_NONE;
}

/* An actor who neither manages accounts nor watches over them decides about
 * those of patients, whom they invite, and of nobody else. */
static bool
patients_only(enum role role)
{
	return perm_scope(PERM_user_manage, role) == SCOPE_NONE &&
	    perm_scope(PERM_audit_read, role) == SCOPE_NONE;
}

static enum err
deciders_count(struct tx *tx, bool of_patient, const struct uuid *asker,
    const struct uuid *account, int64_t *n)
{
	const char *names[ROLE_COUNT];
	struct approval_deciders_in in = { { names, 0 }, *asker, *account };
	struct approval_deciders_row row;
	int role;
	enum err r;

	for (role = ROLE_NONE + 1; role < ROLE_COUNT; role++)
		if (perm_scope(PERM_approval_decide, (enum role)role) !=
			SCOPE_NONE &&
		    (of_patient || !patients_only((enum role)role)))
			names[in.roles.n++] = role_name((enum role)role);
	if ((r = sql_approval_deciders(tx, &in, &row)) != ERR_OK)
		return r;
	*n = row.n;
	return ERR_OK;
}

enum err
approval_ask(struct op *op, const struct approval_new *new, struct uuid *id,
    int64_t *deciders)
{
	struct approval_insert_in in = {
		.id = uuid_new(),
		.kind = new->kind,
		.account_id = new->account,
		.role = new->role,
		.invitation_id = new->invitation,
		.recording_id = new->recording,
		.requested_by = op->who.account,
		.now = op->now,
		.expires_at = new->expires_at,
	};
	enum err r;

	if ((r = sql_approval_insert(op->tx, &in)) != ERR_OK)
		return r;
	*id = in.id;
	return deciders_count(
	    op->tx, new->of_patient, &op->who.account, &new->account, deciders);
}

static enum err
phrase_make(struct tx *tx, const struct uuid *invitation, int64_t now,
    char phrase[FACTOR_PHRASE_SIZE])
{
	uint8_t hash[32];
	struct invitation_confirm_in in = { *invitation, { hash, 32 }, now };
	int64_t n;
	enum err r;

	factor_phrase(phrase);
	if ((r = factor_phrase_hash(invitation->b, phrase, hash)) != ERR_OK ||
	    (r = sql_invitation_confirm(tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_WRONG_STATUS;
}

static enum err
effect(struct tx *tx, const struct approval_get_row *p, int64_t now,
    char phrase[FACTOR_PHRASE_SIZE])
{
	bool totp = strcmp(p->kind, "reset_totp") == 0;
	enum err r;

	if (!uuid_is_nil(&p->recording_id))
		return recording_doom(tx, &p->recording_id);
	if (!p->account_active)
		return ERR_WRONG_STATUS;
	if (strcmp(p->kind, "role") == 0)
		return account_role_set(
		    tx, &p->account_id, p->account_role, p->role, now);
	if ((totp || strcmp(p->kind, "reset_password") == 0) &&
	    (r = account_reset(tx, &p->account_id, totp, now)) != ERR_OK)
		return r;
	return phrase_make(tx, &p->invitation_id, now, phrase);
}

static enum err
state_set(struct tx *tx, const struct approval_get_row *p, const char *state,
    const struct uuid *by, int64_t now)
{
	struct approval_decide_in in = { p->id, state, *by, now };
	int64_t n;
	enum err r;

	if (strcmp(p->state, "expired") == 0)
		return ERR_REQUEST_EXPIRED;
	if (strcmp(p->state, "waiting") != 0)
		return ERR_ALREADY_DONE;
	if ((r = sql_approval_decide(tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_REQUEST_EXPIRED;
}

enum err
approval_carry_out(struct tx *tx, const struct approval_get_row *p,
    const struct uuid *by, int64_t now, char phrase[FACTOR_PHRASE_SIZE])
{
	enum err r;

	phrase[0] = '\0';
	if ((r = state_set(tx, p, "confirmed", by, now)) != ERR_OK)
		return r;
	return effect(tx, p, now, phrase);
}

/* What the actor may see at all; the audit row names whom it is about. */
static enum err
approval_find(struct op *op, struct approval_get_row *p)
{
	struct approval_get_in in = { op->id, op->now };
	enum err r;

	if ((r = sql_approval_get(op->tx, &in, p)) != ERR_OK)
		return r;
	if (patients_only(op->who.role) && uuid_is_nil(&p->patient_id))
		return ERR_NOT_FOUND;
	op->note.record = p->account_id;
	op->note.patient = p->patient_id;
	return ERR_OK;
}

/* Neither who asked nor whom it is about may decide; if nobody else is left,
 * the answer says so. */
static enum err
second_check(struct op *op, const struct approval_get_row *p)
{
	int64_t deciders;
	enum err r;

	if (!uuid_equal(&p->requested_by, &op->who.account) &&
	    !uuid_equal(&p->account_id, &op->who.account))
		return ERR_OK;
	r = deciders_count(op->tx, !uuid_is_nil(&p->patient_id),
	    &p->requested_by, &p->account_id, &deciders);
	if (r != ERR_OK)
		return r;
	return deciders == 0 ? ERR_NO_SECOND_PERSON : ERR_OWN_REQUEST;
}

/* A reset was told to its owner when it was asked for, by the mail with the link;
 * a role has none. */
static enum err
confirmed_tell(struct op *op, const struct approval_get_row *p)
{
	return strcmp(p->kind, "role") == 0
	    ? mail_notice(op, MAIL_role_changed, &p->account_id)
	    : ERR_OK;
}

enum err
approval_confirm(struct op *op)
{
	char phrase[FACTOR_PHRASE_SIZE] = "";
	struct approval_get_row p;
	enum err r;

	if ((r = approval_find(op, &p)) == ERR_OK &&
	    (r = second_check(op, &p)) == ERR_OK &&
	    (r = approval_carry_out(
		 op->tx, &p, &op->who.account, op->now, phrase)) == ERR_OK &&
	    (r = confirmed_tell(op, &p)) == ERR_OK)
		r = op_answer(op,
		    &(struct decided){
			op->id, "confirmed", *phrase == '\0' ? NULL : phrase });
	secret_wipe(phrase, sizeof(phrase));
	return r;
}

/* Also for who asked: refusing one's own request takes it back. */
enum err
approval_refuse(struct op *op)
{
	struct approval_get_row p;
	struct invitation_end_in end = { .now = op->now };
	enum err r;

	if ((r = approval_find(op, &p)) != ERR_OK ||
	    (r = state_set(op->tx, &p, "refused", &op->who.account, op->now)) !=
		ERR_OK)
		return r;
	end.id = p.invitation_id;
	if (!uuid_is_nil(&end.id) &&
	    (r = sql_invitation_end(op->tx, &end)) != ERR_OK)
		return r;
	return op_answer(op, &(struct decided){ op->id, "refused", NULL });
}

static json_t *
approval_item(struct op *op, const void *row)
{
	const struct approval_list_row *p = row;

	op_returned(op, &p->account_id);
	if (!uuid_is_nil(&p->patient_id))
		op_returned(op, &p->patient_id);
	return members_json(op, op->route->out, p);
}

static enum err
approvals_tell(struct op *op, struct approval_list_in *in)
{
	struct approval_list_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = cursor_members,
		.item = approval_item,
	};
	enum err r;

	in->before = page_uuid(op, "before");
	in->limit = page_fetch(op);
	in->now = op->now;
	if ((r = sql_approval_list(op->tx, in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

enum err
approval_list(struct op *op)
{
	struct approval_list_in in = {
		.state = in_text(op, "state"),
		.patients_only = patients_only(op->who.role),
	};

	return approvals_tell(op, &in);
}

enum err
approval_waiting(struct op *op, int64_t *n)
{
	struct approval_waiting_in in = { op->who.account,
		patients_only(op->who.role), op->now };
	struct approval_waiting_row row;
	enum err r;

	*n = -1;
	if (op->who.state != STATE_ACTIVE ||
	    perm_scope(PERM_approval_decide, op->who.role) == SCOPE_NONE)
		return ERR_OK;
	if ((r = sql_approval_waiting(op->tx, &in, &row)) == ERR_OK)
		*n = row.n;
	return r;
}

/* What others asked for about one's own account. */
enum err
account_approvals(struct op *op)
{
	struct approval_list_in in = { .account_id = op->who.account };

	return approvals_tell(op, &in);
}
