#include "base/instant.h"
#include "care/account_change.h"
#include "care/account_new.h"
#include "care/approval.h"
#include "care/attempt.h"
#include "care/invitation.h"
#include "care/operations.h"
#include "care/page.h"
#include "care/source.h"
#include "gate/role.h"
#include "gate/route.h"
#include "sql.h"

#include <string.h>

#define STATES "none|invited|active|deactivated"

/* What waits for a second person. */
static const struct shape waiting_members[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED },
	{ "kind", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "invite|role|reset_password|reset_totp" },
	{ "role", SH_CHOICE, .flags = SH_REQUIRED | SH_NULLABLE,
	    .choices = WORKFORCE },
	{ 0 },
};

#define USER_MEMBERS                                                           \
	{ "id", SH_UUID, .flags = SH_REQUIRED },                               \
	    { "email", SH_EMAIL, 3, 254, .flags = SH_REQUIRED },               \
	    { "display_name", SH_TEXT, 1, NAME_WHOLE_MAX,                      \
		    .flags = SH_REQUIRED },                                    \
	    { "role", SH_CHOICE, .flags = SH_REQUIRED, .choices = ROLES },     \
	    { "active", SH_BOOL, .flags = SH_REQUIRED },                       \
	    { "state", SH_CHOICE, .flags = SH_REQUIRED, .choices = STATES },   \
	    { "locked", SH_BOOL, .flags = SH_REQUIRED },                       \
	    { "totp_enrolled", SH_BOOL, .flags = SH_REQUIRED },                \
	    { "compromised_at", SH_TIME, .flags = SH_REQUIRED | SH_NULLABLE }, \
	    { "password_changed_at", SH_TIME,                                  \
		    .flags = SH_REQUIRED | SH_NULLABLE },                      \
	    { "last_sign_in_at", SH_TIME,                                      \
		    .flags = SH_REQUIRED | SH_NULLABLE },                      \
	    { "created_at", SH_TIME, .flags = SH_REQUIRED },                   \
	    { "waiting", SH_OBJECT, .flags = SH_REQUIRED | SH_NULLABLE,        \
		    .inner = waiting_members },                                \
	{                                                                      \
		"created_by", SH_UUID, .flags = SH_REQUIRED | SH_NULLABLE      \
	}

/* A link that was just asked for has more members. */
#define USER_LAST_INVITATION                                                   \
	{                                                                      \
		"invitation", SH_OBJECT, .flags = SH_REQUIRED | SH_NULLABLE,   \
					 .inner = invitation_members           \
	}

#define USER_ACTION(name)                                                      \
	const struct shape name##_in[] = { { 0 } };                            \
	const struct shape name##_out[] = { USER_MEMBERS,                      \
		USER_LAST_INVITATION, { 0 } }

#define USER_LINK(name)                                                        \
	const struct shape name##_in[] = { { 0 } };                            \
	const struct shape name##_out[] = { USER_MEMBERS, INVITED_MEMBERS,     \
		{ 0 } }

USER_ACTION(user_read);
USER_ACTION(user_deactivate);
USER_ACTION(user_reactivate);
USER_ACTION(user_unlock);
USER_ACTION(user_compromise);
USER_LINK(user_reset_password);
USER_LINK(user_reset_totp);

const struct shape user_list_in[] = {
	{ "role", SH_CHOICE, .choices = ROLES },
	{ 0 },
};

const struct shape user_list_out[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED },
	{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX, .flags = SH_REQUIRED },
	{ "role", SH_CHOICE, .flags = SH_REQUIRED, .choices = ROLES },
	{ "active", SH_BOOL, .flags = SH_REQUIRED },
	{ "email", SH_EMAIL, 3, 254, .flags = 0 },
	{ "state", SH_CHOICE, .choices = STATES },
	{ "locked", SH_BOOL, .flags = 0 },
	{ "invitation", SH_OBJECT, .flags = SH_NULLABLE,
	    .inner = invitation_members },
	{ "waiting", SH_OBJECT, .flags = SH_NULLABLE,
	    .inner = waiting_members },
	{ 0 },
};

const struct shape user_create_in[] = {
	{ "email", SH_EMAIL, 3, 254, .flags = SH_REQUIRED | SH_PHI },
	{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX, .flags = SH_REQUIRED },
	{ "role", SH_CHOICE, .flags = SH_REQUIRED, .choices = WORKFORCE },
	{ 0 },
};

const struct shape user_create_out[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED },
	INVITED_MEMBERS,
	{ 0 },
};

const struct shape user_patch_in[] = {
	{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX, .flags = 0 },
	{ "role", SH_CHOICE, .choices = WORKFORCE },
	{ 0 },
};

