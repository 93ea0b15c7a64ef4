#include "gate/input.h"

#include "base/card.h"
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

	for (s = op->route->in; !shape_empty(s) && n < 29; s++)
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

static enum card_text
text_kind(const struct shape *s)
{
	if (s == NULL)
		return CARD_FREE; /* of an unknown member, too */
	if (s->kind == SH_PHONE)
		return CARD_PHONE;
	return s->kind == SH_EMAIL || (s->flags & SH_IDENTIFIER) != 0
	    ? CARD_IDENTIFIER
	    : CARD_FREE;
}

/* Secrets are taken as they are: of them nothing is kept but a hash. And the
 * digits of an id are not looked at. */
static bool
is_written(const struct shape *s)
{
	return s == NULL || (s->kind != SH_RAW && s->kind != SH_UUID);
}

static enum err cards_refuse(
    struct op *, const struct shape *, const char *name, const json_t *);

static enum err
members_refuse_cards(struct op *op, const struct shape *shape,
    const char *outer, const json_t *object)
{
	const char *name;
	json_t *value;
	enum err r;

	json_object_foreach ((json_t *)(uintptr_t)object, name, value) {
		r = card_check(op->arena, CARD_FREE, name);
		if (r != ERR_OK)
			return op_refuse(op, r, outer);
		r = cards_refuse(op, shape_find(shape, name),
		    outer == NULL
			? arena_text(op->arena, name)
			: arena_format(op->arena, "%s.%s", outer, name),
		    value);
		if (r != ERR_OK)
			return r;
	}
	return ERR_OK;
}

/* A number that is written without quotes is a text here, too. */
static enum err
cards_refuse(
    struct op *op, const struct shape *s, const char *name, const json_t *value)
{
	const char *text = json_string_value(value);
	const json_t *item;
	size_t i;
	enum err r = ERR_OK;

	if (json_is_object(value))
		return members_refuse_cards(
		    op, s == NULL ? NULL : s->inner, name, value);
	if (json_is_integer(value))
		text = arena_format(
		    op->arena, "%lld", (long long)json_integer_value(value));
	if (text != NULL && is_written(s))
		r = card_check(op->arena, text_kind(s), text);
	json_array_foreach (value, i, item)
		if (r == ERR_OK &&
		    (r = cards_refuse(op, s, name, item)) != ERR_OK)
			return r;
	return r == ERR_OK ? r : op_refuse(op, r, name);
}

enum err
input_read(struct op *op)
{
	if ((op->route->traits & TRAIT_RAW) != 0) {
		op->in = json_object();
		return op->in != NULL ? ERR_OK : ERR_INTERNAL;
	}
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
	/*= PY-01: no text of a request gets past here with a card number */
	if ((r = members_refuse_cards(op, op->route->in, NULL, op->in)) !=
	    ERR_OK)
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
