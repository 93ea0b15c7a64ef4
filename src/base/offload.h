#ifndef BASE_OFFLOAD_H
#define BASE_OFFLOAD_H

#include "base/err.h"

#include <stdint.h>

/*
 * Blocking or slow work on threads of our own (Argon2id, PKCS#11, …). Only
 * fn runs there; it touches nothing but *arg: no fiber, loop, database or log.
 * It runs paced (pace.h), so its system calls may be interrupted.
 */

/*
 * Before the workers are forked: lets all of them together run at most one job
 * fewer at a time than the machine has cores (at least one), in the order in
 * which they ask, and their threads rise again from a low priority. Optional.
 */
NODISCARD enum err offload_share(void);

/*
 * Once per process, after fork, with a loop installed: starts the threads (all
 * signals blocked). Beside the jobs that they run, `queue_max` may wait.
 * ERR_INTERNAL for no threads at all, when they run already, or when they
 * cannot be had; none runs then.
 */
NODISCARD enum err offload_start(unsigned threads, unsigned queue_max);

/* Waits until the jobs in hand are done, ends the threads, and wakes who
 * waited. offload() works in place then, until the next offload_start. Not
 * while a fiber may call offload(). */
void offload_stop(void);

/*
 * Runs fn(arg) on a thread while the calling fiber waits; nothing but the end
 * of fn ends that wait. Off a fiber, or when no threads run, fn runs in place.
 * ERR_BUSY, and fn has not run: at once when the queue is full, or so long that
 * even at the best recent speed its turn would come after the deadline
 * (monotonic ms); later, as soon as the speed of the jobs before it shows that;
 * or when its turn does come after the deadline. Once fn runs it must end by
 * itself.
 */
NODISCARD enum err offload(void (*fn)(void *), void *arg, int64_t deadline_ms);

/* How long the jobs in hand will take, at the recent speed. */
int64_t offload_wait_ms(void);

#endif
