#include "edge/peer.h"

#include "base/conf.h"
#include "base/instant.h"
#include "base/log.h"
#include "gate/connection_limit.h"
#include "gate/forwarded.h"
#include "gate/limit.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum err
peer_init(void)
{
	return connection_limit_init(worker_count, worker_max_connections);
}

/* False for a Unix socket, which has none. */
static bool
peer_address(const struct connection *c, struct address *out)
{
	static const struct address mapped = { { [10] = 0xff, [11] = 0xff } };

	*out = mapped;
	if (c->family == AF_INET)
		memcpy(out->byte + 12, &c->addr.ipv4.sin_addr, 4);
	else if (c->family == AF_INET6)
		memcpy(out->byte, &c->addr.ipv6.sin6_addr, 16);
	return c->family == AF_INET || c->family == AF_INET6;
}

/*= TR-24: a handshake is the dearest thing we do for a stranger */
static enum err
peer_rate(const struct address *a)
{
	int64_t wait_s;

	return limit_take_address(
	    a, "connect", conf()->new_connections_per_minute, &wait_s);
}

static void
peer_refused(void)
{
	const struct conf *c = conf();
	uint64_t count;

	if (!connection_limit_refused(instant_monotonic(), &count))
		return;
	log_warn("connections_refused", LOG_NUM("count", count),
	    LOG_NUM("connections_per_address", c->connections_per_address),
	    LOG_NUM(
		"new_connections_per_minute", c->new_connections_per_minute));
}

/* Kore asks before anything is spent on a connection; no is a reset. A proxy
 * of ours has its own limits, and connects for many. */
static int
peer_accept(struct connection *c)
{
	struct address a;

	c->place = CONNECTION_UNCOUNTED;
	if (!peer_address(c, &a) || networks_hold(&conf()->proxy_addresses, &a))
		return 1;
	if (connection_limit_enter(&a,
		(uint32_t)conf()->connections_per_address,
		&c->place) == ERR_OK) {
		if (peer_rate(&a) == ERR_OK)
			return 1;
		connection_limit_leave(c->place);
	}
	peer_refused();
	return 0;
}

static void
peer_closed(struct connection *c)
{
	connection_limit_leave(c->place);
}

void
peer_worker(unsigned number)
{
	connection_limit_worker(number);
	kore_accept_hook = peer_accept;
	kore_closed_hook = peer_closed;
}

/* All X-Forwarded-For as one: a proxy may add a line of its own. */
static const char *
chain_of(struct arena *a, const struct http_request *http)
{
	const char *all = NULL;
	struct http_header *h;

	TAILQ_FOREACH (h, &http->req_headers, list) {
		if (strcasecmp(h->header, "x-forwarded-for") != 0)
			continue;
		all = all == NULL ? h->value
				  : arena_format(a, "%s,%s", all, h->value);
	}
	return all;
}

/* What proxies add, whether we were told of them or not. */
static bool
was_forwarded(const struct http_request *http)
{
	static const char *const names[] = { "x-forwarded-for",
		"x-forwarded-host", "x-forwarded-proto", "x-real-ip",
		"forwarded", "via" };
	struct http_header *h;
	size_t i;

	TAILQ_FOREACH (h, &http->req_headers, list)
		for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			if (strcasecmp(h->header, names[i]) == 0)
				return true;
	return false;
}

/*= TR-20: the address is the kernel's, or that which a proxy of ours saw */
void
peer_fill(struct arena *a, const struct http_request *http, struct request *rq)
{
	const struct networks *proxies = &conf()->proxy_addresses;
	struct address peer, client;

	if (!peer_address(http->owner, &peer)) {
		snprintf(rq->address, sizeof(rq->address), "unknown");
		return;
	}
	rq->proxied = networks_hold(proxies, &peer);
	client = forwarded_client(proxies, &peer, chain_of(a, http));
	address_write(&client, rq->address);
	rq->local = address_is_loopback(&peer) && !rq->proxied &&
	    !was_forwarded(http);
}
