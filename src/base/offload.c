#include "base/offload.h"

#include "base/fiber.h"
#include "base/fiber_block.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/pace.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <time.h>
#include <unistd.h>

/* A job lives on the stack of the fiber that waits for it. */
struct job {
	void (*fn)(void *);
	void *arg;
	struct fiber *fiber;
	int64_t since_ms, deadline_ms;
	size_t paces_n; /* when it came */
	bool ran;  /* the thread's to write, and the loop's once it is over */
	bool over; /* the loop's to read and write */
	TAILQ_ENTRY(job) list;
};
TAILQ_HEAD(jobs, job);

/* Between the loop and the threads, under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static struct jobs waiting = TAILQ_HEAD_INITIALIZER(waiting);
static struct jobs done = TAILQ_HEAD_INITIALIZER(done);
static bool ending;
static unsigned threads_up, threads_lame; /* those that could not start */
static pthread_cond_t up = PTHREAD_COND_INITIALIZER;

/* The loop's own. */
static struct loop_watch bell = { .fd = -1 }; /* rung by the threads */
static pthread_t *threads;
static unsigned threads_n, in_hand, in_hand_max;

/* Time from one job's end to the next's, of the last ones. On a busy machine
 * the first of many take long and the later ones less, since a thread that has
 * waited gives way less. A newcomer may therefore hope for the least of these;
 * one who was there while PACES_TELL of them ended knows better. */
#define PACES	   8
#define PACES_TELL 4
static int64_t paces_ms[PACES], paced_ms;
static size_t paces_n;

static void
locked(bool yes)
{
	if ((yes ? pthread_mutex_lock(&lock) : pthread_mutex_unlock(&lock)) !=
	    0)
		abort(); /* cannot be: an ordinary mutex, used in pairs */
}

static void
bell_ring(void)
{
	const uint64_t one = 1;

	if (write(bell.fd, &one, sizeof(one)) != sizeof(one))
		abort(); /* its counter would have to overflow */
}

/*
 * Turns for all workers: at most one job fewer at a time than the machine has
 * cores, so that a storm of sign-ins leaves requests a core to run on. The lock
 * is robust, since a worker may die in its turn.
 *
 * A thread that waits for a turn holds the door: one that gives its turn up and
 * wants it again finds the door taken, and cannot overtake. The wait is short,
 * because on a busy machine a turn takes seconds, and two threads get twice the
 * share of one.
 */
#define TURN_WAIT_S 1 /* ten hashes of a quiet machine */

struct turn {
	pthread_mutex_t door, inside;
};

static struct turn *turns;
static long turns_n;

static enum err
turns_init(const pthread_mutexattr_t *attr)
{
	long i;

	for (i = 0; i < turns_n; i++)
		if (pthread_mutex_init(&turns[i].door, attr) != 0 ||
		    pthread_mutex_init(&turns[i].inside, attr) != 0)
			return ERR_INTERNAL;
	return ERR_OK;
}

enum err
offload_share(void)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_mutexattr_t attr;
	struct turn *shared;

	pace_allow();
	turns_n = cores > 2 ? cores - 1 : 1;
	shared = mmap(NULL, (size_t)turns_n * sizeof(*shared),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || pthread_mutexattr_init(&attr) != 0 ||
	    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) != 0 ||
	    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) != 0)
		return ERR_INTERNAL;
	turns = shared;
	return turns_init(&attr);
}

static bool
robust_lock(pthread_mutex_t *m, const struct timespec *until)
{
	int e = pthread_mutex_clocklock(m, CLOCK_MONOTONIC, until);

	if (e == EOWNERDEAD)
		(void)pthread_mutex_consistent(m);
	return e == 0 || e == EOWNERDEAD;
}

static void
robust_unlock(pthread_mutex_t *m)
{
	if (pthread_mutex_unlock(m) != 0)
		abort(); /* cannot be: it is ours */
}

