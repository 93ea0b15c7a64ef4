#include "base/fiber.h"

#include "base/fiber_block.h"
#include "base/fiber_stack.h"
#include "base/fiber_switch.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/queue.h>

#define POOL_MAX    256
#define POLL_MS_MAX 60000

enum fiber_status {
	FIBER_RUNNING,
	FIBER_READY,
	FIBER_PARKED,  /* until fiber_wake */
	FIBER_BLOCKED, /* until fiber_unblock */
	FIBER_DONE
};

struct fiber {
	struct fiber_stack stack;
	struct fiber_switch registers;
	void (*fn)(void *);
	void *arg;
	enum fiber_status status;
	unsigned wakes; /* that no park has taken yet */
	TAILQ_ENTRY(fiber) list;
};
TAILQ_HEAD(fibers, fiber);

static struct fiber *current;
static struct fibers pool = TAILQ_HEAD_INITIALIZER(pool);
static struct fibers ready = TAILQ_HEAD_INITIALIZER(ready);
static struct fiber_stats stats = { .stack_bytes = FIBER_STACK_BYTES };
static bool ready_deferred;

struct fiber_stats
fiber_stats(void)
{
	return stats;
}

struct fiber *
fiber_self(void)
{
	return current;
}

/* Stacks */

static void
fiber_main(void *arg)
{
	struct fiber *f = arg;

	for (;;) { /* a pooled fiber comes back here with new work */
		f->fn(f->arg);
		f->status = FIBER_DONE;
		fiber_switch_out(&f->registers, true);
	}
}

static struct fiber *
fiber_make(void)
{
	struct fiber *f = calloc(1, sizeof(*f));

	if (f == NULL || !fiber_stack_map(&f->stack)) {
		free(f);
		return NULL;
	}
	if (!fiber_switch_init(&f->registers, &f->stack, fiber_main, f)) {
		fiber_stack_unmap(&f->stack);
		free(f);
		return NULL;
	}
	stats.mapped++;
	stats.stack_bytes = f->stack.bytes;
	return f;
}

static void
fiber_destroy(struct fiber *f)
{
	stats.mapped--;
	fiber_switch_end(&f->registers);
	fiber_stack_unmap(&f->stack);
	free(f);
}

static struct fiber *
fiber_take(void)
{
	struct fiber *f = TAILQ_FIRST(&pool);

	if (stats.live >= FIBER_MAX)
		return NULL;
	if (f != NULL) {
		TAILQ_REMOVE(&pool, f, list);
		stats.pooled--;
	} else if ((f = fiber_make()) == NULL)
		return NULL;
	stats.live++;
	if (stats.live > stats.live_max)
		stats.live_max = stats.live;
	return f;
}

static void
fiber_release(struct fiber *f)
{
	stats.live--;
	if (stats.pooled == POOL_MAX) {
		fiber_destroy(f);
		return;
	}
	TAILQ_INSERT_HEAD(&pool, f, list); /* the stack in the cache first */
	stats.pooled++;
}

/* Running and waiting */

_Noreturn static void
misuse(const char *event)
{
	log_error(event);
	abort();
}

static void
fiber_resume(struct fiber *f)
{
	if (current != NULL)
		misuse("fiber_nested");
	current = f;
	f->status = FIBER_RUNNING;
	fiber_switch_in(&f->registers);
	current = NULL;
	if (f->status == FIBER_DONE)
		fiber_release(f);
}

static void
ready_run(void *unused)
{
	struct fibers batch = TAILQ_HEAD_INITIALIZER(batch);
	struct fiber *f;

	(void)unused;
	ready_deferred = false;
	TAILQ_CONCAT(&batch, &ready, list);
	while ((f = TAILQ_FIRST(&batch)) != NULL) {
		TAILQ_REMOVE(&batch, f, list);
		fiber_resume(f);
	}
}

static void
ready_add(struct fiber *f)
{
	f->status = FIBER_READY;
	TAILQ_INSERT_TAIL(&ready, f, list);
	if (!ready_deferred) {
		ready_deferred = true;
		loop_defer(ready_run, NULL);
	}
}

enum err
fiber_start(void (*fn)(void *), void *arg)
{
	struct fiber *f = fiber_take();

	if (f == NULL)
		return ERR_BUSY;
	f->fn = fn;
	f->arg = arg;
	f->wakes = 0;
	if (current != NULL)
		ready_add(f);
	else
		fiber_resume(f);
	return ERR_OK;
}

