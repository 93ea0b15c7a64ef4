#ifndef GATE_ROUTE_H
#define GATE_ROUTE_H

#include "base/err.h"
#include "base/shape.h"
#include "gate/op.h"

#include <stddef.h>

/* The rows of tables/routes.def, perms.def and events.def as data; and of
 * what tools/sqlgen makes of sql/reports. */

enum open {
	OPEN_PUBLIC,
	OPEN_SIGNED_IN,
	OPEN_TOTP,
	OPEN_PASSWORD,
	OPEN_ENROL_ACTIVE,
	OPEN_GUEST_ACTIVE,
	OPEN_ACTIVE
};
enum subject {
	SUBJECT_NOBODY,
	SUBJECT_ME,
	SUBJECT_PATIENT,
	SUBJECT_VISIT,
	SUBJECT_RECORDING,
	SUBJECT_BODY
};
enum trait {
	TRAIT_CREATES = 1,
	TRAIT_PATCHES = 2,
	TRAIT_LISTS = 4,
	TRAIT_HASHES = 8,
	TRAIT_SOCKET = 16,
	TRAIT_RECORD = 32,
	TRAIT_MAY = 64,
	TRAIT_OWN = 128,
	TRAIT_SEARCHES = 256,
	TRAIT_CSV = 512,
	TRAIT_ASKS = 1024,
	TRAIT_RAW = 2048,
	TRAIT_PDF = 4096,
	TRAIT_PLAIN = 8192,
	TRAIT_TABLE = 16384,
	TRAIT_FRESH = 32768,
	TRAIT_STATE = 65536,
	TRAIT_FHIR = 131072,
	TRAIT_KEPT = 262144
};

enum perm {
#define PERM(name, patient, clinician, scheduler, admin, compliance)           \
	PERM_##name,
#include "tables/perms.def"
#undef PERM
	PERM_COUNT
};

enum event {
#define EVENT(name, stored, action) EVENT_##name,
#include "tables/events.def"
#undef EVENT
	EVENT_COUNT
};

enum route_id {
#define ROUTE(                                                                 \
    method, path, operation, open, permission, subject, event, traits)         \
	ROUTE_##operation,
#include "tables/routes.def"

#include "reports.def"
#undef ROUTE
	ROUTE_COUNT
};

struct route {
	enum method method;
	const char *path;
	const char *operation;
	enum err (*run)(struct op *);
	const struct shape *in, *out;
	enum open open;
	enum perm perm;
	enum subject subject;
	enum event event;
	unsigned traits;
};

/* By enum route_id; bound to operations in care/route_table.c. */
extern const struct route routes[];
extern const size_t routes_count;

/* Stands in the audit log for a path or method that is no route's, and for
 * refusals of several routes that are counted together. */
extern const struct route route_none;

/* What the session's question calls it: "patient", "visit", "recording"; NULL
 * for none. */
const char *route_subject_kind(const struct route *);
const char *method_name(enum method);
const char *perm_name(enum perm);
enum scope perm_scope(enum perm, enum role);
const char *scope_name(enum scope);
const char *event_stored(enum event);
const char *event_action(enum event); /* "C", "R", "U", "D" or "E" */

/* Finds the route of op->rq and fills op->route, id, user_id, index
 * and token.
 * ERR_NOT_FOUND; ERR_METHOD_NOT_ALLOWED when the path exists. */
NODISCARD enum err route_match(struct op *);
/* The route that a path without one was meant for, if only an id in it is none:
 * its session is asked for first, then there is nothing here. */
bool route_guess(struct op *);
/* Methods of a path for an Allow header: "GET, HEAD, POST". A path without a
 * route is a file's or the server's own, to be read; "" is no path at all. */
const char *route_allow(struct arena *, const char *path);

#endif
