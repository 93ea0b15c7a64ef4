#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/offload.h"

#include "base/fiber.h"
#include "base/instant.h"
#include "base/loop.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>

#define THREADS 2
#define QUEUE	3

static pthread_t loop_thread;
static sem_t gate, entered; /* jobs enter, and wait until they are let go */
static int ended;

struct job_seen {
	pthread_t thread;
	sigset_t blocked;
	bool ran;
};

static void
look(void *arg)
{
	struct job_seen *s = arg;

	s->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &s->blocked);
	s->ran = true;
}

static void
pass_gate(void *arg)
{
	sem_post(&entered);
	while (sem_wait(&gate) == -1)
		;
	*(int *)arg += 1;
}

static void
with_threads(void (*fn)(void *))
{
	loop_thread = pthread_self();
	ended = 0;
	sem_init(&gate, 0, 0);
	sem_init(&entered, 0, 0);
	assert_int_equal(loop_poll_run(fn, NULL), ERR_OK);
	offload_stop();
	sem_destroy(&gate);
	sem_destroy(&entered);
	assert_int_equal(fiber_stats().live, 0);
}

static void
place_main(void *arg)
{
	struct job_seen before = { 0 }, after = { 0 };
	int number;

	(void)arg;
	assert_int_equal(offload(look, &before), ERR_OK);
	assert_true(before.ran);
	assert_true(pthread_equal(before.thread, loop_thread));
	assert_int_equal(offload_start(THREADS, QUEUE), ERR_OK);
	assert_int_equal(offload(look, &after), ERR_OK);
	assert_true(after.ran);
	assert_false(pthread_equal(after.thread, loop_thread));
	for (number = 1; number < 32; number++)
		if (number != SIGKILL && number != SIGSTOP)
			assert_int_equal(
			    sigismember(&after.blocked, number), 1);
	assert_int_equal(
	    pthread_sigmask(SIG_SETMASK, NULL, &before.blocked), 0);
	assert_int_equal(sigismember(&before.blocked, SIGTERM), 0);
}

static void
work_runs_on_a_thread_that_no_signal_reaches(void **state)
{
	struct job_seen plain = { 0 };

	(void)state;
	with_threads(place_main);
	assert_int_equal(offload(look, &plain), ERR_OK); /* off a fiber */
	assert_true(plain.ran && pthread_equal(plain.thread, loop_thread));
}

static void
gate_fiber(void *arg)
{
	int n = 0;
	enum err r = offload(pass_gate, &n);

	assert_int_equal(r == ERR_OK, n == 1);
	((int *)arg)[r == ERR_OK ? 0 : 1]++;
	if (r != ERR_OK)
		assert_int_equal(r, ERR_BUSY);
	ended++;
}

static void
bound_main(void *arg)
{
	int results[2] = { 0, 0 }, i;

	(void)arg;
	assert_int_equal(offload_start(THREADS, QUEUE), ERR_OK);
	for (i = 0; i < 2 * (THREADS + QUEUE); i++)
		assert_int_equal(fiber_start(gate_fiber, results), ERR_OK);
	fiber_sleep(20);
	assert_int_equal(results[0], 0);
	assert_int_equal(results[1], THREADS + QUEUE); /* busy, at once */
	for (i = 0; i < THREADS; i++)
		assert_int_equal(sem_wait(&entered), 0);
	fiber_sleep(20); /* the loop goes on meanwhile */
	assert_int_equal(sem_trywait(&entered), -1); /* as many as threads */
	for (i = 0; i < THREADS + QUEUE; i++)
		sem_post(&gate);
	while (ended < 2 * (THREADS + QUEUE))
		fiber_sleep(1);
	assert_int_equal(results[0], THREADS + QUEUE);
	assert_int_equal(fiber_start(gate_fiber, results), ERR_OK);
	sem_post(&gate); /* there is room again */
	while (results[0] == THREADS + QUEUE)
		fiber_sleep(1);
}

static void
threads_and_queue_are_bounded(void **state)
{
	(void)state;
	with_threads(bound_main);
}

static struct fiber *worker;

static void
worker_run(void *arg)
{
	int n = 0;

	(void)arg;
	worker = fiber_self();
	assert_int_equal(offload(pass_gate, &n), ERR_OK);
	assert_int_equal(n, 1); /* and not before */
	fiber_park();		/* the wake was kept */
	ended++;
}

