#include "base/instant.h"
#include "care/account_change.h"
#include "care/account_index.h"
#include "care/account_new.h"
#include "care/approval.h"
#include "care/attempt.h"
#include "care/invitation.h"
#include "care/mail.h"
#include "care/operations.h"
#include "care/page.h"
#include "care/source.h"
#include "care/user.h"
#include "gate/role.h"
#include "gate/route.h"
#include "sql.h"

#include <string.h>

/* What waits for a second person. */
static const struct shape waiting_members[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED, COLUMN(user_row, approval_id) },
	{ "kind", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "invite|role|reset_password|reset_totp",
	    COLUMN(user_row, approval_kind) },
	{ "role", SH_CHOICE, .flags = SH_REQUIRED | SH_NULLABLE,
	    .choices = WORKFORCE, COLUMN(user_row, approval_role) },
	{ 0 },
};

static json_t *
last_invitation(const struct op *op, const void *row)
{
	const struct user_row *u = row;
	const struct invitation last = { u->invitation_id, u->invitation_state,
		u->invitation_mailed ? u->email : NULL,
		u->invitation_expires_at };

	return invitation_json(op, &last);
}

static bool
is_own(const struct op *op)
{
	return uuid_equal(&op->id, &op->who.account);
}

/* A patient's account is made from the record, and stays one; nobody changes
 * their own role. */
static enum err
role_fixed(const struct op *op, const struct user_row *u)
{
	if (!role_is_workforce(role_parse(u->role)))
		return ERR_WRONG_STATUS;
	return is_own(op) ? ERR_OWN_ACCOUNT : ERR_OK;
}

/* A patient's name is the record's: the record is changed, not the account. */
static json_t *
name_fixed(const struct op *op, const void *row)
{
	const struct user_row *u = row;

	(void)op;
	return json_boolean(role_parse(u->role) == ROLE_PATIENT);
}

/* Those that the account may be given. */
static json_t *
roles_open(const struct op *op, const void *row)
{
	json_t *list = json_array();
	enum role role;

	if (role_fixed(op, row) != ERR_OK)
		return list;
	for (role = ROLE_NONE + 1; role < ROLE_COUNT; role++)
		if (role_is_workforce(role))
			json_array_append_new(
			    list, json_string(role_name(role)));
	return list;
}

