#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What fibers and the database layer ask of an event loop. edge/loop.c builds
 * it over Kore's; base/loop_poll.c over poll(2), for epionectl and the tests.
 * One loop per process, one thread: nothing here may be called elsewhere.
 */

/* Interest in a descriptor. Owned by the caller, zeroed before first use;
 * level triggered. The callback may change or end any watch, its own too. */
struct loop_watch {
	void (*fn)(void *arg,
	    short revents); /* POLLIN | POLLOUT | POLLERR | POLLHUP */
	void *arg;
	int fd;
	short events; /* POLLIN | POLLOUT */
	void *impl;   /* the loop's own */
};

/* One-shot timer. Owned by the caller, zeroed before first use. */
struct loop_timer {
	void (*fn)(void *arg);
	void *arg;
	int64_t due_ms; /* monotonic */
	bool armed;
	size_t slot;  /* the loop's own */
	uint64_t age; /* the loop's own */
};

struct loop_ops {
	NODISCARD enum err (*watch)(struct loop_watch *);
	void (*unwatch)(struct loop_watch *);
	/* call loop_run_due() at or soon after this monotonic time; replaces
	 * the earlier wish; INT64_MAX for never */
	void (*wake_at)(int64_t due_ms);
};

void loop_install(const struct loop_ops *);

/* Starts or changes interest: call again after changing `events`. */
NODISCARD enum err loop_watch(struct loop_watch *);
void loop_unwatch(
    struct loop_watch *); /* before the fd is closed; idempotent */

/* ms from now; replaces an earlier arming of the same timer. */
void loop_timer_arm(struct loop_timer *, int64_t ms);
void loop_timer_cancel(struct loop_timer *); /* idempotent */

/* Runs fn(arg) from the loop, after the current callback and before the next
 * wait; never nested. (What defers itself again for ever waits for a turn with
 * no time-out now and then, so that descriptors have theirs.) */
void loop_defer(void (*fn)(void *), void *arg);

/* For implementations: run what is due and deferred, once per turn; answers
 * the monotonic ms of the next timer (INT64_MAX for none, 0 for "at once").
 * The answer replaces the wish of the last wake_at, which is not called
 * meanwhile. */
int64_t loop_run_due(void);

/* base/loop_poll.c: installs a poll(2) loop and runs main_fn(arg) on a fiber
 * until it returns. For processes that have no other loop. What still waits
 * then (other fibers, watches, timers) goes on in the next run. ERR_INTERNAL
 * when called from inside of itself, or when nothing is left that could ever
 * wake main_fn. */
NODISCARD enum err loop_poll_run(void (*main_fn)(void *), void *arg);

#endif
