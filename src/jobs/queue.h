#ifndef JOBS_QUEUE_H
#define JOBS_QUEUE_H

#include "gate/job.h"

#include <stdint.h>

/*
 * Takes jobs that are due, runs each on a fiber of its own, and ends them. Any
 * number of processes may do so at a time, on any hosts: a job is taken under a
 * lease, and only who took it last can end it.
 */

/* Runs until queue_stop; then waits for jobs in hand, at most `drain_ms`. On a
 * fiber. The pool and the listener run already. */
void queue_run(int64_t drain_ms);
void queue_stop(void);
bool queue_stopping(void);
/* Something may be due: look now. From anywhere on the loop. */
void queue_look(void);

struct queue_stats {
	unsigned running;
	uint64_t done, failed, dead, lost;
};
struct queue_stats queue_stats(enum job_kind);

#endif
