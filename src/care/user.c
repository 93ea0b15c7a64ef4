#include "base/conf.h"
#include "base/instant.h"
#include "care/account_new.h"
#include "care/attempt.h"
#include "care/operations.h"
#include "care/page.h"
#include "gate/role.h"
#include "gate/route.h"
#include "sql.h"

#include <string.h>

#define USER_MEMBERS                                                           \
	{ "id", SH_UUID, 0, 0, SH_REQUIRED, NULL, NULL },                      \
	    { "email", SH_EMAIL, 3, 254, SH_REQUIRED, NULL, NULL },            \
	    { "display_name", SH_TEXT, 1, NAME_WHOLE_MAX, SH_REQUIRED, NULL,   \
		    NULL },                                                    \
	    { "role", SH_CHOICE, 0, 0, SH_REQUIRED, ROLES, NULL },             \
	    { "active", SH_BOOL, 0, 0, SH_REQUIRED, NULL, NULL },              \
	    { "invited", SH_BOOL, 0, 0, SH_REQUIRED, NULL, NULL },             \
	    { "locked", SH_BOOL, 0, 0, SH_REQUIRED, NULL, NULL },              \
	    { "totp_enrolled", SH_BOOL, 0, 0, SH_REQUIRED, NULL, NULL },       \
	    { "compromised_at", SH_TIME, 0, 0, SH_REQUIRED | SH_NULLABLE,      \
		    NULL, NULL },                                              \
	    { "password_changed_at", SH_TIME, 0, 0, SH_REQUIRED | SH_NULLABLE, \
		    NULL, NULL },                                              \
	    { "last_sign_in_at", SH_TIME, 0, 0, SH_REQUIRED | SH_NULLABLE,     \
		    NULL, NULL },                                              \
	    { "created_at", SH_TIME, 0, 0, SH_REQUIRED, NULL, NULL },          \
	{                                                                      \
		"created_by", SH_UUID, 0, 0, SH_REQUIRED | SH_NULLABLE, NULL,  \
		    NULL                                                       \
	}

#define USER_ACTION(name)                                                      \
	const struct shape name##_in[] = { { 0 } };                            \
	const struct shape name##_out[] = { USER_MEMBERS, { 0 } }

#define USER_LINK(name)                                                        \
	const struct shape name##_in[] = { { 0 } };                            \
	const struct shape name##_out[] = { USER_MEMBERS,                      \
		{ "invitation_url", SH_TEXT, 1, 1000, SH_REQUIRED, NULL,       \
		    NULL },                                                    \
		{ 0 } }

USER_ACTION(user_read);
USER_ACTION(user_deactivate);
USER_ACTION(user_reactivate);
USER_ACTION(user_unlock);
USER_ACTION(user_compromise);
USER_LINK(user_reset_password);
USER_LINK(user_reset_totp);

const struct shape user_list_in[] = {
	{ "role", SH_CHOICE, 0, 0, 0, ROLES, NULL },
	{ 0 },
};

const struct shape user_list_out[] = {
	{ "id", SH_UUID, 0, 0, SH_REQUIRED, NULL, NULL },
	{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX, SH_REQUIRED, NULL, NULL },
	{ "role", SH_CHOICE, 0, 0, SH_REQUIRED, ROLES, NULL },
	{ "active", SH_BOOL, 0, 0, SH_REQUIRED, NULL, NULL },
	{ "email", SH_EMAIL, 3, 254, 0, NULL, NULL },
	{ "invited", SH_BOOL, 0, 0, 0, NULL, NULL },
	{ "locked", SH_BOOL, 0, 0, 0, NULL, NULL },
	{ 0 },
};

const struct shape user_create_in[] = {
	{ "email", SH_EMAIL, 3, 254, SH_REQUIRED | SH_PHI, NULL, NULL },
	{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX, SH_REQUIRED, NULL, NULL },
	{ "role", SH_CHOICE, 0, 0, SH_REQUIRED, WORKFORCE, NULL },
	{ 0 },
};

