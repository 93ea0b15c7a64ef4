#include "base/conf.h"
#include "base/factor.h"
#include "care/approval.h"
#include "care/invitation.h"
#include "care/mail.h"
#include "care/operations.h"
#include "sql.h"

#include <string.h>

const struct shape invitation_members[] = {
	SHOWN(invitation, id, SH_UUID),
	SHOWN(invitation, state, SH_CHOICE, .choices = "waiting|open|ended"),
	SHOWN_OR_NULL(invitation, sent_to, SH_EMAIL, 3, 254),
	SHOWN(invitation, expires_at, SH_TIME),
	{ 0 },
};

const struct shape approval_asked_members[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED, COLUMN(invited, approval) },
	SHOWN(invited, deciders, SH_INT, 0, INT64_MAX),
	{ 0 },
};

json_t *
invitation_json(const struct op *op, const struct invitation *i)
{
	return uuid_is_nil(&i->id) ? json_null()
				   : members_json(op, invitation_members, i);
}

static json_t *
invited_link(const struct op *op, const void *row)
{
	const struct invited *in = row;

	return invitation_json(op, &in->link);
}

json_t *
invited_url(const struct op *op, const void *row)
{
	const struct invited *in = row;

	(void)op;
	return in->url == NULL ? NULL : json_string(in->url);
}

const struct shape patient_account_out[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED, COLUMN(invited, account) },
	{ "invitation", SH_OBJECT, .flags = SH_REQUIRED | SH_NULLABLE,
	    .made = invited_link, .inner = invitation_members },
	INVITED_MORE,
	{ 0 },
};

enum err
invited_add(struct op *op, const struct invited *in)
{
	json_t *more = members_json(op, patient_account_out, in);
	bool added = json_object_update_missing(more, op->out) == 0;

	json_decref(op->out);
	op->out = more;
	return added ? ERR_OK : ERR_INTERNAL;
}

/* The token stands behind '#': it is in no server's log and no Referer. */
static enum err
link_insert(struct tx *tx, struct invitation_insert_in *in, const char *origin,
    char **url)
{
	char token[FACTOR_TOKEN_SIZE];
	uint8_t *hash = arena_alloc(tx_arena(tx), 32);
	enum err r;

	in->id = uuid_new();
	in->hash = (struct bytes){ hash, 32 };
	in->expires_at = in->now + INVITATION_HOURS * 3600;
	if ((r = factor_token(token, hash)) != ERR_OK ||
	    (r = sql_invitation_insert(tx, in)) != ERR_OK)
		return r;
	*url = arena_format(tx_arena(tx), "%s/invitation#%s", origin, token);
	return ERR_OK;
}

enum err
invitation_link(struct tx *tx, const struct uuid *account, const char *origin,
    int64_t now, char **url)
{
	struct invitation_insert_in in = {
		.account_id = *account,
		.now = now,
		.confirmed = true,
	};

	return link_insert(tx, &in, origin, url);
}

/* A person whose address somebody else vouches for is let in by the mail alone;
 * everybody else needs a second person. */
static bool
second_needed(const struct invitee *who, bool mailed)
{
	return !mailed || !who->vouched || role_guarded(who->role) ||
	    strcmp(who->kind, "invite") != 0;
}

static enum err
second_ask(struct op *op, const struct invitee *who, struct invited *out)
{
	struct approval_new ask = {
		.kind = who->kind,
		.account = who->account,
		.invitation = out->link.id,
		.of_patient = !uuid_is_nil(&who->patient),
		.expires_at = out->link.expires_at,
	};

	return approval_ask(op, &ask, &out->approval, &out->deciders);
}

/* The link goes to its owner where the clinic has mail, and never to the caller
 * then. */
static enum err
invitation_deliver(struct op *op, const struct invitee *who, const char *url,
    bool mail, struct invited *out)
{
	enum mail_kind kind = MAIL_invitation;
	struct uuid mail_id;

	if (!mail) {
		out->url = url;
		return ERR_OK;
	}
	if (strcmp(who->kind, "reset_password") == 0)
		kind = MAIL_password_reset;
	if (strcmp(who->kind, "reset_totp") == 0)
		kind = MAIL_factor_reset;
	out->link.sent_to = who->email;
	return mail_add(op, kind, &who->account, url, &mail_id);
}

enum err
invitation_make(struct op *op, const struct invitee *who, struct invited *out)
{
	struct invitation_insert_in in = {
		.account_id = who->account,
		.now = op->now,
		.mailed = mail_configured(),
	};
	char *url;
	enum err r;

	memset(out, 0, sizeof(*out));
	in.confirmed = !second_needed(who, in.mailed);
	if ((r = link_insert(op->tx, &in, conf()->origin, &url)) != ERR_OK ||
	    (r = invitation_deliver(op, who, url, in.mailed, out)) != ERR_OK)
		return r;
	out->account = who->account;
	out->link.id = in.id;
	out->link.state = in.confirmed ? "open" : "waiting";
	out->link.expires_at = in.expires_at;
	return in.confirmed ? ERR_OK : second_ask(op, who, out);
}
