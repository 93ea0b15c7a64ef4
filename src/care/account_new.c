#include "care/account_new.h"

#include "base/conf.h"
#include "base/factor.h"
#include "base/text.h"
#include "data/field.h"
#include "data/record_key.h"
#include "sql.h"

/*= IA-01, EN-09: case and Unicode form make no second login */
enum err
account_email_token(struct arena *a, const char *email, struct bytes *token)
{
	const struct uuid installation = { { 0 } };
	struct bytes *tokens;
	size_t n;
	char *form;
	enum err r;

	if ((r = text_email(a, email, &form)) != ERR_OK ||
	    (r = field_index_tokens(a, &installation, FIELD_account_email, form,
		 &tokens, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_INTERNAL;
	*token = tokens[0];
	return ERR_OK;
}

enum err
account_add(struct tx *tx, const struct account_new *new, struct uuid *id)
{
	struct account_insert_in in = {
		.id = uuid_new(),
		.role = role_name(new->role),
		.patient_id = new->patient,
		.email = new->email,
		.display_name = new->display_name,
		.created_by = new->created_by,
		.now = new->now,
	};
	enum err r;

	if ((r = account_email_token(
		 tx_arena(tx), new->email, &in.email_token)) != ERR_OK ||
	    (r = record_key_new(
		 tx, KEY_CLASS_account, &in.id, &in.key, NULL)) != ERR_OK ||
	    (r = sql_account_insert(tx, &in, NULL)) != ERR_OK)
		return r;
	*id = in.id;
	return ERR_OK;
}

/* The token stands behind '#': it is in no server's log and no Referer. */
enum err
invitation_link(struct tx *tx, const struct uuid *account, const char *origin,
    int64_t now, char **url)
{
	char token[FACTOR_TOKEN_SIZE];
	uint8_t *hash = arena_alloc(tx_arena(tx), 32);
	struct invitation_insert_in in = {
		.hash = { hash, 32 },
		.account_id = *account,
		.now = now,
		.expires_at = now + INVITATION_HOURS * 3600,
	};
	enum err r;

	if ((r = factor_token(token, hash)) != ERR_OK ||
	    (r = sql_invitation_insert(tx, &in)) != ERR_OK)
		return r;
	*url = arena_format(tx_arena(tx), "%s/invitation#%s", origin, token);
	return ERR_OK;
}

enum err
account_create(struct op *op, enum role role, const struct uuid *patient,
    const char *email, const char *display_name, struct uuid *id,
    char **invitation_url)
{
	struct account_new new = {
		.role = role,
		.email = email,
		.display_name = display_name,
		.created_by = op->who.account,
		.now = op->now,
	};
	enum err r;

	if (patient != NULL)
		new.patient = *patient;
	r = account_add(op->tx, &new, id);
	if (r == ERR_EMAIL_TAKEN)
		return op_refuse(op, r, "email");
	if (r != ERR_OK)
		return r;
	op->note.record = *id;
	return invitation_link(
	    op->tx, id, conf()->origin, op->now, invitation_url);
}
