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
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 2
#define QUEUE	3
#define NEVER	INT64_MAX

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
	assert_int_equal(offload(look, &before, NEVER), ERR_OK);
	assert_true(before.ran);
	assert_true(pthread_equal(before.thread, loop_thread));
	assert_int_equal(offload_start(THREADS, QUEUE), ERR_OK);
	assert_int_equal(offload(look, &after, NEVER), ERR_OK);
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
	assert_int_equal(
	    offload(look, &plain, NEVER), ERR_OK); /* off a fiber */
	assert_true(plain.ran && pthread_equal(plain.thread, loop_thread));
}

static void
gate_fiber(void *arg)
{
	int n = 0;
	enum err r = offload(pass_gate, &n, NEVER);

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
	assert_int_equal(offload(pass_gate, &n, NEVER), ERR_OK);
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
		assert_int_equal(offload(look, &s, NEVER), ERR_OK);
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
	int tries;

	(void)arg;
	assert_int_equal(offload_start(THREADS, QUEUE), ERR_OK);
	/* of a core that others take the job has little to give back */
	for (tries = 0; pauses < PAUSES_MIN && tries < 50; tries++)
		assert_int_equal(offload(spin, &pauses, NEVER), ERR_OK);
	assert_in_range(pauses, PAUSES_MIN, SPIN_MS * 10);
}

/* Who waits for an answer does not wait for the end of a hash. */
static void
a_job_that_computes_gives_its_core_back(void **state)
{
	(void)state;
	with_threads(paced_main);
}

struct late {
	int64_t deadline_ms;
	struct job_seen seen;
	enum err r;
};

static void
late_fiber(void *arg)
{
	struct late *l = arg;

	l->r = offload(look, &l->seen, l->deadline_ms);
	ended++;
}

static void
late_main(void *arg)
{
	const int64_t now = instant_monotonic();
	struct late late = { .deadline_ms = now + 1500 },
		    early = { .deadline_ms = now + 60000 };
	int results[2] = { 0, 0 };

	(void)arg;
	assert_int_equal(offload_start(1, QUEUE), ERR_OK);
	assert_int_equal(fiber_start(gate_fiber, results), ERR_OK);
	assert_int_equal(fiber_start(late_fiber, &late), ERR_OK);
	assert_int_equal(fiber_start(late_fiber, &early), ERR_OK);
	fiber_sleep(1510);
	assert_int_equal(ended, 0);
	sem_post(&gate);
	while (ended < 3)
		fiber_sleep(1);
	assert_int_equal(late.r, ERR_BUSY);
	assert_false(late.seen.ran);
	assert_int_equal(early.r, ERR_OK);
	assert_true(early.seen.ran);
}

/* A hash that nobody can use any more would keep those behind it waiting. */
static void
a_job_whose_turn_comes_too_late_does_not_run(void **state)
{
	(void)state;
	with_threads(late_main);
}

#define STEP_MS 10 /* of a job, on a machine that does nothing else */
#define CROWD	40 /* of whom ten could be served in time, or a few more */

static void
spin_step(void *unused)
{
	const int64_t end = instant_monotonic() + STEP_MS;

	(void)unused;
	while (instant_monotonic() < end)
		;
}

struct soon {
	int64_t within_ms;
	int served, refused;
};

static void
soon_fiber(void *arg)
{
	struct soon *s = arg;

	if (offload(spin_step, NULL, instant_monotonic() + s->within_ms) ==
	    ERR_OK)
		s->served++;
	else
		s->refused++;
	ended++;
}

/* What a job takes here and now: the least, or the most, of some. */
static int64_t
step_ms(bool least)
{
	int64_t before, took, found = 0;
	int i;

	for (i = 0; i < 4; i++) {
		before = instant_monotonic();
		assert_int_equal(offload(spin_step, NULL, NEVER), ERR_OK);
		took = instant_monotonic() - before;
		if (i == 0 || (took < found) == least)
			found = took;
	}
	return found;
}

