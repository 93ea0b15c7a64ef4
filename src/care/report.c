/* A report as whoever asks reads it at once: a page, or all of it as a table. */
#include "care/csv.h"
#include "care/operations.h"
#include "care/page.h"
#include "care/report.h"

#define ROWS 200 /* in one part of a table */

/* Where it is: the parameters of the next part behind it. */
struct run {
	const struct report *report;
	bool begun, ended;
	_Alignas(8) char in[];
};

static enum err
table_next(struct op *op, void *state, struct bytes *part)
{
	struct run *run = state;
	const struct report *rep = run->report;
	struct csv c = csv_new(op->arena);
	char *rows;
	size_t i, n;
	enum err r;

	if (run->ended)
		return ERR_OK;
	if ((r = report_rows(op, rep, run->in, &rows, &n)) != ERR_OK)
		return r;
	if (!run->begun)
		report_head(&c, rep);
	for (i = 0; i < n; i++)
		report_line(&c, rep, rows + i * rep->row_size);
	run->begun = true;
	run->ended = n < ROWS;
	if (n > 0)
		report_after(rep, rows + (n - 1) * rep->row_size, run->in);
	*part = csv_bytes(&c);
	return ERR_OK;
}

/*= AZ-09: what leaves the house asks for a fresh code */
static enum err
table_show(struct op *op, struct run *run)
{
	enum err r;

	if ((r = op_step_up(op)) != ERR_OK)
		return r;
	if (op->cursor != NULL)
		return op_refuse(op, ERR_BAD_QUERY, "cursor");
	*(int64_t *)(run->in + run->report->limit_at) = ROWS;
	op->table = (struct table){
		.next = table_next,
		.state = run,
		.state_bytes = sizeof(*run) + run->report->in_size,
		.file = arena_format(op->arena, "%s.csv", run->report->name),
	};
	return ERR_OK;
}

static enum err
page_of(struct op *op, struct run *run)
{
	struct page page = { .size = run->report->row_size,
		.cursor = run->report->cursor };
	char *rows;
	enum err r;

	*(int64_t *)(run->in + run->report->limit_at) = page_fetch(op);
	r = report_rows(op, run->report, run->in, &rows, &page.n);
	page.rows = rows;
	return r == ERR_OK ? page_show(op, &page) : r;
}

enum err
report_run(struct op *op, const struct report *rep)
{
	struct run *run = arena_calloc(
	    op->arena, 1, sizeof(*run) + rep->in_size);
	struct uuid asked;
	const char *spelled;
	enum err r;

	run->report = rep;
	if ((r = report_parameters(op, rep, run->in)) != ERR_OK ||
	    (r = report_note(op, rep, run->in, &asked, &spelled)) != ERR_OK)
		return r;
	report_begin(op, rep, run->in);
	return op->rq->wants_csv ? table_show(op, run) : page_of(op, run);
}
