#ifndef CARE_OPERATIONS_H
#define CARE_OPERATIONS_H

#include "base/shape.h"
#include "gate/op.h"

/*
 * Every operation of tables/routes.def: the function, the shape of what it
 * takes (body, or query of a GET) and of what it answers (of one item, for
 * routes that list).
 */
#define ROUTE(                                                                 \
    method, path, operation, open, permission, subject, event, traits)         \
	NODISCARD enum err operation(struct op *);                             \
	extern const struct shape operation##_in[];                            \
	extern const struct shape operation##_out[];
#include "tables/routes.def"
#undef ROUTE

#endif