/* NULL for none. */
static struct turn *
turn_take(void)
{
	struct timespec until;
	struct turn *turn;
	bool mine;

	if (turns == NULL || clock_gettime(CLOCK_MONOTONIC, &until) != 0)
		return NULL;
	until.tv_sec += TURN_WAIT_S;
	turn = &turns[gettid() % turns_n];
	if (!robust_lock(&turn->door, &until))
		return NULL;
	mine = robust_lock(&turn->inside, &until);
	robust_unlock(&turn->door);
	return mine ? turn : NULL;
}

static void
turn_give(struct turn *turn)
{
	if (turn != NULL)
		robust_unlock(&turn->inside);
}

/* The next job; NULL when there will be none. Under the lock. */
static struct job *
job_wait(void)
{
	struct job *j;

	while ((j = TAILQ_FIRST(&waiting)) == NULL && !ending)
		pthread_cond_wait(&work, &lock);
	if (j != NULL)
		TAILQ_REMOVE(&waiting, j, list);
	return j;
}

/* A job past its deadline is not run: nobody can use its result any more. */
static void
job_run(struct job *j)
{
	struct turn *turn = turn_take();

	if (instant_monotonic() < j->deadline_ms) {
		pace_begin(j->since_ms);
		j->fn(j->arg);
		pace_stop();
		j->ran = true;
	}
	turn_give(turn);
}

static void
jobs_run(void)
{
	struct job *j;

	locked(true);
	while ((j = job_wait()) != NULL) {
		locked(false);
		job_run(j);
		locked(true);
		TAILQ_INSERT_TAIL(&done, j, list);
		bell_ring();
	}
	locked(false);
}

static void *
thread_run(void *unused)
{
	bool lame;

	(void)unused;
	lame = pace_start() != ERR_OK;
	locked(true);
	threads_up++;
	threads_lame += lame;
	pthread_cond_signal(&up);
	locked(false);
	if (lame)
		return NULL;
	jobs_run();
	pace_end();
	return NULL;
}

static void
paces_note(size_t ended)
{
	int64_t now = instant_monotonic();
	size_t i;

	for (i = 0; i < ended; i++)
		paces_ms[paces_n++ % PACES] = (now - paced_ms) / (int64_t)ended;
	paced_ms = now;
}

static int64_t
paces_least(void)
{
	size_t i, n = paces_n < PACES ? paces_n : PACES;
	int64_t least = n == 0 ? 0 : paces_ms[0];

	for (i = 1; i < n; i++)
		if (paces_ms[i] < least)
			least = paces_ms[i];
	return least;
}

/* The mean of the last `n` paces, or of as many as there are. */
static int64_t
paces_mean(size_t n)
{
	int64_t sum = 0;
	size_t i;

	if (n > paces_n)
		n = paces_n;
	for (i = 1; i <= n; i++)
		sum += paces_ms[(paces_n - i) % PACES];
	return n == 0 ? 0 : sum / (int64_t)n;
}

int64_t
offload_wait_ms(void)
{
	return paces_mean(PACES) * in_hand;
}

static void
job_end(struct job *j)
{
	in_hand--;
	j->over = true;
	fiber_unblock(j->fiber);
}

/* A job whose turn would come too late is told so now: its caller can use the
 * rest of the time elsewhere. */
static void
hopeless_refuse(void)
{
	struct jobs refused = TAILQ_HEAD_INITIALIZER(refused);
	int64_t turn_ms = instant_monotonic(), mean = paces_mean(PACES_TELL);
	struct job *j, *next;

	locked(true);
	for (j = TAILQ_FIRST(&waiting); j != NULL; j = next) {
		next = TAILQ_NEXT(j, list);
		if (turn_ms < j->deadline_ms ||
		    paces_n < j->paces_n + PACES_TELL) {
			turn_ms += mean;
			continue;
		}
		TAILQ_REMOVE(&waiting, j, list);
		TAILQ_INSERT_TAIL(&refused, j, list);
	}
	locked(false);
	while ((j = TAILQ_FIRST(&refused)) != NULL) {
		TAILQ_REMOVE(&refused, j, list);
		job_end(j);
	}
}

