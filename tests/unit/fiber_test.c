#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fiber.h"
#include "ending.h"
#include "held_clock.h"

#include "base/instant.h"
#include "base/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#define CROWD 1000

/* How often things happened; reset by each test. */
static int steps;

static int
set_up(void **state)
{
	(void)state;
	steps = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	assert_null(fiber_self());
	assert_int_equal(fiber_stats().live, 0);
	return 0;
}

/* Sleeping */

struct sleeper {
	int64_t ms;
	int number;
};

static const struct sleeper *woken[CROWD];
static int woken_n;

static void
sleeper_run(void *arg)
{
	const struct sleeper *s = arg;

	fiber_sleep(s->ms);
	woken[woken_n++] = s;
}

static void
crowd_main(void *arg)
{
	static struct sleeper sleepers[CROWD];
	int i;

	(void)arg;
	held_ms = instant_monotonic(); /* all of them begin at one instant */
	for (i = 0; i < CROWD; i++) {
		sleepers[i] = (struct sleeper){ (CROWD - i) / 10, i };
		assert_int_equal(
		    fiber_start(sleeper_run, &sleepers[i]), ERR_OK);
	}
	assert_int_equal(woken_n, 0); /* on a fiber: at the next turn */
	fiber_sleep(0);
	held_ms = 0;
	assert_int_equal(fiber_stats().live, CROWD + 1);
	while (woken_n < CROWD)
		fiber_sleep(5);
}

static void
a_thousand_fibers_wake_in_the_order_of_their_times(void **state)
{
	int i;

	(void)state;
	woken_n = 0;
	assert_int_equal(loop_poll_run(crowd_main, NULL), ERR_OK);
	for (i = 1; i < CROWD; i++) {
		assert_true(woken[i - 1]->ms <= woken[i]->ms);
		if (woken[i - 1]->ms == woken[i]->ms)
			assert_true(woken[i - 1]->number < woken[i]->number);
	}
	assert_true(fiber_stats().live_max >= CROWD + 1);
	assert_true(fiber_stats().pooled <= 256); /* the rest went back */
	assert_int_equal(fiber_stats().mapped, fiber_stats().pooled);
}

static void
sleep_main(void *arg)
{
	int64_t began = instant_monotonic();

	(void)arg;
	fiber_sleep(30);
	assert_true(instant_monotonic() - began >= 30);
	began = instant_monotonic();
	fiber_sleep(0);
	fiber_sleep(-5);
	fiber_sleep(INT64_MIN);
	assert_true(instant_monotonic() - began < 1000);
}

static void
sleep_lasts_its_time_with_and_without_a_fiber(void **state)
{
	(void)state;
	sleep_main(NULL);
	assert_int_equal(loop_poll_run(sleep_main, NULL), ERR_OK);
}

/* Parking */

static struct fiber *waiter;

static void
park_three_times(void *arg)
{
	(void)arg;
	waiter = fiber_self();
	while (steps < 3) {
		fiber_park();
		steps++;
	}
}

static void
wake_main(void *arg)
{
	(void)arg;
	assert_int_equal(fiber_start(park_three_times, NULL), ERR_OK);
	fiber_sleep(0);
	fiber_sleep(0);
	assert_int_equal(steps, 0);
	fiber_wake(waiter);
	assert_int_equal(steps, 0); /* never nested */
	fiber_sleep(1);
	assert_int_equal(steps, 1);
	fiber_wake(waiter); /* each ends one park, also when they meet */
	fiber_wake(waiter);
	fiber_sleep(1);
	assert_int_equal(steps, 3);
}

static void
each_wake_ends_one_park(void **state)
{
	(void)state;
	assert_int_equal(loop_poll_run(wake_main, NULL), ERR_OK);
}

static void
early_main(void *arg)
{
	int64_t began = instant_monotonic();

	(void)arg;
	fiber_wake(fiber_self());
	fiber_wake(fiber_self());
	fiber_park();
	assert_int_equal(fiber_park_until(began + 60000), ERR_OK);
	assert_true(instant_monotonic() - began < 30000);
	assert_int_equal(
	    fiber_park_until(instant_monotonic() + 20), ERR_REQUEST_TIMEOUT);
	assert_int_equal(fiber_park_until(0), ERR_REQUEST_TIMEOUT);
	assert_int_equal(fiber_park_until(INT64_MIN), ERR_REQUEST_TIMEOUT);
	fiber_wake(fiber_self()); /* a wake counts even if time is up */
	assert_int_equal(fiber_park_until(0), ERR_OK);
}

