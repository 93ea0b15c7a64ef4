#include "care/account_new.h"

#include "base/text.h"
#include "care/account_index.h"
#include "data/field.h"
#include "data/record_key.h"
#include "gate/role.h"
#include "sql.h"

/*= IA-01, EN-09: case and Unicode form make no second login */
enum err
account_email_sought(
    struct arena *a, const char *email, struct bytes_list *tokens)
{
	const struct uuid installation = { { 0 } };
	struct bytes_list parts[FIELD_PARTS_MAX];
	char *form;
	enum err r;

	if ((r = text_email(a, email, &form)) != ERR_OK ||
	    (r = field_index_sought(
		 a, &installation, FIELD_account_email, form, parts)) != ERR_OK)
		return r;
	*tokens = parts[0];
	return tokens->n > 0 ? ERR_OK : ERR_INTERNAL;
}

enum err
account_email_token(struct arena *a, const char *email, struct bytes *token)
{
	struct bytes_list tokens;
	enum err r = account_email_sought(a, email, &tokens);

	if (r == ERR_OK)
		*token = tokens.v[0];
	return r;
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
	    (r = sql_account_insert(tx, &in, NULL)) != ERR_OK ||
	    (role_is_workforce(new->role) &&
		(r = account_words_write(
		     tx, &in.id, new->display_name, new->email)) != ERR_OK))
		return r;
	*id = in.id;
	return ERR_OK;
}