static void
wait_as(enum fiber_status status)
{
	struct fiber *f = current;

	if (f == NULL)
		misuse("fiber_wait_off_a_fiber");
	f->status = status;
	fiber_switch_out(&f->registers, false);
}

void
fiber_block(void)
{
	wait_as(FIBER_BLOCKED);
}

void
fiber_unblock(struct fiber *f)
{
	if (f->status == FIBER_BLOCKED)
		ready_add(f);
}

void
fiber_wake(struct fiber *f)
{
	if (f->status == FIBER_DONE)
		misuse("fiber_woken_after_its_end");
	f->wakes++;
	if (f->status == FIBER_PARKED)
		ready_add(f);
}

static bool
wake_take(void)
{
	if (current == NULL || current->wakes == 0)
		return false;
	current->wakes--;
	return true;
}

void
fiber_park(void)
{
	while (!wake_take())
		wait_as(FIBER_PARKED);
}

/* Time and descriptors */

/* What ends a wait, beside fiber_wake. */
struct alarm {
	struct fiber *fiber;
	bool rung;  /* the time is up */
	bool ready; /* the descriptor is */
};

static int64_t
ms_until(int64_t deadline_ms)
{
	int64_t now = instant_monotonic();

	return deadline_ms > now ? deadline_ms - now : 0;
}

static void
alarm_ring(void *arg)
{
	struct alarm *a = arg;

	a->rung = true;
	if (a->fiber->status == FIBER_PARKED)
		ready_add(a->fiber);
	fiber_unblock(a->fiber);
}

enum err
fiber_park_until(int64_t deadline_ms)
{
	struct alarm a = { .fiber = current };
	struct loop_timer timer = { .fn = alarm_ring, .arg = &a };
	bool woken;

	if (wake_take())
		return ERR_OK;
	loop_timer_arm(&timer, ms_until(deadline_ms));
	do
		wait_as(FIBER_PARKED);
	while (!(woken = wake_take()) && !a.rung);
	loop_timer_cancel(&timer);
	return woken ? ERR_OK : ERR_REQUEST_TIMEOUT;
}

static void
fd_ready(void *arg, short revents)
{
	struct alarm *a = arg;

	(void)revents;
	a->ready = true;
	fiber_unblock(a->fiber);
}

static enum err
wait_fiber(int fd, short events, int64_t deadline_ms)
{
	struct alarm a = { .fiber = current };
	struct loop_watch watch = {
		.fn = fd_ready, .arg = &a, .fd = fd, .events = events
	};
	struct loop_timer timer = { .fn = alarm_ring, .arg = &a };
	enum err r;

	if ((r = loop_watch(&watch)) != ERR_OK)
		return r;
	loop_timer_arm(&timer, ms_until(deadline_ms));
	while (!a.ready && !a.rung)
		fiber_block();
	loop_timer_cancel(&timer);
	loop_unwatch(&watch);
	return a.ready ? ERR_OK : ERR_REQUEST_TIMEOUT;
}

/* poll(2), however long and however often a signal interrupts it. fd -1 is
 * nothing but time. */
static enum err
wait_plain(int fd, short events, int64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t ms;
	int n;

	do {
		ms = ms_until(deadline_ms);
		n = poll(&p, 1, ms > POLL_MS_MAX ? POLL_MS_MAX : (int)ms);
		if ((n == -1 && errno != EINTR) ||
		    (n > 0 && (p.revents & POLLNVAL) != 0))
			return ERR_INTERNAL;
		if (n > 0)
			return ERR_OK;
	} while (ms > 0);
	return ERR_REQUEST_TIMEOUT;
}

enum err
fiber_wait_fd(int fd, short events, int64_t deadline_ms)
{
	if (fd < 0)
		return ERR_INTERNAL;
	if (current == NULL)
		return wait_plain(fd, events, deadline_ms);
	return wait_fiber(fd, events, deadline_ms);
}

void
fiber_sleep(int64_t ms)
{
	struct alarm a = { .fiber = current };
	struct loop_timer timer = { .fn = alarm_ring, .arg = &a };
	int64_t now = instant_monotonic();

	if (ms > INT64_MAX - now)
		ms = INT64_MAX - now;
	if (current == NULL) {
		if (wait_plain(-1, 0, now + ms) == ERR_INTERNAL)
			misuse("poll_failed");
		return;
	}
	loop_timer_arm(&timer, ms);
	while (!a.rung)
		fiber_block();
}
