#include "data/db.h"

#include "base/instant.h"
#include "base/log.h"
#include "base/loop.h"
#include "data/conninfo.h"
#include "data/pool.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define OPTIONS_SIZE  1024
#define IDLE_IN_TX_MS 15000 /* at least: work between statements may be slow */

/* Somebody who waits for a connection. */
struct claim {
	struct fiber *fiber;
	struct conn **holder;
	enum db_share share;
	bool queued;
	TAILQ_ENTRY(claim) list;
};
TAILQ_HEAD(claim_list, claim);

/* Each share has its own queue and its own bound, so that slow work cannot keep
 * the rest out. */
struct share {
	struct claim_list claims;
	unsigned connections, queue_max, waiting;
};

static struct {
	struct conn *conns;
	unsigned connections;
	struct share shares[DB_SHARES];
	struct loop_timer timer;
	bool running;
	struct conninfo_settings settings;
	char options[OPTIONS_SIZE];
	struct db_stats counts;
} pool;

struct db_stats *
pool_counts(void)
{
	return &pool.counts;
}

/* Claims */

static void
conn_hand(struct conn *c, enum db_share share, struct conn **holder)
{
	c->state = CONN_HELD;
	c->share = share;
	c->holder = holder;
	*holder = c;
}

static struct conn *
conn_in(enum conn_state state)
{
	unsigned i;

	for (i = 0; i < pool.connections; i++)
		if (pool.conns[i].state == state)
			return &pool.conns[i];
	return NULL;
}

/* An idle connection, if this share has not all of its own in use. One whose
 * rollback is under way still counts: the database may be at work on it. */
static struct conn *
conn_for(enum db_share share)
{
	unsigned i, used = 0;

	for (i = 0; i < pool.connections; i++)
		used += pool.conns[i].state > CONN_IDLE &&
		    pool.conns[i].share == share;
	return used < pool.shares[share].connections ? conn_in(CONN_IDLE)
						     : NULL;
}

static void
claim_end(struct claim *cl)
{
	TAILQ_REMOVE(&pool.shares[cl->share].claims, cl, list);
	cl->queued = false;
	pool.shares[cl->share].waiting--;
	pool.counts.waiting--;
}

static void
share_serve(enum db_share share)
{
	struct claim *cl;
	struct conn *c;

	while ((cl = TAILQ_FIRST(&pool.shares[share].claims)) != NULL &&
	    (c = conn_for(share)) != NULL) {
		claim_end(cl);
		conn_hand(c, share, cl->holder);
		fiber_wake(cl->fiber);
	}
}

static void
claims_serve(void)
{
	enum db_share share;

	for (share = 0; share < DB_SHARES; share++)
		share_serve(share);
}

static enum err
claim_wait(struct claim *cl, int64_t deadline_ms)
{
	TAILQ_INSERT_TAIL(&pool.shares[cl->share].claims, cl, list);
	cl->queued = true;
	pool.shares[cl->share].waiting++;
	pool.counts.waiting++;
	while (cl->queued)
		if (fiber_park_until(deadline_ms) != ERR_OK && cl->queued)
			claim_end(cl);
	return *cl->holder != NULL ? ERR_OK : ERR_UNAVAILABLE;
}

enum err
pool_take(enum db_share share, int64_t deadline_ms, struct conn **holder)
{
	struct claim cl = {
		.fiber = fiber_self(), .holder = holder, .share = share
	};
	const struct share *own = &pool.shares[share];
	struct conn *c;

	*holder = NULL;
	if (cl.fiber == NULL)
		return ERR_INTERNAL;
	if (!pool.running)
		return ERR_UNAVAILABLE;
	if (TAILQ_EMPTY(&own->claims) && (c = conn_for(share)) != NULL) {
		conn_hand(c, share, holder);
		return ERR_OK;
	}
	if (own->waiting >= own->queue_max) {
		pool.counts.refused++;
		return ERR_BUSY;
	}
	return claim_wait(&cl, deadline_ms);
}

unsigned
pool_queue_max(void)
{
	return pool.shares[DB_SHARE_RECORDS].queue_max;
}

/* Time */

static void
timer_set(void)
{
	int64_t next = INT64_MAX, now = instant_monotonic();
	unsigned i;

	for (i = 0; i < pool.connections; i++)
		if (pool.conns[i].due_ms < next)
			next = pool.conns[i].due_ms;
	if (next == INT64_MAX)
		loop_timer_cancel(&pool.timer);
	else
		loop_timer_arm(&pool.timer, next > now ? next - now : 0);
}

static void
conn_due(struct conn *c)
{
	switch (c->state) {
	case CONN_DOWN:
		pool.counts.reconnects++;
		conn_open(c, pool.settings.keys, pool.settings.values);
		break;
	case CONN_OPENING:
	case CONN_PREPARING:
		conn_drop(c, "open_timeout");
		break;
	case CONN_CLOSING:
		conn_drop(c, "rollback_timeout");
		break;
	default:
		c->due_ms = INT64_MAX;
	}
}

