#include "edge/loop.h"

#include "base/instant.h"
#include "base/loop.h"

#include <kore/kore.h>

#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>

/* What epoll points at. Kore reads the event first, so it leads. */
struct kore_watch {
	struct kore_event event;
	struct loop_watch *watch; /* NULL: ended, but perhaps in this batch */
	int fd;
	ino_t ino; /* of what fd was when the watch began */
	LIST_ENTRY(kore_watch) list;
};
LIST_HEAD(kore_watches, kore_watch);

static struct kore_watches ended = LIST_HEAD_INITIALIZER(ended);
static int depth;
static int64_t armed = INT64_MAX;

/* A watch may be ended by an event of the same batch that also holds one of
 * its own: its memory goes when the next batch begins. */
static void
bury(void *unused, u_int64_t now)
{
	struct kore_watch *k;

	(void)unused;
	(void)now;
	while ((k = LIST_FIRST(&ended)) != NULL) {
		LIST_REMOVE(k, list);
		free(k);
	}
}

static void
watch_event(void *arg, int error)
{
	struct kore_watch *k = arg;
	short revents = 0;

	if (k->event.flags & KORE_EVENT_READ)
		revents |= POLLIN;
	if (k->event.flags & KORE_EVENT_WRITE)
		revents |= POLLOUT;
	if (error)
		revents |= POLLERR;
	k->event.flags = 0;
	if (k->watch == NULL)
		return;
	loop_enter();
	k->watch->fn(k->watch->arg, revents);
	loop_leave();
}

/* What a descriptor stands for; 0 if it is closed. */
static ino_t
file_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static enum err
watch_start(struct loop_watch *w)
{
	struct kore_watch *k = w->impl;
	int events = 0;

	if (k != NULL && k->fd != w->fd)
		return ERR_INTERNAL;
	if (k == NULL) {
		if ((k = calloc(1, sizeof(*k))) == NULL)
			return ERR_INTERNAL;
		k->event.type = KORE_TYPE_PYSOCKET; /* any but its own */
		k->event.handle = watch_event;
		k->watch = w;
		k->fd = w->fd;
		k->ino = file_of(w->fd);
		w->impl = k;
	}
	if (w->events & POLLIN)
		events |= EPOLLIN;
	if (w->events & POLLOUT)
		events |= EPOLLOUT;
	kore_platform_event_schedule(k->fd, events, 0, k);
	return ERR_OK;
}

static void
watch_end(struct loop_watch *w)
{
	struct kore_watch *k = w->impl;

	if (k == NULL)
		return;
	/* libpq closes its socket itself when the peer is gone; epoll forgot it
	 * then, and Kore would end the worker over asking for it again. The
	 * number may be another connection's by now, which stays watched. */
	if (file_of(k->fd) == k->ino)
		kore_platform_disable_read(k->fd);
	if (LIST_EMPTY(&ended))
		kore_timer_add(bury, 0, NULL, KORE_TIMER_ONESHOT);
	LIST_INSERT_HEAD(&ended, k, list);
	k->watch = NULL;
	w->impl = NULL;
}

static void
turn(void *unused, u_int64_t now)
{
	(void)unused;
	(void)now;
	armed = INT64_MAX;
	loop_enter();
	loop_leave();
}

/* Timers of Kore's that an earlier one made superfluous fire and find
 * nothing due: cheaper than taking them out of its sorted list. */
static void
arm(int64_t due)
{
	int64_t now = instant_monotonic();

	if (depth > 0 || due >= armed)
		return;
	armed = due;
	kore_timer_add(turn, due > now ? (u_int64_t)(due - now) : 0, NULL,
	    KORE_TIMER_ONESHOT);
}

void
loop_enter(void)
{
	depth++;
}

void
loop_leave(void)
{
	int64_t due = INT64_MAX;

	if (depth == 1)
		due = loop_run_due();
	if (--depth == 0)
		arm(due);
}

void
loop_kore_install(void)
{
	static const struct loop_ops ops = { watch_start, watch_end, arm };

	loop_install(&ops);
}
