/* Class keys turn and go by the operator's word; what follows of it is done by
 * epione-jobs (care/key_job.c). */
#include "base/conf.h"
#include "base/keyring.h"
#include "base/uuid.h"
#include "ctl/audit_key.h"
#include "ctl/commands.h"
#include "ctl/operator.h"
#include "data/key_turn.h"
#include "gate/job.h"
#include "sql.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENTENCE_MAX 256

/* The classes that a command is about: the one of --class, or all that wrap. */
struct classes {
	enum key_class v[KEY_CLASS_COUNT];
	size_t n;
};

static enum err
classes_chosen(const struct operator_options *o, struct classes *chosen)
{
	unsigned c;

	*chosen = (struct classes){ .n = 0 };
	for (c = 0; c < KEY_CLASS_COUNT; c++)
		if (key_class_wraps((enum key_class)c) &&
		    (o->class == NULL ||
			strcmp(o->class, key_class_name((enum key_class)c)) ==
			    0))
			chosen->v[chosen->n++] = (enum key_class)c;
	return chosen->n > 0 ? ERR_OK
			     : operator_say(ERR_INVALID_FIELD,
				   "no class of this name can be turned: "
				   "patient, account, job, incident, and "
				   "audit by rotate");
}

/*= AU-01: the operator is no account; the row names the console, and which class */
static enum err
turn_note(struct tx *tx, const struct uuid *clinic, const char *event,
    const char *action, const char *command, enum key_class class)
{
	struct audit_note_in in = {
		.clinic_id = *clinic,
		.event = event,
		.action = action,
		.actor_role = "operator",
		.purpose = "HSYSADMIN",
		.request_id = uuid_random(),
		.operation = arena_format(tx_arena(tx), "epionectl key %s %s",
		    command, key_class_name(class)),
	};

	return sql_audit_note(tx, &in);
}

static enum err
turned_say(struct tx *tx, const struct class_key_id *id)
{
	char clinic[UUID_TEXT_SIZE];
	enum err r;

	r = turn_note(tx, &id->clinic, "key.rotated", "C", "rotate", id->class);
	if (r != ERR_OK)
		return r;
	uuid_text(&id->clinic, clinic);
	printf("%s  %-8s  version %" PRIu32 "\n", clinic,
	    key_class_name(id->class), id->version);
	return ERR_OK;
}

static enum err
turn_refuse(enum err r)
{
	return r == ERR_ALREADY_DONE
	    ? operator_say(r,
		  "somebody else turned this key at the same moment: "
		  "epionectl key status")
	    : r;
}

static enum err
class_rotate(struct tx *tx, enum key_class class)
{
	const struct class_key_age_in in = { key_class_name(class) };
	struct class_key_id id = { *tx_clinic(tx), class, 0 };
	struct class_key_age_row age;
	enum err r;

	if ((r = sql_class_key_age(tx, &in, &age)) != ERR_OK)
		return r;
	id.version = (uint32_t)age.version + 1;
	r = class_key_make(tx, &id);
	return r == ERR_OK ? turned_say(tx, &id) : turn_refuse(r);
}

static enum err
signer_rotate(struct tx *tx, const struct uuid *clinic)
{
	const struct context_set_in context = { .clinic = *clinic };
	struct class_key_id id = { *clinic, KEY_CLASS_audit, 0 };
	enum err r;

	if (conf()->origin == NULL)
		return operator_say(ERR_MISSING_FIELD,
		    "the key has the name of the portal's origin: --config "
		    "FILE says it");
	if ((r = sql_context_set(tx, &context)) != ERR_OK)
		return r;
	r = audit_key_turn(tx, clinic, &id.version);
	return r == ERR_OK ? turned_say(tx, &id) : turn_refuse(r);
}

static enum err
clinic_rotate(struct tx *tx, const struct uuid *clinic, const struct classes *c)
{
	const struct context_set_in context = { .clinic = *clinic };
	const struct job_new rewrap = { 0 };
	struct op op = { .arena = tx_arena(tx), .tx = tx };
	struct uuid id;
	size_t i;
	enum err r;

	tx_set_clinic(tx, clinic);
	if ((r = sql_context_set(tx, &context)) != ERR_OK)
		return r;
	for (i = 0; r == ERR_OK && i < c->n; i++)
		r = class_rotate(tx, c->v[i]);
	return r == ERR_OK ? job_add(&op, JOB_key_rewrap, &rewrap, &id) : r;
}

static bool
signs(const struct operator_options *o)
{
	return o->class != NULL &&
	    strcmp(o->class, key_class_name(KEY_CLASS_audit)) == 0;
}

/* What signs the log turns when it is named; that of what nobody did with those of
 * all clinics. */
static enum err
signers_rotate(struct tx *tx, const struct operator_options *o,
    const struct clinic_find_row *rows, size_t n)
{
	const struct uuid nobody = { { 0 } };
	size_t i;
	enum err r = ERR_OK;

	for (i = 0; r == ERR_OK && i < n; i++)
		r = signer_rotate(tx, &rows[i].id);
	return r == ERR_OK && o->clinic == NULL ? signer_rotate(tx, &nobody)
						: r;
}