static void
a_wake_before_the_park_is_kept(void **state)
{
	(void)state;
	assert_int_equal(loop_poll_run(early_main, NULL), ERR_OK);
}

static void
waker_run(void *arg)
{
	fiber_sleep(10);
	fiber_wake(arg);
}

static void
deadline_main(void *arg)
{
	int64_t began = instant_monotonic();

	(void)arg;
	assert_int_equal(fiber_start(waker_run, fiber_self()), ERR_OK);
	assert_int_equal(fiber_park_until(INT64_MAX), ERR_OK);
	assert_true(instant_monotonic() - began >= 10);
	/* the timer was taken back: nothing rings later */
	assert_int_equal(fiber_start(waker_run, fiber_self()), ERR_OK);
	assert_int_equal(fiber_park_until(instant_monotonic() + 1500), ERR_OK);
	fiber_sleep(1510);
	assert_int_equal(
	    fiber_park_until(instant_monotonic() + 1), ERR_REQUEST_TIMEOUT);
}

static void
a_park_ends_by_wake_or_deadline(void **state)
{
	(void)state;
	assert_int_equal(loop_poll_run(deadline_main, NULL), ERR_OK);
}

/* Wakes for something else do not end a sleep, and are not lost in it. */
static void
sleep_through(void *arg)
{
	int64_t began = instant_monotonic();
	int *p = arg;

	waiter = fiber_self();
	fiber_sleep(50);
	assert_true(instant_monotonic() - began >= 50);
	assert_int_equal(fiber_wait_fd(p[0], POLLIN, instant_monotonic() + 30),
	    ERR_REQUEST_TIMEOUT);
	assert_true(instant_monotonic() - began >= 80);
	fiber_park();
	fiber_park();
	assert_int_equal(
	    fiber_park_until(instant_monotonic()), ERR_REQUEST_TIMEOUT);
	steps++;
}

static void
sleep_through_main(void *arg)
{
	assert_int_equal(fiber_start(sleep_through, arg), ERR_OK);
	fiber_sleep(10);
	fiber_wake(waiter);
	fiber_sleep(55);
	fiber_wake(waiter);
	while (steps == 0)
		fiber_sleep(5);
}

static void
a_wake_ends_no_other_wait_and_is_kept(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(loop_poll_run(sleep_through_main, p), ERR_OK);
	close(p[0]);
	close(p[1]);
}

/* Descriptors */

static void
pipe_main(void *arg)
{
	int *p = arg;
	char c;

	assert_int_equal(fiber_wait_fd(p[0], POLLIN, instant_monotonic() + 20),
	    ERR_REQUEST_TIMEOUT);
	assert_int_equal(fiber_wait_fd(p[0], POLLIN, 0), ERR_REQUEST_TIMEOUT);
	assert_int_equal(fiber_wait_fd(p[1], POLLOUT, INT64_MAX), ERR_OK);
	assert_int_equal(write(p[1], "x", 1), 1);
	assert_int_equal(fiber_wait_fd(p[0], POLLIN, INT64_MAX), ERR_OK);
	assert_int_equal(read(p[0], &c, 1), 1);
	assert_int_equal(fiber_wait_fd(-1, POLLIN, INT64_MAX), ERR_INTERNAL);
	if (fiber_self() == NULL)
		assert_int_equal(
		    fiber_wait_fd(1000, POLLIN, INT64_MAX), ERR_INTERNAL);
}

static void
hang_up_main(void *arg)
{
	int *p = arg;

	close(p[1]);
	assert_int_equal(fiber_wait_fd(p[0], POLLIN, INT64_MAX), ERR_OK);
}

static void
a_descriptor_is_waited_for_with_and_without_a_fiber(void **state)
{
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	pipe_main(p); /* plain poll(2) */
	assert_int_equal(loop_poll_run(pipe_main, p), ERR_OK);
	assert_int_equal(loop_poll_run(hang_up_main, p), ERR_OK);
	close(p[0]);
}

static void
ignore(int number)
{
	(void)number;
}

