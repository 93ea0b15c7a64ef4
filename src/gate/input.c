#include "gate/input.h"

#include "base/shape.h"
#include "gate/cursor.h"
#include "gate/route.h"
#include "gate/surface.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LIST_DEFAULT 25
#define LIST_MAX     100

/* A number in a body, its digits in a query; 0 for what is neither. */
static int64_t
limit_value(const struct op *op, const json_t *limit)
{
	const char *text = json_string_value(limit);
	char *end;
	int64_t n;

	if (op->route->method != METHOD_GET || text == NULL)
		return json_integer_value(limit);
	n = strtol(text, &end, 10);
	return *text >= '1' && *text <= '9' && *end == '\0' ? n : 0;
}

static enum err
list_fault(const struct op *op)
{
	return op->route->method == METHOD_GET ? ERR_BAD_QUERY
					       : ERR_INVALID_FIELD;
}

static enum err
list_input(struct op *op)
{
	json_t *limit = json_object_get(op->in, "limit"),
	       *cursor = json_object_get(op->in, "cursor");
	enum err r;

	op->limit = LIST_DEFAULT;
	if (limit != NULL) {
		op->limit = limit_value(op, limit);
		if (op->limit < 1 || op->limit > LIST_MAX)
			return op_refuse(op, list_fault(op), "limit");
		json_object_del(op->in, "limit");
	}
	if (cursor != NULL && !json_is_null(cursor)) {
		if (!json_is_string(cursor))
			return op_refuse(op, list_fault(op), "cursor");
		r = cursor_open(op, json_string_value(cursor), &op->cursor);
		if (r != ERR_OK)
			return op_refuse(op, r, "cursor");
	}
	json_object_del(op->in, "cursor");
	return ERR_OK;
}

/* The query of a GET. limit and cursor belong to the gate, the rest to the
 * operation's shape. */
static enum err
query_input(struct op *op)
{
	static const struct shape paging[] = {
		{ "limit", SH_TEXT, 1, 4, .flags = 0 },
		{ "cursor", SH_TEXT, 1, 2000, .flags = 0 },
	};
	struct shape all[32] = { { 0 } };
	size_t n = 0;
	const struct shape *s;

	for (s = op->route->in; s->kind != SH_END && n < 29; s++)
		all[n++] = *s;
	if ((op->route->traits & TRAIT_LISTS) != 0) {
		all[n++] = paging[0];
		all[n++] = paging[1];
	}
	return shape_query(
	    op->arena, op->rq->query, all, &op->in, &op->culprit);
}

static bool
is_media(const char *type, const char *wanted)
{
	const size_t n = strlen(wanted);

	return type != NULL && strncasecmp(type, wanted, n) == 0 &&
	    (type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

static enum err
body_input(struct op *op)
{
	if (op->rq->query != NULL && *op->rq->query != '\0')
		return ERR_BAD_QUERY; /*= SE-08: nothing rides in a query */
	if (op->rq->body.n == 0) {
		op->in = json_object();
		return ERR_OK;
	}
	if (!is_media(op->rq->content_type, surface_of(op->rq)->media) &&
	    !is_media(op->rq->content_type, "application/merge-patch+json"))
		return ERR_UNSUPPORTED_MEDIA;
	return shape_parse_named(
	    op->arena, op->rq->body, &op->in, &op->culprit);
}

enum err
input_read(struct op *op)
{
	return op->route->method == METHOD_GET ? query_input(op)
					       : body_input(op);
}

enum err
input_check(struct op *op)
{
	enum err r;

	if ((op->route->traits & TRAIT_LISTS) != 0 &&
	    (r = list_input(op)) != ERR_OK)
		return r;
	return shape_check(op->arena, op->route->in, op->in,
	    (op->route->traits & TRAIT_PATCHES) != 0, &op->culprit);
}

void
input_drop(struct op *op)
{
	if (op->in != NULL)
		json_wipe(op->in);
	json_decref(op->in);
	json_decref(op->cursor);
	if (op->out != NULL)
		json_wipe(op->out);
	json_decref(op->out);
	json_decref(op->more);
}