#define MEMBER(name, kind, from, to, flag, taken, listed, ...)                 \
	{ #name, kind, from, to, .flags = SH_REQUIRED | (flag), __VA_ARGS__ },
const struct shape user_read_out[] = {
#include "tables/user_members.def"
	{ 0 },
};

/* A link that was just asked for says more. */
const struct shape user_reset_password_out[] = {
#include "tables/user_members.def"
	INVITED_MORE,
	{ 0 },
};
#undef MEMBER

/*= AZ-02: addresses and the state of an account are the administrator's */
#define LISTED_NO(...)
#define LISTED_ADMIN(flag, ...) { __VA_ARGS__, .flags = (flag) },
#define LISTED_ALL(flag, ...)	{ __VA_ARGS__, .flags = SH_REQUIRED | (flag) },
#define MEMBER(name, kind, from, to, flag, taken, listed, ...)                 \
	LISTED_##listed(flag, #name, kind, from, to, __VA_ARGS__)
const struct shape user_list_out[] = {
#include "tables/user_members.def"
	{ 0 },
};

#undef LISTED_ADMIN
#define LISTED_ADMIN(...)
static const struct shape colleague_members[] = {
#include "tables/user_members.def"
	{ 0 },
};
#undef MEMBER

#define MEMBER(name, kind, from, to, flag, taken, listed, ...)                 \
	IF_MADE_##taken(                                                       \
	    { #name, kind, from, to, .flags = SH_REQUIRED | (flag) }, )
const struct shape user_create_in[] = {
#include "tables/user_members.def"
	{ "role", SH_CHOICE, .flags = SH_REQUIRED, .choices = WORKFORCE },
	{ 0 },
};
#undef MEMBER

#define MEMBER(name, kind, from, to, flag, taken, listed, ...)                 \
	IF_CHANGED_##taken({ #name, kind, from, to, .flags = (flag) }, )
const struct shape user_patch_in[] = {
#include "tables/user_members.def"
	{ "role", SH_CHOICE, .choices = WORKFORCE },
	{ 0 },
};
#undef MEMBER

const struct shape user_list_in[] = {
	{ "role", SH_CHOICE, .choices = ROLES },
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "before", SH_UUID, COLUMN(user_row, id) },
	{ 0 },
};

static bool
is_admin(const struct op *op)
{
	return perm_scope(PERM_user_manage, op->who.role) != SCOPE_NONE;
}

/* Showing that somebody is a patient here is an access that the patient can
 * follow up. */
static json_t *
user_item(struct op *op, const void *row)
{
	const struct user_row *u = row;

	op_returned(op, &u->id);
	if (!uuid_is_nil(&u->patient_id))
		op_returned(op, &u->patient_id);
	return members_json(
	    op, is_admin(op) ? user_list_out : colleague_members, u);
}

enum err
user_list(struct op *op)
{
	struct user_list_in in = {
		.role = in_text(op, "role"),
		.as_admin = is_admin(op),
		.before = page_uuid(op, "before"),
		.limit = page_fetch(op),
		.now = op->now,
	};
	struct user_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = cursor_members,
		.item = user_item,
	};
	enum err r;

	if ((r = sql_user_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

enum err
user_create(struct op *op)
{
	struct account_new new = {
		.role = role_parse(in_text(op, "role")),
		.email = in_text(op, "email"),
		.display_name = in_text(op, "display_name"),
		.created_by = op->who.account,
		.now = op->now,
	};
	struct invitee who = {
		.kind = "invite", .role = new.role, .email = new.email
	};
	struct invited made;
	enum err r;

	r = account_add(op->tx, &new, &who.account);
	if (r == ERR_EMAIL_TAKEN)
		return op_refuse(op, r, "email");
	if (r != ERR_OK || (r = invitation_make(op, &who, &made)) != ERR_OK)
		return r;
	op->note.record = who.account;
	return op_answer(op, &made);
}

enum err
user_find(struct op *op, struct user_row *u)
{
	struct user_get_in in = { .id = op->id, .now = op->now };
	enum err r;

	if ((r = sql_user_get(op->tx, &in, u)) != ERR_OK)
		return r;
	op->note.record = u->id;
	op->note.patient = u->patient_id;
	return ERR_OK;
}

static enum err
user_show(struct op *op)
{
	struct user_row u;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK)
		return r;
	op->version = u.version;
	op->out = members_json(op, user_read_out, &u);
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

enum err
user_read(struct op *op)
{
	return user_show(op);
}

static enum err
user_write(struct op *op, const struct user_row *u)
{
	const char *name = in_text(op, "display_name");
	struct user_update_in in = {
		.id = u->id,
		.key = u->key,
		.display_name = name != NULL ? name : u->display_name,
		.version = op->if_match,
	};
	int64_t n;
	enum err r;

	if ((r = sql_user_update(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_STALE;
	return role_is_workforce(role_parse(u->role))
	    ? account_words_write(op->tx, &u->id, in.display_name, u->email)
	    : ERR_OK;
}

static bool
patient_renamed(const struct op *op, const struct user_row *u)
{
	const char *name = in_text(op, "display_name");

	return name != NULL && role_parse(u->role) == ROLE_PATIENT &&
	    (u->display_name == NULL || strcmp(name, u->display_name) != 0);
}

/* What happened to an account its owner hears by mail; who never came has heard
 * of nothing yet. */
static enum err
owner_tell(struct op *op, enum mail_kind kind, const struct user_row *u)
{
	return u->last_sign_in_at == INSTANT_NONE
	    ? ERR_OK
	    : mail_notice(op, kind, &u->id);
}

/* Of a role that sees no chart: nobody else has to agree. */
static enum err
role_give(struct op *op, const struct user_row *u, const char *role)
{
	enum err r;

	r = account_role_set(op->tx, &u->id, u->role, role, op->now);
	return r != ERR_OK ? r : owner_tell(op, MAIL_role_changed, u);
}

/* The role stays as it is until a second person has confirmed the new one,
 * unless that one sees no chart and confirms for nobody. */
static enum err
role_ask(struct op *op, const struct user_row *u, const char *role)
{
	struct approval_new ask = {
		.kind = "role",
		.account = u->id,
		.role = role,
		.expires_at = op->now + INVITATION_HOURS * 3600,
	};
	struct uuid id;
	int64_t deciders;
	enum err r;

	if ((r = role_fixed(op, u)) != ERR_OK ||
	    (r = account_admin_spare(op->tx, &u->id, u->role)) != ERR_OK)
		return r;
	return role_guarded(role_parse(role))
	    ? approval_ask(op, &ask, &id, &deciders)
	    : role_give(op, u, role);
}

/*= AZ-03: only these two members; a patient's account has no other role */
enum err
user_patch(struct op *op)
{
	struct user_row u;
	const char *role = in_text(op, "role");
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK)
		return r;
	if (u.version != op->if_match)
		return ERR_STALE;
	if (patient_renamed(op, &u))
		return op_refuse(op, ERR_INVALID_FIELD, "display_name");
	if (role != NULL && strcmp(role, u.role) != 0 &&
	    (r = role_ask(op, &u, role)) != ERR_OK)
		return op_refuse(op, r, "role");
	if (in_has(op, "display_name") && (r = user_write(op, &u)) != ERR_OK)
		return r;
	return user_show(op);
}

static enum err
invitations_void(struct op *op)
{
	struct invitation_void_in in = { op->id, op->now };

	return sql_invitation_void(op->tx, &in);
}

enum err
user_deactivate(struct op *op)
{
	struct user_deactivate_in in = { op->id, op->now };
	struct approval_drop_in drop = { op->id, op->now };
	struct user_row u;
	int64_t n;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK)
		return r;
	if (is_own(op))
		return ERR_OWN_ACCOUNT;
	if (!u.active)
		return ERR_ALREADY_DONE;
	if ((r = account_admin_spare(op->tx, &u.id, u.role)) != ERR_OK ||
	    (r = sql_user_deactivate(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_ALREADY_DONE;
	if ((r = account_sessions_end(op->tx, &op->id, op->now)) != ERR_OK ||
	    (r = sql_approval_drop(op->tx, &drop)) != ERR_OK ||
	    (r = invitations_void(op)) != ERR_OK ||
	    (r = owner_tell(op, MAIL_account_closed, &u)) != ERR_OK)
		return r;
	return user_show(op);
}

enum err
user_reactivate(struct op *op)
{
	struct user_reactivate_in in = { op->id };
	struct user_row u;
	int64_t n;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK ||
	    (r = sql_user_reactivate(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_ALREADY_DONE;
	r = owner_tell(op, MAIL_account_opened, &u);
	return r == ERR_OK ? user_show(op) : r;
}

/*= IA-10: codes that were guessed at a hundred times come back with another
 * authenticator alone (SP 800-63B 3.2.2) */
enum err
user_unlock(struct op *op)
{
	struct attempt_stopped_in in = { op->id };
	struct attempt_stopped_row row;
	struct user_row u;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK ||
	    (r = sql_attempt_stopped(op->tx, &in, &row)) != ERR_OK)
		return r;
	if (row.stopped)
		return ERR_REBIND_REQUIRED;
	if ((r = attempt_reset(op, &op->id, NULL)) != ERR_OK)
		return r;
	return user_show(op);
}

/*
 * Once a second person has confirmed it, the old secret works no longer, and a
 * link for the owner alone sets a new one. Until then nothing changes: a
 * password that a stranger knows is stopped at once by mark-compromised.
 *= IA-19, IA-20
 */
static enum err
user_reset(struct op *op, const char *kind)
{
	struct invitee who = { .kind = kind };
	struct invited made;
	struct user_row u;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK)
		return r;
	if (is_own(op))
		return ERR_OWN_ACCOUNT;
	if (!u.active)
		return ERR_WRONG_STATUS;
	who.account = u.id;
	who.patient = u.patient_id;
	who.role = role_parse(u.role);
	who.email = u.email;
	if ((r = invitation_make(op, &who, &made)) != ERR_OK ||
	    (r = user_show(op)) != ERR_OK)
		return r;
	return invited_add(op, &made);
}

enum err
user_reset_password(struct op *op)
{
	return user_reset(op, "reset_password");
}

enum err
user_reset_totp(struct op *op)
{
	return user_reset(op, "reset_totp");
}

/*= IA-16: all sessions end, and the next sign-in leads to a change alone */
enum err
user_compromise(struct op *op)
{
	struct user_compromise_in in = { op->id, op->now };
	struct user_row u;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK ||
	    (r = sql_user_compromise(op->tx, &in, NULL)) != ERR_OK ||
	    (r = source_forget(op->tx, &op->id)) != ERR_OK ||
	    (r = account_sessions_end(op->tx, &op->id, op->now)) != ERR_OK)
		return r;
	return user_show(op);
}
