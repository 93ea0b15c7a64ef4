#include "care/visit_told.h"

#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "care/recording_told.h"
#include "care/signal.h"
#include "data/listen.h"
#include "gate/tell.h"
#include "sql.h"

#include <stdbool.h>
#include <string.h>

#define QUERY_MS 2500
#define AGAIN_MS 2000 /* after a look that failed */
#define LOOK_MAX 256  /* seats of one clinic looked at in one go */

static bool missed;  /* something may have been */
static bool looking; /* a fiber is at it */
static int64_t looked_ms;

static void
heard(void *unused, const char *channel, const char *payload)
{
	char word[TELL_WORD_MAX + 1];
	struct uuid id, clinic;

	(void)unused;
	if (!tell_read(payload, &id, word))
		log_warn("told_nonsense");
	else if (strcmp(channel, tell_channel(TELL_GUEST)) == 0)
		signal_guest_changed(&id, word);
	else if (strcmp(channel, tell_channel(TELL_VISIT)) == 0)
		signal_room_changed(&id, word);
	else if (signal_clinic(&id, &clinic))
		recording_look(&clinic, &id);
}

static void
began(void *unused)
{
	(void)unused;
	missed = true;
}

/* A visit that has not changed needs no word: rooms that heard everything go on
 * undisturbed. */
static void
seat_settle(const struct signal_seat *s, const struct visit_seats_row *v)
{
	if (s->guest && (!v->takes_part || v->admitted))
		signal_guest_changed(
		    &s->account, v->takes_part ? "admitted" : "removed");
	if (!v->takes_part && !s->guest)
		signal_room_changed(&s->visit, "handed_over");
	else if (strcmp(v->status, "booked") != 0)
		signal_room_changed(&s->visit, v->status);
	else if (v->starts_at != s->starts_at)
		signal_room_changed(&s->visit, "booked");
}

/* Row-level security shows one clinic at a time: `n` seats of the first one's
 * clinic. */
static enum err
clinic_look(struct arena *a, const struct signal_seat *s, size_t n)
{
	struct tx *tx = tx_new(a, instant_monotonic() + QUERY_MS);
	struct context_set_in context = { .clinic = s[0].clinic };
	struct uuid *visits = arena_calloc(a, n, sizeof(*visits));
	struct uuid *accounts = arena_calloc(a, n, sizeof(*accounts));
	struct visit_seats_in in = { { visits, n }, { accounts, n } };
	struct visit_seats_row *rows;
	size_t i, found;
	enum err r;

	for (i = 0; i < n; i++) {
		visits[i] = s[i].visit;
		accounts[i] = s[i].account;
	}
	if ((r = sql_context_set(tx, &context)) == ERR_OK &&
	    (r = sql_visit_seats(tx, &in, &rows, &found)) == ERR_OK &&
	    (r = tx_commit(tx)) == ERR_OK)
		for (i = 0; i < found; i++) {
			seat_settle(&s[rows[i].seat - 1], &rows[i]);
			recording_look(
			    &s[0].clinic, &s[rows[i].seat - 1].visit);
		}
	tx_close(tx);
	return r;
}

static size_t
same_clinic(const struct signal_seat *s, size_t n)
{
	size_t i;

	for (i = 1; i < n && i < LOOK_MAX; i++)
		if (!uuid_equal(&s[i].clinic, &s[0].clinic))
			break;
	return i;
}

static void
look(void *unused)
{
	struct arena *a = arena_new();
	struct signal_seat *s = arena_calloc(a, SIGNAL_LINKS_MAX, sizeof(*s));
	size_t n = signal_seats(s, SIGNAL_LINKS_MAX), of_clinic;
	enum err r = ERR_OK;

	(void)unused;
	missed = false; /* before: it may be true again when this ends */
	for (; n > 0 && r == ERR_OK; s += of_clinic, n -= of_clinic) {
		of_clinic = same_clinic(s, n);
		r = clinic_look(a, s, of_clinic);
	}
	if (r != ERR_OK) {
		log_warn("visits_not_seen", LOG_CODE("error", err_code(r)));
		missed = true;
	}
	arena_free(a);
	looking = false;
}

void
visit_told_sweep(int64_t now_ms)
{
	if (!missed || looking || now_ms - looked_ms < AGAIN_MS)
		return;
	looked_ms = now_ms;
	looking = true; /* before: the fiber may end at once */
	if (fiber_start(look, NULL) != ERR_OK)
		looking = false;
}

enum err
visit_told_start(const char *conninfo)
{
	static const char *channels[4];
	const struct listen_options o = {
		.conninfo = conninfo,
		.channels = channels,
		.heard = heard,
		.began = began,
	};

	channels[0] = tell_channel(TELL_VISIT);
	channels[1] = tell_channel(TELL_RECORDING);
	channels[2] = tell_channel(TELL_GUEST);
	return listen_start(&o);
}
