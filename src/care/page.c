#include "care/page.h"

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
