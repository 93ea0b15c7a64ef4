#include "gate/stranger.h"

#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/network.h"
#include "gate/audit.h"
#include "gate/route.h"

#include <stdio.h>
#include <string.h>

#define PLACES	 256
#define MINUTE_S 60
#define WRITE_MS 10000 /* the longest that one row may take */
#define AGAIN_MS 5000
#define LAST_MS	 100 /* the same at the end, when little time is left */

static struct tally {
	bool used;
	uint64_t subscriber; /* 0: all that have no address or no slot */
	int64_t minute;
	enum err reason;
	const struct route *route; /* of all, or the one that is no route */
	char address[46];
	int64_t more; /* since the first, and not written yet */
} tallies[PLACES], rest[ERR_COUNT];
static struct fiber *sleeper; /* the writer, between two minutes */
static bool writing, ending;

/* The count of this client in the minute, or a free place for it. */
static struct tally *
tally_find(uint64_t subscriber, enum err reason, int64_t minute)
{
	struct tally *t, *place = &rest[reason];
	size_t i;

	for (i = 0; i < PLACES; i++) {
		t = &tallies[i];
		if (t->used && t->subscriber == subscriber &&
		    t->minute == minute && t->reason == reason)
			return t;
		if (!t->used && place == &rest[reason])
			place = t;
	}
	return place;
}

/* Who has an IPv6 address, at most 39 characters, has all of its /64. */
static void
address_note(struct tally *t, const char *text)
{
	if (t->subscriber != 0)
		snprintf(t->address, sizeof(t->address), "%.42s%s", text,
		    strchr(text, ':') == NULL ? "" : "/64");
}

/* More may be counted while it is written: only what was written is taken
 * off. */
static enum err
tally_write(struct tally *t)
{
	int64_t more = t->more;
	struct request rq = {
		.path = "",
		.id = uuid_random(),
		.started_ms = instant_monotonic(),
	};
	struct op op = { .rq = &rq,
		.route = t->route,
		.deadline_ms = rq.started_ms + WRITE_MS };
	enum err r = ERR_OK;

	if (more > 0) {
		memcpy(rq.address, t->address, sizeof(rq.address));
		op.arena = arena_new();
		r = audit_refusals(&op, t->reason, more);
		arena_free(op.arena);
	}
	if (r != ERR_OK)
		return r;
	t->more -= more;
	t->used = t->more > 0;
	return ERR_OK;
}

/* Writes the counts of minutes that are over, until one cannot be written.
 * *left: there are others. */
static enum err
tallies_write(struct tally *list, size_t n, bool *left)
{
	int64_t minute = instant_now() / MINUTE_S;
	enum err r = ERR_OK;
	size_t i;

	for (i = 0; i < n; i++) {
		if (r == ERR_OK && list[i].used &&
		    (ending || list[i].minute < minute))
			r = tally_write(&list[i]);
		*left = *left || list[i].used;
	}
	return r;
}

static void
minute_wait(void)
{
	int64_t left_s = MINUTE_S - instant_now() % MINUTE_S;

	if (ending)
		return;
	sleeper = fiber_self();
	(void)!fiber_park_until(instant_monotonic() + left_s * 1000);
	sleeper = NULL;
}

static void
write_until_none(void *unused)
{
	bool left;
	enum err r;

	(void)unused;
	do {
		minute_wait();
		left = false;
		r = tallies_write(tallies, PLACES, &left);
		if (r == ERR_OK)
			r = tallies_write(rest, ERR_COUNT, &left);
		if (r != ERR_OK) {
			left = true;
			log_warn("refusals_not_written");
			fiber_sleep(ending ? LAST_MS : AGAIN_MS);
		}
	} while (left);
	writing = false;
}

static void
writer_start(void)
{
	if (writing)
		return;
	writing = true;
	if (fiber_start(write_until_none, NULL) != ERR_OK) {
		writing = false; /* the next first one tries again */
		log_warn("refusals_not_written");
	}
}

/*= AU-01: a flood of refusals costs two rows a minute, and is counted whole */
bool
stranger_first(const struct op *op, enum err reason)
{
	const char *text = op->rq->address;
	const struct route *route = op->route == NULL ? &route_none : op->route;
	int64_t minute = instant_now() / MINUTE_S;
	struct address a = { { 0 } };
	struct tally *t;
	uint64_t subscriber = 0;

	if (address_read(text, strlen(text), &a) == ERR_OK)
		subscriber = address_subscriber(&a);
	t = tally_find(subscriber, reason, minute);
	if (t->used) {
		t->more++;
		if (t->route != route)
			t->route = &route_none;
		return false;
	}
	*t = (struct tally){ .used = true,
		.minute = minute,
		.reason = reason,
		.route = route,
		.subscriber = t == &rest[reason] ? 0 : subscriber };
	address_note(t, text);
	writer_start();
	return true;
}

bool
strangers_end(void)
{
	ending = true;
	if (sleeper != NULL) {
		fiber_wake(sleeper);
		sleeper = NULL;
	}
	return writing;
}
