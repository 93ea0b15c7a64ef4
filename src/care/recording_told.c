#include "care/recording_told.h"

#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/secret.h"
#include "gate/dispatch.h"
#include "gate/route.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define QUERY_MS 2500

/* What is done */

struct deed {
	struct signal_link link;
	struct participant who;
	struct uuid recording;
	enum signal_recording_act what;
};

static void
deed_free(struct deed *d)
{
	secret_wipe(d, sizeof(*d));
	free(d);
}

static const struct {
	enum route_id route;
	const char *body;
} deeds[] = {
	[SIGNAL_RECORDING_AGREE] = { ROUTE_recording_consent,
	    "{\"given\":true}" },
	[SIGNAL_RECORDING_REFUSE] = { ROUTE_recording_consent,
	    "{\"given\":false}" },
	[SIGNAL_RECORDING_START] = { ROUTE_recording_start, "" },
	[SIGNAL_RECORDING_STOP] = { ROUTE_recording_stop, "" },
};

static void
deed_run(void *arg)
{
	struct deed *d = arg;
	enum err r = dispatch_for(&d->who, deeds[d->what].route, &d->recording,
	    NULL, deeds[d->what].body);

	if (r != ERR_OK)
		signal_recording_refused(&d->link, d->what, r);
	deed_free(d);
}

static void
deed_start(void *arg)
{
	struct deed *d = arg;

	if (fiber_start(deed_run, d) != ERR_OK) {
		signal_recording_refused(&d->link, d->what, ERR_BUSY);
		deed_free(d);
	}
}

void
recording_act(const struct signal_link *link, const struct participant *who,
    const struct uuid *recording, enum signal_recording_act what)
{
	struct deed *d = malloc(sizeof(*d));

	if (d == NULL)
		return;
	*d = (struct deed){ *link, *who, *recording, what };
	loop_defer(deed_start, d);
}

/* How it stands */

struct doubt {
	TAILQ_ENTRY(doubt) list;
	struct uuid clinic, visit;
};
static TAILQ_HEAD(, doubt) doubts = TAILQ_HEAD_INITIALIZER(doubts);
static bool looking; /* a fiber is at it: one, so that the newest comes last */

static enum err
room_ask(struct tx *tx, const struct doubt *d, struct recording_room_row *row,
    bool *there)
{
	const struct context_set_in context = { .clinic = d->clinic };
	const struct recording_room_in in = { d->visit };
	enum err r;

	if ((r = sql_context_set(tx, &context)) != ERR_OK)
		return r;
	r = sql_recording_room(tx, &in, row);
	*there = r == ERR_OK;
	if (r == ERR_NOT_FOUND)
		r = ERR_OK;
	return r == ERR_OK ? tx_commit(tx) : r;
}

static enum err
doubt_settle(const struct doubt *d)
{
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a, instant_monotonic() + QUERY_MS);
	struct recording_room_row row;
	struct signal_recording now;
	bool there = false;
	enum err r;

	if ((r = room_ask(tx, d, &row, &there)) == ERR_OK && there) {
		now = (struct signal_recording){ row.id,
			strcmp(row.state, "recording") == 0, row.agreed.v,
			row.agreed.n };
		signal_recording(&d->visit, &now);
	} else if (r == ERR_OK) {
		signal_recording(&d->visit, NULL);
	}
	tx_close(tx);
	arena_free(a);
	return r;
}

static void
look(void *unused)
{
	struct doubt *d;
	enum err r = ERR_OK;

	(void)unused;
	while (r == ERR_OK && (d = TAILQ_FIRST(&doubts)) != NULL) {
		TAILQ_REMOVE(&doubts, d, list);
		r = doubt_settle(d);
		if (r != ERR_OK) {
			log_warn("recording_not_seen",
			    LOG_CODE("error", err_code(r)));
			TAILQ_INSERT_TAIL(&doubts, d, list);
		} else {
			free(d);
		}
	}
	looking = false;
}

static void
look_start(void *unused)
{
	(void)unused;
	if (looking || TAILQ_EMPTY(&doubts))
		return;
	looking = true;
	if (fiber_start(look, NULL) != ERR_OK)
		looking = false;
}

void
recording_look(const struct uuid *clinic, const struct uuid *visit)
{
	struct doubt *d;

	TAILQ_FOREACH (d, &doubts, list)
		if (uuid_equal(&d->visit, visit))
			return;
	if ((d = malloc(sizeof(*d))) == NULL)
		return;
	d->clinic = *clinic;
	d->visit = *visit;
	TAILQ_INSERT_TAIL(&doubts, d, list);
	loop_defer(look_start, NULL);
}

void
recording_told_sweep(void)
{
	look_start(NULL);
}
