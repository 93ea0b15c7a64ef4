#ifndef BASE_FIBER_H
#define BASE_FIBER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Stackful coroutines: straight-line code that waits. A fiber runs on a stack
 * of its own (64 KiB of addresses, 12 KiB of them a guard that is never
 * memory; pooled; 512 KiB under ASan) on the loop's thread, and runs until it
 * waits. It is not a thread: between two waits nothing else runs. Another
 * thread must not call anything here.
 *
 * Running off the stack hits the guard: the process ends with the log event
 * "fiber_stack_overflow" (on an alternate signal stack), never silently. What
 * a fiber leaves on its stack is not wiped: secrets belong into base/secret.h
 * and the arena.
 */
#define FIBER_MAX 4096

struct fiber;

/* Runs fn(arg) at once, until it first waits or returns; when called on a
 * fiber, at the next turn of the loop instead. ERR_BUSY when FIBER_MAX fibers
 * live or no stack can be mapped, and then fn does not run. */
NODISCARD enum err fiber_start(void (*fn)(void *), void *arg);

struct fiber *fiber_self(void); /* NULL when not on a fiber */

/* Waits until somebody calls fiber_wake; each wake ends one park. A wake that
 * came before the park, or during another kind of wait, is kept and ends the
 * next park at once. On a fiber only: the process ends otherwise. */
void fiber_park(void);
/* Makes a parked fiber runnable; it runs from the loop, never nested here.
 * The fiber must not have ended. */
void fiber_wake(struct fiber *);

/* Parks until woken or until the monotonic deadline: ERR_OK or
 * ERR_REQUEST_TIMEOUT. Gives the loop a turn even if the deadline is past.
 * INT64_MAX waits for ever. */
NODISCARD enum err fiber_park_until(int64_t deadline_ms);

/* Waits for POLLIN/POLLOUT on fd, or for its error or hang-up: ERR_OK, or
 * ERR_REQUEST_TIMEOUT at the deadline (monotonic ms). Not ended by fiber_wake.
 * Off a fiber this is plain poll(2). ERR_INTERNAL if fd cannot be watched. */
NODISCARD enum err fiber_wait_fd(int fd, short events, int64_t deadline_ms);
/* Not ended by fiber_wake. 0 lets others run for one turn. Off a fiber it
 * blocks the thread. */
void fiber_sleep(int64_t ms);

struct fiber_stats {
	unsigned live, live_max; /* fibers */
	unsigned pooled, mapped; /* stacks */
	size_t stack_bytes;	 /* of each, with the guard */
};
struct fiber_stats fiber_stats(void);

#endif
