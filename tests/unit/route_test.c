#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "gate/route.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ID    "018f3a5e-7c11-7c11-8a11-0123456789ab"
#define OTHER "018f3a5e-7c11-7c11-8a11-ba9876543210"

static struct op op;
static struct request rq;

static int
begin(void **state)
{
	(void)state;
	memset(&op, 0, sizeof(op));
	memset(&rq, 0, sizeof(rq));
	op.arena = arena_new();
	op.rq = &rq;
	return op.arena != NULL ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	arena_free(op.arena);
	return 0;
}

static enum err
match(enum method m, const char *path)
{
	op.route = NULL;
	rq.method = m;
	rq.path = path;
	return route_match(&op);
}

static void
absent(const char *path)
{
	for (int m = METHOD_GET; m <= METHOD_OTHER; m++) {
		if (match((enum method)m, path) != ERR_NOT_FOUND)
			fail_msg("%s is served", path);
		assert_null(op.route);
	}
	/* what is no route is a file's, to be read; "" is no path at all */
	assert_string_equal(route_allow(op.arena, path),
	    *path == '\0' ? "GET, HEAD, POST, PUT, PATCH, DELETE"
			  : "GET, HEAD");
}

/* The table's pattern with its placeholders filled. */
static const char *
filled(const char *pattern)
{
	const char *path = "", *name;
	size_t n;

	while (*pattern != '\0') {
		n = strcspn(pattern, "{");
		path = arena_format(op.arena, "%s%.*s", path, (int)n, pattern);
		pattern += n;
		if (*pattern == '\0')
			break;
		name = strncmp(pattern, "{id}", 4) == 0 ? ID
		    : strncmp(pattern, "{user_id}", 9) == 0 ||
			strncmp(pattern, "{invitation_id}", 15) == 0 ||
			strncmp(pattern, "{session_id}", 12) == 0 ||
			strncmp(pattern, "{export_id}", 11) == 0
		    ? OTHER
		    : strncmp(pattern, "{index}", 7) == 0 ||
			strncmp(pattern, "{seq}", 5) == 0
		    ? "17"
		    : "a-token_of-letters";
		path = arena_format(op.arena, "%s%s", path, name);
		pattern += strcspn(pattern, "}") + 1;
	}
	return path;
}

static void
every_row_is_found_by_its_path(void **state)
{
	(void)state;
	assert_true(routes_count > 30);
	for (size_t i = 0; i < routes_count; i++) {
		const char *path = filled(routes[i].path);

		assert_int_equal(match(routes[i].method, path), ERR_OK);
		assert_ptr_equal(op.route, &routes[i]);
		assert_non_null(strstr(route_allow(op.arena, path),
		    method_name(routes[i].method)));
	}
}

static void
placeholders_are_read(void **state)
{
	struct uuid id, other;

	(void)state;
	assert_int_equal(uuid_parse(ID, &id), ERR_OK);
	assert_int_equal(uuid_parse(OTHER, &other), ERR_OK);
	assert_int_equal(
	    match(METHOD_POST, "/v1/recordings/" ID "/chunks/99999/done"),
	    ERR_OK);
	assert_int_equal(op.index, 99999);
	assert_int_equal(
	    match(METHOD_POST, "/v1/recordings/" ID "/chunks/007/done"),
	    ERR_NOT_FOUND);
	assert_int_equal(
	    match(METHOD_GET, "/v1/audit/999999999999999999"), ERR_OK);
	assert_int_equal(op.seq, 999999999999999999);
	assert_int_equal(
	    match(METHOD_GET, "/v1/audit/1000000000000000000"), ERR_NOT_FOUND);
	assert_int_equal(match(METHOD_GET, "/v1/audit/key"), ERR_OK);
	assert_string_equal(op.route->operation, "audit_key");
	assert_int_equal(
	    match(METHOD_POST, "/v1/patients/" ID "/care-team/" OTHER), ERR_OK);
	assert_true(uuid_equal(&op.id, &id));
	assert_true(uuid_equal(&op.user_id, &other));
	assert_int_equal(
	    match(METHOD_POST, "/v1/invitations/abc/accept"), ERR_OK);
	assert_string_equal(op.token, "abc");
}

/* Nothing is decoded, folded or resolved on the way to a row. */
static void
a_path_has_one_spelling(void **state)
{
	static const char *const wrong[] = { "", "/", "v1/session",
		"//v1/session", "/v1//session", "/v1/session/", "/v1/session//",
		"/v1/session/.", "/v1/./session", "/v1/users/../session",
		"/v1/session/..", "/V1/session", "/v1/Session", "/v1/session ",
		" /v1/session", "/v1/session?", "/v1/session;x=1",
		"/v1/session%00", "/v1%2fsession", "/v1%2Fsession",
		"/v1/%73ession", "/v1\\session", "/v1/sessions", "/v1/sessio",
		"/v1", "/v1/", "/v1/session\t", "/v1/session\x01",
		"/v2/session", "/v1/users/" ID "/", "/v1/users/" ID "//unlock",
		"/v1/users/" ID "%2funlock", "/v1/users/" ID "/unlock/",
		"/v1/users//unlock", "/v1/users/" ID "/../" OTHER,
		"/v1/patients/" ID "/care-team/",
		"/v1/patients//care-team/" OTHER };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		absent(wrong[i]);
}

