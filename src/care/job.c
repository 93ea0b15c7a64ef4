#include "care/operations.h"
#include "care/page.h"
#include "gate/job.h"
#include "sql.h"

#define STATES "waiting|running|done|dead"

const struct shape job_list_in[] = {
	{ "state", SH_CHOICE, .choices = STATES },
	{ 0 },
};

#define JOB_MEMBERS                                                            \
	{ "id", SH_UUID, .flags = SH_REQUIRED },                               \
	    { "kind", SH_TEXT, 1, 40, .flags = SH_REQUIRED },                  \
	    { "state", SH_CHOICE, .flags = SH_REQUIRED, .choices = STATES },   \
	    { "attempts", SH_INT, 0, INT64_MAX, .flags = SH_REQUIRED },        \
	    { "run_at", SH_TIME, .flags = SH_REQUIRED },                       \
	    { "error_code", SH_TEXT, 1, 40,                                    \
		    .flags = SH_REQUIRED | SH_NULLABLE },                      \
	    { "record_id", SH_UUID, .flags = SH_REQUIRED | SH_NULLABLE },      \
	{                                                                      \
		"created_at", SH_TIME, .flags = SH_REQUIRED                    \
	}

const struct shape job_list_out[] = { JOB_MEMBERS, { 0 } };
const struct shape job_retry_in[] = { { 0 } };
const struct shape job_retry_out[] = { JOB_MEMBERS, { 0 } };

static json_t *
job_json(const struct job_row *j)
{
	return json_pack("{s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "id",
	    uuid_json(&j->id), "kind", j->kind, "state", j->state, "attempts",
	    (json_int_t)j->attempts, "run_at", time_json(j->run_at),
	    "error_code", text_json(j->error_code), "record_id",
	    uuid_json(&j->record_id), "created_at", time_json(j->created_at));
}

/* What the payload holds, nobody is shown. */
enum err
job_list(struct op *op)
{
	struct job_list_in in = {
		.state = in_text(op, "state"),
		.before = page_uuid(op, "before"),
		.limit = page_fetch(op),
	};
	struct job_row *rows;
	json_t *items, *next = NULL;
	size_t i, n, shown;
	enum err r;

	if ((r = sql_job_list(op->tx, &in, &rows, &n)) != ERR_OK)
		return r;
	items = json_array();
	shown = page_size(op, n);
	for (i = 0; i < shown; i++)
		json_array_append_new(items, job_json(&rows[i]));
	if (n > shown)
		next = json_pack(
		    "{s:o}", "before", uuid_json(&rows[shown - 1].id));
	return op_list(op, items, next);
}

enum err
job_retry(struct op *op)
{
	const struct job_retry_in again = { op->id };
	const struct job_get_in in = { op->id };
	struct job_row j;
	int64_t n;
	enum err r;

	if ((r = sql_job_retry(op->tx, &again, &n)) != ERR_OK ||
	    (r = sql_job_get(op->tx, &in, &j)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_WRONG_STATUS; /* it is not dead */
	op->note.record = j.id;
	op->out = job_json(&j);
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}
