/* What every way to run a report does: parameters, place, rows, cells. */
#include "base/crypto.h"
#include "base/instant.h"
#include "base/network.h"
#include "care/csv.h"
#include "care/page.h"
#include "care/report.h"
#include "gate/member.h"
#include "gate/route.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

#define SECONDS_A_DAY INT64_C(86400)

const struct report *
report_find(const char *name)
{
	const struct report *rep;

	for (rep = reports; rep->name != NULL; rep++)
		if (strcmp(rep->name, name) == 0)
			return rep;
	return NULL;
}

const struct shape *
report_takes(const struct report *rep)
{
	return routes[rep->route].in;
}

const struct shape *
report_shows(const struct report *rep)
{
	return routes[rep->route].out;
}

bool
report_is_open(const struct report *rep, enum role role)
{
	return perm_scope(routes[rep->route].perm, role) != SCOPE_NONE;
}

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
parameter_set(const struct op *op, const struct report *rep,
    const struct report_parameter *p, char *in)
{
	const struct shape *s = shape_find(report_takes(rep), p->name);
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
		*(const char **)(in + p->at) = text != NULL
		    ? arena_text(op->arena, text)
		    : p->choice;
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
    const struct report *rep, const struct report_parameter *p, const char *in)
{
	switch (shape_find(report_takes(rep), p->name)->kind) {
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
		json_object_set_new(o, p->name, parameter_json(rep, p, in));
	text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(o);
	if (text == NULL)
		abort(); /* only out of memory */
	kept = arena_text(op->arena, text);
	free(text);
	return kept;
}

struct uuid
report_digest_id(const uint8_t hash[32])
{
	struct uuid id;

	memcpy(id.b, hash, sizeof(id.b));
	id.b[6] = (uint8_t)(0x80 | (id.b[6] & 0x0f));
	id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3f));
	return id;
}

/*= AU-12: who asked for which report, with which parameters: the event names them
 * by their digest, so that the sealed log says which they were, though a row
 * elsewhere holds them */
enum err
report_note(struct op *op, const struct report *rep, const void *in,
    struct uuid *asked, const char **text)
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
	row.id = report_digest_id(hash);
	op->note.record = row.id;
	*asked = row.id;
	*text = row.parameters;
	return sql_report_asked_add(op->tx, &row);
}

enum err
report_parameters(struct op *op, const struct report *rep, void *in)
{
	const struct report_parameter *p;
	enum err r;

	for (p = rep->parameters; p->name != NULL; p++)
		parameter_set(op, rep, p, in);
	op->note.patient = in_uuid(op, "patient_id");
	r = parameters_check(op, rep);
	return r == ERR_OK ? period_check(op, rep, in) : r;
}

static void
nulls_drop(json_t *object)
{
	const char *name;
	json_t *value;
	void *next;

	json_object_foreach_safe(object, next, name,
	    value) if (json_is_null(value)) json_object_del(object, name);
}

enum err
report_parameters_again(
    struct op *op, const struct report *rep, const char *text, void *in)
{
	const struct report_parameter *p;
	json_t *asked;
	enum err r;

	r = shape_parse(
	    (struct bytes){ (const uint8_t *)text, strlen(text) }, &asked);
	if (r != ERR_OK)
		return r;
	nulls_drop(asked);
	r = shape_check(
	    op->arena, report_takes(rep), asked, false, &op->culprit);
	op->in = asked;
	for (p = rep->parameters; r == ERR_OK && p->name != NULL; p++)
		parameter_set(op, rep, p, in);
	op->in = NULL;
	json_decref(asked);
	return r;
}

/* Behind the last row of the page before, or from the beginning. */
void
report_begin(const struct op *op, const struct report *rep, void *in)
{
	const struct shape *c = rep->cursor;
	size_t i;

	for (i = 0; !shape_empty(&c[i]); i++)
		if (c[i].kind == SH_INT)
			*(int64_t *)((char *)in + rep->after[i]) = page_int(
			    op, c[i].name, INT64_MIN);
		else
			*(struct uuid *)((char *)in +
			    rep->after[i]) = page_uuid(op, c[i].name);
}

void
report_after(const struct report *rep, const char *row, void *in)
{
	const struct shape *c = rep->cursor;
	size_t i;

	for (i = 0; !shape_empty(&c[i]); i++)
		memcpy((char *)in + rep->after[i], row + c[i].column.at,
		    c[i].kind == SH_INT ? sizeof(int64_t)
					: sizeof(struct uuid));
}

