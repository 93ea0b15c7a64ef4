#ifndef EDGE_CAPACITY_H
#define EDGE_CAPACITY_H

#include "base/err.h"

#include <stddef.h>

/*
 * Do kore.conf, epione.conf and the system's limits agree on what a worker
 * needs: descriptors for its connections, the database and the rest? Asked
 * before the workers are forked. ERR_INVALID_FIELD, and `problem` says which
 * to change.
 */
NODISCARD enum err capacity_check(char *problem, size_t);

#endif
