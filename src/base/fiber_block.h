#ifndef BASE_FIBER_BLOCK_H
#define BASE_FIBER_BLOCK_H

#include "base/fiber.h"

/*
 * The wait that is nobody else's business: fiber_wake does not end it, and is
 * kept for the next park. For base/ itself, where the waiting fiber's stack
 * holds what another will write to: it must not go on before its time.
 */

/* Waits until fiber_unblock; on a fiber only. */
void fiber_block(void);
/* Makes a blocked fiber runnable, as fiber_wake does; one that is not blocked
 * stays as it is. */
void fiber_unblock(struct fiber *);

#endif
