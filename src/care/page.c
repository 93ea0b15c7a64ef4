#include "care/page.h"

#include "gate/route.h"

int64_t
page_fetch(const struct op *op)
{
	return op->limit + 1;
}

size_t
page_size(const struct op *op, size_t rows)
{
	return rows > (size_t)op->limit ? (size_t)op->limit : rows;
}

static json_t *
item_json(struct op *op, const struct page *p, const void *row)
{
	return p->item != NULL ? p->item(op, row)
			       : members_json(op, op->route->out, row);
}

static enum err
page_fail(json_t *items)
{
	json_wipe(items);
	json_decref(items);
	return ERR_INTERNAL;
}

enum err
page_show(struct op *op, const struct page *p)
{
	json_t *items = json_array(), *next = NULL, *item;
	const char *row = p->rows;
	size_t i, shown = page_size(op, p->n);

	for (i = 0; i < shown; i++, row += p->size) {
		if ((item = item_json(op, p, row)) == NULL)
			return page_fail(items);
		if (!json_is_null(item))
			json_array_append_new(items, item);
	}
	if (p->n > shown &&
	    (next = members_json(op, p->cursor, row - p->size)) == NULL)
		return page_fail(items);
	return op_list(op, items, next);
}

struct uuid
page_uuid(const struct op *op, const char *member)
{
	const char *text = json_string_value(
	    json_object_get(op->cursor, member));
	struct uuid id;

	if (text == NULL || uuid_parse(text, &id) != ERR_OK)
		return (struct uuid){ { 0 } };
	return id;
}

int64_t
page_int(const struct op *op, const char *member, int64_t otherwise)
{
	json_t *v = json_object_get(op->cursor, member);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}