const struct shape user_patch_out[] = { USER_MEMBERS, USER_LAST_INVITATION,
	{ 0 } };

static json_t *
waiting_json(const struct uuid *id, const char *kind, const char *role)
{
	return uuid_is_nil(id)
	    ? json_null()
	    : json_pack("{s:o, s:s, s:o}", "id", uuid_json(id), "kind", kind,
		  "role", text_json(role));
}

/*= AZ-02: addresses and the state of an account are the administrator's */
static json_t *
item_json(const struct user_row *u, bool as_admin)
{
	json_t *o = json_pack("{s:o, s:o, s:s, s:b}", "id", uuid_json(&u->id),
	    "display_name", text_json(u->display_name), "role", u->role,
	    "active", u->active);

	if (as_admin) {
		json_object_set_new(o, "email", text_json(u->email));
		json_object_set_new(o, "state", json_string(u->state));
		json_object_set_new(o, "locked", json_boolean(u->locked));
		json_object_set_new(o, "invitation",
		    invitation_json(&u->invitation_id, u->invitation_state,
			u->invitation_mailed ? u->email : NULL,
			u->invitation_expires_at));
		json_object_set_new(o, "waiting",
		    waiting_json(
			&u->approval_id, u->approval_kind, u->approval_role));
	}
	return o;
}

enum err
user_list(struct op *op)
{
	struct user_list_in in = {
		.role = in_text(op, "role"),
		.as_admin = perm_scope(PERM_user_manage, op->who.role) !=
		    SCOPE_NONE,
		.before = page_uuid(op, "before"),
		.limit = page_fetch(op),
		.now = op->now,
	};
	struct user_row *rows;
	json_t *items = json_array(), *next = NULL;
	size_t i, n, shown;
	enum err r;

	if ((r = sql_user_list(op->tx, &in, &rows, &n)) != ERR_OK) {
		json_decref(items);
		return r;
	}
	shown = page_size(op, n);
	for (i = 0; i < shown; i++) {
		json_array_append_new(items, item_json(&rows[i], in.as_admin));
		op_returned(op, &rows[i].id);
		/* that somebody is a patient here is theirs to follow up */
		if (!uuid_is_nil(&rows[i].patient_id))
			op_returned(op, &rows[i].patient_id);
	}
	if (n > shown)
		next = json_pack(
		    "{s:o}", "before", uuid_json(&rows[shown - 1].id));
	return op_list(op, items, next);
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
	op->out = json_pack("{s:o}", "id", uuid_json(&who.account));
	invited_tell(op->out, &made);
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

/* The account of the path; its audit row names the patient whose it is. */
static enum err
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
	op->out = json_pack("{s:o, s:o, s:o, s:s, s:b, s:s, s:b, s:b, s:o, s:o,"
			    " s:o, s:o, s:o, s:o, s:o}",
	    "id", uuid_json(&u.id), "email", text_json(u.email), "display_name",
	    text_json(u.display_name), "role", u.role, "active", u.active,
	    "state", u.state, "locked", u.locked, "totp_enrolled",
	    u.totp_enrolled, "compromised_at", time_json(u.compromised_at),
	    "password_changed_at", time_json(u.password_changed_at),
	    "last_sign_in_at", time_json(u.last_sign_in_at), "created_at",
	    time_json(u.created_at), "created_by", uuid_json(&u.created_by),
	    "invitation",
	    invitation_json(&u.invitation_id, u.invitation_state,
		u.invitation_mailed ? u.email : NULL, u.invitation_expires_at),
	    "waiting",
	    waiting_json(&u.approval_id, u.approval_kind, u.approval_role));
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

static bool
is_own(const struct op *op)
{
	return uuid_equal(&op->id, &op->who.account);
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
	return n == 1 ? ERR_OK : ERR_STALE;
}

/* A patient's name is the record's: the record is changed, not the account. */
static bool
patient_renamed(const struct op *op, const struct user_row *u)
{
	const char *name = in_text(op, "display_name");

	return name != NULL && role_parse(u->role) == ROLE_PATIENT &&
	    (u->display_name == NULL || strcmp(name, u->display_name) != 0);
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

	if (strcmp(u->role, "patient") == 0)
		return ERR_WRONG_STATUS;
	if (is_own(op))
		return ERR_OWN_ACCOUNT;
	if ((r = account_admin_spare(op->tx, &u->id, u->role)) != ERR_OK)
		return r;
	return role_guarded(role_parse(role))
	    ? approval_ask(op, &ask, &id, &deciders)
	    : account_role_set(op->tx, &u->id, u->role, role, op->now);
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
	    (r = invitations_void(op)) != ERR_OK)
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
	return n == 1 ? user_show(op) : ERR_ALREADY_DONE;
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
	invited_tell(op->out, &made);
	return ERR_OK;
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
