#include "base/loop.h"

#include "base/instant.h"
#include "base/log.h"

#include <stddef.h>
#include <stdlib.h>

struct deferred {
	void (*fn)(void *);
	void *arg;
};

/* Work for the end of the turn: two buffers, so that what runs may defer. */
struct deferred_list {
	struct deferred *v;
	size_t n, room;
};

/* Timers in order of their time. Nearly all are deadlines a fixed time ahead,
 * so a new one belongs at the end: the search starts there. */
static TAILQ_HEAD(timer_list, loop_timer) timers = TAILQ_HEAD_INITIALIZER(timers);
static struct deferred_list coming, running;
static const struct loop_ops *ops;

void
loop_install(const struct loop_ops *o)
{
	ops = o;
}

enum err
loop_watch(struct loop_watch *w)
{
	return ops->watch(w);
}

void
loop_unwatch(struct loop_watch *w)
{
	if (w->impl != NULL)
		ops->unwatch(w);
}

void
loop_timer_arm(struct loop_timer *t, int64_t ms)
{
	struct loop_timer *before;

	loop_timer_cancel(t);
	t->due_ms = instant_monotonic() + (ms > 0 ? ms : 0);
	before = TAILQ_LAST(&timers, timer_list);
	while (before != NULL && before->due_ms > t->due_ms)
		before = TAILQ_PREV(before, timer_list, list);
	if (before == NULL) {
		TAILQ_INSERT_HEAD(&timers, t, list);
		ops->wake_at(t->due_ms);
	} else
		TAILQ_INSERT_AFTER(&timers, before, t, list);
	t->armed = true;
}

void
loop_timer_cancel(struct loop_timer *t)
{
	if (!t->armed)
		return;
	TAILQ_REMOVE(&timers, t, list);
	t->armed = false;
}

void
loop_defer(void (*fn)(void *), void *arg)
{
	struct deferred *grown;
	size_t room;

	if (coming.n == coming.room) {
		room = coming.room == 0 ? 64 : coming.room * 2;
		grown = realloc(coming.v, room * sizeof(*grown));
		if (grown == NULL) {
			log_error("out_of_memory");
			abort();
		}
		coming.v = grown;
		coming.room = room;
	}
	coming.v[coming.n++] = (struct deferred){ fn, arg };
	if (coming.n == 1)
		ops->wake_at(0);
}

static void
run_deferred(void)
{
	struct deferred_list swap;
	size_t i;

	while (coming.n > 0) {
		swap = running;
		running = coming;
		coming = swap;
		for (i = 0; i < running.n; i++)
			running.v[i].fn(running.v[i].arg);
		running.n = 0;
	}
}

int64_t
loop_run_due(void)
{
	struct loop_timer *t;
	int64_t now = instant_monotonic();

	run_deferred();
	while ((t = TAILQ_FIRST(&timers)) != NULL && t->due_ms <= now) {
		loop_timer_cancel(t);
		t->fn(t->arg);
		run_deferred();
	}
	return t == NULL ? INT64_MAX : t->due_ms;
}
