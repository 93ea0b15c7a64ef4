#ifndef GATE_FORWARDED_H
#define GATE_FORWARDED_H

#include "base/network.h"

/*
 * Whose request is it? `peer` is who has the connection. Each proxy adds the
 * address that it was connected from to the end of X-Forwarded-For; `chain`
 * is all of these headers, in their order, with commas between, or NULL.
 *
 * It is read from the end, as long as those who vouch for what is written are
 * in `proxies`: the result is the first that is not, which is what a proxy of
 * ours has seen itself. What stands before that anybody may have written. An
 * entry that is no address ends the reading at whoever wrote it. A port
 * ("192.0.2.1:80", "[2001:db8::1]:80") is allowed, and not looked at.
 */
struct address forwarded_client(const struct networks *proxies,
    const struct address *peer, const char *chain);

#endif