/* The job lives on the fiber's stack: to go on early would be to pull it
 * away under the thread. */
static void
wake_main(void *arg)
{
	(void)arg;
	assert_int_equal(offload_start(1, 1), ERR_OK);
	assert_int_equal(fiber_start(worker_run, NULL), ERR_OK);
	fiber_sleep(1);
	assert_int_equal(sem_wait(&entered), 0);
	fiber_wake(worker);
	fiber_sleep(20);
	assert_int_equal(ended, 0);
	sem_post(&gate);
	while (ended == 0)
		fiber_sleep(1);
}

static void
a_wake_does_not_end_the_wait_for_a_job(void **state)
{
	(void)state;
	with_threads(wake_main);
}

static void
add_fiber(void *arg)
{
	struct job_seen s = { 0 };
	int i;

	(void)arg;
	for (i = 0; i < 50; i++) {
		s.ran = false;
		assert_int_equal(offload(look, &s), ERR_OK);
		assert_true(s.ran);
	}
	ended++;
}

static void
many_main(void *arg)
{
	int i;

	(void)arg;
	assert_int_equal(offload_start(4, 100), ERR_OK);
	for (i = 0; i < 100; i++)
		assert_int_equal(fiber_start(add_fiber, NULL), ERR_OK);
	while (ended < 100)
		fiber_sleep(1);
}

static void
five_thousand_jobs_each_run_once(void **state)
{
	(void)state;
	with_threads(many_main);
}

static void
misuse_main(void *arg)
{
	(void)arg;
	assert_int_equal(offload_start(0, 5), ERR_INTERNAL);
	assert_int_equal(offload_start(1, 0), ERR_OK);
	assert_int_equal(offload_start(1, 0), ERR_INTERNAL); /* they run */
	assert_int_equal(fiber_start(add_fiber, NULL), ERR_OK);
	while (ended == 0)
		fiber_sleep(1); /* one job at a time needs no queue */
}

static void
starting_wrongly_is_refused(void **state)
{
	(void)state;
	with_threads(misuse_main);
	offload_stop(); /* again: no harm */
}

static void
stop_main(void *arg)
{
	int results[2] = { 0, 0 }, i;

	(void)arg;
	assert_int_equal(offload_start(1, 5), ERR_OK);
	for (i = 0; i < 3; i++)
		assert_int_equal(fiber_start(gate_fiber, results), ERR_OK);
	fiber_sleep(1);
	for (i = 0; i < 3; i++)
		sem_post(&gate);
	offload_stop();
	fiber_sleep(1);
	assert_int_equal(results[0], 3); /* all that was in hand is done */
}

static void
stopping_waits_for_what_is_in_hand(void **state)
{
	(void)state;
	with_threads(stop_main);
}

#define SPIN_MS	   100
#define PAUSES_MIN 20 /* of about 180, on a machine that has other work too */

static long
pauses_of_thread(void)
{
	struct rusage used;

	assert_int_equal(getrusage(RUSAGE_THREAD, &used), 0);
	return used.ru_nvcsw;
}

/* Computes, and makes no system call that could wait. */
static void
spin(void *arg)
{
	long before = pauses_of_thread();
	int64_t end = instant_monotonic() + SPIN_MS;

	while (instant_monotonic() < end)
		;
	*(long *)arg = pauses_of_thread() - before;
}

static void
paced_main(void *arg)
{
	long pauses = 0;

	(void)arg;
	assert_int_equal(offload_start(THREADS, QUEUE), ERR_OK);
	assert_int_equal(offload(spin, &pauses), ERR_OK);
	assert_in_range(pauses, PAUSES_MIN, SPIN_MS * 10);
}

/* Who waits for an answer does not wait for the end of a hash. */
static void
a_job_that_computes_gives_its_core_back(void **state)
{
	(void)state;
	with_threads(paced_main);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(work_runs_on_a_thread_that_no_signal_reaches),
		cmocka_unit_test(threads_and_queue_are_bounded),
		cmocka_unit_test(a_wake_does_not_end_the_wait_for_a_job),
		cmocka_unit_test(five_thousand_jobs_each_run_once),
		cmocka_unit_test(a_job_that_computes_gives_its_core_back),
		cmocka_unit_test(starting_wrongly_is_refused),
		cmocka_unit_test(stopping_waits_for_what_is_in_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
