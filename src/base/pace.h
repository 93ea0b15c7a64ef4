#ifndef BASE_PACE_H
#define BASE_PACE_H

#include "base/err.h"

#include <stdint.h>

/*
 * A thread that computes for long gives its core back for a moment, again and
 * again. A low priority is not enough: where the server and the database are
 * groups of their own to the scheduler (autogroups, cgroups) it counts only
 * within ours, and a scheduler lets whoever runs finish its slice, some
 * milliseconds, while an answer waits.
 *
 * It gives way less the longer it takes: on a machine that is busy with other
 * things a thread that always stood back would come to no end. So its priority
 * rises step by step; halfway it is a thread like any other and pauses no more,
 * and at last it goes before others.
 *
 * Done by a signal (SIGRTMIN), whose handler sleeps: system calls of a paced
 * thread may end early with EINTR where SA_RESTART does not help (signal(7)).
 */

/*
 * Once, with the privileges that the process starts with: makes room for the
 * priority to rise again (RLIMIT_NICE). Where that is not granted priorities
 * stay as they are, and threads give way by their pauses alone.
 */
void pace_allow(void);
/* For the calling thread, not paced yet. ERR_INTERNAL when there is no timer
 * to be had. */
NODISCARD enum err pace_start(void);
/* The calling thread is paced from now on; somebody has waited for it since
 * then (monotonic ms). */
void pace_begin(int64_t since_ms);
/* No longer, and free of charge. */
void pace_stop(void);
/* Before the thread ends. */
void pace_end(void);

#endif