static void
pool_tick(void *arg)
{
	int64_t now = instant_monotonic();
	unsigned i;

	(void)arg;
	for (i = 0; i < pool.connections; i++)
		if (pool.conns[i].due_ms <= now)
			conn_due(&pool.conns[i]);
	timer_set();
}

static void
pool_changed(struct conn *c)
{
	if (!pool.running)
		return;
	if (c->state == CONN_IDLE)
		claims_serve();
	timer_set();
}

/* Start and stop */

/* What the operator put into "options" stays in front of ours. */
static enum err
options_make(const struct db_options *o)
{
	PQconninfoOption *all = PQconninfoParse(o->conninfo, NULL), *p;
	unsigned idle_ms = 2 * o->statement_timeout_ms;
	const char *theirs = "";
	int n;

	if (all == NULL)
		return ERR_INTERNAL;
	if (idle_ms < IDLE_IN_TX_MS)
		idle_ms = IDLE_IN_TX_MS;
	for (p = all; p->keyword != NULL; p++)
		if (strcmp(p->keyword, "options") == 0 && p->val != NULL)
			theirs = p->val;
	n = snprintf(pool.options, sizeof(pool.options),
	    "%s -c statement_timeout=%u"
	    " -c idle_in_transaction_session_timeout=%u"
	    " -c client_connection_check_interval=1000"
	    " -c jit=off", /* no statement of ours runs so long */
	    theirs, o->statement_timeout_ms, idle_ms);
	PQconninfoFree(all);
	return n > 0 && (size_t)n < sizeof(pool.options) ? ERR_OK
							 : ERR_INTERNAL;
}

/* Searches have a quarter of the queue, and never the last connection if there
 * is another: a request for one record gets in between them. */
static void
shares_make(const struct db_options *o)
{
	struct share *s = pool.shares;
	unsigned most = o->connections > 1 ? o->connections - 1 : 1,
		 asked = o->search_connections;
	enum db_share share;

	for (share = 0; share < DB_SHARES; share++)
		TAILQ_INIT(&s[share].claims);
	s[DB_SHARE_RECORDS].connections = o->connections;
	s[DB_SHARE_RECORDS].queue_max = o->queue_max;
	s[DB_SHARE_SEARCHES].connections = asked > 0 && asked < most ? asked
								     : most;
	s[DB_SHARE_SEARCHES].queue_max = (o->queue_max + 3) / 4;
}

enum err
db_start(const struct db_options *o)
{
	const char *reason;
	unsigned i;

	if (pool.running || o->connections == 0)
		return ERR_INTERNAL;
	memset(&pool, 0, sizeof(pool));
	shares_make(o);
	if (conninfo_check(o->conninfo, &reason) != ERR_OK ||
	    options_make(o) != ERR_OK) {
		log_error("db_conninfo_refused");
		return ERR_INTERNAL;
	}
	conninfo_settings(&pool.settings, o->conninfo, o->password, "epione");
	conninfo_add(&pool.settings, "options", pool.options);
	pool.conns = calloc(o->connections, sizeof(*pool.conns));
	if (pool.conns == NULL)
		return ERR_INTERNAL;
	pool.connections = o->connections;
	pool.timer.fn = pool_tick;
	pool.running = true;
	for (i = 0; i < pool.connections; i++) {
		pool.conns[i].number = i;
		pool.conns[i].changed = pool_changed;
		pool.conns[i].due_ms = INT64_MAX;
	}
	for (i = 0; i < pool.connections; i++)
		conn_open(
		    &pool.conns[i], pool.settings.keys, pool.settings.values);
	return ERR_OK;
}

static void
share_end(enum db_share share)
{
	struct claim *cl;

	while ((cl = TAILQ_FIRST(&pool.shares[share].claims)) != NULL) {
		claim_end(cl);
		fiber_wake(cl->fiber);
	}
}

void
db_stop(void)
{
	enum db_share share;
	unsigned i;

	if (!pool.running)
		return;
	pool.running = false;
	loop_timer_cancel(&pool.timer);
	for (i = 0; i < pool.connections; i++)
		conn_drop(&pool.conns[i], NULL);
	for (share = 0; share < DB_SHARES; share++)
		share_end(share);
	free(pool.conns);
	pool.conns = NULL;
	pool.connections = 0;
}

bool
db_ready(void)
{
	unsigned i;

	for (i = 0; i < pool.connections; i++)
		if (pool.conns[i].state >= CONN_IDLE)
			return true;
	return false;
}

void
db_strict(bool strict)
{
	conn_strict = strict;
}

struct db_stats
db_stats(void)
{
	struct db_stats s = pool.counts;
	unsigned i;

	s.connections = pool.connections;
	s.ready = s.busy = 0;
	for (i = 0; i < pool.connections; i++) {
		s.ready += pool.conns[i].state >= CONN_IDLE;
		s.busy += pool.conns[i].state > CONN_IDLE;
	}
	return s;
}
