/* Fuzzes route_match, route_allow: src/gate/route.c */
#include "fuzz.h"
#include "gate/route.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new();
	struct request rq = {
		.method = n == 0 ? METHOD_GET : data[0] % (METHOD_OTHER + 1),
		.path = arena_text_n(
		    a, (const char *)data + (n > 0), n - (n > 0)),
	};
	struct op op = { .rq = &rq, .arena = a };
	const char *allow = route_allow(a, rq.path);
	enum err r = route_match(&op);

	must((r == ERR_OK) == (op.route != NULL));
	must(r != ERR_OK || op.route->method == rq.method);
	must(r != ERR_OK || strstr(allow, method_name(rq.method)) != NULL);
	must(r != ERR_METHOD_NOT_ALLOWED || *allow != '\0');
	must(strchr(rq.path, '%') == NULL || r != ERR_OK || op.token != NULL);
	arena_free(a);
	return 0;
}
