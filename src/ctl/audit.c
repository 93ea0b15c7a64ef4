/* The audit log for whoever runs the server. It names accounts and patients by
 * their ids alone, and looking at it is written down like any other look. */
#include "base/instant.h"
#include "ctl/commands.h"
#include "ctl/operator.h"
#include "sql.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define LIST_MAX 10000
#define DAY_S	 86400

/* A day is taken as its beginning, in UTC. */
static enum err
time_read(const char *text, int64_t otherwise, int64_t *t)
{
	char whole[INSTANT_TEXT_SIZE];

	*t = otherwise;
	if (text == NULL)
		return ERR_OK;
	if (date_check(text) == ERR_OK) {
		snprintf(whole, sizeof(whole), "%sT00:00:00Z", text);
		text = whole;
	}
	return instant_parse(text, t) == ERR_OK
	    ? ERR_OK
	    : operator_say(ERR_INVALID_FIELD,
		  "--from and --to are times such as 2026-11-28 or "
		  "2026-11-28T09:00:00Z");
}

static enum err
span_read(const struct operator_options *o, struct audit_operator_in *in)
{
	enum err r;

	if ((r = time_read(o->to, instant_now() + 1, &in->to_at)) != ERR_OK ||
	    (r = time_read(o->from, in->to_at - DAY_S, &in->from_at)) != ERR_OK)
		return r;
	return in->from_at < in->to_at
	    ? ERR_OK
	    : operator_say(ERR_INVALID_FIELD, "--from has to be before --to");
}

static const char *
id_text(const struct uuid *id, char text[UUID_TEXT_SIZE])
{
	if (uuid_is_nil(id))
		return NULL;
	uuid_text(id, text);
	return text;
}

/* As GET /v1/audit has it, without what takes a key or a clinic to read. */
static enum err
object_print(const struct audit_operator_row *e)
{
	char at[INSTANT_TEXT_SIZE], actor[UUID_TEXT_SIZE],
	    patient[UUID_TEXT_SIZE], record[UUID_TEXT_SIZE],
	    request[UUID_TEXT_SIZE];
	json_t *o;
	int failed;

	instant_text(e->at, at);
	o = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s,"
		      " s:s, s:s, s:s, s:I}",
	    "seq", (json_int_t)e->seq, "at", at, "event", e->event, "action",
	    e->action, "outcome", e->outcome, "actor_id",
	    id_text(&e->actor_id, actor), "actor_role", e->actor_role,
	    "patient_id", id_text(&e->patient_id, patient), "record_id",
	    id_text(&e->record_id, record), "address", e->address, "request_id",
	    id_text(&e->request_id, request), "operation", e->operation,
	    "purpose", e->purpose, "count", (json_int_t)e->count);
	if (o == NULL)
		return ERR_INTERNAL;
	failed = json_dumpf(o, stdout, JSON_COMPACT);
	json_decref(o);
	return failed == 0 && putchar('\n') != EOF ? ERR_OK : ERR_INTERNAL;
}

static void
line_print(const struct audit_operator_row *e)
{
	char at[INSTANT_TEXT_SIZE], actor[UUID_TEXT_SIZE],
	    patient[UUID_TEXT_SIZE];
	const char *by = id_text(&e->actor_id, actor),
		   *of = id_text(&e->patient_id, patient);

	instant_text(e->at, at);
	printf("%s  %s  %s", at, e->event, e->outcome);
	if (e->count > 1)
		printf("  %lld times", (long long)e->count);
	printf("  by %s", e->actor_role == NULL ? "nobody" : e->actor_role);
	if (by != NULL)
		printf(" %s", by);
	if (of != NULL)
		printf("  patient %s", of);
	if (strcmp(e->address, "none") != 0)
		printf("  from %s", e->address);
	putchar('\n');
}

/*= AU-01: the operator is no account, and reads nothing unseen either */
static enum err
look_note(struct tx *tx, const struct uuid *clinic)
{
	struct audit_note_in in = {
		.clinic_id = *clinic,
		.event = "audit.read",
		.action = "R",
		.actor_role = "operator",
		.purpose = "HSYSADMIN",
		.request_id = uuid_random(),
		.operation = "epionectl audit list",
	};

	return sql_audit_note(tx, &in);
}

static enum err
rows_print(const struct audit_operator_row *rows, size_t n, bool json)
{
	enum err r = ERR_OK;
	size_t i;

	for (i = 0; i < n && i < LIST_MAX && r == ERR_OK; i++)
		if (json)
			r = object_print(&rows[i]);
		else
			line_print(&rows[i]);
	if (n > LIST_MAX)
		fprintf(stderr,
		    "epionectl: there are older ones: ask for a shorter span "
		    "by --from and --to\n");
	return r == ERR_OK && fflush(stdout) == 0 ? ERR_OK : ERR_INTERNAL;
}

static enum err
list(struct tx *tx, const struct operator_options *o)
{
	struct audit_operator_in in = { .limit = LIST_MAX + 1 };
	struct audit_operator_row *rows;
	size_t n;
	enum err r;

	if ((r = span_read(o, &in)) != ERR_OK ||
	    (o->nobody == NULL &&
		(r = clinic_choose(tx, o->clinic, &in.clinic_id)) != ERR_OK) ||
	    (r = sql_audit_operator(tx, &in, &rows, &n)) != ERR_OK ||
	    (r = look_note(tx, &in.clinic_id)) != ERR_OK)
		return r;
	return rows_print(rows, n, o->json != NULL);
}

int
ctl_audit_list(int argc, char *argv[])
{
	struct operator_options o;

	if (!operator_options_read(argc, argv, &o) || o.rest != NULL)
		return command_usage(ctl_audit_list);
	if (o.nobody != NULL && o.clinic != NULL) {
		operator_say(ERR_INVALID_FIELD,
		    "--clinic or --nobody: what nobody did is no clinic's");
		return 2;
	}
	return operator_work(&o, list);
}
