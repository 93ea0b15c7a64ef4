#ifndef ROUTE_WORLD_H
#define ROUTE_WORLD_H

#include "base/uuid.h"
#include "fuzz.h"
#include "gate/route.h"

/* What was taken out of the path for a placeholder, whose name begins here. */
static const char *
taken(struct arena *a, const struct op *op, const char *name)
{
	char *id = arena_alloc(a, UUID_TEXT_SIZE);

	if (strncmp(name, "token}", 6) == 0)
		return op->token;
	if (strncmp(name, "index}", 6) == 0)
		return arena_format(a, "%lld", (long long)op->index);
	if (strncmp(name, "seq}", 4) == 0)
		return arena_format(a, "%lld", (long long)op->seq);
	uuid_text(strncmp(name, "id}", 3) == 0 ? &op->id : &op->user_id, id);
	return id;
}

/* The route's pattern with what was taken out of the path put in again. */
static const char *
path_made(struct arena *a, const struct op *op)
{
	const char *pattern = op->route->path, *out = "";
	size_t n;

	while (*pattern != '\0') {
		n = strcspn(pattern, "{");
		out = arena_format(a, "%s%.*s", out, (int)n, pattern);
		pattern += n;
		if (*pattern == '\0')
			break;
		out = arena_format(a, "%s%s", out, taken(a, op, pattern + 1));
		pattern += strcspn(pattern, "}") + 1;
	}
	return out;
}

static void
route_judge(struct arena *a, const struct op *op, enum err r)
{
	const char *path = op->rq->path, *allow = route_allow(a, path);
	bool listed = strstr(allow, method_name(op->rq->method)) != NULL;

	must((r == ERR_OK) == (op->route != NULL));
	must(r != ERR_OK || listed);
	must(r != ERR_METHOD_NOT_ALLOWED || !listed);
	must(r != ERR_NOT_FOUND || *path == '\0' ||
	    strcmp(allow, "GET, HEAD") == 0);
	must(r != ERR_OK || op->route->method == op->rq->method ||
	    (op->route->method == METHOD_GET && op->rq->method == METHOD_HEAD));
	must(r != ERR_OK || strcmp(path_made(a, op), path) == 0);
}

#endif
