#ifndef BASE_PACE_H
#define BASE_PACE_H

#include "base/err.h"

#include <stdint.h>

/*
 * A thread that computes for long gives its core back for a moment, again and
 * again. A low priority is not enough: where the server and the database are
 * separate groups for the scheduler (autogroups, cgroups) it counts only within
 * our own group, and the scheduler lets a running thread finish its slice of
 * some milliseconds while an answer waits.
 *
 * The thread gives way less the longer it takes, since on a machine that is
 * busy with other work a thread that always stood back would never end. Its
 * priority rises step by step: halfway it is a thread like any other and pauses
 * no more, and at last it goes before others.
 *
 * A signal (SIGRTMIN) does it, whose handler sleeps: system calls of a paced
 * thread may end early with EINTR where SA_RESTART does not help (signal(7)).
 */

/*
 * Called once, with the privileges that the process starts with: makes room for
 * the priority to rise again (RLIMIT_NICE). Where that is not granted
 * priorities stay as they are, and threads give way by their pauses alone.
 */
void pace_allow(void);
/* For the calling thread, not paced yet. ERR_INTERNAL when there is no timer
 * to be had. */
NODISCARD enum err pace_start(void);
/* The calling thread is paced from now on; somebody has waited for it since
 * then (monotonic ms). */
void pace_begin(int64_t since_ms);
/* Ends the pacing; costs nothing. */
void pace_stop(void);
/* Before the thread ends. */
void pace_end(void);

#endif
