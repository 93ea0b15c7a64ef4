#ifndef BASE_CHANNEL_H
#define BASE_CHANNEL_H

#include "base/bytes.h"
#include "base/err.h"

#include <stddef.h>

/*
 * Messages between the processes that are forked from one: an inbox each, a
 * socket (SOCK_SEQPACKET) that keeps messages apart and in order. A process
 * that replaces another takes over its inbox. What waits for a receiver that
 * does not read is bounded; nobody waits for it.
 */

#define CHANNEL_MESSAGE_MAX (132 * 1024)
#define CHANNELS_MAX	    64
/* For one receiver, in each sender, beside what its socket takes. */
#define CHANNEL_WAITING_MAX (4 * 1024 * 1024)

/* In the process that will fork: inboxes 0 to n - 1. ERR_INTERNAL for none. */
NODISCARD enum err channels_make(size_t n);

/*
 * Once in each process that has an inbox, with a loop installed. What lies in
 * the inbox by then was meant for an earlier process and is dropped. `fn` is
 * called on the loop with each message, which is its own until it returns.
 */
NODISCARD enum err channel_listen(size_t self, void (*fn)(struct bytes));

/* The parts as one message. ERR_BUSY when too much waits for this receiver,
 * ERR_TOO_LARGE, ERR_INTERNAL for no such inbox; nothing is sent then. */
NODISCARD enum err channel_send(
    size_t to, const struct bytes *parts, size_t parts_n);

/* Drops what waits for this receiver here. */
void channel_forget(size_t to);

#endif
