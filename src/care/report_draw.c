/* A report as a paper that is handed to an auditor. It is drawn whole, so it has an
 * end; what it says of itself is the digest of the same lines as a table. */
#include "base/crypto.h"
#include "base/instant.h"
#include "base/text.h"
#include "care/jobs.h"
#include "care/paper.h"
#include "care/report_making.h"

#include <stdlib.h>
#include <string.h>

#define ROWS	    500 /* read at a time */
#define COLUMNS_MAX 64
#define LINES_MAX   16
#define LETTER	    0.12 /* of a title, as a part of the width */
#define TIME_SIZE   20	 /* "2026-11-29 13:04:05" */

struct drawing {
	struct report_making m;
	struct paper_table paper;
	struct paper_column columns[COLUMNS_MAX];
	const struct shape *shown[COLUMNS_MAX];
	struct paper_line lines[LINES_MAX];
	const char **cells;
	struct crypto_hash *hash;
	const char *checkpoint;
};

/* Columns: ids that a name stands for are left to the table. */

static const struct {
	const char *kind;
	double weight;
} weights[] = {
	{ "time", 1.6 },
	{ "int", 0.6 },
	{ "bool", 0.5 },
	{ "role", 0.8 },
	{ "text", 1.3 },
	{ "uuid", 1.6 },
	{ "patient", 1.6 },
	{ "account", 1.6 },
};

static double
kind_weight(const char *kind)
{
	size_t i;

	for (i = 0; i < sizeof(weights) / sizeof(weights[0]); i++)
		if (strcmp(weights[i].kind, kind) == 0)
			return weights[i].weight;
	return 1;
}

/* The words of its title are not broken, either. */
static double
weight_of(const struct report_column *c)
{
	double weight = kind_weight(c->kind), word;
	const char *p;
	size_t n;

	for (p = c->title; *p != '\0'; p += n + (p[n] == ' ')) {
		n = strcspn(p, " ");
		word = (double)n * LETTER;
		weight = word > weight ? word : weight;
	}
	return weight;
}

static void
columns_choose(struct drawing *d)
{
	const struct shape *s = report_shows(d->m.report);
	const struct report_column *c = d->m.report->columns;
	struct paper_table *p = &d->paper;

	for (; !shape_empty(s) && p->columns_n < COLUMNS_MAX; s++, c++) {
		if (strcmp(c->kind, "account") == 0 && !shape_empty(s + 1) &&
		    c[1].sealed)
			continue;
		d->shown[p->columns_n] = s;
		d->columns[p->columns_n++] = (struct paper_column){ c->title,
			weight_of(c) };
	}
	p->columns = d->columns;
}

/* Cells, as people write them */

/* "2026-11-29T13:04:05Z" without the letters. */
static const char *
time_text(struct arena *a, const char *text)
{
	char *plain = arena_text_n(a, text, strlen(text));

	if (strlen(text) > TIME_SIZE - 1) {
		plain[10] = ' ';
		plain[TIME_SIZE - 1] = '\0';
	}
	return plain;
}

static const char *
cell_text(struct arena *a, const struct drawing *d, const struct shape *s,
    const char *row)
{
	const struct shape *all = report_shows(d->m.report);
	const char *text = report_cell(a, s, row);

	if (s->kind == SH_TIME)
		return time_text(a, text);
	if (s->kind == SH_BOOL)
		return strcmp(text, "true") == 0 ? "yes" : "no";
	/* who is not named is an id */
	if (d->m.report->columns[s - all].sealed && *text == '\0' && s > all)
		return report_cell(a, s - 1, row);
	return text;
}

static void
rows_take(struct op *op, struct drawing *d, const char *rows, size_t n)
{
	const struct report *rep = d->m.report;
	struct paper_table *p = &d->paper;
	struct csv c = csv_new(op->arena);
	const char **to = d->cells + p->rows_n * p->columns_n;
	size_t i, k;

	if (p->rows_n == 0)
		report_head(&c, rep);
	for (i = 0; i < n; i++) {
		report_line(&c, rep, rows + i * rep->row_size);
		for (k = 0; k < p->columns_n; k++)
			*to++ = cell_text(op->arena, d, d->shown[k],
			    rows + i * rep->row_size);
	}
	p->rows_n += n;
	crypto_hash_add(d->hash, csv_bytes(&c));
}

static enum err
rows_read(struct op *op, struct drawing *d)
{
	const struct report *rep = d->m.report;
	char *rows;
	size_t n = ROWS;
	enum err r = ERR_OK;

	d->cells = arena_calloc(op->arena,
	    (REPORT_PDF_LINES + ROWS) * (d->paper.columns_n + 1),
	    sizeof(*d->cells));
	d->paper.cells = d->cells;
	*(int64_t *)(d->m.in + rep->limit_at) = ROWS;
	while (n == ROWS && d->paper.rows_n <= REPORT_PDF_LINES) {
		if ((r = report_rows(op, rep, d->m.in, &rows, &n)) != ERR_OK)
			return r;
		rows_take(op, d, rows, n);
		if (n > 0)
			report_after(
			    rep, rows + (n - 1) * rep->row_size, d->m.in);
	}
	return ERR_OK;
}

/* Head and foot */

static void
line_add(struct drawing *d, const char *name, const char *value)
{
	if (d->paper.top.n < LINES_MAX)
		d->lines[d->paper.top.n++] = (struct paper_line){ name, value };
}

