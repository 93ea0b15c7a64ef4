#include "care/account_change.h"
#include "care/mail.h"
#include "care/operations.h"
#include "care/page.h"
#include "care/user.h"

/* The sessions of an account, as its owner and an administrator list and end
 * them. */

static json_t *
current(const struct op *op, const void *row)
{
	const struct session_list_row *s = row;

	return json_boolean(uuid_equal(&s->id, &op->who.session));
}

const struct shape account_sessions_out[] = {
	SHOWN(session_list_row, id, SH_UUID),
	SHOWN(session_list_row, client, SH_CHOICE, .choices = "browser|api"),
	SHOWN(session_list_row, user_agent, SH_TEXT, 0, 200),
	SHOWN(session_list_row, address, SH_TEXT, 0, 64),
	SHOWN(session_list_row, created_at, SH_TIME),
	SHOWN(session_list_row, seen_at, SH_TIME),
	SHOWN(session_list_row, expires_at, SH_TIME),
	{ "current", SH_BOOL, .flags = SH_REQUIRED, .made = current },
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "before", SH_UUID, COLUMN(session_list_row, id) },
	{ 0 },
};

/*= SE-06: newest first */
static enum err
sessions_show(struct op *op, const struct uuid *account)
{
	struct session_list_in in = {
		.account_id = *account,
		.before = page_uuid(op, "before"),
		.limit = page_fetch(op),
		.now = op->now,
	};
	struct session_list_row *rows;
	struct page page = { .size = sizeof(*rows), .cursor = cursor_members };
	enum err r;

	if ((r = sql_session_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

static enum err
session_stop(
    struct op *op, const struct uuid *account, const struct uuid *session)
{
	struct session_end_in in = { *session, *account, op->now };
	int64_t n;
	enum err r;

	if ((r = sql_session_end(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_NOT_FOUND;
	op->clear_session = uuid_equal(session, &op->who.session);
	return ERR_OK;
}

enum err
account_sessions(struct op *op)
{
	return sessions_show(op, &op->who.account);
}

enum err
account_session_end(struct op *op)
{
	return session_stop(op, &op->who.account, &op->id);
}

enum err
user_sessions(struct op *op)
{
	struct user_row u;
	enum err r;

	return (r = user_find(op, &u)) != ERR_OK ? r : sessions_show(op, &u.id);
}

enum err
user_session_end(struct op *op)
{
	struct user_row u;
	enum err r;

	return (r = user_find(op, &u)) != ERR_OK
	    ? r
	    : session_stop(op, &u.id, &op->user_id);
}

/* Whom others signed out hears of it where no session is needed; who was not
 * signed in has nothing to hear. */
static enum err
owner_tell(struct op *op, const struct uuid *account)
{
	struct session_list_in in = {
		.account_id = *account, .limit = 1, .now = op->now
	};
	struct session_list_row *rows;
	size_t n;
	enum err r;

	if (uuid_equal(account, &op->who.account))
		return ERR_OK;
	if ((r = sql_session_list(op->tx, &in, &rows, &n)) != ERR_OK || n == 0)
		return r;
	return mail_notice(op, MAIL_sessions_ended, account);
}

/*= SE-06: whoever signs in again does so with both factors */
enum err
user_sessions_end(struct op *op)
{
	struct user_row u;
	enum err r;

	if ((r = user_find(op, &u)) != ERR_OK ||
	    (r = owner_tell(op, &u.id)) != ERR_OK ||
	    (r = account_sessions_end(op->tx, &u.id, op->now)) != ERR_OK)
		return r;
	op->clear_session = uuid_equal(&u.id, &op->who.account);
	return ERR_OK;
}