const struct shape user_create_out[] = {
	{ "id", SH_UUID, 0, 0, SH_REQUIRED, NULL, NULL },
	{ "invitation_url", SH_TEXT, 1, 1000, SH_REQUIRED, NULL, NULL },
	{ 0 },
};

const struct shape user_patch_in[] = {
	{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX, 0, NULL, NULL },
	{ "role", SH_CHOICE, 0, 0, 0, WORKFORCE, NULL },
	{ 0 },
};

const struct shape user_patch_out[] = { USER_MEMBERS, { 0 } };

/*= AZ-02: addresses and the state of an account are the administrator's */
static json_t *
item_json(const struct user_list_row *u, bool as_admin)
{
	json_t *o = json_pack("{s:o, s:o, s:s, s:b}", "id", uuid_json(&u->id),
	    "display_name", text_json(u->display_name), "role", u->role,
	    "active", u->active);

	if (as_admin) {
		json_object_set_new(o, "email", text_json(u->email));
		json_object_set_new(o, "invited", json_boolean(u->invited));
		json_object_set_new(o, "locked", json_boolean(u->locked));
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
		.after = page_uuid(op, "after"),
		.limit = page_fetch(op),
		.now = op->now,
	};
	struct user_list_row *rows;
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
	}
	if (n > shown)
		next = json_pack(
		    "{s:o}", "after", uuid_json(&rows[shown - 1].id));
	return op_list(op, items, next);
}

