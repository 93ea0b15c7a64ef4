#ifndef CARE_SESSION_WATCH_H
#define CARE_SESSION_WATCH_H

#include "base/arena.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>

/* A session that a socket lives by. */
struct watched_session {
	struct uuid clinic, id;
	bool in_call;
};

/*
 * Which of them have ended? One in a call is used by it: it does not run idle,
 * as far as the absolute limit (SE-02). Waits, 2.5 s at most; while the
 * database is away nothing is known to have ended (AZ-07). The answer is the
 * arena's.
 */
NODISCARD enum err session_watch(struct arena *, const struct watched_session *,
    size_t n, struct uuid **ended, size_t *ended_n);

#endif
