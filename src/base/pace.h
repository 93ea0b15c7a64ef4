#ifndef BASE_PACE_H
#define BASE_PACE_H

#include "base/err.h"

#include <stdbool.h>

/*
 * A thread that computes for long gives its core back for a moment, again and
 * again. A low priority is not enough: where the server and the database are
 * groups of their own to the scheduler (autogroups, cgroups) it counts only
 * within ours, and a scheduler lets whoever runs finish its slice, some
 * milliseconds, while an answer waits.
 *
 * Done by a signal (SIGRTMIN), whose handler sleeps: system calls of a paced
 * thread may end early with EINTR where SA_RESTART does not help (signal(7)).
 */

/* For the calling thread, not paced yet. ERR_INTERNAL when there is no timer
 * to be had. */
NODISCARD enum err pace_start(void);
/* Whether the calling thread is paced from now on; free of charge when not. */
void pace_set(bool on);
/* Before the thread ends. */
void pace_end(void);

#endif
