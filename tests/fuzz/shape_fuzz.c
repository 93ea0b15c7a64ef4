/* Fuzzes shape_parse_named, shape_query, shape_check: src/base/shape*.c, with the
 * input shape of the operation that the first byte chooses. */
#include "base/shape.h"
#include "fuzz.h"
#include "gate/route.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new();
	const struct route *rt = &routes[n == 0 ? 0 : data[0] % routes_count];
	const uint8_t *p = n == 0 ? data : data + 1;
	const char *culprit = NULL,
		   *q = arena_text_n(a, (const char *)p, n - (n != 0));
	json_t *in = NULL;
	enum err r;

	n -= n != 0;
	r = rt->method == METHOD_GET
	    ? shape_query(a, q, rt->in, &in, &culprit)
	    : shape_parse_named(a, (struct bytes){ p, n }, &in, &culprit);
	if (r == ERR_OK)
		r = shape_check(a, rt->in, in, n % 2, &culprit);
	must(r != ERR_OK || json_is_object(in));
	if (in != NULL)
		json_wipe(in);
	json_decref(in);
	arena_free(a);
	return 0;
}