static void
an_id_is_a_uuid_as_we_write_it(void **state)
{
	static const char *const wrong[] = { "1", "me", "{id}", "..", "%2e%2e",
		"018f3a5e7c117c118a110123456789ab", "{" ID "}", ID "0",
		"018f3a5e-7c11-7c11-8a11-0123456789a",
		"018f3a5e-7c11-7c11-8a11-0123456789ag",
		"018f3a5e-7c11-7c11-8a11-0123456789%61", "urn:uuid:" ID };
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		snprintf(path, sizeof(path), "/v1/users/%s", wrong[i]);
		assert_int_equal(match(METHOD_GET, path), ERR_NOT_FOUND);
		snprintf(path, sizeof(path), "/v1/patients/" ID "/care-team/%s",
		    wrong[i]);
		assert_int_equal(match(METHOD_POST, path), ERR_NOT_FOUND);
		assert_null(op.route);
	}
}

static void
a_token_is_no_longer_than_tokens_are(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "/v1/invitations/%.43s/accept",
	    "0123456789012345678901234567890123456789012");
	assert_int_equal(match(METHOD_POST, path), ERR_OK);
	assert_int_equal(strlen(op.token), 43);
	snprintf(path, sizeof(path), "/v1/invitations/%.44s/accept",
	    "01234567890123456789012345678901234567890123");
	assert_int_equal(match(METHOD_POST, path), ERR_NOT_FOUND);
	assert_int_equal(
	    match(METHOD_POST, "/v1/invitations//accept"), ERR_NOT_FOUND);
}

static void
another_method_is_refused_and_the_right_ones_named(void **state)
{
	(void)state;
	assert_int_equal(
	    match(METHOD_PUT, "/v1/session"), ERR_METHOD_NOT_ALLOWED);
	assert_int_equal(
	    match(METHOD_OTHER, "/v1/session"), ERR_METHOD_NOT_ALLOWED);
	assert_null(op.route);
	assert_string_equal(
	    route_allow(op.arena, "/v1/session"), "POST, GET, HEAD, DELETE");
	assert_string_equal(
	    route_allow(op.arena, "/v1/patients/" ID), "GET, HEAD, PATCH");
}

/*= AZ-01: what is not granted is denied */
static void
nobody_may_nothing(void **state)
{
	(void)state;
	for (int p = 0; p < PERM_COUNT; p++)
		assert_int_equal(
		    perm_scope((enum perm)p, ROLE_NONE), SCOPE_NONE);
}

/*= AZ-08: the rows that would hurt most if a word of the table slipped */
static void
charts_are_for_care_and_audits_for_compliance(void **state)
{
	(void)state;
	assert_int_equal(
	    perm_scope(PERM_patient_read, ROLE_PATIENT), SCOPE_SELF);
	assert_int_equal(
	    perm_scope(PERM_patient_read, ROLE_CLINICIAN), SCOPE_URGENT);
	assert_int_equal(
	    perm_scope(PERM_patient_update, ROLE_CLINICIAN), SCOPE_CARE);
	assert_int_equal(perm_scope(PERM_patient_read, ROLE_ADMIN), SCOPE_NONE);
	assert_int_equal(
	    perm_scope(PERM_patient_read, ROLE_COMPLIANCE), SCOPE_NONE);
	for (int r = ROLE_NONE; r < ROLE_COUNT; r++) {
		assert_int_equal(perm_scope(PERM_audit_read, (enum role)r),
		    r == ROLE_COMPLIANCE ? SCOPE_CLINIC : SCOPE_NONE);
		assert_int_equal(perm_scope(PERM_user_manage, (enum role)r),
		    r == ROLE_ADMIN ? SCOPE_CLINIC : SCOPE_NONE);
	}
}

/* A route without a session asks for no right; every other asks for one. */
static void
only_public_routes_are_for_anyone(void **state)
{
	(void)state;
	for (size_t i = 0; i < routes_count; i++)
		if ((routes[i].open == OPEN_PUBLIC) !=
		    (routes[i].perm == PERM_anyone))
			fail_msg("%s %s", method_name(routes[i].method),
			    routes[i].path);
}

static void
names_go_both_ways(void **state)
{
	(void)state;
	for (int r = ROLE_NONE + 1; r <= ROLE_COMPLIANCE; r++)
		assert_int_equal(role_parse(role_name((enum role)r)), r);
	for (int s = STATE_NONE + 1; s <= STATE_GUEST; s++)
		assert_int_equal(session_state_parse(
				     session_state_name((enum session_state)s)),
		    s);
	assert_int_equal(role_parse("none"), ROLE_NONE);
	assert_int_equal(role_parse("Admin"), ROLE_NONE);
	assert_int_equal(role_parse(""), ROLE_NONE);
	assert_int_equal(role_parse(NULL), ROLE_NONE);
	assert_int_equal(session_state_parse("active "), STATE_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_row_is_found_by_its_path),
		TEST(placeholders_are_read),
		TEST(a_path_has_one_spelling),
		TEST(an_id_is_a_uuid_as_we_write_it),
		TEST(a_token_is_no_longer_than_tokens_are),
		TEST(another_method_is_refused_and_the_right_ones_named),
		TEST(nobody_may_nothing),
		TEST(charts_are_for_care_and_audits_for_compliance),
		TEST(only_public_routes_are_for_anyone),
		TEST(names_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
