#include "base/pace.h"

#include "base/instant.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* A pause is long enough to cost a hash little (a tenth), and short enough that
 * nobody notices a few of them in an answer. */
#define EVERY_NS 500000
#define PAUSE_NS 50000
#define SIGNAL	 SIGRTMIN

/*
 * A hash takes some 70 ms alone and 100 beside readers who leave no core idle;
 * of eight who sign in at once the last waits for one second. A hash that takes
 * longer is held up by something else than the requests that it gives way to.
 */
#define NICE_FIRST   10	 /* a tenth of the loop's weight */
#define STEPS_EVEN   10	 /* up to that of the loop: and no pauses from there */
#define STEPS	     20	 /* up to ten times its weight, which is one thread's */
#define RUN_EASY_MS  250 /* and one step up for each so many more */
#define RUN_STEP_MS  50
#define WAIT_EASY_MS 2000
#define WAIT_STEP_MS 500
#define NICE_LIMIT   30 /* RLIMIT_NICE that lets niceness fall to -10 */

static bool nice_returns; /* a lowered priority can rise again */
static _Thread_local timer_t timer;
static _Thread_local struct {
	int64_t since_ms, begun_ms;
	int step; /* 0: gives way most; STEPS_EVEN: not at all */
} pace;

void
pace_allow(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NICE, &limit) != 0)
		return;
	if (limit.rlim_cur < NICE_LIMIT) {
		limit.rlim_cur = NICE_LIMIT;
		if (limit.rlim_max < NICE_LIMIT)
			limit.rlim_max = NICE_LIMIT;
		if (setrlimit(RLIMIT_NICE, &limit) != 0)
			return;
	}
	nice_returns = true;
}

/* On Linux this is the calling thread's own. */
static void
step_set(int step)
{
	pace.step = step;
	if (nice_returns)
		(void)setpriority(PRIO_PROCESS, 0, NICE_FIRST - step);
}

static int
steps(int64_t ms, int64_t easy_ms, int64_t step_ms)
{
	int64_t n = ms < easy_ms ? 0 : (ms - easy_ms) / step_ms;

	return n < STEPS ? (int)n : STEPS;
}

static int
step_due(void)
{
	int64_t now = instant_monotonic();
	int run = steps(now - pace.begun_ms, RUN_EASY_MS, RUN_STEP_MS);
	int wait = steps(now - pace.since_ms, WAIT_EASY_MS, WAIT_STEP_MS);

	return run > wait ? run : wait;
}

static void
timer_every(long ns)
{
	const struct itimerspec every = { { 0, ns }, { 0, ns } };

	if (timer_settime(timer, 0, &every, NULL) != 0)
		abort(); /* cannot be: it is ours, and the time is sound */
}

static void
pause_run(int unused)
{
	const struct timespec pause = { 0, PAUSE_NS };
	int saved = errno, step = step_due();

	(void)unused;
	if (step > pace.step)
		step_set(step);
	if (step < STEPS_EVEN)
		(void)nanosleep(&pause, NULL); /* cut short is as good */
	else if (step == STEPS)
		timer_every(0);
	errno = saved;
}

enum err
pace_start(void)
{
	struct sigaction action = { .sa_handler = pause_run,
		.sa_flags = SA_RESTART };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGNAL };
	sigset_t ours;

	event._sigev_un._tid = gettid();
	if (sigemptyset(&ours) != 0 || sigaddset(&ours, SIGNAL) != 0 ||
	    sigaction(SIGNAL, &action, NULL) != 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &timer) != 0)
		return ERR_INTERNAL;
	if (pthread_sigmask(SIG_UNBLOCK, &ours, NULL) != 0) {
		pace_end();
		return ERR_INTERNAL;
	}
	return ERR_OK;
}

void
pace_begin(int64_t since_ms)
{
	pace.since_ms = since_ms;
	pace.begun_ms = instant_monotonic();
	step_set(step_due());
	timer_every(EVERY_NS);
}

/* To the loop's priority, so that the next one is taken up soon. */
void
pace_stop(void)
{
	timer_every(0);
	step_set(STEPS_EVEN);
}

void
pace_end(void)
{
	if (timer_delete(timer) != 0)
		abort(); /* cannot be: it is ours */
}
