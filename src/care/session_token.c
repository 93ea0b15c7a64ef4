#include "care/session_token.h"

#include "base/factor.h"
#include "base/instant.h"
#include "base/text.h"
#include "care/mail.h"
#include "care/source.h"
#include "gate/member.h"
#include "gate/role.h"

#include <string.h>

#define USER_AGENT_MAX 200 /* bytes */

static json_t *
time_zone(const struct op *op, const void *row)
{
	const struct session_user *u = row;

	(void)op;
	return u->time_zone == NULL ? NULL : json_string(u->time_zone);
}

static json_t *
patient_id(const struct op *op, const void *row)
{
	const struct session_user *u = row;

	(void)op;
	return u->time_zone == NULL ? NULL : uuid_json(&u->patient_id);
}

const struct shape session_user_out[] = {
	SHOWN(session_user, id, SH_UUID),
	SHOWN_OR_NULL(session_user, display_name, SH_TEXT, 1, NAME_WHOLE_MAX),
	SHOWN(session_user, role, SH_CHOICE, .choices = ROLES_ALL),
	SHOWN(session_user, clinic_name, SH_TEXT, 1, 200),
	{ "time_zone", SH_TEXT, 1, 100, .made = time_zone },
	{ "patient_id", SH_UUID, .flags = SH_NULLABLE, .made = patient_id },
	{ 0 },
};

/* What a browser says of itself is kept for the list of devices: text of a
 * stranger, so only well-formed and short. */
static const char *
user_agent_text(struct op *op)
{
	const char *raw = op->rq->user_agent;
	size_t n = raw == NULL ? 0 : strlen(raw);
	char *clean;

	if (n > USER_AGENT_MAX)
		n = USER_AGENT_MAX;
	while (n > 0 && !text_utf8_valid(raw, n))
		n--; /* a character cut in two, or no text at all */
	if (n == 0 ||
	    text_clean(op->arena, arena_text_n(op->arena, raw, n), false,
		&clean) != ERR_OK)
		return "";
	return clean;
}

static enum err
token_new(struct op *op, struct bytes *hash)
{
	char token[FACTOR_TOKEN_SIZE];
	uint8_t *h = arena_alloc(op->arena, 32);
	enum err r;

	if ((r = factor_token(token, h)) != ERR_OK)
		return r;
	op->set_token = arena_text(op->arena, token);
	*hash = (struct bytes){ h, 32 };
	return ERR_OK;
}

static enum err
cap_apply(struct op *op, const struct uuid *account)
{
	struct session_cap_in in = { *account, SESSION_CAP, op->now };

	return sql_session_cap(op->tx, &in);
}

enum err
session_begin(struct op *op, const struct uuid *account)
{
	const char *client = in_text(op, "client");
	struct session_insert_in in = {
		.id = uuid_new(),
		.account_id = *account,
		.client = client == NULL ? "browser" : client,
		.user_agent = user_agent_text(op),
		.address = op->rq->address,
		.now = op->now,
	};
	struct session_insert_row row;
	enum err r;

	if ((r = token_new(op, &in.hash)) != ERR_OK ||
	    (r = sql_session_insert(op->tx, &in, &row)) != ERR_OK ||
	    (r = cap_apply(op, account)) != ERR_OK)
		return r;
	op->who.browser = strcmp(in.client, "browser") == 0;
	op->note.record = in.id;
	op->out = json_pack("{s:s}", "state", row.state);
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

enum err
session_begin_guest(struct op *op, const struct uuid *guest, int64_t expires_at)
{
	const char *client = in_text(op, "client");
	struct session_end_all_in before = { .account_id = *guest,
		.now = op->now };
	struct guest_session_insert_in in = {
		.id = uuid_new(),
		.account_id = *guest,
		.client = client == NULL ? "browser" : client,
		.user_agent = user_agent_text(op),
		.address = op->rq->address,
		.now = op->now,
		.expires_at = expires_at,
	};
	enum err r;

	if ((r = token_new(op, &in.hash)) != ERR_OK ||
	    (r = sql_session_end_all(op->tx, &before)) != ERR_OK)
		return r;
	op->who.browser = strcmp(in.client, "browser") == 0;
	return sql_guest_session_insert(op->tx, &in);
}

/*= SE-03: the old token opens nothing from here on */
static enum err
renew(struct op *op, struct session_renew_in *in, struct session_renew_row *row)
{
	enum err r;

	in->id = op->who.session;
	in->now = op->now;
	if ((r = token_new(op, &in->hash)) != ERR_OK)
		return r;
	r = sql_session_renew(op->tx, in, row);
	return r == ERR_NOT_FOUND ? ERR_NOT_SIGNED_IN : r;
}

enum err
session_renewed(
    struct op *op, int64_t step_up_until, struct session_renew_row *row)
{
	struct session_renew_in in = {
		.factor_at = INSTANT_NONE,
		.step_up_until = step_up_until,
		.rebind_until = INSTANT_NONE,
	};

	return renew(op, &in, row);
}

/*= IA-09: the owner hears where somebody else with both factors would be */
static enum err
source_tell(struct op *op)
{
	bool news;
	enum err r;

	if ((r = source_note(op, &news)) != ERR_OK)
		return r;
	return news ? mail_notice(op, MAIL_new_source, &op->who.account)
		    : ERR_OK;
}

enum err
session_completed(
    struct op *op, int64_t rebind_until, struct session_renew_row *row)
{
	struct session_renew_in in = {
		.factor_at = op->now,
		.step_up_until = INSTANT_NONE,
		.rebind_until = rebind_until,
	};
	struct session_since_in since = { op->who.session, op->who.account,
		op->now };
	struct account_signed_in_in signed_in = { op->who.account };
	enum err r;

	if ((r = sql_session_since(op->tx, &since)) != ERR_OK ||
	    (r = sql_account_signed_in(op->tx, &signed_in)) != ERR_OK ||
	    (r = source_tell(op)) != ERR_OK ||
	    (r = renew(op, &in, row)) != ERR_OK)
		return r;
	return cap_apply(op, &op->who.account);
}

static json_t *
renewed_user(const struct op *op, const void *row)
{
	const struct session_renew_row *r = row;
	const struct session_user user = {
		.id = r->account_id,
		.display_name = r->display_name,
		.role = r->role,
		.clinic_name = r->clinic_name,
	};

	return strcmp(r->state, "active") == 0
	    ? members_json(op, session_user_out, &user)
	    : NULL;
}

static const struct shape session_renewed_out[] = {
	SHOWN(session_renew_row, state, SH_TEXT),
	{ "user", SH_OBJECT, .made = renewed_user },
	{ 0 },
};

json_t *
session_state_json(const struct op *op, const struct session_renew_row *row)
{
	return members_json(op, session_renewed_out, row);
}
