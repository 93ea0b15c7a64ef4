#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>

/* Watches and what poll(2) is to be told of them, side by side. A watch keeps
 * its place plus one in `impl`. Places that end while events are handed out
 * stay empty until that is over. */
static struct loop_watch **watches;
static struct pollfd *fds;
static size_t count, room;
static bool handing_out, holes;

static size_t
place_of(const struct loop_watch *w)
{
	return (size_t)(uintptr_t)w->impl - 1;
}

static void
place_put(size_t i, struct loop_watch *w)
{
	watches[i] = w;
	w->impl = (void *)(uintptr_t)(i + 1);
}

static bool
grow(void)
{
	size_t more = room == 0 ? 16 : room * 2;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are stored */
	struct loop_watch **w = reallocarray(watches, more, sizeof(*w));
	struct pollfd *f;

	if (w == NULL)
		return false;
	watches = w;
	if ((f = reallocarray(fds, more, sizeof(*f))) == NULL)
		return false;
	fds = f;
	room = more;
	return true;
}

static enum err
poll_watch(struct loop_watch *w)
{
	if (w->impl == NULL) {
		if (count == room && !grow())
			return ERR_INTERNAL;
		place_put(count++, w);
	}
	fds[place_of(w)] = (struct pollfd){ .fd = w->fd, .events = w->events };
	return ERR_OK;
}

/* The last one moves to the place that becomes free. */
static void
place_close(size_t i)
{
	if (i == --count)
		return;
	fds[i] = fds[count];
	place_put(i, watches[count]);
}

static void
poll_unwatch(struct loop_watch *w)
{
	size_t i = place_of(w);

	w->impl = NULL;
	if (!handing_out) {
		place_close(i);
		return;
	}
	watches[i] = NULL;
	fds[i].revents = 0;
	holes = true;
}

/* The loop asks loop_run_due() itself before it waits. */
static void
poll_wake_at(int64_t due_ms)
{
	(void)due_ms;
}

/* What poll(2) has to say of a descriptor that is not open goes to its watch
 * as an error. */
static short
events_of(size_t i)
{
	short revents = fds[i].revents;

	fds[i].revents = 0;
	if (revents & POLLNVAL)
		revents = POLLERR;
	return (short)(watches[i] != NULL ? revents : 0);
}

static void
hand_out(void)
{
	size_t i, last = count;
	short revents;

	handing_out = true;
	for (i = 0; i < last; i++)
		if ((revents = events_of(i)) != 0)
			watches[i]->fn(watches[i]->arg, revents);
	handing_out = false;
	for (i = count; holes && i > 0; i--)
		if (watches[i - 1] == NULL)
			place_close(i - 1);
	holes = false;
}

static int
wait_ms(int64_t due)
{
	int64_t ms;

	if (due == INT64_MAX)
		return -1;
	ms = due - instant_monotonic();
	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms;
}

struct main_call {
	void (*fn)(void *);
	void *arg;
	bool done;
};

static void
main_run(void *arg)
{
	struct main_call *m = arg;

	m->fn(m->arg);
	m->done = true;
}

static enum err
turns(const struct main_call *m)
{
	int64_t due;
	int n;

	for (;;) {
		due = loop_run_due();
		if (m->done)
			return ERR_OK;
		if (due == INT64_MAX && count == 0) {
			log_error("loop_waits_for_nothing");
			return ERR_INTERNAL;
		}
		n = poll(fds, count, wait_ms(due));
		if (n == -1 && errno != EINTR)
			return ERR_INTERNAL;
		if (n > 0)
			hand_out();
	}
}

/* The call is on the heap: when nothing can wake its fiber any more, that
 * stays behind, and its stack with it. */
enum err
loop_poll_run(void (*main_fn)(void *), void *arg)
{
	static const struct loop_ops ops = { poll_watch, poll_unwatch,
		poll_wake_at };
	static bool going;
	struct main_call *m;
	enum err r;

	if (going || fiber_self() != NULL)
		return ERR_INTERNAL;
	if ((m = calloc(1, sizeof(*m))) == NULL)
		return ERR_INTERNAL;
	m->fn = main_fn;
	m->arg = arg;
	going = true;
	loop_install(&ops);
	r = fiber_start(main_run, m);
	if (r != ERR_OK)
		m->done = true; /* it never began */
	else
		r = turns(m);
	going = false;
	if (m->done)
		free(m);
	return r;
}
