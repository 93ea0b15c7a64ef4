#include "base/keyring.h"
#include "base/secret.h"
#include "ctl/command.h"
#include "ctl/operator.h"
#include "sql.h"

#include <stdio.h>
#include <string.h>

static enum err
class_key_make(struct tx *tx, const struct uuid *clinic, enum key_class class)
{
	struct class_key_id id = { *clinic, class, 1 };
	uint8_t wrapped[WRAPPED_KEY_SIZE];
	struct class_key_insert_in in = {
		.clinic = *clinic,
		.class = key_class_name(class),
		.version = 1,
		.wrapped = { wrapped, sizeof(wrapped) },
	};
	enum err r;

	if ((r = keyring_class_create(&id, wrapped)) != ERR_OK)
		return r;
	return sql_class_key_insert(tx, &in, NULL);
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
	return class_key_make(tx, &nil, KEY_CLASS_index);
}

static enum err
installation_ensure(struct tx *tx)
{
	struct installation_get_row row;
	uint8_t check[KEY_CHECK_SIZE];
	enum err r;

	if ((r = keyring_root_check(check)) != ERR_OK)
		return r;
	r = sql_installation_get(tx, &row);
	if (r == ERR_NOT_FOUND)
		return installation_make(tx, check);
	if (r != ERR_OK)
		return r;
	if (row.root_check.n != sizeof(check) ||
	    !secret_equal(row.root_check.p, check, sizeof(check)))
		return operator_say(ERR_CRYPTO,
		    "this root key is not the one this database was made with");
	return ERR_OK;
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
	    (r = class_key_make(tx, &in.id, KEY_CLASS_patient)) != ERR_OK ||
	    (r = class_key_make(tx, &in.id, KEY_CLASS_account)) != ERR_OK ||
	    (r = class_key_make(tx, &in.id, KEY_CLASS_job)) != ERR_OK ||
	    (r = class_key_make(tx, &in.id, KEY_CLASS_index)) != ERR_OK)
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
