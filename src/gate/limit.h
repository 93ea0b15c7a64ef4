#ifndef GATE_LIMIT_H
#define GATE_LIMIT_H

#include "base/err.h"
#include "base/network.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Rates of requests and connections, one count for all workers: a table in
 * shared memory, made before the workers are forked. Each key has one number,
 * the time at which it would be allowed again (generic cell rate algorithm).
 * The table is bounded; a key that is pushed out starts afresh.
 */
NODISCARD enum err limit_init(void);

/*
 * Takes one of `key` (n bytes) from `per_minute`, of which a quarter
 * and one may come at once. ERR_TOO_MANY, and then *retry_after_s is the wait.
 */
NODISCARD enum err limit_take(
    const void *key, size_t n, int64_t per_minute, int64_t *retry_after_s);

/* The same of an address, or of its /64, for `what`: at most 8 letters. */
NODISCARD enum err limit_take_address(const struct address *, const char *what,
    int64_t per_minute, int64_t *retry_after_s);

#endif
