#include "base/offload.h"

#include "base/fiber.h"
#include "base/loop.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* A job lives on the stack of the fiber that waits for it. */
struct job {
	void (*fn)(void *);
	void *arg;
	struct fiber *fiber;
	TAILQ_ENTRY(job) list;
};
TAILQ_HEAD(jobs, job);

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work = PTHREAD_COND_INITIALIZER;
static struct jobs waiting = TAILQ_HEAD_INITIALIZER(waiting);
static struct jobs done = TAILQ_HEAD_INITIALIZER(done);
static struct loop_watch bell; /* rung by threads, heard by the loop */
static unsigned queued, queue_limit;

static void
bell_ring(void)
{
	const uint64_t one = 1;

	if (write(bell.fd, &one, sizeof(one)) != sizeof(one))
		abort(); /* its counter would have to overflow */
}

static void *
thread_run(void *unused)
{
	struct job *j;

	(void)unused;
	pthread_mutex_lock(&lock);
	for (;;) {
		while ((j = TAILQ_FIRST(&waiting)) == NULL)
			pthread_cond_wait(&work, &lock);
		TAILQ_REMOVE(&waiting, j, list);
		pthread_mutex_unlock(&lock);
		j->fn(j->arg);
		pthread_mutex_lock(&lock);
		TAILQ_INSERT_TAIL(&done, j, list);
		bell_ring();
	}
	return NULL;
}

static void
bell_heard(void *unused, short revents)
{
	struct jobs finished = TAILQ_HEAD_INITIALIZER(finished);
	struct job *j;
	uint64_t rung;

	(void)unused;
	(void)revents;
	if (read(bell.fd, &rung, sizeof(rung)) == -1)
		return;
	pthread_mutex_lock(&lock);
	TAILQ_CONCAT(&finished, &done, list);
	pthread_mutex_unlock(&lock);
	while ((j = TAILQ_FIRST(&finished)) != NULL) {
		TAILQ_REMOVE(&finished, j, list);
		queued--;
		fiber_wake(j->fiber);
	}
}

/* Signals stay with the loop's thread: the threads inherit a full mask. */
static enum err
threads_start(unsigned threads)
{
	sigset_t all, before;
	enum err r = ERR_OK;
	pthread_t t;

	sigfillset(&all);
	if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return ERR_INTERNAL;
	while (threads-- > 0 && r == ERR_OK) {
		if (pthread_create(&t, NULL, thread_run, NULL) != 0)
			r = ERR_INTERNAL;
		else
			pthread_detach(t);
	}
	if (pthread_sigmask(SIG_SETMASK, &before, NULL) != 0)
		r = ERR_INTERNAL;
	return r;
}

enum err
offload_start(unsigned threads, unsigned queue_max)
{
	enum err r;

	bell.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (bell.fd == -1)
		return ERR_INTERNAL;
	bell.events = POLLIN;
	bell.fn = bell_heard;
	if ((r = loop_watch(&bell)) != ERR_OK)
		return r;
	queue_limit = queue_max;
	return threads_start(threads);
}

enum err
offload(void (*fn)(void *), void *arg)
{
	struct job j = { .fn = fn, .arg = arg, .fiber = fiber_self() };

	if (j.fiber == NULL || queue_limit == 0) {
		fn(arg);
		return ERR_OK;
	}
	if (queued >= queue_limit)
		return ERR_BUSY;
	queued++;
	pthread_mutex_lock(&lock);
	TAILQ_INSERT_TAIL(&waiting, &j, list);
	pthread_cond_signal(&work);
	pthread_mutex_unlock(&lock);
	fiber_park();
	return ERR_OK;
}
