#include "base/keyring.h"
#include "base/secret.h"
#include "ctl/audit_key.h"
#include "ctl/commands.h"
#include "ctl/operator.h"
#include "data/key_turn.h"
#include "sql.h"

#include <stdio.h>
#include <string.h>

/* A clinic's first keys, of every class; the installation's own are for the index
 * and for the log of what nobody did. */
static enum err
first_keys_make(struct tx *tx, const struct uuid *clinic)
{
	struct class_key_id id = { *clinic, KEY_CLASS_index, 1 };
	unsigned c;
	enum err r = ERR_OK;

	for (c = 0; r == ERR_OK && c < KEY_CLASS_COUNT; c++) {
		id.class = (enum key_class)c;
		if (!uuid_is_nil(clinic) || !key_class_wraps(id.class))
			r = class_key_make(tx, &id);
	}
	return r == ERR_OK ? audit_key_first(tx, clinic) : r;
}

/*= EN-10: the installation remembers its root key by a value that gives
 * nothing of it away */
static enum err
installation_make(struct tx *tx, const uint8_t check[KEY_CHECK_SIZE])
{
	const struct uuid nil = { { 0 } };
	struct installation_insert_in in = { { check, KEY_CHECK_SIZE } };
	enum err r;

	if ((r = sql_installation_insert(tx, &in, NULL)) != ERR_OK)
		return r;
	return first_keys_make(tx, &nil);
}

enum err
operator_root_check(struct tx *tx, int64_t *since)
{
	struct installation_get_row row;
	uint8_t check[KEY_CHECK_SIZE];
	enum err r;

	if ((r = sql_installation_get(tx, &row)) != ERR_OK ||
	    (r = keyring_root_check(check)) != ERR_OK)
		return r;
	if (row.root_check.n != sizeof(check) ||
	    !secret_equal(row.root_check.p, check, sizeof(check)))
		return operator_say(ERR_CRYPTO,
		    "this root key is not the one this database was made with");
	if (since != NULL)
		*since = row.created_at;
	return ERR_OK;
}

static enum err
installation_ensure(struct tx *tx)
{
	uint8_t check[KEY_CHECK_SIZE];
	enum err r = operator_root_check(tx, NULL);

	if (r != ERR_NOT_FOUND)
		return r;
	if ((r = keyring_root_check(check)) != ERR_OK)
		return r;
	return installation_make(tx, check);
}

enum err
clinic_make(struct tx *tx, const char *name, struct uuid *id)
{
	struct clinic_find_in same = { .name = name };
	struct clinic_insert_in in = { uuid_new(), name };
	struct clinic_find_row *rows;
	size_t n;
	enum err r;

	if ((r = installation_ensure(tx)) != ERR_OK ||
	    (r = sql_clinic_find(tx, &same, &rows, &n)) != ERR_OK)
		return r;
	if (n > 0)
		return operator_say(
		    ERR_ALREADY_DONE, "there is a clinic of this name");
	if ((r = sql_clinic_insert(tx, &in, NULL)) != ERR_OK ||
	    (r = first_keys_make(tx, &in.id)) != ERR_OK)
		return r;
	*id = in.id;
	return ERR_OK;
}

enum err
clinic_choose(struct tx *tx, const char *clinic, struct uuid *id)
{
	struct clinic_find_in in = { .name = clinic };
	struct context_set_in context = { .clinic = { { 0 } } };
	struct clinic_find_row *rows;
	size_t n;
	enum err r;

	if (clinic != NULL && uuid_parse(clinic, &in.id) == ERR_OK)
		in.name = NULL;
	if ((r = sql_clinic_find(tx, &in, &rows, &n)) != ERR_OK)
		return r;
	if (n == 0)
		return operator_say(ERR_NOT_FOUND,
		    "there is no such clinic: epionectl clinic add --name "
		    "NAME");
	if (n > 1)
		return operator_say(ERR_MISSING_FIELD,
		    "there are several: choose with --clinic ID");
	*id = context.clinic = rows[0].id;
	tx_set_clinic(tx, id);
	return sql_context_set(tx, &context);
}

static enum err
add(struct tx *tx, const struct operator_options *o)
{
	char text[UUID_TEXT_SIZE];
	struct uuid id;
	enum err r;

	if ((r = clinic_make(tx, o->name, &id)) != ERR_OK)
		return r;
	uuid_text(&id, text);
	printf("%s\n", text);
	return ERR_OK;
}

int
ctl_clinic_add(int argc, char *argv[])
{
	struct operator_options o;

	if (!operator_options_read(argc, argv, &o))
		return command_usage(ctl_clinic_add);
	if (o.name == NULL || *o.name == '\0' || o.rest != NULL) {
		operator_say(ERR_MISSING_FIELD, "which name? --name NAME");
		return 2;
	}
	return operator_work(&o, add);
}