static enum err
wrappers_rotate(struct tx *tx, const struct operator_options *o,
    const struct clinic_find_row *rows, size_t n)
{
	struct classes chosen;
	size_t i;
	enum err r = classes_chosen(o, &chosen);

	for (i = 0; r == ERR_OK && i < n; i++)
		r = clinic_rotate(tx, &rows[i].id, &chosen);
	return r;
}

/*= EN-07: what is new lies under the new key from the commit on; what is old is
 * brought under it by jobs */
static enum err
rotate(struct tx *tx, const struct operator_options *o)
{
	struct clinic_find_in in = { .name = o->clinic };
	struct clinic_find_row *rows;
	size_t n;
	enum err r;

	if (o->clinic != NULL && uuid_parse(o->clinic, &in.id) == ERR_OK)
		in.name = NULL;
	if ((r = operator_root_check(tx, NULL)) != ERR_OK ||
	    (r = sql_clinic_find(tx, &in, &rows, &n)) != ERR_OK)
		return r;
	if (n == 0)
		return operator_say(ERR_NOT_FOUND, "there is no such clinic");
	r = signs(o) ? signers_rotate(tx, o, rows, n)
		     : wrappers_rotate(tx, o, rows, n);
	return r == ERR_OK && fflush(stdout) != 0 ? ERR_INTERNAL : r;
}

/* Says why a version cannot go. */
static enum err
retire_refuse(
    enum key_class class, int64_t version, bool newest, int64_t needed)
{
	char sentence[SENTENCE_MAX];

	if (newest)
		snprintf(sentence, sizeof(sentence),
		    "version %" PRId64
		    " is the newest of class %s, under which "
		    "all that is new lies: first epionectl key rotate",
		    version, key_class_name(class));
	else
		snprintf(sentence, sizeof(sentence),
		    "%" PRId64 " record keys are wrapped under version %" PRId64
		    " of class %s: epionectl key status says how far "
		    "epione-jobs has brought them under the newest",
		    needed, version, key_class_name(class));
	return operator_say(ERR_WRONG_STATUS, sentence);
}

/* Those who wrap under it now are waited for, then counted. */
static enum err
class_retire(struct tx *tx, enum key_class class, int64_t version, bool *found)
{
	const struct class_key_hold_in hold = { key_class_name(class),
		version };
	const struct class_key_needed_in of = { hold.class, version };
	const struct class_key_retire_in in = { hold.class, version };
	struct class_key_needed_row needed;
	struct class_key_hold_row held;
	enum err r;

	if ((r = sql_class_key_hold(tx, &hold, &held)) == ERR_NOT_FOUND)
		return ERR_OK;
	*found = true;
	if (r != ERR_OK ||
	    (r = sql_class_key_needed(tx, &of, &needed)) != ERR_OK)
		return r;
	if (held.newest || needed.n > 0)
		return retire_refuse(class, version, held.newest, needed.n);
	if ((r = sql_class_key_retire(tx, &in, NULL)) != ERR_OK ||
	    (r = turn_note(tx, tx_clinic(tx), "key.retired", "D", "retire",
		 class)) != ERR_OK)
		return r;
	printf("retired: %s, version %" PRId64 "\n", in.class, version);
	return ERR_OK;
}

/*= EN-07: refused while anything needs it, here and by the table itself */
static enum err
retire(struct tx *tx, const struct operator_options *o)
{
	struct classes chosen;
	struct uuid clinic;
	bool found = false;
	char *end;
	int64_t version = strtoll(o->rest, &end, 10);
	size_t i;
	enum err r;

	if (*end != '\0' || version < 1 || version > UINT32_MAX)
		return operator_say(ERR_INVALID_FIELD,
		    "that is no version: epionectl key status prints them");
	if ((r = classes_chosen(o, &chosen)) != ERR_OK ||
	    (r = clinic_choose(tx, o->clinic, &clinic)) != ERR_OK)
		return r;
	for (i = 0; r == ERR_OK && i < chosen.n; i++)
		r = class_retire(tx, chosen.v[i], version, &found);
	if (r == ERR_OK && !found)
		return operator_say(ERR_NOT_FOUND,
		    "there is no such version: epionectl key status prints "
		    "them");
	return r;
}

int
ctl_key_rotate(int argc, char *argv[])
{
	struct operator_options o;

	if (!operator_options_read(argc, argv, &o) || o.rest != NULL)
		return command_usage(ctl_key_rotate);
	return operator_work(&o, rotate);
}

int
ctl_key_retire(int argc, char *argv[])
{
	struct operator_options o;

	if (!operator_options_read(argc, argv, &o))
		return command_usage(ctl_key_retire);
	if (o.rest == NULL) {
		operator_say(ERR_MISSING_FIELD,
		    "which version? epionectl key status prints them");
		return 2;
	}
	return operator_work(&o, retire);
}
