#ifndef EDGE_SANDBOX_H
#define EDGE_SANDBOX_H

/* Adds to Kore's seccomp filter what libpq, the threads for slow work and the
 * fibers need, and no more (OP-03). Called by Kore before it locks. */
void sandbox_extend(void);

#endif
