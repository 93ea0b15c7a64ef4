/* Fuzzes route_match, route_allow: src/gate/route.c. A path is of one route or
 * of none, as it stands; the first byte chooses the method. */
#include "route_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	struct request rq = { .method = p[0] % (METHOD_OTHER + 1) };
	struct op op = { .rq = &rq, .arena = a };

	rq.path = arena_text_n(a, (const char *)p + 1, n - 1);
	route_judge(a, &op, route_match(&op));
}
