#ifndef EDGE_PEER_H
#define EDGE_PEER_H

#include "base/err.h"
#include "gate/op.h"

#include <kore/kore.h>
#include <kore/http.h>

/*
 * Who is at the other end: how many connections they may have and open, and,
 * behind proxies of ours, for whom they ask.
 */

/* Before the workers are forked, once Kore has read its configuration. */
NODISCARD enum err peer_init(void);
void peer_worker(unsigned worker); /* which one we are, from 0 */

/* The address of a request, and whether it comes from this machine. */
void peer_fill(struct arena *, const struct http_request *, struct request *);

#endif
