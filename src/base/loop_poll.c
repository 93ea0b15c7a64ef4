#include "base/fiber.h"
#include "base/instant.h"
#include "base/loop.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Watches and what poll(2) is to be told of them, side by side. */
static struct loop_watch **watches;
static struct pollfd *fds;
static size_t count, room;
static bool changed; /* while events are handed out */

static size_t
find(const struct loop_watch *w)
{
	size_t i;

	for (i = 0; i < count && watches[i] != w; i++)
		;
	return i;
}

static bool
grow(void)
{
	size_t more = room == 0 ? 16 : room * 2;
	struct loop_watch **w = realloc(watches, more * sizeof(*w));
	struct pollfd *f;

	if (w == NULL)
		return false;
	watches = w;
	if ((f = realloc(fds, more * sizeof(*f))) == NULL)
		return false;
	fds = f;
	room = more;
	return true;
}

static enum err
poll_watch(struct loop_watch *w)
{
	size_t i = find(w);

	if (i == count) {
		if (count == room && !grow())
			return ERR_INTERNAL;
		count++;
		changed = true;
	}
	watches[i] = w;
	fds[i] = (struct pollfd){ .fd = w->fd, .events = w->events };
	w->impl = w;
	return ERR_OK;
}

static void
poll_unwatch(struct loop_watch *w)
{
	size_t i = find(w);

	if (i == count)
		return;
	count--;
	memmove(&watches[i], &watches[i + 1], (count - i) * sizeof(*watches));
	memmove(&fds[i], &fds[i + 1], (count - i) * sizeof(*fds));
	w->impl = NULL;
	changed = true;
}

/* The loop asks loop_run_due() itself before it waits. */
static void
poll_wake_at(int64_t due_ms)
{
	(void)due_ms;
}

static void
hand_out(void)
{
	short revents;
	size_t i;

	changed = false;
	for (i = 0; i < count && !changed; i++) {
		if ((revents = fds[i].revents) == 0)
			continue;
		fds[i].revents = 0;
		watches[i]->fn(watches[i]->arg, revents);
	}
}

static int
wait_ms(int64_t due)
{
	int64_t ms;

	if (due == INT64_MAX)
		return 1000;
	ms = due - instant_monotonic();
	return ms < 0 ? 0 : ms > 1000 ? 1000 : (int)ms;
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

enum err
loop_poll_run(void (*main_fn)(void *), void *arg)
{
	static const struct loop_ops ops = { poll_watch, poll_unwatch,
		poll_wake_at };
	struct main_call m = { main_fn, arg, false };
	int64_t due;
	enum err r;

	loop_install(&ops);
	if ((r = fiber_start(main_run, &m)) != ERR_OK)
		return r;
	for (;;) {
		due = loop_run_due();
		if (m.done)
			return ERR_OK;
		if (poll(fds, count, wait_ms(due)) == -1 && errno != EINTR)
			return ERR_INTERNAL;
		hand_out();
	}
}
