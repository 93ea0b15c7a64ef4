#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/loop.h"
#include "ending.h"
#include "held_clock.h"

#include "base/fiber.h"
#include "base/instant.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#define MANY 5000

/* A loop that only remembers what it is asked for. */
static int64_t wished;
static int wishes;

static enum err
no_watch(struct loop_watch *w)
{
	(void)w;
	return ERR_INTERNAL;
}

static void
no_unwatch(struct loop_watch *w)
{
	(void)w;
}

static void
remember(int64_t due_ms)
{
	wished = due_ms;
	wishes++;
}

static const struct loop_ops bare = { no_watch, no_unwatch, remember };

static int
set_up(void **state)
{
	(void)state;
	held_ms = 1000000;
	loop_install(&bare);
	assert_int_equal(loop_run_due(), INT64_MAX);
	wished = INT64_MAX;
	wishes = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	held_ms = 0;
	return 0;
}

struct tick {
	struct loop_timer timer;
	int64_t ms;
	int number;
};

static struct tick ticks[MANY];
static struct tick *rung[MANY];
static int rung_n;

static void
ring(void *arg)
{
	struct tick *t = arg;

	assert_false(t->timer.armed);
	assert_true(t->timer.due_ms <= instant_monotonic());
	rung[rung_n++] = t;
}

static void
ticks_arm(void)
{
	int i;

	rung_n = 0;
	srandom(20261123);
	for (i = 0; i < MANY; i++) {
		ticks[i] = (struct tick){ .timer = { .fn = ring,
					      .arg = &ticks[i] },
			.ms = random() % 500,
			.number = i };
		loop_timer_arm(&ticks[i].timer, ticks[i].ms);
	}
}

static void
timers_ring_by_time_and_then_by_age(void **state)
{
	int64_t due;
	int i;

	(void)state;
	ticks_arm();
	for (due = loop_run_due(); due != INT64_MAX; due = loop_run_due()) {
		assert_true(due > held_ms);
		held_ms = due;
	}
	assert_int_equal(rung_n, MANY);
	for (i = 1; i < MANY; i++) {
		assert_true(rung[i - 1]->ms <= rung[i]->ms);
		if (rung[i - 1]->ms == rung[i]->ms)
			assert_true(rung[i - 1]->number < rung[i]->number);
	}
}

static void
a_cancelled_timer_never_rings(void **state)
{
	int i;

	(void)state;
	ticks_arm();
	for (i = 0; i < MANY; i++)
		if (i % 3 != 0) {
			loop_timer_cancel(&ticks[i].timer);
			loop_timer_cancel(&ticks[i].timer); /* idempotent */
		}
	held_ms += 1000;
	assert_int_equal(loop_run_due(), INT64_MAX);
	assert_int_equal(rung_n, (MANY + 2) / 3);
	for (i = 1; i < rung_n; i++) {
		assert_int_equal(rung[i]->number % 3, 0);
		assert_true(rung[i - 1]->ms <= rung[i]->ms);
	}
}

static void
arming_again_replaces(void **state)
{
	struct tick t = { .timer = { .fn = ring, .arg = &t } };

	(void)state;
	rung_n = 0;
	loop_timer_arm(&t.timer, 10);
	loop_timer_arm(&t.timer, 50);
	assert_int_equal(loop_run_due(), held_ms + 50);
	loop_timer_arm(&t.timer, 20);
	held_ms += 20;
	assert_int_equal(loop_run_due(), INT64_MAX);
	held_ms += 100;
	assert_int_equal(loop_run_due(), INT64_MAX);
	assert_int_equal(rung_n, 1);
}

static void
times_of_all_sizes_are_taken(void **state)
{
	struct tick t = { .timer = { .fn = ring, .arg = &t } };

	(void)state;
	rung_n = 0;
	loop_timer_arm(&t.timer, INT64_MAX); /* no overflow: never */
	assert_int_equal(t.timer.due_ms, INT64_MAX);
	assert_int_equal(loop_run_due(), INT64_MAX);
	loop_timer_arm(&t.timer, INT64_MIN); /* at once */
	assert_int_equal(loop_run_due(), INT64_MAX);
	assert_int_equal(rung_n, 1);
}

static void
ring_again(void *arg)
{
	struct tick *t = arg;

	t->number++;
	loop_timer_arm(&t->timer, 0);
}

