/* Fuzzes shape_parse_named, shape_query, shape_check: src/base/shape*.c, with the
 * input shape of the operation that the first byte chooses. */
#include "shape_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	const struct route *rt = &routes[p[0] % routes_count];
	struct bytes body = { p + 1, n - 1 };
	json_t *in = shape_read(a, rt, body);
	const char *bad;

	if (in != NULL && shape_check(a, rt->in, in, n % 2, &bad) == ERR_OK)
		must(stays(a, rt->in, in, n % 2));
	let_go(in);
}