static void
hopeless_main(void *arg)
{
	struct soon s = { 0 };
	int i;

	(void)arg;
	assert_int_equal(offload_start(1, CROWD), ERR_OK);
	s.within_ms = 10 * step_ms(true);
	assert_int_equal(offload_wait_ms(), 0); /* nothing is in hand */
	for (i = 0; i < CROWD; i++)
		assert_int_equal(fiber_start(soon_fiber, &s), ERR_OK);
	fiber_sleep(1); /* they have begun, and waited for no turn */
	assert_in_range(s.refused, CROWD / 2, CROWD - 1);
	assert_in_range(offload_wait_ms(), STEP_MS, 60000);
	while (ended < CROWD)
		fiber_sleep(1);
	assert_int_equal(s.served + s.refused, CROWD);
}

/* Who cannot be served in time is better told now than in half a minute. */
static void
who_would_wait_in_vain_is_refused_at_once(void **state)
{
	(void)state;
	with_threads(hopeless_main);
}

struct surprised {
	int64_t deadline_ms;
	int in_time, too_late; /* refused */
};

static void
surprised_fiber(void *arg)
{
	struct surprised *s = arg;
	enum err r = offload(spin_step, NULL, s->deadline_ms);

	if (r == ERR_BUSY && instant_monotonic() < s->deadline_ms)
		s->in_time++;
	else if (r == ERR_BUSY)
		s->too_late++;
	ended++;
}

static void
surprised_main(void *arg)
{
	struct surprised s = { 0 };
	int64_t late_ms;
	int crowd, i;

	(void)arg;
	assert_int_equal(offload_start(1, QUEUE), ERR_OK);
	late_ms = 50 * step_ms(false);
	offload_stop(); /* and forgets how long jobs take */
	crowd = (int)(4 * late_ms / STEP_MS);
	assert_int_equal(offload_start(1, (unsigned)crowd), ERR_OK);
	s.deadline_ms = instant_monotonic() + late_ms;
	for (i = 0; i < crowd; i++)
		assert_int_equal(fiber_start(surprised_fiber, &s), ERR_OK);
	fiber_sleep(1);
	assert_int_equal(s.in_time, 0); /* there is hope yet */
	while (ended < crowd)
		fiber_sleep(1);
	assert_in_range(s.in_time, crowd / 2, crowd);
	assert_in_range(s.too_late, 0, crowd / 10);
}

static void
who_turns_out_to_wait_in_vain_is_told_in_time(void **state)
{
	(void)state;
	with_threads(surprised_main);
}

#define HELD_MS 3300 /* two steps of pace.c more than a wait that is easy */

static void
nice_look(void *arg)
{
	*(int *)arg = getpriority(PRIO_PROCESS, 0);
}

static void
waiter_fiber(void *arg)
{
	assert_int_equal(offload(nice_look, arg, NEVER), ERR_OK);
	ended++;
}

static void
held_main(void *arg)
{
	int results[2] = { 0, 0 }, waited = 0, fresh = 0;
	struct rlimit room;

	(void)arg;
	assert_int_equal(offload_start(1, QUEUE), ERR_OK);
	assert_int_equal(getrlimit(RLIMIT_NICE, &room), 0);
	assert_int_equal(fiber_start(gate_fiber, results), ERR_OK);
	assert_int_equal(fiber_start(waiter_fiber, &waited), ERR_OK);
	fiber_sleep(HELD_MS);
	sem_post(&gate);
	while (ended < 2)
		fiber_sleep(1);
	assert_int_equal(offload(nice_look, &fresh, NEVER), ERR_OK);
	if (room.rlim_cur < 30)
		return;
	assert_in_range(waited, 0, 8);
	assert_in_range(fresh, waited + 1, 10);
}

static void
who_has_waited_gives_way_less(void **state)
{
	(void)state;
	assert_int_equal(offload_share(), ERR_OK);
	with_threads(held_main);
}

#define LONG_MS 1400 /* past the last step of pace.c */

struct climb {
	int nice_first, nice_last;
	long pauses_last; /* of the last 100 ms */
};

static void
spin_until(int64_t end)
{
	while (instant_monotonic() < end)
		;
}

static void
climb_run(void *arg)
{
	struct climb *c = arg;
	int64_t begun = instant_monotonic();
	long before;

	c->nice_first = getpriority(PRIO_PROCESS, 0);
	spin_until(begun + LONG_MS - 100);
	before = pauses_of_thread();
	spin_until(begun + LONG_MS);
	c->nice_last = getpriority(PRIO_PROCESS, 0);
	c->pauses_last = pauses_of_thread() - before;
}

