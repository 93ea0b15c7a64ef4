#include "care/approval.h"

#include "base/instant.h"
#include "base/secret.h"
#include "ctl/commands.h"
#include "ctl/operator.h"

#include <stdio.h>

/*
 * Requests that wait for a second person, for clinics where there is none: the
 * operator of the server is not one of the clinic's people, and stands in.
 */
#define LIST_MAX 500

static void
item_print(const struct approval_list_row *p)
{
	char id[UUID_TEXT_SIZE], until[INSTANT_TEXT_SIZE];

	uuid_text(&p->id, id);
	instant_text(p->expires_at, until);
	printf("%s  %s%s%s  %s <%s>, %s; asked by %s; until %s\n", id, p->kind,
	    p->role == NULL ? "" : " to ", p->role == NULL ? "" : p->role,
	    p->account_name, p->account_email, p->account_role,
	    p->requester_name, until);
}

/*= AU-12: a patient whose name was read can follow it, here too */
static enum err
look_note(struct tx *tx, const struct approval_list_row *p)
{
	struct audit_note_in in = {
		.clinic_id = *tx_clinic(tx),
		.event = "approval.listed",
		.action = "R",
		.actor_role = "operator",
		.purpose = "HSYSADMIN",
		.patient_id = p->patient_id,
		.record_id = p->account_id,
		.request_id = uuid_random(),
		.operation = "epionectl approval list",
	};

	return sql_audit_note(tx, &in);
}

static enum err
list(struct tx *tx, const struct operator_options *o)
{
	struct approval_list_in in = {
		.state = "waiting", .limit = LIST_MAX, .now = instant_now()
	};
	struct approval_list_row *rows;
	struct uuid clinic;
	size_t i, n;
	enum err r;

	if ((r = clinic_choose(tx, o->clinic, &clinic)) != ERR_OK ||
	    (r = sql_approval_list(tx, &in, &rows, &n)) != ERR_OK)
		return r;
	for (i = 0; i < n && r == ERR_OK; i++) {
		item_print(&rows[i]);
		r = look_note(tx, &rows[i]);
	}
	return r;
}

/* The operator is no account: the row names the machine's console instead. */
static enum err
confirmation_note(struct tx *tx, const struct approval_get_row *p)
{
	struct audit_note_in in = {
		.clinic_id = *tx_clinic(tx),
		.event = "approval.confirmed",
		.action = "E",
		.actor_role = "operator",
		.purpose = "HSYSADMIN",
		.patient_id = p->patient_id,
		.record_id = p->account_id,
		.request_id = uuid_random(),
		.operation = "epionectl approval confirm",
	};

	return sql_audit_note(tx, &in);
}

static enum err
confirm(struct tx *tx, const struct operator_options *o)
{
	const struct uuid nobody = { { 0 } };
	struct approval_get_in in = { .now = instant_now() };
	char phrase[FACTOR_PHRASE_SIZE] = "";
	struct approval_get_row p;
	struct uuid clinic;
	enum err r;

	if (uuid_parse(o->rest, &in.id) != ERR_OK)
		return operator_say(ERR_INVALID_FIELD,
		    "that is no id: epionectl approval list prints them");
	if ((r = clinic_choose(tx, o->clinic, &clinic)) == ERR_OK &&
	    (r = sql_approval_get(tx, &in, &p)) == ERR_NOT_FOUND)
		return operator_say(r, "this clinic has no such request");
	if (r == ERR_OK &&
	    (r = approval_carry_out(tx, &p, &nobody, in.now, phrase)) ==
		ERR_OK &&
	    (r = confirmation_note(tx, &p)) == ERR_OK) {
		/* printed before the commit, so that none is lost */
		printf("%s\n", *phrase == '\0' ? "confirmed" : phrase);
		r = fflush(stdout) == 0 ? ERR_OK : ERR_INTERNAL;
	}
	secret_wipe(phrase, sizeof(phrase));
	return r;
}

int
ctl_approval_list(int argc, char *argv[])
{
	struct operator_options o;

	if (!operator_options_read(argc, argv, &o) || o.rest != NULL)
		return command_usage(ctl_approval_list);
	return operator_work(&o, list);
}

int
ctl_approval_confirm(int argc, char *argv[])
{
	struct operator_options o;

	if (!operator_options_read(argc, argv, &o))
		return command_usage(ctl_approval_confirm);
	if (o.rest == NULL) {
		operator_say(ERR_MISSING_FIELD,
		    "which one? epionectl approval list prints what waits");
		return 2;
	}
	return operator_work(&o, confirm);
}
