#ifndef EDGE_BUS_H
#define EDGE_BUS_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/uuid.h"

#include <stdint.h>

/*
 * Messages between the workers of one host, straight from one to the other
 * (base/channel.h): Kore's own would lead through its parent, which queues them
 * without bound. They arrive in order per pair of workers, or not at all when one
 * of them dies or stands still for long; nothing is repeated. A worker's process is told from the one that it replaces by its
 * epoch: a random number, chosen when it starts.
 */

#define BUS_BODY_MAX (128 * 1024)
#define BUS_KINDS    16

/* Called on the receiving worker's loop; `body` is the receiver's only until
 * the call returns. Never called for what this worker sent itself. */
typedef void bus_fn(uint16_t from, uint32_t epoch, struct bytes body);

/* Once per worker, before the handlers are set. `restarted` is called when a
 * worker that was heard before is another process now: before any message of
 * that process, and at the latest when it has started. */
NODISCARD enum err bus_start(
    void (*restarted)(uint16_t worker, uint32_t epoch));
/* kind: 1 to BUS_KINDS - 1. */
void bus_on(uint8_t kind, bus_fn *);

uint16_t bus_self(void);
uint32_t bus_epoch(void);
/* The worker on which everything about this id lives: the same answer on
 * every worker. */
uint16_t bus_home(const struct uuid *);

/* `head` and `body` are sent as one; both may be empty. What is too large, or
 * too much for a worker that stands still, is dropped and logged. */
void bus_send(
    uint16_t worker, uint8_t kind, struct bytes head, struct bytes body);

#endif
