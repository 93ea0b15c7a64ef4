#ifndef GATE_CONNECTION_LIMIT_H
#define GATE_CONNECTION_LIMIT_H

#include "base/network.h"

#include <stdint.h>

/*
 * Connections open per subscriber (an IPv4 address, an IPv6 /64), one count for all
 * workers: a table in shared memory, made before the workers are forked. Each
 * worker has a column of its own, which it alone writes: when it dies, what
 * it had open is given back by clearing that column.
 *
 * The table has four times the slots that can be needed at a time (half a MiB
 * for two workers of 4096 connections). Should all slots that a subscriber may have
 * be taken nevertheless, its connections are not counted: slots are chosen by a
 * secret number, so that nobody can bring this about.
 */
#define CONNECTION_UNCOUNTED UINT32_MAX

NODISCARD enum err connection_limit_init(
    unsigned workers, unsigned connections_each);

/* This process is worker `number` (from 0); its predecessor has none open. */
void connection_limit_worker(unsigned number);

/*
 * One more of this address, unless it already has `limit`: ERR_TOO_MANY. With
 * ERR_OK *slot is what connection_limit_leave wants when it is gone. Two workers
 * that ask for the last one at the same time may both be refused; never are
 * there more than `limit`.
 */
NODISCARD enum err connection_limit_enter(
    const struct address *, uint32_t limit, uint32_t *slot);
void connection_limit_leave(uint32_t slot);

/* Notes a refusal, for the log: true once a minute, over all workers, and
 * then *count is how many there were since the last time. */
bool connection_limit_refused(int64_t now_ms, uint64_t *count);
uint64_t connection_limit_refusals(void); /* since the start */

#endif
