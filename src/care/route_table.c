/* Binds the rows of tables/routes.def to their operations. */
#include "care/operations.h"
#include "gate/route.h"

enum {
	CREATES = TRAIT_CREATES,
	PATCHES = TRAIT_PATCHES,
	LISTS = TRAIT_LISTS,
	HASHES = TRAIT_HASHES,
	SOCKET = TRAIT_SOCKET,
	RECORD = TRAIT_RECORD,
	MAY = TRAIT_MAY,
	OWN = TRAIT_OWN,
	SEARCHES = TRAIT_SEARCHES,
	CSV = TRAIT_CSV,
	ASKS = TRAIT_ASKS,
	RAW = TRAIT_RAW,
	PDF = TRAIT_PDF,
	PLAIN = TRAIT_PLAIN,
	TABLE = TRAIT_TABLE,
	FRESH = TRAIT_FRESH,
	STATE = TRAIT_STATE,
	FHIR = TRAIT_FHIR,
	KEPT = TRAIT_KEPT,
};

/* A shape that nobody wrote is NULL here: the operation takes, or answers,
 * nothing. If one was forgotten, whatever is sent is refused. */
#define ROUTE(                                                                 \
    method, path, operation, open, permission, subject, event, traits)         \
	extern const struct shape operation##_in[] __attribute__((weak));      \
	extern const struct shape operation##_out[] __attribute__((weak));
#include "tables/routes.def"

#include "reports.def"
#undef ROUTE

const struct route routes[] = {
#define ROUTE(                                                                 \
    method, path, operation, open, permission, subject, event, traits)         \
	{ METHOD_##method, path, #operation, operation, operation##_in,        \
		operation##_out, OPEN_##open, PERM_##permission,               \
		SUBJECT_##subject, EVENT_##event, traits },
#include "tables/routes.def"

#include "reports.def"
#undef ROUTE
};

const size_t routes_count = sizeof(routes) / sizeof(routes[0]);