static void
a_timer_armed_in_its_own_callback_waits_a_turn(void **state)
{
	struct tick t = { .timer = { .fn = ring_again, .arg = &t } };

	(void)state;
	loop_timer_arm(&t.timer, 0);
	assert_int_equal(loop_run_due(), held_ms);
	assert_int_equal(t.number, 1);
	assert_int_equal(loop_run_due(), held_ms);
	assert_int_equal(t.number, 2);
	loop_timer_cancel(&t.timer);
}

static void
cancel_other(void *arg)
{
	loop_timer_cancel(arg);
}

static void
a_callback_may_cancel_a_timer_that_is_due(void **state)
{
	struct tick victim = { .timer = { .fn = ring, .arg = &victim } };
	struct loop_timer killer = { .fn = cancel_other, .arg = &victim.timer };

	(void)state;
	rung_n = 0;
	loop_timer_arm(&killer, 5);
	loop_timer_arm(&victim.timer, 5);
	held_ms += 5;
	assert_int_equal(loop_run_due(), INT64_MAX);
	assert_int_equal(rung_n, 0);
}

static char heard[64];
static size_t heard_n;

static void
hear(void *arg)
{
	heard[heard_n++] = *(const char *)arg;
	heard[heard_n] = '\0';
}

static void
hear_and_defer(void *arg)
{
	static char inner[] = "x";

	hear(arg);
	loop_defer(hear, inner);
	assert_int_equal(heard[heard_n - 1], *(char *)arg); /* not nested */
	assert_int_equal(loop_run_due(), 0); /* nor through the back door */
	assert_int_equal(heard[heard_n - 1], *(char *)arg);
}

static void
deferred_work_runs_in_order_once_and_never_nested(void **state)
{
	static char a[] = "a", b[] = "b", c[] = "c";
	struct loop_timer timer = { .fn = hear_and_defer, .arg = c };

	(void)state;
	heard_n = 0;
	loop_defer(hear_and_defer, a);
	loop_defer(hear, b);
	loop_timer_arm(&timer, 0);
	assert_int_equal(loop_run_due(), INT64_MAX);
	assert_string_equal(heard, "abxcx"); /* before the next wait */
	assert_int_equal(loop_run_due(), INT64_MAX);
	assert_string_equal(heard, "abxcx");
}

static int again_left;

static void
again(void *arg)
{
	if (again_left-- > 0)
		loop_defer(again, arg);
}

static void
what_defers_itself_for_ever_lets_the_loop_have_turns(void **state)
{
	int turns = 0;

	(void)state;
	again_left = 1000;
	loop_defer(again, NULL);
	while (loop_run_due() == 0)
		turns++;
	assert_true(turns > 10 && turns < 1000);
	assert_true(again_left < 0);
}

static void
count_up(void *arg)
{
	++*(int *)arg;
}

static void
thousands_may_be_deferred(void **state)
{
	int n = 0, i;

	(void)state;
	for (i = 0; i < 100000; i++)
		loop_defer(count_up, &n);
	assert_int_equal(loop_run_due(), INT64_MAX);
	assert_int_equal(n, 100000);
}

static void
the_loop_is_asked_only_for_what_is_sooner(void **state)
{
	struct tick a = { .timer = { .fn = ring, .arg = &a } };
	struct tick b = { .timer = { .fn = ring, .arg = &b } };
	struct tick c = { .timer = { .fn = ring, .arg = &c } };
	int n = 0;

	(void)state;
	rung_n = 0;
	loop_timer_arm(&a.timer, 100);
	assert_int_equal(wished, held_ms + 100);
	loop_timer_arm(&b.timer, 200);
	assert_int_equal(wishes, 1);
	loop_timer_arm(&c.timer, 50);
	assert_int_equal(wished, held_ms + 50);
	loop_defer(count_up, &n);
	loop_defer(count_up, &n);
	assert_int_equal(wished, 0);
	assert_int_equal(wishes, 3);
	assert_int_equal(loop_run_due(), held_ms + 50); /* the answer counts */
	loop_timer_arm(&c.timer, 40);
	assert_int_equal(wishes, 4);
	assert_int_equal(wished, held_ms + 40);
	held_ms += 1000;
	assert_int_equal(loop_run_due(), INT64_MAX);
	assert_int_equal(rung_n, 3);
	assert_int_equal(n, 2);
}

