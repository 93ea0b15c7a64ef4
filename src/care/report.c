#include "care/report.h"

#include "base/crypto.h"
#include "base/instant.h"
#include "base/network.h"
#include "care/csv.h"
#include "care/operations.h"
#include "care/page.h"
#include "gate/member.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

#define ROWS	      200 /* in one part of a table */
#define SECONDS_A_DAY INT64_C(86400)

/* Where it is: the parameters of the next part behind it. */
struct run {
	const struct report *report;
	bool begun, ended;
	_Alignas(8) char in[];
};

/* Parameters */

/* What happened in this very second is part of what is asked for now. */
static int64_t
time_parameter(const struct op *op, const struct report_parameter *p)
{
	const int64_t at = in_time(op, p->name);

	return at != INSTANT_NONE || strcmp(p->kind, "instant") == 0
	    ? at
	    : op->now + 1 - p->otherwise * SECONDS_A_DAY;
}

static void
parameter_set(const struct op *op, const struct report_parameter *p, char *in)
{
	const struct shape *s = shape_find(op->route->in, p->name);
	const char *text = in_text(op, p->name);

	switch (s->kind) {
	case SH_TIME:
		*(int64_t *)(in + p->at) = time_parameter(op, p);
		break;
	case SH_INT:
		*(int64_t *)(in + p->at) = in_int(op, p->name, p->otherwise);
		break;
	case SH_UUID:
		*(struct uuid *)(in + p->at) = in_uuid(op, p->name);
		break;
	default:
		*(const char **)(in + p->at) = text != NULL ? text : p->choice;
	}
}

/* The first two, where it has a period. */
static enum err
period_check(struct op *op, const struct report *rep, const char *in)
{
	int64_t from, to;

	if (rep->period_days == 0)
		return ERR_OK;
	from = *(const int64_t *)(in + rep->parameters[0].at);
	to = *(const int64_t *)(in + rep->parameters[1].at);
	if (to <= from)
		return op_refuse(
		    op, ERR_INVALID_FIELD, in_has(op, "to") ? "to" : "from");
	return to - from <= rep->period_days * SECONDS_A_DAY
	    ? ERR_OK
	    : op_refuse(op, ERR_INVALID_FIELD, "from");
}

/* Is it written as its kind is? */
static bool
parameter_sound(const struct op *op, const struct report_parameter *p)
{
	const char *text = in_text(op, p->name), *wrong;
	struct networks list;

	if (text == NULL)
		return true;
	if (strcmp(p->kind, "network") == 0)
		return networks_read(text, &list, &wrong) == ERR_OK &&
		    list.n == 1;
	return strcmp(p->kind, "session") != 0 ||
	    strspn(text, "0123456789abcdef") == 16;
}

/* Of those that are marked so exactly one is given. */
static enum err
parameters_check(struct op *op, const struct report *rep)
{
	const struct report_parameter *p, *first = NULL;
	int given = 0;

	for (p = rep->parameters; p->name != NULL; p++) {
		if (!parameter_sound(op, p))
			return op_refuse(op, ERR_INVALID_FIELD, p->name);
		if (!p->one)
			continue;
		first = first == NULL ? p : first;
		if (in_has(op, p->name) && given++ > 0)
			return op_refuse(op, ERR_INVALID_FIELD, p->name);
	}
	return first == NULL || given == 1
	    ? ERR_OK
	    : op_refuse(op, ERR_MISSING_FIELD, first->name);
}

static json_t *
number_json(int64_t n)
{
	return n == INT64_MIN ? json_null() : json_integer(n);
}

static json_t *
parameter_json(
    const struct op *op, const struct report_parameter *p, const char *in)
{
	switch (shape_find(op->route->in, p->name)->kind) {
	case SH_TIME:
		return time_json(*(const int64_t *)(in + p->at));
	case SH_INT:
		return number_json(*(const int64_t *)(in + p->at));
	case SH_UUID:
		return uuid_json((const struct uuid *)(in + p->at));
	default:
		return text_json(*(const char *const *)(in + p->at));
	}
}

