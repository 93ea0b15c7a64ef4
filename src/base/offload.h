#ifndef BASE_OFFLOAD_H
#define BASE_OFFLOAD_H

#include "base/err.h"

/*
 * Blocking or slow work on threads of our own (Argon2id, PKCS#11, …). Only
 * fn runs there; it touches nothing but *arg: no fiber, loop, database or log.
 */

/* Once per process, after fork: starts the threads (all signals blocked).
 * `queue_max` jobs may wait. */
NODISCARD enum err offload_start(unsigned threads, unsigned queue_max);

/* Runs fn(arg) on a thread while the calling fiber waits; off a fiber, or
 * before offload_start, runs it in place. ERR_BUSY when the queue is full, and then fn has not
 * run. There is no deadline: fn must end by itself. */
NODISCARD enum err offload(void (*fn)(void *), void *arg);

#endif
