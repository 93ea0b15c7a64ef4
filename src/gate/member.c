#include "gate/member.h"

#include "base/instant.h"
#include "gate/route.h"

static json_t *
int_json(const struct shape *m, int64_t n)
{
	if (m->kind == SH_TIME)
		return time_json(n);
	return (m->flags & SH_NULLABLE) != 0 && n == INT64_MIN
	    ? json_null()
	    : json_integer((json_int_t)n);
}

static json_t *
uuids_json(const struct uuid_list *ids)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < ids->n; i++)
		json_array_append_new(list, uuid_json(&ids->v[i]));
	return list;
}

static json_t *
texts_json(const struct text_list *texts)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < texts->n; i++)
		json_array_append_new(list, json_string(texts->v[i]));
	return list;
}

static json_t *
ints_json(const struct int_list *ints)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < ints->n; i++)
		json_array_append_new(
		    list, json_integer((json_int_t)ints->v[i]));
	return list;
}

/* NULL if one of them could not be made. */
static json_t *
rows_json(
    const struct op *op, const struct shape *m, const struct row_list *rows)
{
	const char *row = rows->v;
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < rows->n; i++, row += rows->size) {
		if (json_array_append_new(
			list, members_json(op, m->inner, row)) == 0)
			continue;
		json_wipe(list);
		json_decref(list);
		return NULL;
	}
	return list;
}

static json_t *
column_json(const struct op *op, const struct shape *m, const void *row)
{
	const void *at = (const char *)row + m->column.at;

	switch (m->column.type) {
	case COLUMN_UUID:
		return uuid_json(at);
	case COLUMN_TEXT:
		return text_json(*(const char *const *)at);
	case COLUMN_INT:
		return int_json(m, *(const int64_t *)at);
	case COLUMN_BOOL:
		return json_boolean(*(const bool *)at);
	case COLUMN_UUIDS:
		return uuids_json(at);
	case COLUMN_TEXTS:
		return texts_json(at);
	case COLUMN_INTS:
		return ints_json(at);
	case COLUMN_ROWS:
		return rows_json(op, m, at);
	default:
		return NULL;
	}
}

static json_t *
object_json(const struct op *op, const struct shape *m, const void *row)
{
	json_t *o = members_json(op, m->inner, row);

	if ((m->flags & SH_NULLABLE) == 0 ||
	    !json_is_null(json_object_get(o, m->inner[0].name)))
		return o;
	json_decref(o);
	return json_null();
}

/* Is it made of the row at all? */
static bool
is_made(const struct shape *m)
{
	if (m->made != NULL || m->column.type != COLUMN_NONE)
		return true;
	return m->kind == SH_OBJECT && m->inner != NULL && is_made(m->inner);
}

static json_t *
value_json(const struct op *op, const struct shape *m, const void *row)
{
	if (m->made != NULL)
		return m->made(op, row);
	return m->column.type == COLUMN_NONE ? object_json(op, m, row)
					     : column_json(op, m, row);
}

json_t *
null_json(const struct op *op, const void *row)
{
	(void)op;
	(void)row;
	return json_null();
}

json_t *
members_json(const struct op *op, const struct shape *members, const void *row)
{
	json_t *o = json_object(), *value;
	const struct shape *m;

	for (m = members; !shape_empty(m) && o != NULL; m++) {
		if (!is_made(m))
			continue;
		value = value_json(op, m, row);
		if (value == NULL && m->made != NULL &&
		    (m->flags & SH_REQUIRED) == 0)
			continue;
		if (json_object_set_new(o, m->name, value) == 0)
			continue;
		json_wipe(o);
		json_decref(o);
		o = NULL;
	}
	return o;
}

enum err
op_answer(struct op *op, const void *row)
{
	op->out = members_json(op, op->route->out, row);
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}