static const char *
value_text(
    struct arena *a, const struct report_parameter *p, const json_t *value)
{
	if (json_is_integer(value))
		return arena_format(
		    a, "%lld", (long long)json_integer_value(value));
	if (!json_is_string(value))
		return "all";
	return strcmp(p->kind, "time") == 0 || strcmp(p->kind, "instant") == 0
	    ? arena_format(a, "%s UTC", time_text(a, json_string_value(value)))
	    : arena_text(a, json_string_value(value));
}

/* What was not given, and does not stand for all. */
static bool
is_left_out(const struct report_parameter *p, const json_t *value)
{
	return json_is_null(value) &&
	    (p->one || strcmp(p->kind, "instant") == 0);
}

static void
parameters_add(struct op *op, struct drawing *d)
{
	const struct report_parameter *p = d->m.report->parameters;
	json_t *asked = json_loads(d->m.run.parameters, 0, NULL);
	const json_t *value;

	for (; p->name != NULL; p++) {
		value = json_object_get(asked, p->name);
		if (!is_left_out(p, value))
			line_add(d, p->title, value_text(op->arena, p, value));
	}
	json_decref(asked);
}

/* The second and third line of the note: how long the log was, and its root. */
static const char *
checkpoint_text(struct arena *a, const char *note)
{
	const char *size = note == NULL ? NULL : strchr(note, '\n');
	const char *root = size == NULL ? NULL : strchr(size + 1, '\n');

	if (root == NULL)
		return "none yet";
	return arena_format(a, "%.*s events, root %.*s", (int)(root - size - 1),
	    size + 1, (int)strcspn(root + 1, "\n"), root + 1);
}

static enum err
foot_make(struct op *op, struct drawing *d)
{
	uint8_t hash[32];
	enum err r = crypto_hash_end(d->hash, hash);

	if (r != ERR_OK ||
	    (r = report_checkpoint(op, &d->checkpoint)) != ERR_OK)
		return r;
	d->paper.top.foot = arena_format(op->arena,
	    "SHA-256 of these lines as a table (csv): %s\n"
	    "Checkpoint of the clinic's log: %s",
	    text_hex(op->arena, hash, sizeof(hash)),
	    checkpoint_text(op->arena, d->checkpoint));
	return ERR_OK;
}

static enum err
top_make(struct op *op, struct drawing *d)
{
	const struct report *rep = d->m.report;
	struct arena *a = op->arena;
	char at[INSTANT_TEXT_SIZE];
	const char *asker;
	enum err r = report_asker(op, &d->m, &asker);

	if (r != ERR_OK)
		return r;
	instant_text(d->m.run.created_at, at);
	d->paper.top = (struct paper){ .heading = arena_text(
					   a, d->m.run.clinic),
		.title = rep->title,
		.lines = d->lines };
	d->paper.lead = rep->question;
	d->paper.none = "There is nothing to show.";
	parameters_add(op, d);
	line_add(d, "Run by", asker);
	line_add(d, "Run on",
	    arena_format(a, "%s UTC; all times are in UTC", time_text(a, at)));
	line_add(d, "Lines", arena_format(a, "%zu", d->paper.rows_n));
	line_add(d, "Serves", rep->rule);
	return foot_make(op, d);
}

/* Read in one transaction; drawn in none; kept in the one that ends the job. */
static enum err
paper_read(struct op *op, struct drawing *d)
{
	enum err r;

	columns_choose(d);
	if ((d->hash = crypto_hash_new()) == NULL)
		return ERR_INTERNAL;
	if ((r = rows_read(op, d)) == ERR_OK &&
	    d->paper.rows_n > REPORT_PDF_LINES)
		r = report_give_up(op, &d->m, ERR_REPORT_TOO_LONG);
	else if (r == ERR_OK)
		r = top_make(op, d);
	crypto_hash_free(d->hash);
	return r;
}

static enum err
paper_keep(struct op *op, const struct drawing *d, struct bytes pdf)
{
	struct report_making m = { .over = false };
	const struct report_wrote wrote = { .text = pdf,
		.lines = (int64_t)d->paper.rows_n,
		.all = true,
		.checkpoint = d->checkpoint };
	uint8_t hash[32];
	enum err r = report_take(op, &m);

	if (r != ERR_OK || m.over)
		return r;
	if ((r = crypto_sha256(pdf, hash)) != ERR_OK ||
	    (r = report_keep(op, &m, &wrote)) != ERR_OK)
		return r;
	return report_end(op, &m.run.id, hash);
}

enum err
report_draw(struct op *op)
{
	struct drawing *d = arena_calloc(op->arena, 1, sizeof(*d));
	struct bytes pdf;
	enum err r = report_take(op, &d->m);

	if (r != ERR_OK || d->m.over)
		return r;
	op->job->final = !paper_is_drawn();
	if (op->job->final)
		return ERR_INTERNAL; /* there is no font */
	if ((r = paper_read(op, d)) != ERR_OK || d->m.over)
		return r;
	if ((r = op_release(op)) != ERR_OK ||
	    (r = paper_table_draw(
		 op->arena, &d->paper, op->deadline_ms, &pdf)) != ERR_OK)
		return r;
	return paper_keep(op, d, pdf);
}
