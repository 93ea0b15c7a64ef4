/* A report as a table or as JSON, portion by portion: each is kept in a transaction
 * of its own, with memory of its own, so that one of any length is made in as much
 * as a portion takes, and goes on where it was when its process ended. */
#include "base/crypto.h"
#include "base/instant.h"
#include "base/secret.h"
#include "care/jobs.h"
#include "care/report_making.h"
#include "gate/member.h"

#include <stdlib.h>
#include <string.h>

#define ROWS	500
#define TURN_MS 20000 /* at most: then other jobs have theirs */

struct writing {
	struct uuid run;
	int64_t parts; /* that are kept */
	bool wrote;    /* in this turn */
	bool all, over;
	int64_t hashed; /* of the parts */
	struct crypto_hash *hash;
};

/* A step in a transaction and with memory of its own. */
static enum err
apart(struct op *op, enum err (*step)(struct op *, struct writing *),
    struct writing *w)
{
	struct arena *whole = op->arena;
	struct tx *tx = op->tx;
	enum err r;

	op->arena = arena_new();
	op->tx = NULL;
	if ((r = op_renew(op)) == ERR_OK && (r = step(op, w)) == ERR_OK)
		r = tx_commit(op->tx);
	tx_close(op->tx);
	arena_free(op->arena);
	op->arena = whole;
	op->tx = tx;
	return r;
}

/* JSON */

static enum err
json_put(struct csv *c, json_t *value, size_t without)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	size_t n;

	json_wipe(value);
	json_decref(value);
	if (text == NULL)
		return ERR_INTERNAL;
	n = strlen(text);
	text[n - without] = '\0';
	csv_put(c, text);
	secret_wipe(text, n);
	free(text);
	return ERR_OK;
}

/* All but the lines stands before them, and how the log was behind them. */
static enum err
json_begin(struct op *op, const struct report_making *m, struct csv *c)
{
	const char *asker;
	enum err r = report_asker(op, m, &asker);

	if (r != ERR_OK)
		return r;
	r = json_put(c,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o}", "report",
		m->report->name, "title", m->report->title, "question",
		m->report->question, "safeguards", m->report->rule, "clinic",
		m->run.clinic, "run_by", asker, "run_at",
		time_json(m->run.created_at), "parameters",
		json_loads(m->run.parameters, 0, NULL)),
	    1);
	csv_put(c, ",\"lines\":[");
	return r;
}

static enum err
json_end(struct csv *c, const char *checkpoint)
{
	enum err r;

	csv_put(c, "\n],\"checkpoint\":");
	r = json_put(c, text_json(checkpoint), 0);
	csv_put(c, "}\n");
	return r;
}

static enum err
json_lines(struct op *op, const struct report_making *m, const char *rows,
    size_t n, struct csv *c)
{
	const struct report *rep = m->report;
	enum err r = ERR_OK;
	size_t i;

	if (m->run.parts == 0)
		r = json_begin(op, m, c);
	for (i = 0; r == ERR_OK && i < n; i++) {
		csv_put(c, m->run.lines == 0 && i == 0 ? "\n" : ",\n");
		r = json_put(c,
		    members_json(
			op, report_shows(rep), rows + i * rep->row_size),
		    0);
	}
	return r;
}

/* A table */

static void
table_lines(
    const struct report_making *m, const char *rows, size_t n, struct csv *c)
{
	size_t i;

	if (m->run.parts == 0)
		report_head(c, m->report);
	for (i = 0; i < n; i++)
		report_line(c, m->report, rows + i * m->report->row_size);
}

/* Portions */

static const char *
place_text(struct op *op, const struct report *rep, const char *row)
{
	json_t *place = report_place(op, rep, row);
	char *text = json_dumps(place, JSON_COMPACT);
	const char *kept = arena_text(op->arena, text);

	json_decref(place);
	free(text);
	return kept;
}

static enum err
portion_keep(struct op *op, struct report_making *m, const char *rows, size_t n)
{
	const bool json = strcmp(m->run.format, "json") == 0;
	struct csv c = csv_new(op->arena);
	struct report_wrote wrote = { .lines = (int64_t)n, .all = n < ROWS };
	enum err r = ERR_OK;

	if (json)
		r = json_lines(op, m, rows, n, &c);
	else
		table_lines(m, rows, n, &c);
	if (r == ERR_OK && wrote.all)
		r = report_checkpoint(op, &wrote.checkpoint);
	if (r == ERR_OK && wrote.all && json)
		r = json_end(&c, wrote.checkpoint);
	if (r != ERR_OK)
		return r;
	if (n > 0)
		wrote.place = place_text(
		    op, m->report, rows + (n - 1) * m->report->row_size);
	wrote.text = csv_bytes(&c);
	return report_keep(op, m, &wrote);
}

static enum err
portion(struct op *op, struct writing *w)
{
	struct report_making m = { .over = false };
	char *rows;
	size_t n = 0;
	enum err r = report_take(op, &m);

	w->over = m.over;
	if (r != ERR_OK || m.over)
		return r;
	if (!m.run.written) {
		w->wrote = true;
		*(int64_t *)(m.in + m.report->limit_at) = ROWS;
		if ((r = report_rows(op, m.report, m.in, &rows, &n)) == ERR_OK)
			r = portion_keep(op, &m, rows, n);
	}
	w->run = m.run.id;
	w->parts = m.run.parts;
	w->all = m.run.written || n < ROWS;
	return r;
}

/* What is kept is read once more: it opens, and this is its digest. */
static enum err
part_hash(struct op *op, struct writing *w)
{
	struct report_part_get_in in;
	struct report_part_get_row row;
	enum err r = report_part_id(&w->run, w->hashed, &in.id);

	if (r != ERR_OK ||
	    (r = sql_report_part_get(op->tx, &in, &row)) != ERR_OK)
		return r;
	crypto_hash_add(w->hash, row.content);
	w->hashed++;
	return ERR_OK;
}

static enum err
finish(struct op *op, struct writing *w)
{
	uint8_t hash[32];
	enum err r = ERR_OK;

	if ((w->hash = crypto_hash_new()) == NULL)
		return ERR_INTERNAL;
	while (r == ERR_OK && w->hashed < w->parts)
		r = apart(op, part_hash, w);
	if (r == ERR_OK)
		r = crypto_hash_end(w->hash, hash);
	crypto_hash_free(w->hash);
	return r == ERR_OK ? report_end(op, &w->run, hash) : r;
}

/* What is left of the job's time is for the portion in hand. */
static int64_t
turn_end(const struct op *op)
{
	const int64_t now = instant_monotonic();
	const int64_t half = (op->deadline_ms - now) / 2;

	return now + (half < TURN_MS ? half : TURN_MS);
}

/* A long file is read once more in a turn of its own, which has all the time. */
enum err
report_write(struct op *op)
{
	const int64_t until = turn_end(op);
	struct writing w = { .all = false };
	enum err r = op_release(op);

	while (r == ERR_OK && !w.all && !w.over && instant_monotonic() < until)
		r = apart(op, portion, &w);
	if (r != ERR_OK || w.over)
		return r;
	op->job->again = !w.all || (w.wrote && instant_monotonic() >= until);
	return op->job->again ? ERR_OK : finish(op, &w);
}