json_t *
report_place(const struct op *op, const struct report *rep, const char *row)
{
	return members_json(op, rep->cursor, row);
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
column_of(const struct report *rep, const struct shape *s)
{
	return &rep->columns[s - report_shows(rep)];
}

/* Ids of all accounts that are to be named, each once. */
static size_t
ids_collect(
    const struct report *rep, const char *rows, size_t n, struct uuid *ids)
{
	const struct shape *s;
	const struct uuid *id;
	size_t i, j, found = 0;

	for (s = report_shows(rep); !shape_empty(s); s++) {
		if (!column_of(rep, s)->sealed)
			continue;
		for (i = 0; i < n; i++) {
			id = (const struct uuid *)(rows + i * rep->row_size +
			    column_of(rep, s)->name_of);
			for (j = 0; j < found && !uuid_equal(&ids[j], id); j++)
				continue;
			if (j == found && !uuid_is_nil(id))
				ids[found++] = *id;
		}
	}
	return found;
}

static void
names_set(const struct report *rep, char *rows, size_t n,
    const struct report_names_row *names, size_t names_n)
{
	const struct shape *s;
	char *row;
	size_t i;

	for (s = report_shows(rep); !shape_empty(s); s++)
		for (i = 0; i < n && column_of(rep, s)->sealed; i++) {
			row = rows + i * rep->row_size;
			*(const char **)(row + s->column.at) = name_find(names,
			    names_n,
			    (const struct uuid *)(row +
				column_of(rep, s)->name_of));
		}
}

/* Not by the role that reports have, which reads nothing that is sealed, and no
 * key; and by the rights of whoever asked. */
static enum err
names_open(struct op *op, const struct report *rep, char *rows, size_t n)
{
	struct report_names_in in;
	struct report_names_row *names;
	struct uuid *ids;
	size_t sealed = 0, names_n, ids_n;
	const struct shape *s;
	enum err r;

	for (s = report_shows(rep); !shape_empty(s); s++)
		sealed += column_of(rep, s)->sealed;
	ids = arena_calloc(op->arena, sealed * n + 1, sizeof(*ids));
	if ((ids_n = ids_collect(rep, rows, n, ids)) == 0)
		return ERR_OK;
	in.ids = (struct uuid_list){ ids, ids_n };
	if ((r = sql_report_names(op->tx, &in, &names, &names_n)) == ERR_OK)
		names_set(rep, rows, n, names, names_n);
	return r;
}

/*= AZ-04: by a role of its own that reads what reports need and writes nothing */
enum err
report_rows(struct op *op, const struct report *rep, const void *in,
    char **rows, size_t *n)
{
	void *all;
	enum err r;

	r = sql_report(op->tx, rep->statement, in, &all, n);
	*rows = all;
	return r == ERR_OK ? names_open(op, rep, *rows, *n) : r;
}

enum err
report_exceeds(struct op *op, const struct report *rep, void *in, int64_t lines,
    bool *more)
{
	void *rows;
	size_t n = 0;
	enum err r;

	*(int64_t *)((char *)in + rep->limit_at) = lines + 1;
	r = sql_report(op->tx, rep->statement, in, &rows, &n);
	*more = (int64_t)n > lines;
	return r;
}

/* A table */

static const char *
number_text(struct arena *a, const struct shape *s, int64_t n)
{
	char *text;

	if (s->kind == SH_TIME && n != INSTANT_NONE) {
		text = arena_alloc(a, INSTANT_TEXT_SIZE);
		instant_text(n, text);
		return text;
	}
	return n == INT64_MIN ? "" : arena_format(a, "%lld", (long long)n);
}

static const char *
id_text(struct arena *a, const struct uuid *id)
{
	char *text = arena_alloc(a, UUID_TEXT_SIZE);

	if (!uuid_is_nil(id))
		uuid_text(id, text);
	return text;
}

const char *
report_cell(struct arena *a, const struct shape *s, const char *row)
{
	const char *at = row + s->column.at, *text;

	switch (s->column.type) {
	case COLUMN_UUID:
		return id_text(a, (const struct uuid *)at);
	case COLUMN_INT:
		return number_text(a, s, *(const int64_t *)at);
	case COLUMN_BOOL:
		return *(const bool *)at ? "true" : "false";
	default:
		text = *(const char *const *)at;
		return text != NULL ? text : "";
	}
}

void
report_head(struct csv *c, const struct report *rep)
{
	const struct shape *s;

	for (s = report_shows(rep); !shape_empty(s); s++)
		csv_text(c, s->name);
	csv_end(c);
}

void
report_line(struct csv *c, const struct report *rep, const char *row)
{
	const struct shape *s;

	for (s = report_shows(rep); !shape_empty(s); s++)
		csv_text(c, report_cell(c->arena, s, row));
	csv_end(c);
}