static void
climb_main(void *arg)
{
	struct climb c = { 0 };
	struct rlimit room;
	int again;

	(void)arg;
	assert_int_equal(offload_start(1, QUEUE), ERR_OK);
	assert_int_equal(getrlimit(RLIMIT_NICE, &room), 0);
	for (again = 0; again < 2; again++) {
		assert_int_equal(offload(climb_run, &c, NEVER), ERR_OK);
		assert_int_equal(c.nice_first, room.rlim_cur >= 30 ? 10 : 0);
		assert_int_equal(c.nice_last, room.rlim_cur >= 30 ? -10 : 0);
		assert_int_equal(c.pauses_last, 0);
	}
}

/* On a busy machine, where it would come to no end otherwise. */
static void
the_longer_a_job_takes_the_less_it_gives_way(void **state)
{
	(void)state;
	assert_int_equal(offload_share(), ERR_OK);
	with_threads(climb_main);
}

#define EACH 20 /* jobs of each worker */

/* What a worker's only thread does: its letter into the pipe. */
static void
letter_write(void *arg)
{
	const char *letter = arg;

	assert_int_equal(write(letter[1], letter, 1), 1);
	spin_until(instant_monotonic() + 2);
}

static pthread_barrier_t *both;

static void
letter_fiber(void *arg)
{
	assert_int_equal(offload(letter_write, arg, NEVER), ERR_OK);
	ended++;
}

static void
letters_main(void *arg)
{
	int i;

	assert_int_equal(offload_start(1, EACH), ERR_OK);
	pthread_barrier_wait(both); /* neither is done before the other is up */
	for (i = 0; i < EACH; i++)
		assert_int_equal(fiber_start(letter_fiber, arg), ERR_OK);
	while (ended < EACH)
		fiber_sleep(1);
}

static pid_t
worker_fork(char letter, int fd)
{
	char arg[2] = { letter, (char)fd };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		ended = 0;
		if (loop_poll_run(letters_main, arg) != ERR_OK)
			_exit(1);
		_exit(ended == EACH ? 0 : 1);
	}
	return pid;
}

/* As many of either worker's, once both want the one turn. */
static void
no_worker_overtakes_another_again_and_again(void **state)
{
	char got[2 * EACH];
	pthread_barrierattr_t shared;
	pid_t a, b;
	int fds[2], status, first, i, of_a = 0;
	ssize_t n = 0;

	(void)state;
	both = mmap(NULL, sizeof(*both), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(both, MAP_FAILED);
	assert_int_equal(pthread_barrierattr_init(&shared), 0);
	assert_int_equal(
	    pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED), 0);
	assert_int_equal(pthread_barrier_init(both, &shared, 2), 0);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(offload_share(), ERR_OK);
	a = worker_fork('a', fds[1]);
	b = worker_fork('b', fds[1]);
	assert_true(waitpid(a, &status, 0) == a && status == 0);
	assert_true(waitpid(b, &status, 0) == b && status == 0);
	while (n < 2 * EACH)
		n += read(fds[0], got + n, (size_t)(2 * EACH - n));
	/* both are there from the first turn that changes hands */
	for (first = 1; got[first] == got[0] && first < EACH; first++)
		;
	for (i = first; i < first + 10; i++)
		of_a += got[i] == 'a';
	assert_in_range(of_a, 4, 6);
	close(fds[0]);
	close(fds[1]);
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
		cmocka_unit_test(a_job_whose_turn_comes_too_late_does_not_run),
		cmocka_unit_test(who_would_wait_in_vain_is_refused_at_once),
		cmocka_unit_test(who_turns_out_to_wait_in_vain_is_told_in_time),
		cmocka_unit_test(who_has_waited_gives_way_less),
		cmocka_unit_test(the_longer_a_job_takes_the_less_it_gives_way),
		cmocka_unit_test(no_worker_overtakes_another_again_and_again),
		cmocka_unit_test(starting_wrongly_is_refused),
		cmocka_unit_test(stopping_waits_for_what_is_in_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
