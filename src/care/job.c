#include "care/operations.h"
#include "care/page.h"
#include "gate/job.h"
#include "sql.h"

#define STATES "waiting|running|done|dead"

const struct shape job_list_in[] = {
	{ "state", SH_CHOICE, .choices = STATES },
	{ 0 },
};

const struct shape job_list_out[] = {
	SHOWN(job_row, id, SH_UUID),
	SHOWN(job_row, kind, SH_TEXT, 1, 40),
	SHOWN(job_row, state, SH_CHOICE, .choices = STATES),
	SHOWN(job_row, attempts, SH_INT, 0, INT64_MAX),
	SHOWN(job_row, run_at, SH_TIME),
	SHOWN_OR_NULL(job_row, error_code, SH_TEXT, 1, 40),
	SHOWN_OR_NULL(job_row, record_id, SH_UUID),
	SHOWN(job_row, created_at, SH_TIME),
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "before", SH_UUID, COLUMN(job_row, id) },
	{ 0 },
};

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
	struct page page = { .size = sizeof(*rows), .cursor = cursor_members };
	enum err r;

	if ((r = sql_job_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
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
	return op_answer(op, &j);
}