/* Everything that was asked for, spelled out, always in the same way. */
static const char *
parameters_text(struct op *op, const struct report *rep, const char *in)
{
	const struct report_parameter *p;
	json_t *o = json_object();
	char *text;
	const char *kept;

	for (p = rep->parameters; p->name != NULL; p++)
		json_object_set_new(o, p->name, parameter_json(op, p, in));
	text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(o);
	if (text == NULL)
		abort(); /* only out of memory */
	kept = arena_text(op->arena, text);
	free(text);
	return kept;
}

/*= AU-12: who asked for which report, with which parameters: the event names them
 * by their digest, so that the sealed log says which they were, though a row
 * elsewhere holds them */
static enum err
asked_note(struct op *op, const struct report *rep, const char *in)
{
	struct report_asked_add_in row = { .report = rep->name,
		.parameters = parameters_text(op, rep, in) };
	const char *said = arena_format(
	    op->arena, "%s %s", rep->name, row.parameters);
	uint8_t hash[32];
	enum err r;

	r = crypto_sha256(
	    (struct bytes){ (const uint8_t *)said, strlen(said) }, hash);
	if (r != ERR_OK)
		return r;
	memcpy(row.id.b, hash, sizeof(row.id.b));
	row.id.b[6] = (uint8_t)(0x80 |
	    (row.id.b[6] & 0x0f)); /* RFC 9562, 5.8 */
	row.id.b[8] = (uint8_t)(0x80 | (row.id.b[8] & 0x3f));
	op->note.record = row.id;
	return sql_report_asked_add(op->tx, &row);
}

static enum err
parameters_read(struct op *op, const struct report *rep, char *in)
{
	const struct report_parameter *p;
	enum err r;

	for (p = rep->parameters; p->name != NULL; p++)
		parameter_set(op, p, in);
	op->note.patient = in_uuid(op, "patient_id");
	if ((r = parameters_check(op, rep)) != ERR_OK ||
	    (r = period_check(op, rep, in)) != ERR_OK)
		return r;
	return asked_note(op, rep, in);
}

/* Behind the last row of the page before, or from the beginning. */
static void
place_begin(const struct op *op, const struct report *rep, char *in)
{
	const struct shape *c = rep->cursor;
	size_t i;

	for (i = 0; !shape_empty(&c[i]); i++)
		if (c[i].kind == SH_INT)
			*(int64_t *)(in + rep->after[i]) = page_int(
			    op, c[i].name, INT64_MIN);
		else
			*(struct uuid *)(in + rep->after[i]) = page_uuid(
			    op, c[i].name);
}

static void
place_after(const struct report *rep, const char *row, char *in)
{
	const struct shape *c = rep->cursor;
	size_t i;

	for (i = 0; !shape_empty(&c[i]); i++)
		memcpy(in + rep->after[i], row + c[i].column.at,
		    c[i].kind == SH_INT ? sizeof(int64_t)
					: sizeof(struct uuid));
}

/* Rows */

static const char *
name_find(const struct report_names_row *names, size_t n, const struct uuid *id)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (uuid_equal(&names[i].id, id))
			return names[i].display_name;
	return NULL;
}

static const struct report_column *
column_of(const struct report *rep, const struct op *op, const struct shape *s)
{
	return &rep->columns[s - op->route->out];
}

/* Ids of all accounts that are to be named, each once. */
static size_t
ids_collect(const struct report *rep, const struct op *op, const char *rows,
    size_t n, struct uuid *ids)
{
	const struct shape *s;
	const struct uuid *id;
	size_t i, j, found = 0;

	for (s = op->route->out; !shape_empty(s); s++) {
		if (!column_of(rep, op, s)->sealed)
			continue;
		for (i = 0; i < n; i++) {
			id = (const struct uuid *)(rows + i * rep->row_size +
			    column_of(rep, op, s)->name_of);
			for (j = 0; j < found && !uuid_equal(&ids[j], id); j++)
				continue;
			if (j == found && !uuid_is_nil(id))
				ids[found++] = *id;
		}
	}
	return found;
}