enum err
user_create(struct op *op)
{
	struct uuid id;
	char *url;
	enum err r;

	r = account_create(op, role_parse(in_text(op, "role")), NULL,
	    in_text(op, "email"), in_text(op, "display_name"), &id, &url);
	if (r != ERR_OK)
		return r;
	op->out = json_pack(
	    "{s:o, s:s}", "id", uuid_json(&id), "invitation_url", url);
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

/* The account of the path; its audit row names the patient whose it is. */
static enum err
user_find(struct op *op, struct user_get_row *u)
{
	struct user_get_in in = { op->id, op->now };
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
	struct user_get_row u;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK)
		return r;
	op->version = u.version;
	op->out = json_pack("{s:o, s:o, s:o, s:s, s:b, s:b, s:b, s:b, s:o, s:o,"
			    " s:o, s:o, s:o}",
	    "id", uuid_json(&u.id), "email", text_json(u.email), "display_name",
	    text_json(u.display_name), "role", u.role, "active", u.active,
	    "invited", u.invited, "locked", u.locked, "totp_enrolled",
	    u.totp_enrolled, "compromised_at", time_json(u.compromised_at),
	    "password_changed_at", time_json(u.password_changed_at),
	    "last_sign_in_at", time_json(u.last_sign_in_at), "created_at",
	    time_json(u.created_at), "created_by", uuid_json(&u.created_by));
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

/* A clinic without an administrator could never have one again. */
static enum err
admin_spare(struct op *op, const struct user_get_row *u)
{
	struct user_admins_lock_row *admins;
	size_t n, i, others = 0;
	enum err r;

	if (strcmp(u->role, "admin") != 0 || !u->active)
		return ERR_OK;
	if ((r = sql_user_admins_lock(op->tx, &admins, &n)) != ERR_OK)
		return r;
	for (i = 0; i < n; i++)
		others += !uuid_equal(&admins[i].id, &u->id);
	return others > 0 ? ERR_OK : ERR_WRONG_STATUS;
}

/*= AZ-05, SE-06: whoever loses a right loses the sessions that have it */
static enum err
sessions_end(struct op *op)
{
	struct session_end_all_in in = { .account_id = op->id, .now = op->now };

	return sql_session_end_all(op->tx, &in);
}

enum err
user_read(struct op *op)
{
	return user_show(op);
}

static enum err
user_write(struct op *op, const struct user_get_row *u, const char *role)
{
	const char *name = in_text(op, "display_name");
	struct user_update_in in = {
		.id = u->id,
		.key = u->key,
		.display_name = name != NULL ? name : u->display_name,
		.role = role,
		.version = op->if_match,
	};
	int64_t n;
	enum err r;

	if ((r = sql_user_update(op->tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_STALE;
}

/* A patient is called as their record is: it is the record that is changed. */
static bool
patient_renamed(const struct op *op, const struct user_get_row *u)
{
	const char *name = in_text(op, "display_name");

	return name != NULL && role_parse(u->role) == ROLE_PATIENT &&
	    (u->display_name == NULL || strcmp(name, u->display_name) != 0);
}

/*= AZ-03: only these two members; a patient's account has no other role */
enum err
user_patch(struct op *op)
{
	struct user_get_row u;
	const char *role = in_text(op, "role");
	bool changes;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK)
		return r;
	if (patient_renamed(op, &u))
		return op_refuse(op, ERR_INVALID_FIELD, "display_name");
	changes = role != NULL && strcmp(role, u.role) != 0;
	if (changes && strcmp(u.role, "patient") == 0)
		return op_refuse(op, ERR_WRONG_STATUS, "role");
	if (changes && (r = admin_spare(op, &u)) != ERR_OK)
		return op_refuse(op, r, "role");
	if ((r = user_write(op, &u, changes ? role : u.role)) != ERR_OK)
		return r;
	if (changes && (r = sessions_end(op)) != ERR_OK)
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
	struct user_get_row u;
	int64_t n;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK)
		return r;
	if (uuid_equal(&op->id, &op->who.account))
		return ERR_WRONG_STATUS; /* somebody else has to */
	if ((r = admin_spare(op, &u)) != ERR_OK ||
	    (r = sql_user_deactivate(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_ALREADY_DONE;
	if ((r = sessions_end(op)) != ERR_OK ||
	    (r = invitations_void(op)) != ERR_OK)
		return r;
	return user_show(op);
}

enum err
user_reactivate(struct op *op)
{
	struct user_reactivate_in in = { op->id };
	struct user_get_row u;
	int64_t n;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK ||
	    (r = sql_user_reactivate(op->tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? user_show(op) : ERR_ALREADY_DONE;
}

enum err
user_unlock(struct op *op)
{
	struct user_get_row u;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK ||
	    (r = attempt_forget(op, &op->id, NULL)) != ERR_OK)
		return r;
	return user_show(op);
}

/*
 * The old secret works no longer, and a link for the owner alone sets a new
 * one: the administrator hands over the link and learns nothing lasting. A
 * lost authenticator takes the password with it, so that whoever has found
 * one of the two cannot enrol the other.
 *= IA-19, IA-20
 */
static enum err
user_reset(struct op *op, bool totp)
{
	struct user_reset_in in = { op->id, totp };
	struct user_get_row u;
	char *url;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK)
		return r;
	if (!u.active)
		return ERR_WRONG_STATUS;
	if ((r = sql_user_reset(op->tx, &in, NULL)) != ERR_OK ||
	    (r = sessions_end(op)) != ERR_OK ||
	    (r = invitation_link(
		 op->tx, &op->id, conf()->origin, op->now, &url)) != ERR_OK ||
	    (r = user_show(op)) != ERR_OK)
		return r;
	json_object_set_new(op->out, "invitation_url", json_string(url));
	return ERR_OK;
}

enum err
user_reset_password(struct op *op)
{
	return user_reset(op, false);
}

enum err
user_reset_totp(struct op *op)
{
	return user_reset(op, true);
}

/*= IA-16: all sessions end, and the next sign-in leads to a change alone */
enum err
user_compromise(struct op *op)
{
	struct user_compromise_in in = { op->id, op->now };
	struct user_get_row u;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK ||
	    (r = sql_user_compromise(op->tx, &in, NULL)) != ERR_OK ||
	    (r = sessions_end(op)) != ERR_OK)
		return r;
	return user_show(op);
}
