/* What the operator sees and does of jobs, of every clinic's and the
 * installation's. Payloads are shown to nobody. */
#include "base/instant.h"
#include "care/account_new.h"
#include "care/mail.h"
#include "ctl/commands.h"
#include "ctl/operator.h"
#include "data/keys.h"
#include "gate/job.h"
#include "sql.h"

#include <stdio.h>
#include <string.h>

#define LIST_MAX 1000

static enum err
list(struct tx *tx, const struct operator_options *o)
{
	const struct job_list_all_in in = { o->rest, LIST_MAX };
	struct job_list_all_row *rows;
	char id[UUID_TEXT_SIZE], at[INSTANT_TEXT_SIZE];
	size_t i, n;
	enum err r;

	if ((r = sql_job_list_all(tx, &in, &rows, &n)) != ERR_OK)
		return r;
	for (i = 0; i < n; i++) {
		uuid_text(&rows[i].id, id);
		instant_text(rows[i].run_at, at);
		printf("%s %-18s %-8s %3lld %s %s\n", id, rows[i].kind,
		    rows[i].state, (long long)rows[i].attempts, at,
		    rows[i].error_code == NULL ? "" : rows[i].error_code);
	}
	if (n == LIST_MAX)
		fprintf(stderr, "epionectl: there are more\n");
	return ERR_OK;
}

static enum err
retry(struct tx *tx, const struct operator_options *o)
{
	struct job_retry_any_in in;
	int64_t n;
	enum err r;

	if (uuid_parse(o->rest, &in.id) != ERR_OK)
		return operator_say(ERR_INVALID_FIELD,
		    "that is no id of a job: epionectl jobs list dead");
	if ((r = sql_job_retry_any(tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1
	    ? ERR_OK
	    : operator_say(ERR_NOT_FOUND, "there is no dead job of this id");
}

static bool
is_kind(const char *word)
{
	unsigned k;

	for (k = 0; k < JOB_KINDS; k++)
		if (strcmp(job_kind_stored((enum job_kind)k), word) == 0)
			return true;
	return false;
}

/* One kind by name, or all. */
static const char *
kind_of(const struct operator_options *o)
{
	return o->rest == NULL ? "*" : is_kind(o->rest) ? o->rest : NULL;
}

static enum err
kind_unknown(void)
{
	unsigned k;

	operator_say(ERR_INVALID_FIELD,
	    "there is no such kind of job; these "
	    "are:");
	for (k = 0; k < JOB_KINDS; k++)
		fprintf(stderr, "  %s\n", job_kind_stored((enum job_kind)k));
	return ERR_INVALID_FIELD;
}

static enum err
pause_kind(struct tx *tx, const struct operator_options *o)
{
	const struct job_pause_in in = { kind_of(o) };

	return in.kind == NULL ? kind_unknown() : sql_job_pause(tx, &in, NULL);
}

static enum err
resume_kind(struct tx *tx, const struct operator_options *o)
{
	const struct job_resume_in in = { kind_of(o) };

	return in.kind == NULL ? kind_unknown() : sql_job_resume(tx, &in, NULL);
}

static int
command(int argc, char *argv[], command_fn *self, bool needs_rest,
    enum err (*fn)(struct tx *, const struct operator_options *))
{
	struct operator_options o;

	if (!operator_options_read(argc, argv, &o) ||
	    (needs_rest && o.rest == NULL))
		return command_usage(self);
	return operator_work(&o, fn);
}

int
ctl_jobs_list(int argc, char *argv[])
{
	return command(argc, argv, ctl_jobs_list, false, list);
}

int
ctl_jobs_retry(int argc, char *argv[])
{
	return command(argc, argv, ctl_jobs_retry, true, retry);
}

int
ctl_jobs_pause(int argc, char *argv[])
{
	return command(argc, argv, ctl_jobs_pause, false, pause_kind);
}

int
ctl_jobs_resume(int argc, char *argv[])
{
	return command(argc, argv, ctl_jobs_resume, false, resume_kind);
}

/* Sends to an account, so that the whole way is tried: its sealed address, the
 * job, the relay. */
static enum err
mail_ask(struct tx *tx, const struct operator_options *o)
{
	const struct uuid installation = { { 0 } };
	struct op op = { .arena = tx_arena(tx), .tx = tx };
	struct mail_account_find_in in;
	struct mail_account_find_row account;
	char text[UUID_TEXT_SIZE];
	struct uuid clinic, id;
	enum err r;

	if ((r = clinic_choose(tx, o->clinic, &clinic)) != ERR_OK ||
	    (r = keys_index_load(tx, &installation)) != ERR_OK ||
	    (r = account_email_sought(op.arena, o->email, &in.email_tokens)) !=
		ERR_OK)
		return r;
	r = sql_mail_account_find(tx, &in, &account);
	if (r == ERR_NOT_FOUND)
		return operator_say(
		    r, "no account of this clinic has that address");
	if (r != ERR_OK ||
	    (r = mail_add(&op, MAIL_test, &account.id, NULL, &id)) != ERR_OK)
		return r;
	uuid_text(&id, text);
	printf("%s\n", text);
	return ERR_OK;
}

int
ctl_mail_test(int argc, char *argv[])
{
	struct operator_options o;

	if (!operator_options_read(argc, argv, &o))
		return command_usage(ctl_mail_test);
	if (o.email == NULL || o.rest != NULL) {
		operator_say(ERR_MISSING_FIELD, "to whom? --email ADDRESS");
		return 2;
	}
	return operator_work(&o, mail_ask);
}
