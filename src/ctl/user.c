#include "base/instant.h"
#include "base/shape.h"
#include "care/account_new.h"
#include "care/invitation.h"
#include "care/operations.h"
#include "ctl/commands.h"
#include "ctl/operator.h"
#include "data/keys.h"
#include "sql.h"

#include <stdio.h>
#include <string.h>

/* The operator is no account, and comes from no address. */
static enum err
creation_note(struct tx *tx, const struct uuid *clinic, const struct uuid *id)
{
	struct audit_note_in in = {
		.clinic_id = *clinic,
		.event = "user.created",
		.action = "C",
		.actor_role = "operator",
		.purpose = "HSYSADMIN",
		.record_id = *id,
		.request_id = uuid_random(),
		.operation = "epionectl user add",
	};

	return sql_audit_note(tx, &in);
}

static enum err
input_blame(enum err r, const char *culprit)
{
	if (strcmp(culprit, "role") == 0)
		return operator_say(r,
		    "--role is not valid: admin, clinician, scheduler or "
		    "compliance");
	return operator_say(r,
	    strcmp(culprit, "email") == 0
		? "--email is not valid"
		: "--name is not valid: 1 to 100 characters");
}

/* The same rules as for an administrator's invitation. */
static enum err
input_check(struct tx *tx, const char *role, const char *email,
    const char *name, json_t **in)
{
	const char *culprit = NULL;
	enum err r;

	*in = json_pack("{s:s, s:s, s:s}", "role", role, "email", email,
	    "display_name", name);
	if (*in == NULL)
		return operator_say(ERR_BAD_ENCODING,
		    "role, address and name have to be UTF-8");
	r = shape_check(tx_arena(tx), user_create_in, *in, false, &culprit);
	return r == ERR_OK || culprit == NULL ? r : input_blame(r, culprit);
}

static enum err
account_make(struct tx *tx, json_t *in, const char *origin, char **link)
{
	const struct uuid installation = { { 0 } };
	struct account_new new = {
		.role = role_parse(
		    json_string_value(json_object_get(in, "role"))),
		.email = json_string_value(json_object_get(in, "email")),
		.display_name = json_string_value(
		    json_object_get(in, "display_name")),
		.now = instant_now(),
	};
	struct uuid id;
	enum err r;

	if ((r = keys_index_load(tx, &installation)) != ERR_OK ||
	    (r = account_add(tx, &new, &id)) != ERR_OK ||
	    (r = creation_note(tx, tx_clinic(tx), &id)) != ERR_OK)
		return r;
	return invitation_link(tx, &id, origin, new.now, link);
}

enum err
user_make(struct tx *tx, const char *role, const char *email, const char *name,
    const char *origin, char **link)
{
	json_t *in = NULL;
	enum err r;

	if ((r = input_check(tx, role, email, name, &in)) == ERR_OK)
		r = account_make(tx, in, origin, link);
	json_decref(in);
	return r;
}

/*= IA-21: no default account; the first one begins with a link that works
 * once and for a day */
static enum err
add(struct tx *tx, const struct operator_options *o)
{
	struct uuid clinic;
	char *link;
	enum err r;

	if ((r = clinic_choose(tx, o->clinic, &clinic)) != ERR_OK ||
	    (r = user_make(tx, o->role, o->email, o->name, o->origin, &link)) !=
		ERR_OK)
		return r;
	/* printed before the commit, so that no account is left without */
	printf("%s\n", link);
	return fflush(stdout) == 0 ? ERR_OK : ERR_INTERNAL;
}

int
ctl_user_add(int argc, char *argv[])
{
	struct operator_options o;

	if (!operator_options_read(argc, argv, &o))
		return command_usage(ctl_user_add);
	if (o.role == NULL || o.email == NULL || o.name == NULL ||
	    o.origin == NULL || o.rest != NULL) {
		operator_say(ERR_MISSING_FIELD,
		    "--role, --email, --name and --origin are needed");
		return 2;
	}
	return operator_work(&o, add);
}
