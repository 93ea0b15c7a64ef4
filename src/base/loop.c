#include "base/loop.h"

#include "base/instant.h"
#include "base/log.h"

#include <stddef.h>
#include <stdlib.h>

/* How many rounds of deferred work one turn runs. Two fibers that wake each
 * other for ever must not keep the loop from its descriptors. */
#define ROUNDS_MAX 16

struct deferred {
	void (*fn)(void *);
	void *arg;
};

/* Two buffers, so that what runs may defer. */
struct deferred_list {
	struct deferred *v;
	size_t n, room;
};

static struct deferred_list coming, running;
static const struct loop_ops *ops;
static bool turning;	/* inside of loop_run_due: its answer is the wish */
static int64_t wish_ms; /* what the loop was last asked for */

/* Armed timers: a binary heap by time, then by age, so that timers of one
 * instant run in the order in which they were armed. */
static struct loop_timer **heap;
static size_t heap_n, heap_room;
static uint64_t ages;

/* Makes room for one more of `size` bytes. */
static void *
grown(void *v, size_t n, size_t *room, size_t size)
{
	size_t more = *room == 0 ? 64 : *room * 2;
	void *p;

	if (n < *room)
		return v;
	if ((p = reallocarray(v, more, size)) == NULL) {
		log_error("out_of_memory", LOG_NUM("entries", more));
		abort();
	}
	*room = more;
	return p;
}

static void
wish(int64_t due_ms)
{
	if (turning || ops == NULL || due_ms >= wish_ms)
		return;
	wish_ms = due_ms;
	ops->wake_at(due_ms);
}

static int64_t
next_due(void)
{
	if (coming.n > 0)
		return 0;
	return heap_n > 0 ? heap[0]->due_ms : INT64_MAX;
}

void
loop_install(const struct loop_ops *o)
{
	ops = o;
	wish_ms = INT64_MAX;
	wish(next_due()); /* what was asked for before there was a loop */
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

/* Timers */

static bool
before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->due_ms < b->due_ms ||
	    (a->due_ms == b->due_ms && a->age < b->age);
}

static void
heap_put(size_t i, struct loop_timer *t)
{
	heap[i] = t;
	t->slot = i;
}

/* Sets t where it belongs, on the way from slot i to the top. */
static void
heap_rise(size_t i, struct loop_timer *t)
{
	size_t above;

	for (; i > 0; i = above) {
		above = (i - 1) / 2;
		if (!before(t, heap[above]))
			break;
		heap_put(i, heap[above]);
	}
	heap_put(i, t);
}

/* The same, on the way down. */
static void
heap_sink(size_t i, struct loop_timer *t)
{
	size_t below;

	while ((below = 2 * i + 1) < heap_n) {
		if (below + 1 < heap_n && before(heap[below + 1], heap[below]))
			below++;
		if (!before(heap[below], t))
			break;
		heap_put(i, heap[below]);
		i = below;
	}
	heap_put(i, t);
}

void
loop_timer_cancel(struct loop_timer *t)
{
	struct loop_timer *last;
	size_t i = t->slot;

	if (!t->armed)
		return;
	t->armed = false;
	last = heap[--heap_n];
	if (last == t)
		return;
	if (i > 0 && before(last, heap[(i - 1) / 2]))
		heap_rise(i, last);
	else
		heap_sink(i, last);
}

static int64_t
due_in(int64_t ms)
{
	int64_t due;

	if (ms < 0)
		ms = 0;
	return __builtin_add_overflow(instant_monotonic(), ms, &due) ? INT64_MAX
								     : due;
}

void
loop_timer_arm(struct loop_timer *t, int64_t ms)
{
	loop_timer_cancel(t);
	heap = grown(heap, heap_n, &heap_room, sizeof(struct loop_timer *));
	t->due_ms = due_in(ms);
	t->age = ages++;
	t->armed = true;
	heap_n++;
	heap_rise(heap_n - 1, t);
	wish(t->due_ms);
}

/* Those armed meanwhile wait for the next turn, however short they are. */
static void
run_timers(void)
{
	const uint64_t newest = ages;
	int64_t now;
	struct loop_timer *t;

	if (heap_n == 0)
		return;
	now = instant_monotonic();
	while (heap_n > 0 && heap[0]->due_ms <= now && heap[0]->age < newest) {
		t = heap[0];
		loop_timer_cancel(t);
		t->fn(t->arg);
	}
}

/* Deferred work */

void
loop_defer(void (*fn)(void *), void *arg)
{
	coming.v = grown(
	    coming.v, coming.n, &coming.room, sizeof(struct deferred));
	coming.v[coming.n++] = (struct deferred){ fn, arg };
	wish(0);
}

static void
run_deferred(void)
{
	struct deferred_list swap;
	size_t i;
	int round;

	for (round = 0; coming.n > 0 && round < ROUNDS_MAX; round++) {
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
	if (turning) /* from one of its own callbacks */
		return next_due();
	turning = true;
	run_deferred();
	run_timers();
	run_deferred();
	turning = false;
	wish_ms = next_due();
	return wish_ms;
}
