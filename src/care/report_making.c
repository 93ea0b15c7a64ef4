#include "care/report_making.h"

#include "base/crypto.h"
#include "gate/job.h"

#include <string.h>

enum err
report_give_up(struct op *op, struct report_making *m, enum err why)
{
	const struct report_run_failed_in in = { m->run.id, err_code(why) };
	int64_t n;

	m->over = true;
	return sql_report_run_failed(op->tx, &in, &n);
}

/* Behind the last line that is kept. */
static enum err
place_find(struct op *op, struct report_making *m)
{
	const char *text = m->run.place;
	enum err r = ERR_OK;

	if (text != NULL)
		r = shape_parse(
		    (struct bytes){ (const uint8_t *)text, strlen(text) },
		    &op->cursor);
	if (r == ERR_OK)
		report_begin(op, m->report, m->in);
	json_decref(op->cursor);
	op->cursor = NULL;
	return r;
}

/*= AZ-04: a right that ended ends what was begun by it */
static bool
is_open(const struct report_making *m)
{
	return m->report != NULL && m->run.key != NULL && !m->run.left &&
	    report_is_open(m->report, role_parse(m->run.role));
}

enum err
report_take(struct op *op, struct report_making *m)
{
	const struct report_run_take_in in = { op->job->record };
	enum err r = sql_report_run_take(op->tx, &in, &m->run);

	m->over = r == ERR_NOT_FOUND || m->run.over;
	if (m->over)
		return ERR_OK;
	if (r != ERR_OK)
		return r;
	m->report = report_find(m->run.report);
	if (!is_open(m))
		return report_give_up(op, m, ERR_NOT_FOUND);
	m->in = arena_calloc(op->arena, 1, m->report->in_size);
	r = report_parameters_again(op, m->report, m->run.parameters, m->in);
	return r == ERR_OK ? place_find(op, m) : r;
}

enum err
report_part_id(const struct uuid *run, int64_t index, struct uuid *id)
{
	uint8_t name[sizeof(run->b) + 8], hash[32];
	int i;
	enum err r;

	memcpy(name, run->b, sizeof(run->b));
	for (i = 0; i < 8; i++)
		name[sizeof(run->b) + (size_t)i] = (uint8_t)((uint64_t)index >>
		    (56 - 8 * i));
	r = crypto_sha256((struct bytes){ name, sizeof(name) }, hash);
	*id = report_digest_id(hash);
	return r;
}

static enum err
part_add(struct op *op, const struct report_making *m, int64_t index,
    struct bytes content)
{
	struct report_part_add_in in = {
		.key = m->run.key, .run_id = m->run.id, .content = content
	};
	enum err r = report_part_id(&m->run.id, index, &in.id);

	return r == ERR_OK ? sql_report_part_add(op->tx, &in) : r;
}

static struct bytes
piece(struct bytes text, size_t at)
{
	const size_t left = text.n - at;

	return (struct bytes){ text.p + at,
		left < REPORT_PART_BYTES ? left : REPORT_PART_BYTES };
}

enum err
report_keep(
    struct op *op, struct report_making *m, const struct report_wrote *w)
{
	struct report_run_wrote_in in = {
		.id = m->run.id,
		.parts_before = m->run.parts,
		.lines = m->run.lines + w->lines,
		.bytes = m->run.bytes + (int64_t)w->text.n,
		.place = w->place != NULL ? w->place : m->run.place,
		.written = w->all,
		.checkpoint = w->checkpoint,
	};
	struct bytes one;
	size_t at;
	int64_t n = 0;
	enum err r = ERR_OK;

	for (at = 0; r == ERR_OK && at < w->text.n; at += one.n) {
		one = piece(w->text, at);
		r = part_add(op, m, m->run.parts++, one);
	}
	in.parts = m->run.parts;
	if (r == ERR_OK)
		r = sql_report_run_wrote(op->tx, &in, &n);
	return r == ERR_OK && n != 1 ? ERR_STALE : r;
}

/*= AU-12: the event of what was made names it by its digest, as that of each time
 * when it is taken does */
enum err
report_end(struct op *op, const struct uuid *run, const uint8_t hash[32])
{
	const struct report_run_done_in in = { *run, { hash, 32 } };
	int64_t n;
	enum err r = sql_report_run_done(op->tx, &in, &n);

	op->note.record = report_digest_id(hash);
	return r == ERR_OK && n != 1 ? ERR_STALE : r;
}

enum err
report_asker(struct op *op, const struct report_making *m, const char **name)
{
	struct uuid id = m->run.account_id;
	const struct report_names_in in = { { &id, 1 } };
	struct report_names_row *rows;
	size_t n;
	enum err r = sql_report_names(op->tx, &in, &rows, &n);

	*name = r == ERR_OK && n == 1 ? rows[0].display_name : "";
	return r;
}

enum err
report_checkpoint(struct op *op, const char **note)
{
	struct checkpoint_read_row row = { .note = NULL };
	enum err r = sql_checkpoint_read(op->tx, &row);

	*note = row.note;
	return r;
}
