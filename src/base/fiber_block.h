#ifndef BASE_FIBER_BLOCK_H
#define BASE_FIBER_BLOCK_H

#include "base/fiber.h"

/*
 * A wait that fiber_wake does not end; a wake meanwhile is kept for the next
 * park. For base/ itself, where the waiting fiber's stack holds what a thread
 * will write to, so that the fiber must not go on early.
 */

/* Waits until fiber_unblock; on a fiber only. */
void fiber_block(void);
/* Makes a blocked fiber runnable, as fiber_wake does; one that is not blocked
 * stays as it is. */
void fiber_unblock(struct fiber *);

#endif
