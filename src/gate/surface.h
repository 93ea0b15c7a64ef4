#ifndef GATE_SURFACE_H
#define GATE_SURFACE_H

#include "gate/op.h"

/* The rows of tables/surfaces.def as data: where the server can be asked, and
 * how it speaks there. */

enum surface_id {
#define SURFACE(                                                               \
    name, prefix, who, rate, policy, kept, media, errors, type, list, tag)     \
	SURFACE_##name,
#include "tables/surfaces.def"
#undef SURFACE
	SURFACE_COUNT
};
enum asker { ASKER_NAMED, ASKER_ANYONE, ASKER_LOCAL };
enum policy { POLICY_API, POLICY_PAGE };

struct surface {
	const char *prefix;
	enum asker who;
	enum err (*rate)(struct op *);
	enum policy policy;
	const char *kept;
	const char *media;
	/* the body of a refusal; a new reference */
	json_t *(*problem)(struct op *, enum err);
	const char *problem_media;
	/* the envelope of a list, which takes both references; NULL: no lists */
	json_t *(*list)(json_t *items, json_t *next_cursor);
	/* NULL: no entity tags of versions */
	const char *(*tag)(struct arena *, int64_t version);
};

extern const struct surface surfaces[]; /* by enum surface_id */

/* The surface that a path belongs to. A LOCAL one is there only for clients on
 * this machine; a path that fits no row is the API's. */
const struct surface *surface_of(const struct request *);
enum surface_id surface_id(const struct surface *);

#endif
