#include "gate/right.h"

#include "gate/input.h"

#include <string.h>

#define PATIENT "/v1/patients/{id}" /* whom a body names */

/*= IA-03, IA-15: only what leads out of a state is open in it */
bool
right_in_state(const struct route *route, enum session_state state)
{
	switch (route->open) {
	case OPEN_PUBLIC:
	case OPEN_SIGNED_IN:
		return true;
	case OPEN_TOTP:
		return state == STATE_TOTP_REQUIRED;
	case OPEN_PASSWORD:
		return state == STATE_PASSWORD_EXPIRED || state == STATE_ACTIVE;
	case OPEN_ENROL_ACTIVE:
		return state == STATE_TOTP_ENROLMENT_REQUIRED ||
		    state == STATE_ACTIVE;
	case OPEN_GUEST_ACTIVE:
		return state == STATE_GUEST || state == STATE_ACTIVE;
	case OPEN_ACTIVE:
		return state == STATE_ACTIVE;
	}
	return false;
}

bool
right_suffices(enum scope scope, const struct standing *s)
{
	switch (scope) {
	case SCOPE_NONE:
		return false;
	case SCOPE_SELF:
		return s->self;
	case SCOPE_PART:
		return s->part;
	case SCOPE_CARE:
		return s->care;
	case SCOPE_URGENT:
		return s->care || s->emergency;
	case SCOPE_CLINIC:
		return true;
	}
	return false;
}

static enum err
state_error(enum session_state state)
{
	switch (state) {
	case STATE_TOTP_REQUIRED:
		return ERR_TOTP_REQUIRED;
	case STATE_TOTP_ENROLMENT_REQUIRED:
		return ERR_TOTP_ENROLMENT_REQUIRED;
	case STATE_PASSWORD_EXPIRED:
		return ERR_PASSWORD_EXPIRED;
	case STATE_GUEST:
		return ERR_NOT_FOUND; /* nothing leads out of it */
	case STATE_ACTIVE:
		return ERR_WRONG_STATUS; /* the step has been taken already */
	default:
		return ERR_NOT_SIGNED_IN;
	}
}

enum err
right_state(const struct op *op)
{
	return right_in_state(op->route, op->who.state)
	    ? ERR_OK
	    : state_error(op->who.state);
}

static enum err
subject_check(struct op *op, const struct whose *whose)
{
	op->patient = whose->patient;
	op->standing = whose->standing;
	/*= AZ-06: each look by emergency access says so */
	op->note.emergency = whose->standing.emergency;
	return !uuid_is_nil(&op->patient) &&
		right_suffices(op->scope, &op->standing)
	    ? ERR_OK
	    : ERR_NOT_FOUND;
}

/*= AZ-01: what is not granted does not exist; denied and absent are one */
enum err
right_check(struct op *op, const struct whose *whose)
{
	if (op->route->open == OPEN_PUBLIC)
		return ERR_OK;
	op->scope = perm_scope(op->route->perm, op->who.role);
	if (op->scope == SCOPE_NONE)
		return ERR_NOT_FOUND;
	return route_subject_kind(op->route) == NULL ||
		op->route->subject == SUBJECT_BODY
	    ? ERR_OK
	    : subject_check(op, whose);
}

enum err
right_check_body(struct op *op, const struct whose *whose)
{
	const struct uuid patient = in_uuid(op, "patient_id");
	enum err r;

	if (op->route->subject != SUBJECT_BODY)
		return ERR_OK;
	if (uuid_is_nil(&patient)) {
		r = input_check(op); /* names what is wrong with it */
		return r != ERR_OK ? r : ERR_NOT_FOUND;
	}
	return subject_check(op, whose);
}

/* A list is one of the resources below it. */
static const struct route *
listed(const struct route *list)
{
	const size_t n = strlen(list->path);
	const struct route *r;

	for (r = routes; r < routes + routes_count; r++)
		if (strncmp(r->path, list->path, n) == 0 &&
		    strcmp(r->path + n, "/{id}") == 0)
			return r;
	return list;
}

struct resource
right_resource(const struct route *route)
{
	const char *id;

	if ((route->traits & TRAIT_LISTS) != 0)
		route = listed(route);
	id = strstr(route->path, "{id}");

	if (route->subject == SUBJECT_ME)
		return (struct resource){ "", 0 };
	return (struct resource){ route->path,
		id == NULL ? strlen(route->path)
			   : (size_t)(id - route->path) + strlen("{id}") };
}

bool
right_concerns(const struct resource *r, const struct route *route)
{
	if (r->n == 0)
		return strchr(route->path, '{') == NULL &&
		    route->open != OPEN_PUBLIC;
	if (route->subject == SUBJECT_BODY)
		return r->n == strlen(PATIENT) &&
		    strncmp(r->path, PATIENT, r->n) == 0;
	return strncmp(route->path, r->path, r->n) == 0 &&
	    (route->path[r->n] == '\0' || route->path[r->n] == '/');
}

/* Has the actor the right to the route, standing so to the record that its {id}
 * or its body names? */
static bool
stands(const struct op *op, const struct route *route,
    const struct resource *of, const struct standing *s)
{
	enum scope scope = perm_scope(route->perm, op->who.role);

	if (of->n == 0 || route->subject == SUBJECT_NOBODY ||
	    route->subject == SUBJECT_ME)
		return scope != SCOPE_NONE;
	return right_suffices(scope, s);
}

json_t *
right_may(const struct op *op, const struct resource *of,
    const struct standing *standing,
    bool (*possible)(const struct op *, const char *, const void *),
    const void *row)
{
	json_t *list = json_array();
	const struct route *r;

	for (r = routes; r < routes + routes_count; r++)
		if (right_concerns(of, r) && right_in_state(r, op->who.state) &&
		    stands(op, r, of, standing) &&
		    (possible == NULL || possible(op, r->operation, row)))
			json_array_append_new(list, json_string(r->operation));
	return list;
}

void
right_tell(struct op *op)
{
	struct resource of = right_resource(op->route);

	if ((op->route->traits & TRAIT_MAY) != 0 &&
	    (op->route->traits & TRAIT_LISTS) == 0 &&
	    json_object_get(op->out, "may") == NULL)
		json_object_set_new(op->out, "may",
		    right_may(op, &of, &op->standing, NULL, NULL));
}
