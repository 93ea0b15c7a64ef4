#include "base/pace.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Long enough to lose little of a hash (a tenth), short enough for nobody to
 * notice that his answer waited so long a few times. */
#define EVERY_NS 500000
#define PAUSE_NS 50000
#define SIGNAL	 SIGRTMIN

static _Thread_local timer_t timer;

static void
pause_run(int unused)
{
	const struct timespec pause = { 0, PAUSE_NS };
	int saved = errno;

	(void)unused;
	(void)nanosleep(&pause, NULL); /* cut short is as good */
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
pace_set(bool on)
{
	const struct itimerspec pace = { { 0, on ? EVERY_NS : 0 },
		{ 0, on ? EVERY_NS : 0 } };

	if (timer_settime(timer, 0, &pace, NULL) != 0)
		abort(); /* cannot be: it is ours, and the time is sound */
}

void
pace_end(void)
{
	if (timer_delete(timer) != 0)
		abort(); /* cannot be: it is ours */
}
