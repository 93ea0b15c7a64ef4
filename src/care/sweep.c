/* Deletes rows that nobody needs any more, a bounded number at a time. The
 * functions of the migration say how old those are. */
#include "care/jobs.h"
#include "sql.h"

#define BATCH 1000 /* rows: a fraction of a second, locks and WAL included */
#define FILES 10   /* of reports, each perhaps a gigabyte */

/* As many as there may be at a time: perhaps there are more. */
static void
more(struct op *op, int64_t n)
{
	op->job->again = n >= BATCH;
}

enum err
sweep_sessions(struct op *op)
{
	const struct sweep_sessions_in in = { BATCH };
	struct sweep_sessions_row row = { 0 };
	enum err r = sql_sweep_sessions(op->tx, &in, &row);

	more(op, row.n);
	return r;
}

enum err
sweep_invitations(struct op *op)
{
	const struct sweep_invitations_in in = { BATCH };
	struct sweep_invitations_row row = { 0 };
	enum err r = sql_sweep_invitations(op->tx, &in, &row);

	more(op, row.n);
	return r;
}

enum err
sweep_idempotency(struct op *op)
{
	const struct sweep_idempotency_in in = { BATCH };
	struct sweep_idempotency_row row = { 0 };
	enum err r = sql_sweep_idempotency(op->tx, &in, &row);

	more(op, row.n);
	return r;
}

enum err
sweep_attempts(struct op *op)
{
	const struct sweep_attempts_in in = { BATCH };
	struct sweep_attempts_row row = { 0 };
	enum err r = sql_sweep_attempts(op->tx, &in, &row);

	more(op, row.n);
	return r;
}

enum err
sweep_strangers(struct op *op)
{
	const struct sweep_strangers_in in = { BATCH };
	struct sweep_strangers_row row = { 0 };
	enum err r = sql_sweep_strangers(op->tx, &in, &row);

	more(op, row.n);
	return r;
}

enum err
sweep_jobs(struct op *op)
{
	const struct sweep_jobs_in in = { BATCH };
	struct sweep_jobs_row row = { 0 };
	enum err r = sql_sweep_jobs(op->tx, &in, &row);

	more(op, row.n);
	return r;
}

enum err
sweep_reports(struct op *op)
{
	const struct sweep_reports_in in = { FILES };
	struct sweep_reports_row row = { 0 };
	enum err r = sql_sweep_reports(op->tx, &in, &row);

	op->job->again = row.n >= FILES;
	return r;
}

/* Makes the log's partitions for the months ahead. */
enum err
audit_months(struct op *op)
{
	struct audit_months_row row;

	return sql_audit_months(op->tx, &row);
}

/* A month at a time, until none is older than it is kept. */
enum err
audit_retain(struct op *op)
{
	struct audit_retain_row row = { 0 };
	enum err r = sql_audit_retain(op->tx, &row);

	op->job->again = row.n > 0;
	return r;
}

/* Makes an event of what pages read by themselves in an hour that is over. */
enum err
audit_background(struct op *op)
{
	const struct audit_background_close_in in = { BATCH };
	struct audit_background_close_row row = { 0 };
	enum err r = sql_audit_background_close(op->tx, &in, &row);

	more(op, row.n);
	return r;
}