static void
names_set(const struct report *rep, const struct op *op, char *rows, size_t n,
    const struct report_names_row *names, size_t names_n)
{
	const struct shape *s;
	char *row;
	size_t i;

	for (s = op->route->out; !shape_empty(s); s++)
		for (i = 0; i < n && column_of(rep, op, s)->sealed; i++) {
			row = rows + i * rep->row_size;
			*(const char **)(row + s->column.at) = name_find(names,
			    names_n,
			    (const struct uuid *)(row +
				column_of(rep, op, s)->name_of));
		}
}

/* By the server, for the reader's rights: the role that reports have reads
 * nothing that is sealed, and no key. */
static enum err
names_open(struct op *op, const struct report *rep, char *rows, size_t n)
{
	struct report_names_in in;
	struct report_names_row *names;
	struct uuid *ids;
	size_t sealed = 0, names_n, ids_n;
	const struct shape *s;
	enum err r;

	for (s = op->route->out; !shape_empty(s); s++)
		sealed += column_of(rep, op, s)->sealed;
	ids = arena_calloc(op->arena, sealed * n + 1, sizeof(*ids));
	if ((ids_n = ids_collect(rep, op, rows, n, ids)) == 0)
		return ERR_OK;
	in.ids = (struct uuid_list){ ids, ids_n };
	if ((r = sql_report_names(op->tx, &in, &names, &names_n)) == ERR_OK)
		names_set(rep, op, rows, n, names, names_n);
	return r;
}

/*= AZ-04: by a role of its own that reads what reports need and writes nothing */
static enum err
rows_read(struct op *op, const struct report *rep, const char *in, char **rows,
    size_t *n)
{
	void *all;
	enum err r;

	r = sql_report(op->tx, rep->statement, in, &all, n);
	*rows = all;
	return r == ERR_OK ? names_open(op, rep, *rows, *n) : r;
}

/* A table */

static void
cell(struct csv *c, const struct shape *s, const char *row)
{
	const char *at = row + s->column.at;

	switch (s->column.type) {
	case COLUMN_UUID:
		csv_id(c, (const struct uuid *)at);
		break;
	case COLUMN_INT:
		if (s->kind == SH_TIME)
			csv_time(c, *(const int64_t *)at);
		else if (*(const int64_t *)at == INT64_MIN)
			csv_text(c, NULL);
		else
			csv_number(c, *(const int64_t *)at);
		break;
	case COLUMN_BOOL:
		csv_text(c, *(const bool *)at ? "true" : "false");
		break;
	default:
		csv_text(c, *(const char *const *)at);
	}
}

static void
head(struct csv *c, const struct shape *s)
{
	for (; !shape_empty(s); s++)
		csv_text(c, s->name);
	csv_end(c);
}

static void
line(struct csv *c, const struct shape *s, const char *row)
{
	for (; !shape_empty(s); s++)
		cell(c, s, row);
	csv_end(c);
}

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
	if ((r = rows_read(op, rep, run->in, &rows, &n)) != ERR_OK)
		return r;
	if (!run->begun)
		head(&c, op->route->out);
	for (i = 0; i < n; i++)
		line(&c, op->route->out, rows + i * rep->row_size);
	run->begun = true;
	run->ended = n < ROWS;
	if (n > 0)
		place_after(rep, rows + (n - 1) * rep->row_size, run->in);
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
	op->table = (struct table){ table_next, run,
		sizeof(*run) + run->report->in_size,
		arena_format(op->arena, "%s.csv", run->report->name) };
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
	r = rows_read(op, run->report, run->in, &rows, &page.n);
	page.rows = rows;
	return r == ERR_OK ? page_show(op, &page) : r;
}

enum err
report_run(struct op *op, const struct report *rep)
{
	struct run *run = arena_calloc(
	    op->arena, 1, sizeof(*run) + rep->in_size);
	enum err r;

	run->report = rep;
	if ((r = parameters_read(op, rep, run->in)) != ERR_OK)
		return r;
	place_begin(op, rep, run->in);
	return op->rq->wants_csv ? table_show(op, run) : page_of(op, run);
}
