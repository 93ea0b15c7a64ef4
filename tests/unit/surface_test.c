#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "gate/dispatch.h"
#include "gate/route.h"
#include "gate/surface.h"

#include <stdbool.h>
#include <string.h>

static enum surface_id
of(const char *path, bool local)
{
	const struct request rq = { .path = path, .local = local };

	return surface_id(surface_of(&rq));
}

static void
a_path_is_one_surface_s(void **state)
{
	(void)state;
	assert_int_equal(of("/v1/session", false), SURFACE_api);
	assert_int_equal(of("/v1/openapi.json", false), SURFACE_description);
	assert_int_equal(of("/v1/openapi.json/x", false), SURFACE_api);
	assert_int_equal(of("/v1", false), SURFACE_pages);
	assert_int_equal(of("/v1x", false), SURFACE_pages);
	assert_int_equal(of("/", false), SURFACE_pages);
	assert_int_equal(of("/visits", false), SURFACE_pages);
	assert_int_equal(of("/healthz", false), SURFACE_alive);
	assert_int_equal(of("/healthz/", false), SURFACE_pages);
	assert_int_equal(of("/readyz", false), SURFACE_ready);
	/* refused before it had a path */
	assert_int_equal(of("", false), SURFACE_api);
	assert_int_equal(of("*", false), SURFACE_api);
}

/*= OP-04: to others it is a page that is not there */
static void
metrics_are_there_on_this_machine(void **state)
{
	(void)state;
	assert_int_equal(of("/metrics", true), SURFACE_metrics);
	assert_int_equal(of("/metrics", false), SURFACE_pages);
}

/* What a route's traits ask for its surface has to have. */
static void
routes_have_what_they_need(void **state)
{
	const struct surface *s;
	struct request rq = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < routes_count; i++) {
		rq.path = routes[i].path;
		s = surface_of(&rq);
		assert_non_null(s->media);
		assert_true(
		    (routes[i].traits & TRAIT_LISTS) == 0 || s->list != NULL);
		assert_true(
		    (routes[i].traits & TRAIT_PATCHES) == 0 || s->tag != NULL);
		assert_string_equal(s->kept, "no-store");
	}
}

static const char *
header(const struct reply *rp, const char *name)
{
	const char *line;
	size_t i;

	for (i = 0; i < rp->header_count; i++)
		if (strcmp(rp->headers[i].name, name) == 0)
			return rp->headers[i].value;
	line = strstr(rp->always, name);
	return line == NULL ? "" : line + strlen(name);
}

/*= TR-05, TR-22: each surface refuses in its own format, and nothing is kept */
static void
each_refuses_in_its_own_way(void **state)
{
	struct arena *a = arena_new();
	struct request rq = { .local = true };
	struct reply rp;
	size_t i;

	(void)state;
	for (i = 0; i < SURFACE_COUNT; i++) {
		rq.path = surfaces[i].prefix;
		dispatch_refuse(a, &rq, ERR_NOT_FOUND, &rp);
		assert_int_equal(rp.status, 404);
		assert_string_equal(rp.content_type, surfaces[i].problem_media);
		assert_string_equal(header(&rp, "Cache-Control"), "no-store");
		assert_non_null(strstr(header(&rp, "Content-Security-Policy"),
		    "default-src 'none'"));
	}
	arena_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_is_one_surface_s),
		cmocka_unit_test(metrics_are_there_on_this_machine),
		cmocka_unit_test(routes_have_what_they_need),
		cmocka_unit_test(each_refuses_in_its_own_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