static void
signals_do_not_shorten_a_wait(void **state)
{
	struct sigaction action = { .sa_handler = ignore };
	int64_t began = instant_monotonic();
	int p[2];
	pid_t child, self = getpid();

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
	if ((child = fork()) == 0) {
		usleep(20000);
		kill(self, SIGUSR1);
		_exit(0);
	}
	assert_int_equal(
	    fiber_wait_fd(p[0], POLLIN, began + 200), ERR_REQUEST_TIMEOUT);
	assert_true(instant_monotonic() - began >= 200);
	while (waitpid(child, NULL, 0) == -1)
		assert_int_equal(errno, EINTR); /* a signal that came late */
	close(p[0]);
	close(p[1]);
}

/* Bounds and state */

static struct fiber *all[FIBER_MAX];
static int all_n;

static void
stand(void *arg)
{
	(void)arg;
	all[all_n++] = fiber_self();
	fiber_park();
}

static void
full_main(void *arg)
{
	int i;

	(void)arg;
	all_n = 0;
	for (i = 1; i < FIBER_MAX; i++)
		assert_int_equal(fiber_start(stand, NULL), ERR_OK);
	assert_int_equal(fiber_start(stand, NULL), ERR_BUSY);
	assert_int_equal(fiber_stats().live, FIBER_MAX);
	fiber_sleep(1);
	assert_int_equal(all_n, FIBER_MAX - 1); /* and fn of the last never */
	for (i = 0; i < all_n; i++)
		fiber_wake(all[i]);
	fiber_sleep(1);
	assert_int_equal(fiber_stats().live, 1);
	assert_int_equal(fiber_start(stand, NULL), ERR_OK);
	fiber_sleep(1);
	fiber_wake(all[all_n - 1]);
	fiber_sleep(1);
}

static void
there_are_at_most_so_many_and_then_room_again(void **state)
{
	(void)state;
	assert_int_equal(loop_poll_run(full_main, NULL), ERR_OK);
	assert_true(fiber_stats().mapped <= 257);
}

/* Values that the compiler keeps in registers, and the mode of rounding. */
static void
keep_values(void *arg)
{
	long seed = *(const long *)arg, a = seed, b = seed * 3, c = seed * 5,
	     d = seed * 7, e = seed * 11, f = seed * 13;
	double x = (double)seed / 3, y = (double)seed * 0.7;
	int i;

	for (i = 0; i < 50; i++) {
		a += b ^ i;
		c -= d + i;
		e ^= f * i;
		x = x * 1.0001 + y;
		if (i % 5 == 0)
			fiber_sleep(0);
	}
	assert_int_equal((uintptr_t)__builtin_frame_address(0) % 16, 0);
	((double *)arg)[1] = (double)(a + c + e) + x;
	steps++;
}

static void
registers_main(void *arg)
{
	static union {
		long seed;
		double both[2];
	} run[2][20];
	int i;

	(void)arg;
	for (i = 0; i < 20; i++) {
		run[0][i].seed = run[1][i].seed = i + 1;
		assert_int_equal(fiber_start(keep_values, &run[0][i]), ERR_OK);
	}
	while (steps < 20)
		fiber_sleep(0);
	for (i = 0; i < 20; i++) { /* the same, one at a time */
		keep_values(&run[1][i]);
		assert_true(run[0][i].both[1] == run[1][i].both[1]);
	}
}

static void
registers_survive_the_switch(void **state)
{
	(void)state;
	assert_int_equal(loop_poll_run(registers_main, NULL), ERR_OK);
}

#if defined(__x86_64__)
static void
rounding_main(void *arg)
{
	unsigned mode = _mm_getcsr();

	(void)arg;
	assert_int_equal(mode & _MM_ROUND_MASK, _MM_ROUND_NEAREST);
	_mm_setcsr(mode | _MM_ROUND_UP);
	fiber_sleep(1);
	steps = (_mm_getcsr() & _MM_ROUND_MASK) == _MM_ROUND_UP;
}

static void
each_has_its_own_rounding_mode(void **state)
{
	(void)state;
	assert_int_equal(loop_poll_run(rounding_main, NULL), ERR_OK);
	assert_int_equal(steps, 1);
	assert_int_equal(_mm_getcsr() & _MM_ROUND_MASK, _MM_ROUND_NEAREST);
}
#endif

