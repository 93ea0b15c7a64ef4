#include "gate/route.h"

#include "base/factor.h"

#include <string.h>

#define INDEX_DIGITS 5
#define SEQ_DIGITS   18

static const enum scope perms[PERM_COUNT][ROLE_COUNT] = {
#define PERM(name, patient, clinician, scheduler, admin, compliance)           \
	[PERM_##name] = { SCOPE_NONE, SCOPE_##patient, SCOPE_##clinician,      \
		SCOPE_##scheduler, SCOPE_##admin, SCOPE_##compliance },
#include "tables/perms.def"
#undef PERM
};

static const enum scope guest_perms[PERM_COUNT] = {
#define GUEST_PERM(name, scope) [PERM_##name] = SCOPE_##scope,
#include "tables/guest_perms.def"
#undef GUEST_PERM
};

static const char *const perm_names[PERM_COUNT] = {
#define PERM(name, patient, clinician, scheduler, admin, compliance) #name,
#include "tables/perms.def"
#undef PERM
};

static const struct {
	const char *stored, *action;
} events[EVENT_COUNT] = {
#define EVENT(name, stored, action) { stored, #action },
#include "tables/events.def"
#undef EVENT
};

static const char *const method_names[] = { "GET", "HEAD", "POST", "PUT",
	"PATCH", "DELETE", "OPTIONS", "OTHER" };
static const char *const scope_names[] = { "none", "self", "part", "care",
	"care, emergency", "clinic" };
static const char *const state_names[] = { "none", "totp_required",
	"totp_enrolment_required", "password_expired", "active", "guest" };

const struct route route_none = {
	.path = "",
	.operation = "none",
	.event = EVENT_request_refused,
};

const char *
route_subject_kind(const struct route *route)
{
	switch (route->subject) {
	case SUBJECT_PATIENT:
	case SUBJECT_BODY:
		return "patient";
	case SUBJECT_VISIT:
		return "visit";
	case SUBJECT_RECORDING:
		return "recording";
	default:
		return NULL;
	}
}

const char *
method_name(enum method m)
{
	return method_names[m];
}

const char *
perm_name(enum perm p)
{
	return perm_names[p];
}

enum scope
perm_scope(enum perm p, enum role role)
{
	return role == ROLE_GUEST ? guest_perms[p] : perms[p][role];
}

const char *
scope_name(enum scope s)
{
	return scope_names[s];
}

const char *
event_stored(enum event e)
{
	return events[e].stored;
}

const char *
event_action(enum event e)
{
	return events[e].action;
}

const char *
session_state_name(enum session_state s)
{
	return state_names[s];
}

enum session_state
session_state_parse(const char *name)
{
	enum session_state s;

	for (s = STATE_NONE + 1; name != NULL && s <= STATE_GUEST; s++)
		if (strcmp(state_names[s], name) == 0)
			return s;
	return STATE_NONE;
}

/* A number from 0, written in one way only. */
static bool
number_take(int64_t *to, size_t digits, const char *p, size_t n)
{
	int64_t number = 0;
	size_t i;

	if (n == 0 || n > digits || (n > 1 && p[0] == '0'))
		return false;
	for (i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return false;
		number = number * 10 + (p[i] - '0');
	}
	if (to != NULL)
		*to = number;
	return true;
}

static bool
uuid_take(struct uuid *to, const char *p, size_t n)
{
	char text[UUID_TEXT_SIZE];
	struct uuid id;

	if (n != UUID_TEXT_SIZE - 1)
		return false;
	memcpy(text, p, n);
	text[n] = '\0';
	if (uuid_parse(text, &id) != ERR_OK)
		return false;
	if (to != NULL)
		*to = id;
	return true;
}

static bool
token_take(struct op *op, const char *p, size_t n)
{
	if (n == 0 || n >= FACTOR_TOKEN_SIZE)
		return false;
	if (op != NULL)
		op->token = arena_text_n(op->arena, p, n);
	return true;
}

/* One {placeholder} of a pattern against one segment of a path; op may be
 * NULL, to ask only whether it fits. */
static bool
segment_take(
    struct op *op, const char *name, size_t name_n, const char *p, size_t n)
{
	if (name_n == 5 && strncmp(name, "token", 5) == 0)
		return token_take(op, p, n);
	if (name_n == 5 && strncmp(name, "index", 5) == 0)
		return number_take(
		    op == NULL ? NULL : &op->index, INDEX_DIGITS, p, n);
	if (name_n == 3 && strncmp(name, "seq", 3) == 0)
		return number_take(
		    op == NULL ? NULL : &op->seq, SEQ_DIGITS, p, n);
	if (op == NULL)
		return uuid_take(NULL, p, n);
	return uuid_take(name_n == 2 ? &op->id : &op->user_id, p, n);
}

/* Compares segment by segment on the raw path: nothing is decoded, so %2f,
 * dots and double slashes match no row. op may be NULL. */
static bool
path_matches(struct op *op, const char *pattern, const char *path)
{
	size_t pn, n;

	for (;;) {
		if (*pattern != '/' || *path != '/')
			return *pattern == '\0' && *path == '\0';
		pattern++;
		path++;
		pn = strcspn(pattern, "/");
		n = strcspn(path, "/");
		if (*pattern == '{') {
			if (!segment_take(op, pattern + 1, pn - 2, path, n))
				return false;
		} else if (pn != n || strncmp(pattern, path, n) != 0)
			return false;
		pattern += pn;
		path += n;
	}
}

/* HEAD is GET without the body: the same rights, the same audit row. */
static bool
method_fits(const struct route *route, enum method m)
{
	return route->method == m ||
	    (route->method == METHOD_GET && m == METHOD_HEAD);
}

enum err
route_match(struct op *op)
{
	enum err r = ERR_NOT_FOUND;
	size_t i;

	for (i = 0; i < routes_count; i++) {
		if (!path_matches(NULL, routes[i].path, op->rq->path))
			continue;
		if (!method_fits(&routes[i], op->rq->method)) {
			r = ERR_METHOD_NOT_ALLOWED;
			continue;
		}
		op->route = &routes[i];
		/* again, now to take what stands for the placeholders */
		(void)path_matches(op, routes[i].path, op->rq->path);
		return ERR_OK;
	}
	return r;
}

/* The same without regard to what stands in the place of an {id}. */
static bool
path_is_like(const char *pattern, const char *path)
{
	size_t pn, n;

	for (;;) {
		if (*pattern != '/' || *path != '/')
			return *pattern == '\0' && *path == '\0';
		pattern++;
		path++;
		pn = strcspn(pattern, "/");
		n = strcspn(path, "/");
		if (n == 0 ||
		    (*pattern != '{' &&
			(pn != n || strncmp(pattern, path, n) != 0)))
			return false;
		pattern += pn;
		path += n;
	}
}

bool
route_guess(struct op *op)
{
	const struct route *r;

	for (r = routes; r < routes + routes_count; r++)
		if (r->open != OPEN_PUBLIC && method_fits(r, op->rq->method) &&
		    path_is_like(r->path, op->rq->path)) {
			op->route = r;
			return true;
		}
	return false;
}

const char *
route_allow(struct arena *a, const char *path)
{
	const char *list = "";
	size_t i;

	if (*path == '\0')
		return "GET, HEAD, POST, PUT, PATCH, DELETE";
	for (i = 0; i < routes_count; i++)
		if (path_matches(NULL, routes[i].path, path))
			list = arena_format(a, "%s%s%s%s", list,
			    *list == '\0' ? "" : ", ",
			    method_name(routes[i].method),
			    routes[i].method == METHOD_GET ? ", HEAD" : "");
	return *list == '\0' ? "GET, HEAD" : list;
}
