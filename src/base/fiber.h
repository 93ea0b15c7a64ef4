#ifndef BASE_FIBER_H
#define BASE_FIBER_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Stackful coroutines: straight-line code that waits. A fiber runs on a stack
 * of its own (64 KiB with a guard page below, pooled; 512 KiB under ASan) on
 * the loop's thread, and runs until it waits. It is not a thread: between two
 * waits nothing else runs.
 *
 * Running off the stack hits the guard page: the process ends with the log
 * event "fiber_stack_overflow" (an alternate signal stack), never silently.
 */
struct fiber;

/* Runs fn(arg) at once, until it first waits or returns; when called on a
 * fiber, at the next turn of the loop instead. ERR_BUSY when
 * FIBER_MAX fibers live or no stack can be mapped. */
NODISCARD enum err fiber_start(void (*fn)(void *), void *arg);

struct fiber *fiber_self(void); /* NULL when not on a fiber */

/* Waits until somebody calls fiber_wake; each wake ends one park. A wake that
 * came before the park ends it at once. On a fiber only. */
void fiber_park(void);
/* Makes a parked fiber runnable; it runs from the loop, never nested here. */
void fiber_wake(struct fiber *);

/* Parks until woken or until the monotonic deadline: ERR_OK or
 * ERR_REQUEST_TIMEOUT. */
NODISCARD enum err fiber_park_until(int64_t deadline_ms);

/* Waits for POLLIN/POLLOUT on fd: ERR_OK, or ERR_REQUEST_TIMEOUT at the
 * deadline (monotonic ms). Off a fiber this is plain poll(2). */
NODISCARD enum err fiber_wait_fd(int fd, short events, int64_t deadline_ms);
void fiber_sleep(int64_t ms);

struct fiber_stats {
	unsigned live, live_max, pooled, mapped;
	size_t stack_bytes;
};
struct fiber_stats fiber_stats(void);

#endif
