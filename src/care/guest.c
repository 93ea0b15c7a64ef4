#include "care/guest.h"

#include "base/conf.h"
#include "base/factor.h"
#include "care/mail.h"
#include "care/operations.h"
#include "care/page.h"
#include "care/visit.h"
#include "data/record_key.h"
#include "gate/member.h"
#include "gate/role.h"
#include "gate/tell.h"
#include "sql.h"

#include <string.h>

const struct shape guest_invite_in[] = {
	{ "role", SH_CHOICE, .flags = SH_REQUIRED, .choices = GUEST_ROLES },
	{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX,
	    .flags = SH_REQUIRED | SH_PHI },
	{ "email", SH_EMAIL, 3, 254, .flags = SH_PHI },
	{ 0 },
};

struct guest_made {
	struct uuid id;
	const char *join_url, *sent_to;
	int64_t expires_at;
};

const struct shape guest_invite_out[] = {
	SHOWN(guest_made, id, SH_UUID),
	SHOWN(guest_made, join_url, SH_TEXT, 1, 1000),
	SHOWN(guest_made, expires_at, SH_TIME),
	SHOWN_OR_NULL(guest_made, sent_to, SH_EMAIL, 3, 254),
	{ 0 },
};

/* What has become of a link, the furthest that it came to. */
static json_t *
link_state(const struct op *op, const void *row)
{
	const struct guest_list_row *g = row;

	(void)op;
	if (g->ended)
		return json_string("ended");
	if (!g->present)
		return json_string("open");
	return json_string(g->admitted ? "admitted" : "waiting");
}

static json_t *
link_mail(const struct op *op, const void *row)
{
	const struct guest_list_row *g = row;
	const char *state = mail_state(g->job_state, g->job_error);

	(void)op;
	return state == NULL ? json_null() : json_string(state);
}

const struct shape guest_list_out[] = {
	SHOWN(guest_list_row, id, SH_UUID),
	SHOWN(guest_list_row, role, SH_CHOICE, .choices = GUEST_ROLES),
	SHOWN(guest_list_row, display_name, SH_TEXT, 1, NAME_WHOLE_MAX),
	{ "state", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "open|waiting|admitted|ended", .made = link_state },
	{ "sent_to", SH_EMAIL, 3, 254, .flags = SH_REQUIRED | SH_NULLABLE,
	    COLUMN(guest_list_row, email) },
	{ "mail", SH_CHOICE, .flags = SH_REQUIRED | SH_NULLABLE,
	    .choices = MAIL_STATES, .made = link_mail },
	SHOWN(guest_list_row, created_at, SH_TIME),
	SHOWN_OR_NULL(guest_list_row, joined_at, SH_TIME),
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "before", SH_UUID, COLUMN(guest_list_row, id) },
	{ 0 },
};

/* Is there still something to come to, and what a patient can be asked for? */
static enum err
visit_invites(struct op *op, enum guest_role role, int64_t *expires_at)
{
	const struct guests_lock_in lock = { op->id };
	struct guest_visit_in in = { op->id };
	struct guest_visit_row v;
	enum err r;

	if ((r = sql_guests_lock(op->tx, &lock)) != ERR_OK ||
	    (r = sql_guest_visit(op->tx, &in, &v)) != ERR_OK)
		return r;
	*expires_at = visit_window(v.starts_at, v.ends_at).until;
	if (op->now >= *expires_at ||
	    (strcmp(v.status, "in_call") != 0 &&
		!visit_step_possible("visit_cancel", v.status)))
		return ERR_WRONG_STATUS;
	return guest_role_asks(role) && v.birth_date == NULL ? ERR_NO_BIRTH_DATE
							     : ERR_OK;
}

/* Their account, which nobody signs in to. */
static enum err
guest_account(struct op *op, const struct uuid *id, const char *sent_to)
{
	struct account_insert_in in = {
		.id = *id,
		.role = role_name(ROLE_GUEST),
		.email = sent_to,
		.display_name = in_text(op, "display_name"),
		.created_by = op->who.account,
		.now = op->now,
	};
	enum err r;

	if ((r = record_key_new(
		 op->tx, KEY_CLASS_account, &in.id, &in.key, NULL)) != ERR_OK)
		return r;
	return sql_account_insert(op->tx, &in, NULL);
}