static void
what_was_asked_before_there_was_a_loop_is_asked_again(void **state)
{
	struct tick a = { .timer = { .fn = ring, .arg = &a } };

	(void)state;
	loop_install(NULL);
	loop_timer_arm(&a.timer, 100);
	loop_install(&bare);
	assert_int_equal(wished, held_ms + 100);
	loop_timer_cancel(&a.timer);
}

/* poll(2) */

#define PIPES 50

struct reader {
	struct loop_watch watch;
	int fds[2];
	int heard, told;
};

static struct reader readers[PIPES];

static void
reader_open(struct reader *r, void (*fn)(void *, short))
{
	*r = (struct reader){ 0 };
	assert_int_equal(pipe(r->fds), 0);
	r->watch = (struct loop_watch){
		.fn = fn, .arg = r, .fd = r->fds[0], .events = POLLIN
	};
	assert_int_equal(loop_watch(&r->watch), ERR_OK);
}

static void
reader_close(struct reader *r)
{
	loop_unwatch(&r->watch);
	loop_unwatch(&r->watch); /* idempotent */
	close(r->fds[0]);
	close(r->fds[1]);
}

/* Between two sleeps the loop has asked poll(2), however slow the machine. */
static void
settle(void)
{
	fiber_sleep(1);
	fiber_sleep(1);
}

static void
reader_reads(void *arg, short revents)
{
	struct reader *r = arg;
	char c;

	assert_true(revents & POLLIN);
	assert_int_equal(read(r->fds[0], &c, 1), 1);
	r->heard++;
}

static void
many_main(void *arg)
{
	int i, round;

	(void)arg;
	for (i = 0; i < PIPES; i++)
		reader_open(&readers[i], reader_reads);
	for (round = 0; round < 20; round++) {
		for (i = 0; i < PIPES; i++)
			assert_int_equal(write(readers[i].fds[1], "x", 1), 1);
		settle();
		/* some come and go, from the middle too */
		reader_close(&readers[round]);
		reader_open(&readers[round], reader_reads);
	}
	for (i = 0; i < PIPES; i++) {
		assert_true(readers[i].heard == (i < 20 ? 19 - i : 20));
		reader_close(&readers[i]);
	}
}

static void
each_watch_hears_its_own_descriptor(void **state)
{
	(void)state;
	assert_int_equal(loop_poll_run(many_main, NULL), ERR_OK);
}

/* Ends all watches, its own too, and begins another on its descriptor. */
static void
reader_ends_all(void *arg, short revents)
{
	struct reader *r = arg;
	int i;

	(void)revents;
	r->told++;
	for (i = 0; i < PIPES; i++)
		loop_unwatch(&readers[i].watch);
	r->watch.fn = reader_reads;
	r->watch.fd = r->fds[0];
	assert_int_equal(loop_watch(&r->watch), ERR_OK);
}

static void
ending_main(void *arg)
{
	int i, told = 0, heard_all = 0;

	(void)arg;
	for (i = 0; i < PIPES; i++) {
		reader_open(&readers[i], reader_ends_all);
		assert_int_equal(write(readers[i].fds[1], "x", 1), 1);
	}
	settle();
	settle();
	for (i = 0; i < PIPES; i++) {
		told += readers[i].told;
		heard_all += readers[i].heard;
		reader_close(&readers[i]);
	}
	assert_int_equal(told, 1);
	assert_int_equal(heard_all, 1);
}

static void
a_callback_may_end_any_watch_and_none_ended_is_heard(void **state)
{
	(void)state;
	assert_int_equal(loop_poll_run(ending_main, NULL), ERR_OK);
}

/* Always readable, and always changing its watch. */
static void
reader_rewatches(void *arg, short revents)
{
	struct reader *r = arg;

	(void)revents;
	r->told++;
	loop_unwatch(&r->watch);
	assert_int_equal(loop_watch(&r->watch), ERR_OK);
}