static void
bell_heard(void *unused, short revents)
{
	struct jobs finished = TAILQ_HEAD_INITIALIZER(finished);
	struct job *j;
	uint64_t rung;
	size_t ended = 0;

	(void)unused;
	(void)revents;
	if (read(bell.fd, &rung, sizeof(rung)) == -1)
		return; /* told before */
	locked(true);
	TAILQ_CONCAT(&finished, &done, list);
	locked(false);
	while ((j = TAILQ_FIRST(&finished)) != NULL) {
		TAILQ_REMOVE(&finished, j, list);
		ended++;
		job_end(j);
	}
	if (ended == 0)
		return;
	paces_note(ended);
	hopeless_refuse();
}

static enum err
bell_hang(void)
{
	enum err r;

	bell = (struct loop_watch){ .fn = bell_heard, .events = POLLIN };
	bell.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (bell.fd == -1)
		return ERR_INTERNAL;
	if ((r = loop_watch(&bell)) != ERR_OK) {
		close(bell.fd);
		bell.fd = -1;
	}
	return r;
}

/* Whether all threads that were started can work. */
static enum err
threads_wait(void)
{
	bool sound;

	locked(true);
	while (threads_up < threads_n)
		pthread_cond_wait(&up, &lock);
	sound = threads_lame == 0;
	locked(false);
	return sound ? ERR_OK : ERR_INTERNAL;
}

/* Signals stay with the loop's thread: the others inherit a full mask. */
static enum err
threads_start(unsigned count)
{
	sigset_t all, before;
	enum err r = ERR_OK;

	threads_up = threads_lame = 0;
	if ((threads = calloc(count, sizeof(*threads))) == NULL)
		return ERR_INTERNAL;
	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return ERR_INTERNAL;
	while (threads_n < count && r == ERR_OK) {
		if (pthread_create(
			&threads[threads_n], NULL, thread_run, NULL) == 0)
			threads_n++;
		else
			r = ERR_INTERNAL;
	}
	if (pthread_sigmask(SIG_SETMASK, &before, NULL) != 0)
		r = ERR_INTERNAL;
	return r == ERR_OK ? threads_wait() : r;
}

enum err
offload_start(unsigned count, unsigned queue_max)
{
	enum err r;

	if (count == 0 || bell.fd != -1)
		return ERR_INTERNAL;
	ending = false;
	paces_n = 0;
	if ((r = bell_hang()) != ERR_OK)
		return r;
	in_hand_max = count + queue_max;
	if ((r = threads_start(count)) != ERR_OK) {
		log_error("threads_not_started", LOG_NUM("started", threads_n));
		offload_stop();
	}
	return r;
}

void
offload_stop(void)
{
	unsigned i;

	if (bell.fd == -1)
		return;
	locked(true);
	ending = true;
	pthread_cond_broadcast(&work);
	locked(false);
	for (i = 0; i < threads_n; i++)
		if (pthread_join(threads[i], NULL) != 0)
			abort(); /* cannot be: started, and joined once */
	bell_heard(NULL, POLLIN);
	loop_unwatch(&bell);
	close(bell.fd);
	free(threads);
	threads = NULL;
	threads_n = 0;
	bell.fd = -1;
}

enum err
offload(void (*fn)(void *), void *arg, int64_t deadline_ms)
{
	struct job j = {
		.fn = fn,
		.arg = arg,
		.fiber = fiber_self(),
		.since_ms = instant_monotonic(),
		.deadline_ms = deadline_ms,
		.paces_n = paces_n,
	};

	if (j.fiber == NULL || threads_n == 0) {
		fn(arg);
		return ERR_OK;
	}
	if (in_hand >= in_hand_max ||
	    j.since_ms + paces_least() * in_hand >= deadline_ms)
		return ERR_BUSY;
	if (in_hand++ == 0)
		paced_ms = j.since_ms;
	locked(true);
	TAILQ_INSERT_TAIL(&waiting, &j, list);
	pthread_cond_signal(&work);
	locked(false);
	while (!j.over)
		fiber_block();
	return j.ran ? ERR_OK : ERR_BUSY;
}
