#ifndef SHAPE_WORLD_H
#define SHAPE_WORLD_H

#include "base/shape.h"
#include "fuzz.h"
#include "gate/route.h"

/* The query of a GET, the body of others; NULL if it is neither. */
static json_t *
shape_read(struct arena *a, const struct route *rt, struct bytes in)
{
	const char *query = arena_text_n(a, (const char *)in.p, in.n), *bad;
	json_t *out = NULL;
	enum err r;

	if (rt->method == METHOD_GET)
		r = shape_query(a, query, rt->in, &out, &bad);
	else
		r = shape_parse_named(a, in, &out, &bad);
	must((r == ERR_OK) == json_is_object(out));
	return out;
}

static bool
timed(const struct shape *s)
{
	for (; !shape_empty(s); s++)
		if (s->kind == SH_TIME || (s->inner != NULL && timed(s->inner)))
			return true;
	return false;
}

/* What was checked is in its normal form: checked again, it stays as it is
 * (but for times, which are numbers by now). */
static bool
stays(struct arena *a, const struct shape *s, const json_t *in, bool partial)
{
	json_t *again = json_deep_copy(in);
	const char *culprit;
	bool same = timed(s) ||
	    (shape_check(a, s, again, partial, &culprit) == ERR_OK &&
		json_equal(again, in));

	json_decref(again);
	return same;
}

static void
let_go(json_t *in)
{
	if (in != NULL)
		json_wipe(in);
	json_decref(in);
}

#endif