/* The C library's largest frames. */
static void
print_main(void *arg)
{
	static char line[1024];

	(void)arg;
	steps = snprintf(line, sizeof(line), "%f %300d", 1e300, 1);
	setvbuf(stderr, NULL, _IONBF, 0);
	fprintf(stderr, "%300d\n", 1);
}

static void
print_child(void *unused)
{
	(void)unused;
	_exit(loop_poll_run(print_main, NULL) == ERR_OK ? steps & 1 : 4);
}

static void
the_stack_has_room_for_the_c_library(void **state)
{
	struct ending e;

	(void)state;
	ending_of(&e, print_child, NULL);
	assert_true(WIFEXITED(e.status) && WEXITSTATUS(e.status) == 1);
	assert_int_equal(strlen(e.said), 301);
}

/* Endings */

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
dig_child(void *unused)
{
	(void)unused;
	_exit(loop_poll_run(dig_main, NULL) == ERR_OK ? 3 : 4);
}

static void
running_off_the_stack_ends_the_process_with_a_line(void **state)
{
	struct ending e;

	(void)state;
	ending_of(&e, dig_child, NULL);
	assert_true(ended_by(&e, SIGSEGV));
	assert_non_null(strstr(e.said, "\"event\":\"fiber_stack_overflow\""));
}

static void
stray_main(void *arg)
{
	uint8_t *nowhere = mmap(
	    NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	*(volatile uint8_t *)nowhere = 1;
}

static void
stray_child(void *unused)
{
	(void)unused;
	_exit(loop_poll_run(stray_main, NULL) == ERR_OK ? 3 : 4);
}

static void
killed_child(void *unused)
{
	(void)unused;
	if (loop_poll_run(sleep_main, NULL) != ERR_OK)
		_exit(3);
	kill(getpid(), SIGSEGV);
	_exit(4);
}

static void
another_fault_is_not_called_an_overflow(void **state)
{
	struct ending e;

	(void)state;
	ending_of(&e, stray_child, NULL);
	assert_false(WIFEXITED(e.status) && WEXITSTATUS(e.status) == 3);
	assert_null(strstr(e.said, "fiber_stack_overflow"));
	ending_of(&e, killed_child, NULL);
	assert_false(WIFEXITED(e.status) && WEXITSTATUS(e.status) == 4);
	assert_null(strstr(e.said, "fiber_stack_overflow"));
}

static void
park_nowhere(void *unused)
{
	(void)unused;
	fiber_park();
}

static void
end_at_once(void *arg)
{
	*(struct fiber **)arg = fiber_self();
}

static void
wake_the_dead(void *unused)
{
	struct fiber *dead = NULL;

	(void)unused;
	if (fiber_start(end_at_once, &dead) == ERR_OK)
		fiber_wake(dead);
}

static void
misuse_ends_the_process(void **state)
{
	struct ending e;

	(void)state;
	ending_of(&e, park_nowhere, NULL);
	assert_true(ended_by(&e, SIGABRT));
	assert_non_null(strstr(e.said, "\"fiber_wait_off_a_fiber\""));
	ending_of(&e, wake_the_dead, NULL);
	assert_true(ended_by(&e, SIGABRT));
	assert_non_null(strstr(e.said, "\"fiber_woken_after_its_end\""));
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* first: in a process that has had no fiber yet */
		EACH(running_off_the_stack_ends_the_process_with_a_line),
		EACH(another_fault_is_not_called_an_overflow),
		EACH(misuse_ends_the_process),
		EACH(a_thousand_fibers_wake_in_the_order_of_their_times),
		EACH(sleep_lasts_its_time_with_and_without_a_fiber),
		EACH(each_wake_ends_one_park),
		EACH(a_wake_before_the_park_is_kept),
		EACH(a_park_ends_by_wake_or_deadline),
		EACH(a_wake_ends_no_other_wait_and_is_kept),
		EACH(a_descriptor_is_waited_for_with_and_without_a_fiber),
		EACH(signals_do_not_shorten_a_wait),
		EACH(there_are_at_most_so_many_and_then_room_again),
		EACH(registers_survive_the_switch),
#if defined(__x86_64__)
		EACH(each_has_its_own_rounding_mode),
#endif
		EACH(the_stack_has_room_for_the_c_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