static void
fair_main(void *arg)
{
	int turns;

	(void)arg;
	reader_open(&readers[0], reader_rewatches);
	reader_open(&readers[1], reader_reads);
	reader_open(&readers[2], reader_rewatches);
	assert_int_equal(write(readers[0].fds[1], "x", 1), 1);
	assert_int_equal(write(readers[2].fds[1], "x", 1), 1);
	assert_int_equal(write(readers[1].fds[1], "xxx", 3), 3);
	for (turns = 0; turns < 100 && readers[1].heard < 3; turns++)
		fiber_sleep(1);
	assert_int_equal(readers[1].heard, 3);
	assert_true(readers[0].told >= 3 && readers[2].told >= 3);
	reader_close(&readers[0]);
	reader_close(&readers[1]);
	reader_close(&readers[2]);
}

static void
a_busy_descriptor_does_not_starve_another(void **state)
{
	(void)state;
	assert_int_equal(loop_poll_run(fair_main, NULL), ERR_OK);
}

static void
reader_counts(void *arg, short revents)
{
	struct reader *r = arg;

	r->told++;
	r->heard |= revents;
	if (r->told > 100)
		loop_unwatch(&r->watch);
}

static void
interest_main(void *arg)
{
	struct reader *r = &readers[0];

	(void)arg;
	reader_open(r, reader_counts);
	assert_int_equal(write(r->fds[1], "x", 1), 1);
	r->watch.events = 0; /* changed by asking again */
	assert_int_equal(loop_watch(&r->watch), ERR_OK);
	settle();
	assert_int_equal(r->told, 0);
	close(r->fds[1]); /* a hang-up is told without having asked */
	settle();
	assert_true(r->told > 0 && (r->heard & POLLHUP));
	loop_unwatch(&r->watch);
	close(r->fds[0]);

	*r = (struct reader){ .watch = { .fn = reader_counts, .arg = r } };
	r->watch.fd = 1000; /* nothing is open there */
	r->watch.events = POLLIN;
	assert_int_equal(loop_watch(&r->watch), ERR_OK);
	settle();
	assert_true(r->told > 0 && r->heard == POLLERR);
	loop_unwatch(&r->watch);
}

static void
interest_changes_and_errors_are_told(void **state)
{
	(void)state;
	assert_int_equal(loop_poll_run(interest_main, NULL), ERR_OK);
}

static void
nested_main(void *arg)
{
	*(enum err *)arg = loop_poll_run(nested_main, arg);
}

static void
a_loop_inside_of_a_loop_is_refused(void **state)
{
	enum err r = ERR_OK;

	(void)state;
	assert_int_equal(loop_poll_run(nested_main, &r), ERR_OK);
	assert_int_equal(r, ERR_INTERNAL);
}

static void
parked_main(void *arg)
{
	(void)arg;
	fiber_park();
}

static void
waits_for_nothing(void *unused)
{
	(void)unused;
	_exit(loop_poll_run(parked_main, NULL) == ERR_INTERNAL ? 7 : 1);
}

static void
a_loop_that_nothing_can_wake_says_so(void **state)
{
	struct ending e;

	(void)state;
	ending_of(&e, waits_for_nothing, NULL);
	assert_true(WIFEXITED(e.status) && WEXITSTATUS(e.status) == 7);
	assert_non_null(strstr(e.said, "\"loop_waits_for_nothing\""));
}

#define BARE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		BARE(timers_ring_by_time_and_then_by_age),
		BARE(a_cancelled_timer_never_rings),
		BARE(arming_again_replaces),
		BARE(times_of_all_sizes_are_taken),
		BARE(a_timer_armed_in_its_own_callback_waits_a_turn),
		BARE(a_callback_may_cancel_a_timer_that_is_due),
		BARE(deferred_work_runs_in_order_once_and_never_nested),
		BARE(what_defers_itself_for_ever_lets_the_loop_have_turns),
		BARE(thousands_may_be_deferred),
		BARE(the_loop_is_asked_only_for_what_is_sooner),
		BARE(what_was_asked_before_there_was_a_loop_is_asked_again),
		cmocka_unit_test(each_watch_hears_its_own_descriptor),
		cmocka_unit_test(
		    a_callback_may_end_any_watch_and_none_ended_is_heard),
		cmocka_unit_test(a_busy_descriptor_does_not_starve_another),
		cmocka_unit_test(interest_changes_and_errors_are_told),
		cmocka_unit_test(a_loop_inside_of_a_loop_is_refused),
		cmocka_unit_test(a_loop_that_nothing_can_wake_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
