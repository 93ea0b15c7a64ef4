#include "base/conf.h"
#include "base/crypto.h"
#include "base/factor.h"
#include "base/keyring.h"
#include "base/secret.h"
#include "base/text.h"
#include "care/account_new.h"
#include "care/jobs.h"
#include "care/mail.h"
#include "care/operations.h"
#include "care/source.h"
#include "gate/member.h"
#include "gate/rate.h"
#include "sql.h"

/*
 * A new password for who forgot it. Whoever asks is told the same whatever the
 * address is; the link goes to its mailbox alone, and the second factor is asked
 * for after it as after any password (care/invitation.c).
 */

const struct shape account_reset_ask_in[] = {
	{ "email", SH_EMAIL, 3, 254, .flags = SH_REQUIRED | SH_PHI },
	{ 0 },
};

struct reset_answer {
	const char *state;
};
const struct shape account_reset_ask_out[] = {
	SHOWN(reset_answer, state, SH_CHOICE, .choices = "asked"),
	{ 0 },
};

/*= IA-11: one statement, which writes the same whosever the address is: what
 * comes of it a job sees to, when this is answered */
static enum err
reset_ask(struct op *op, struct bytes_list tokens)
{
	struct reset_ask_in in = { .job_id = uuid_new(),
		.email_tokens = tokens };
	struct reset_ask_row row;
	struct source source;
	enum err r;

	if ((r = source_read(op, &source)) != ERR_OK)
		return r;
	in.device = source.device;
	in.network = source.network;
	if ((r = sql_reset_ask(op->tx, &in, &row)) != ERR_OK)
		return r;
	/* in the log of its clinic, of nobody known */
	op->note.clinic = row.clinic_id;
	op->note.record = row.account_id;
	return ERR_OK;
}

enum err
account_reset_ask(struct op *op)
{
	struct bytes_list tokens;
	enum err r;

	if ((r = rate_reset(op)) != ERR_OK)
		return r;
	if (!mail_configured())
		return ERR_NO_MAIL;
	if ((r = account_email_sought(
		 op->arena, in_text(op, "email"), &tokens)) != ERR_OK ||
	    (r = reset_ask(op, tokens)) != ERR_OK)
		return r;
	return op_answer(op, &(struct reset_answer){ "asked" });
}

/* The token is the job's: tried again, it mails the same link, under the same
 * Message-ID, and nothing that opens an account is ever kept. */
static enum err
token_make(struct op *op, const char **token, uint8_t hash[32])
{
	uint8_t key[CRYPTO_KEY_SIZE], *mac = arena_alloc(op->arena, 32);
	const struct bytes id = { op->job->id.b, sizeof(op->job->id.b) };
	enum err r;

	if ((r = keyring_purpose_key("reset link", key)) == ERR_OK)
		r = crypto_hmac_sha256(
		    (struct bytes){ key, sizeof(key) }, id, mac);
	secret_wipe(key, sizeof(key));
	if (r != ERR_OK)
		return r;
	*token = text_base64url(op->arena, mac, 32);
	return factor_token_hash(*token, hash);
}

static enum err
link_mail(struct op *op, const struct reset_link_row *to, const char *token)
{
	if (to->expires_at <= op->now) {
		op->job->final = true;
		return ERR_LINK_EXPIRED;
	}
	return mail_carry(op, MAIL_password_forgotten, to->email, to->language,
	    arena_format(op->arena, "%s/invitation#%s", conf()->origin, token));
}

/* Of an address that nobody has, and of an account that may not have a link,
 * nothing comes. */
enum err
reset_mail(struct op *op)
{
	uint8_t hash[32];
	struct reset_link_in in = { op->job->record, op->job->id,
		{ hash, sizeof(hash) } };
	struct reset_link_row row;
	const char *token;
	enum err r;

	if (uuid_is_nil(&op->job->record))
		return ERR_OK;
	if ((r = token_make(op, &token, hash)) != ERR_OK)
		return r;
	r = sql_reset_link(op->tx, &in, &row);
	if (r == ERR_NOT_FOUND)
		return ERR_OK;
	return r == ERR_OK ? link_mail(op, &row, token) : r;
}
