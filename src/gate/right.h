#ifndef GATE_RIGHT_H
#define GATE_RIGHT_H

#include "gate/route.h"

/* Is the session in a state in which the route answers? (IA-03) */
bool right_in_state(const struct route *, enum session_state);

/* Does an actor who stands so to a record have what the scope asks for? */
bool right_suffices(enum scope, const struct standing *);

/* The patient whose record a request is about, as the database found it (nil:
 * nobody's), and how the actor stands to it. */
struct whose {
	struct uuid patient;
	struct standing standing;
};

/*
 * The rules of dispatch.c. right_state: is this open in the session's state?
 * right_check: has the actor the right, to this subject if the path names it?
 * ERR_NOT_FOUND. right_check_body: and to the one that the body names? That is
 * asked before the rest of the body is looked at: who has no right to it does
 * not learn what else is amiss.
 */
NODISCARD enum err right_state(const struct op *);
NODISCARD enum err right_check(struct op *, const struct whose *);
NODISCARD enum err right_check_body(struct op *, const struct whose *);

/*
 * What may be done with a resource: the routes at its address and below, and
 * for a patient those that name one in their body. The resource of a route is
 * its path up to the {id}; that of the session is everything which needs no
 * {id}.
 */
struct resource {
	const char *path;
	size_t n; /* bytes of it; 0: the session's */
};
struct resource right_resource(const struct route *);
bool right_concerns(const struct resource *, const struct route *);

/*
 * The operations on it that this actor has a right to, as a JSON array of
 * their names; new reference. `possible` may be NULL, or leaves out what the
 * state of `row` does not allow now. It promises nothing: the call is checked
 * anew.
 */
json_t *right_may(const struct op *, const struct resource *,
    const struct standing *,
    bool (*possible)(const struct op *, const char *operation, const void *row),
    const void *row);

/* The same for the resource of op's own route, into op->out, unless the
 * operation has said it. */
void right_tell(struct op *);

#endif
