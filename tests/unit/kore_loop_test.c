#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../src/edge/loop.c"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Kore's part: as it does, over a real epoll, where the removal of what is not
 * there would end the worker. */
static int epoll_fd;

void
kore_platform_event_schedule(int fd, int type, int flags, void *data)
{
	struct epoll_event e = { (uint32_t)type, { .ptr = data } };

	(void)flags;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) == -1)
		assert_int_equal(epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &e), 0);
}

void
kore_platform_disable_read(int fd)
{
	assert_int_equal(epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL), 0);
}

static void (*due)(void *, u_int64_t);

struct kore_timer *
kore_timer_add(
    void (*fn)(void *, u_int64_t), u_int64_t ms, void *arg, int flags)
{
	(void)ms;
	(void)arg;
	(void)flags;
	due = fn;
	return NULL;
}

static void
hear(void *arg, short revents)
{
	(void)revents;
	++*(int *)arg;
}

/* One turn of Kore's loop, which waits for nothing. */
static void
turn_once(void)
{
	struct epoll_event e[4];
	int i, n = epoll_wait(epoll_fd, e, 4, 0);

	for (i = 0; i < n; i++) {
		struct kore_event *event = e[i].data.ptr;

		event->flags = KORE_EVENT_READ;
		event->handle(event, 0);
	}
}

static struct loop_watch
watched(int fd, int *heard)
{
	return (struct loop_watch){
		.fn = hear, .arg = heard, .fd = fd, .events = POLLIN
	};
}

static void
two_ends(int ends[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
}

static int
loop_set(void **state)
{
	(void)state;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop_kore_install();
	return epoll_fd == -1;
}

static int
loop_end(void **state)
{
	(void)state;
	if (due != NULL)
		due(NULL, 0);
	return close(epoll_fd);
}

static void
what_is_watched_no_more_is_heard_no_more(void **state)
{
	int ends[2], heard = 0;
	struct loop_watch w;

	(void)state;
	two_ends(ends);
	w = watched(ends[0], &heard);
	assert_int_equal(loop_watch(&w), ERR_OK);
	turn_once();
	assert_int_equal(heard, 1);
	loop_unwatch(&w);
	loop_unwatch(&w);
	turn_once();
	assert_int_equal(heard, 1);
	close(ends[0]);
	close(ends[1]);
}

/* libpq closes its socket itself; then nobody asks epoll for it again. */
static void
what_was_closed_is_not_removed(void **state)
{
	int ends[2], heard = 0;
	struct loop_watch w;

	(void)state;
	two_ends(ends);
	w = watched(ends[0], &heard);
	assert_int_equal(loop_watch(&w), ERR_OK);
	close(ends[0]);
	loop_unwatch(&w);
	close(ends[1]);
}

/* The number is another connection's by then: that one stays watched. */
static void
a_number_that_is_anothers_by_now_stays_watched(void **state)
{
	int old[2], ends[2], was = 0, heard = 0;
	struct loop_watch before, now;

	(void)state;
	two_ends(old);
	two_ends(ends);
	before = watched(old[0], &was);
	assert_int_equal(loop_watch(&before), ERR_OK);
	assert_int_equal(dup2(ends[0], old[0]), old[0]);
	close(ends[0]);
	now = watched(old[0], &heard);
	assert_int_equal(loop_watch(&now), ERR_OK);
	loop_unwatch(&before);
	turn_once();
	assert_int_equal(was, 0);
	assert_int_equal(heard, 1);
	loop_unwatch(&now);
	close(old[0]);
	close(old[1]);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    what_is_watched_no_more_is_heard_no_more, loop_set,
		    loop_end),
		cmocka_unit_test_setup_teardown(
		    what_was_closed_is_not_removed, loop_set, loop_end),
		cmocka_unit_test_setup_teardown(
		    a_number_that_is_anothers_by_now_stays_watched, loop_set,
		    loop_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
