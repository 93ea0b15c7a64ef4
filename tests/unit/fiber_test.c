#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fiber.h"
#include "base/instant.h"
#include "base/loop.h"
#include "base/offload.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CROWD 1000

static int finished;
static int64_t order[CROWD];

struct sleeper {
	int ms;
};

static void
sleeper_run(void *arg)
{
	struct sleeper *s = arg;
	int64_t due = instant_monotonic() + s->ms;

	fiber_sleep(s->ms);
	order[finished++] = due;
}

static void
crowd_main(void *arg)
{
	static struct sleeper sleepers[CROWD];
	int i;

	(void)arg;
	for (i = 0; i < CROWD; i++) {
		sleepers[i] = (struct sleeper){ 100 + (CROWD - i) / 10 };
		assert_int_equal(
		    fiber_start(sleeper_run, &sleepers[i]), ERR_OK);
	}
	while (finished < CROWD)
		fiber_sleep(5);
}

static void
a_thousand_fibers_wake_in_the_order_of_their_times(void **state)
{
	int i;

	(void)state;
	finished = 0;
	assert_int_equal(loop_poll_run(crowd_main, NULL), ERR_OK);
	for (i = 1; i < CROWD; i++)
		assert_true(order[i - 1] <= order[i] + 1);
	assert_true(fiber_stats().pooled <= 256);
	assert_int_equal(fiber_stats().live, 0);
}

static struct fiber *parked;
static int steps;

static void
waiter(void *arg)
{
	(void)arg;
	parked = fiber_self();
	fiber_park();
	steps++;
	fiber_wake(parked); /* before the park: ends it at once */
	fiber_park();
	steps++;
}

static void
wake_main(void *arg)
{
	(void)arg;
	assert_int_equal(fiber_start(waiter, NULL), ERR_OK);
	assert_int_equal(steps, 0);
	fiber_sleep(1);
	fiber_wake(parked);
	assert_int_equal(steps, 0); /* never nested */
	fiber_sleep(1);
	assert_int_equal(steps, 2);
	assert_int_equal(
	    fiber_park_until(instant_monotonic() + 10), ERR_REQUEST_TIMEOUT);
}

static void
a_wake_ends_one_park_and_never_runs_nested(void **state)
{
	(void)state;
	steps = 0;
	assert_int_equal(loop_poll_run(wake_main, NULL), ERR_OK);
}

static void
pipe_main(void *arg)
{
	int *p = arg;
	char c;

	assert_int_equal(fiber_wait_fd(p[0], POLLIN, instant_monotonic() + 20),
	    ERR_REQUEST_TIMEOUT);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(
	    fiber_wait_fd(p[0], POLLIN, instant_monotonic() + 5000), ERR_OK);
	assert_int_equal(read(p[0], &c, 1), 1);
}

static void
a_descriptor_is_waited_for_with_and_without_a_fiber(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	pipe_main(p); /* plain poll(2) */
	assert_int_equal(loop_poll_run(pipe_main, p), ERR_OK);
	close(p[0]);
	close(p[1]);
}

static void
slow(void *arg)
{
	usleep(20000);
	*(int *)arg += 1;
}

static int slow_done;

static void
slow_fiber(void *arg)
{
	int n = 0;

	(void)arg;
	if (offload(slow, &n) == ERR_OK)
		slow_done += n;
}

static void
offload_main(void *arg)
{
	int n = 0, i, busy = 0;
	int64_t began;

	(void)arg;
	assert_int_equal(offload(slow, &n), ERR_OK); /* in place */
	assert_int_equal(n, 1);
	assert_int_equal(offload_start(2, 4), ERR_OK);
	for (i = 0; i < 4; i++)
		assert_int_equal(fiber_start(slow_fiber, NULL), ERR_OK);
	fiber_sleep(0);
	busy = offload(slow, &n) == ERR_BUSY; /* the queue is full */
	assert_true(busy);
	began = instant_monotonic();
	while (slow_done < 4)
		fiber_sleep(1);
	assert_true(instant_monotonic() - began < 2000);
	assert_int_equal(n, 1);
}

static void
slow_work_runs_beside_and_its_queue_is_bounded(void **state)
{
	(void)state;
	assert_int_equal(loop_poll_run(offload_main, NULL), ERR_OK);
}

static int
dig(volatile int depth)
{
	volatile char room[512];

	room[0] = (char)depth;
	return depth == 0 ? 0 : dig(depth + 1) + room[0];
}

static void
dig_main(void *arg)
{
	(void)arg;
	_exit(dig(1) & 1);
}

static void
running_off_the_stack_ends_the_process_with_a_line(void **state)
{
	char said[4096] = "";
	ssize_t n, all = 0;
	int p[2], status;
	pid_t child;

	(void)state;
	assert_int_equal(pipe(p), 0);
	if ((child = fork()) == 0) {
		dup2(p[1], STDERR_FILENO);
		close(p[0]);
		close(p[1]);
		if (loop_poll_run(dig_main, NULL) != ERR_OK)
			_exit(3);
		_exit(4);
	}
	close(p[1]);
	while ((n = read(p[0], said + all, sizeof(said) - 1 - (size_t)all)) > 0)
		all += n;
	close(p[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
#if defined(__SANITIZE_ADDRESS__)
	/* cmocka's handler stands before ASan's, and has no stack to run on */
	assert_true(WIFSIGNALED(status) ||
	    strstr(said, "stack-overflow") != NULL);
#else
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	assert_non_null(strstr(said, "fiber_stack_overflow"));
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    running_off_the_stack_ends_the_process_with_a_line),
		cmocka_unit_test(
		    a_thousand_fibers_wake_in_the_order_of_their_times),
		cmocka_unit_test(a_wake_ends_one_park_and_never_runs_nested),
		cmocka_unit_test(
		    a_descriptor_is_waited_for_with_and_without_a_fiber),
		cmocka_unit_test(
		    slow_work_runs_beside_and_its_queue_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