/* The token stands behind '#': it is in no server's log and no Referer. */
static enum err
guest_link(struct op *op, const struct uuid *id, const char **url)
{
	char token[FACTOR_TOKEN_SIZE];
	uint8_t *hash = arena_alloc(op->arena, 32);
	struct guest_insert_in in = {
		.id = *id,
		.visit_id = op->id,
		.role = in_text(op, "role"),
		.hash = { hash, 32 },
		.created_by = op->who.account,
		.now = op->now,
		.most = GUESTS_INVITED,
	};
	int64_t n;
	enum err r;

	if ((r = factor_token(token, hash)) != ERR_OK ||
	    (r = sql_guest_insert(op->tx, &in, &n)) != ERR_OK)
		return r;
	*url = arena_format(op->arena, "%s/call#%s", conf()->origin, token);
	return n == 1 ? ERR_OK : ERR_VISIT_FULL;
}

static enum err
link_send(struct op *op, const struct guest_made *made)
{
	struct guest_mailed_in in = { .id = made->id };
	enum err r;

	r = mail_add(
	    op, MAIL_visit_link, &made->id, made->join_url, &in.mail_id);
	return r != ERR_OK ? r : sql_guest_mailed(op->tx, &in);
}

/*
 * Whoever invites is told the link as well, mailed or not: many a patient has it
 * read to them, or sent by the clinic's own telephone. Unlike a link to an account
 * it shows no record, and the clinician sees who comes before letting them in.
 *= IA-19: 256 random bits, hashed at rest
 */
enum err
guest_invite(struct op *op)
{
	const char *email = in_text(op, "email");
	struct guest_made made = { .id = uuid_new(),
		.sent_to = mail_configured() ? email : NULL };
	enum err r;

	op->note.record = made.id;
	if ((r = visit_invites(op, guest_role_parse(in_text(op, "role")),
		 &made.expires_at)) != ERR_OK ||
	    (r = guest_account(op, &made.id, made.sent_to)) != ERR_OK ||
	    (r = guest_link(op, &made.id, &made.join_url)) != ERR_OK)
		return r;
	if (made.sent_to != NULL && (r = link_send(op, &made)) != ERR_OK)
		return r;
	return op_answer(op, &made);
}

enum err
guest_list(struct op *op)
{
	struct guest_list_in in = { op->id, page_uuid(op, "before"),
		page_fetch(op), op->now };
	struct guest_list_row *rows;
	struct page page = { .size = sizeof(*rows), .cursor = cursor_members };
	enum err r;

	if ((r = sql_guest_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

static enum err
guest_of_visit(struct op *op, struct guest_get_row *g)
{
	struct guest_get_in in = { op->user_id, op->id };

	op->note.record = op->user_id;
	return sql_guest_get(op->tx, &in, g);
}

/*= AZ-05: the session ends in the same transaction, and the room hears of it */
enum err
guest_revoke(struct op *op)
{
	struct guest_end_in end = { op->user_id, op->now };
	struct session_end_all_in sessions = { .account_id = op->user_id,
		.now = op->now };
	struct guest_get_row g;
	int64_t n;
	enum err r;

	if ((r = guest_of_visit(op, &g)) != ERR_OK ||
	    (r = sql_guest_end(op->tx, &end, &n)) != ERR_OK ||
	    (r = sql_session_end_all(op->tx, &sessions)) != ERR_OK)
		return r;
	return op_tell(op, TELL_GUEST, &op->user_id, "removed");
}

/* The visit begins when its patient is let in, by an account or by a link. */
static enum err
visit_begin(struct op *op, const struct guest_get_row *g)
{
	struct visit_step_row stepped;

	return guest_role_parse(g->role) == GUEST_PATIENT &&
		strcmp(g->visit_status, "in_call") != 0
	    ? visit_step_take(op, "visit_admit", &stepped)
	    : ERR_OK;
}

/*= TR-11: each guest is let in by the visit's clinician */
enum err
guest_admit(struct op *op)
{
	const struct guests_lock_in lock = { op->id };
	struct guest_admit_in in = { op->user_id, op->id, op->now,
		GUESTS_INSIDE };
	struct guest_get_row g;
	int64_t n;
	enum err r;

	if ((r = sql_guests_lock(op->tx, &lock)) != ERR_OK ||
	    (r = guest_of_visit(op, &g)) != ERR_OK)
		return r;
	if (!g.present)
		return ERR_WRONG_STATUS;
	if ((r = visit_begin(op, &g)) != ERR_OK ||
	    (r = sql_guest_admit(op->tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? op_tell(op, TELL_GUEST, &op->user_id, "admitted")
		      : ERR_VISIT_FULL;
}
