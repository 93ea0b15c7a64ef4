/* The only file of the gate that sees care/: it binds rows to functions. */
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
};

const struct route routes[] = {
#define ROUTE(                                                                 \
    method, path, operation, open, permission, subject, event, traits)         \
	{ METHOD_##method, path, #operation, operation, operation##_in,        \
		operation##_out, OPEN_##open, PERM_##permission,               \
		SUBJECT_##subject, EVENT_##event, traits },
#include "tables/routes.def"
#undef ROUTE
};

const size_t routes_count = sizeof(routes) / sizeof(routes[0]);
