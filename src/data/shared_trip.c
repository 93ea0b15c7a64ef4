#include "data/shared_trip.h"

#include "base/fiber.h"
#include "data/pool.h"
#include "data/trip.h"
#include "data/tx_state.h"

#define TRIPS 2 /* under way at a time, of a worker */
#define SEATS 8 /* transactions of one: each waits for all of them */

enum stage { WAITS, TRAVELS, ARRIVED };

struct passenger {
	struct tx *tx;
	struct fiber *fiber;
	enum stage stage;
	int first; /* of its statements in the trip */
	enum err outcome;
	bool alone;
	TAILQ_ENTRY(passenger) list;
	STAILQ_ENTRY(passenger) aboard;
};
TAILQ_HEAD(queue, passenger);
STAILQ_HEAD(party, passenger);

/* The first in the queue takes those behind along as soon as it may. */
static struct queue queue = TAILQ_HEAD_INITIALIZER(queue);
static unsigned queued, under_way;

static void
next_wake(void)
{
	struct passenger *p = TAILQ_FIRST(&queue);

	if (p != NULL && under_way < TRIPS)
		fiber_wake(p->fiber);
}

static void
enter(struct passenger *p)
{
	TAILQ_INSERT_TAIL(&queue, p, list);
	queued++;
	pool_counts()->waiting++;
}

static void
leave(struct passenger *p)
{
	TAILQ_REMOVE(&queue, p, list);
	queued--;
	pool_counts()->waiting--;
}

/* Takes aboard who waits; answers how many statements they have. The last of
 * their deadlines is the trip's: nobody's time is cut short by another's. */
static size_t
board(struct party *party, int64_t *deadline_ms)
{
	struct passenger *p;
	size_t seats, statements = 0;

	STAILQ_INIT(party);
	for (seats = 0; seats < SEATS && (p = TAILQ_FIRST(&queue)) != NULL;
	     seats++) {
		leave(p);
		STAILQ_INSERT_TAIL(party, p, aboard);
		p->stage = TRAVELS;
		statements += p->tx->calls_n;
		if (p->tx->deadline_ms > *deadline_ms)
			*deadline_ms = p->tx->deadline_ms;
	}
	return statements;
}

static bool
all_put(struct conn *c, struct round_trip *f, struct party *party)
{
	struct passenger *p;

	if (!conn_say(c, f, CONN_BEGIN))
		return false;
	STAILQ_FOREACH(p, party, aboard)
	{
		p->first = f->sent;
		if (!trip_put(c, f, p->tx))
			return false;
	}
	return conn_say(c, f, CONN_COMMIT);
}

static void
answers_drop(struct tx *tx)
{
	struct tx_call *call;

	STAILQ_FOREACH(call, &tx->calls, list)
	{
		PQclear(call->answer);
		call->answer = NULL;
	}
}

/* Undone by another's statement, or by what is nobody's own (BEGIN, COMMIT). */
static bool
is_innocent(const struct passenger *p, const struct round_trip *f)
{
	return f->failure != NULL && !f->lost &&
	    (f->failed_at < p->first ||
		(size_t)(f->failed_at - p->first) >= p->tx->calls_n);
}

static void
arrive(struct passenger *p, const struct round_trip *f)
{
	struct tx *tx = p->tx;

	p->alone = is_innocent(p, f);
	if (p->alone)
		answers_drop(tx);
	else
		p->outcome = trip_outcome(tx, f, p->first);
	p->stage = ARRIVED;
	if (p->fiber != fiber_self())
		fiber_wake(p->fiber);
}

static void
travel(struct tx *leader, struct conn **c)
{
	int64_t deadline_ms = leader->deadline_ms;
	struct passenger *p;
	struct party party;
	size_t n = board(&party, &deadline_ms);
	struct round_trip f = trip_new(leader->arena, n);

	pool_counts()->transactions++;
	if (STAILQ_NEXT(STAILQ_FIRST(&party), aboard) != NULL)
		pool_counts()->shared++;
	trip_run(c, &f, all_put(*c, &f, &party), deadline_ms);
	STAILQ_FOREACH(p, &party, aboard)
	arrive(p, &f);
	PQclear(f.failure);
}

/* Is the first in the queue, and stays there until it has a connection: more
 * may come meanwhile. */
static void
lead(struct passenger *me)
{
	struct conn *c = NULL;
	enum err r;

	under_way++;
	r = pool_take(DB_SHARE_RECORDS, me->tx->deadline_ms, &c);
	if (r == ERR_OK)
		travel(me->tx, &c);
	else {
		me->stage = ARRIVED;
		me->outcome = tx_fail(me->tx, r);
		leave(me);
	}
	if (c != NULL)
		conn_release(c);
	under_way--;
	next_wake();
}

/* Once aboard one stays to the end, even past one's own deadline: answers are
 * written into what is the transaction's. */
static enum err
passage(struct passenger *me)
{
	int64_t deadline_ms = me->tx->deadline_ms;

	enter(me);
	while (me->stage != ARRIVED) {
		if (me->stage == TRAVELS)
			fiber_park();
		else if (under_way < TRIPS && me == TAILQ_FIRST(&queue))
			lead(me);
		else if (fiber_park_until(deadline_ms) != ERR_OK &&
		    me->stage == WAITS) {
			leave(me);
			next_wake();
			return tx_fail(me->tx, ERR_UNAVAILABLE);
		}
	}
	return me->outcome;
}

enum err
shared_trip(struct tx *tx, bool *alone)
{
	struct passenger me = { .tx = tx, .fiber = fiber_self() };
	enum err r;

	*alone = false;
	if (me.fiber == NULL)
		return tx_fail(tx, ERR_INTERNAL);
	if (queued >= pool_queue_max()) {
		pool_counts()->refused++;
		return tx_fail(tx, ERR_BUSY);
	}
	r = passage(&me);
	*alone = me.alone;
	return r;
}
