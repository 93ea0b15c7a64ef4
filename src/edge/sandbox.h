#ifndef EDGE_SANDBOX_H
#define EDGE_SANDBOX_H

#include "base/err.h"

#include <stdbool.h>

/* Adds to Kore's seccomp filter what libpq, the threads for slow work and the
 * fibers need, and no more (OP-03): sockets only of the families that lead to
 * the database (a connection string), and for the key manager (`keys`) none.
 * Called before Kore locks. */
void sandbox_extend(bool keys, const char *database);

/* Confines the parent before it forks, and whatever it forks. */
NODISCARD enum err sandbox_parent(void);

#endif
