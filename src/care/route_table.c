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
