#ifndef ROUTE_WORLD_H
#define ROUTE_WORLD_H

#include "base/uuid.h"
#include "fuzz.h"
#include "gate/route.h"

/* The route's pattern with what was taken out of the path put in again. */
static const char *
path_made(struct arena *a, const struct op *op)
{
	const char *pattern = op->route->path, *out = "";
	char id[UUID_TEXT_SIZE];
	size_t n;

	while (*pattern != '\0') {
		n = strcspn(pattern, "{");
		out = arena_format(a, "%s%.*s", out, (int)n, pattern);
		pattern += n;
		if (*pattern == '\0')
			break;
		uuid_text(pattern[1] == 'u' ? &op->user_id : &op->id, id);
		out = arena_format(
		    a, "%s%s", out, pattern[1] == 't' ? op->token : id);
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
