#ifndef EDGE_HEALTH_H
#define EDGE_HEALTH_H

#include "base/err.h"
#include "gate/op.h"

#include <stdbool.h>

/*
 * /healthz (alive), /readyz (database and keys in reach) and /metrics
 * (Prometheus text, asked on this machine only). None carries PHI or versions (OP-04).
 */

/* Shared counters of all workers; once, before they are forked. */
NODISCARD enum err health_init(unsigned workers);
void health_worker(unsigned worker); /* which row is ours, from 0 */
void health_ready(bool keys_checked);
bool health_keys_checked(void); /* in this worker */

void health_alive_reply(struct reply *);
void health_ready_reply(struct reply *);
NODISCARD enum err health_metrics_reply(struct arena *, struct reply *);
void health_count(int status);
void health_sockets(int change);

#endif
