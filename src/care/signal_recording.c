#include "care/signal_recording.h"

#include "care/recording.h"
#include "care/signal_say.h"

#include <string.h>

#define ASKED_MS 120000 /* that a question may stand */

static const char *
state_word(const struct room_recording *g)
{
	return g->state == RECORDING_ON ? "recording" : "consent";
}

static json_t *
message(const struct uuid *id, const char *state, const char *reason)
{
	json_t *m = json_pack("{s:s, s:o, s:s, s:i}", "type", "recording", "id",
	    uuid_json(id), "state", state, "wording", RECORDING_WORDING);

	if (reason != NULL)
		json_object_set_new(m, "reason", json_string(reason));
	return m;
}

static bool
has_agreed(const struct room_recording *g, const struct uuid *account)
{
	size_t i;

	for (i = 0; i < g->agreed_n; i++)
		if (uuid_equal(&g->agreed[i], account))
			return true;
	return false;
}

static bool
all_agreed(const struct room *r)
{
	const struct place *p;

	TAILQ_FOREACH (p, &r->places, list)
		if (p->admitted && !has_agreed(&r->recording, &p->account))
			return false;
	return true;
}

/* The socket that acts for the room: the clinician's, if there is one. A guest has
 * no right to. */
static const struct link *
link_choose(const struct room *r, bool clinician)
{
	const struct link *l, *any = NULL;

	TAILQ_FOREACH (l, &r->links, list) {
		if (link_state(l) != LINK_ADMITTED)
			continue;
		if (l->who.role == ROLE_CLINICIAN)
			return l;
		if (l->who.guest == GUEST_NONE)
			any = l;
	}
	return clinician ? NULL : any;
}

static void
act(const struct link *l, const struct uuid *recording,
    enum signal_recording_act what)
{
	say_ops()->recording(&l->key, &l->who, recording, what);
}

/* Everybody hears that it is over before anything else is done about it. */
static void
stop_told(struct room *r, const char *reason)
{
	struct room_recording *g = &r->recording;

	g->state = RECORDING_NONE;
	g->starting = false;
	g->over = g->id;
	say_to_others(r, NULL, message(&g->id, "stopped", reason));
}

static void
stop(struct room *r, const char *reason)
{
	const struct link *l = link_choose(r, false);

	if (r->recording.state == RECORDING_NONE)
		return;
	stop_told(r, reason);
	if (l != NULL)
		act(l, &r->recording.id, SIGNAL_RECORDING_STOP);
}

/*= RC-01: it begins when everybody who is here has agreed, and goes on only as
 * long as that is so */
void
recording_reckon(struct room *r)
{
	struct room_recording *g = &r->recording;
	const struct link *l;

	if (g->state == RECORDING_ON && !all_agreed(r)) {
		stop(r, "newcomer");
	} else if (g->state == RECORDING_ASKED && !g->starting &&
	    all_agreed(r) && (l = link_choose(r, true)) != NULL) {
		g->starting = true;
		act(l, &g->id, SIGNAL_RECORDING_START);
	}
}

/* A room that was made anew has it from the database. */
static void
look(const struct place *p)
{
	if (p->room->recording.state == RECORDING_NONE && p->link != NULL &&
	    p->link->who.recorded)
		say_ops()->recording_look(
		    &p->link->who.clinic, &p->room->visit);
}

void
recording_join(struct place *p)
{
	const struct room_recording *g = &p->room->recording;

	if (g->state == RECORDING_NONE) {
		look(p);
		return;
	}
	say_to_place(p, message(&g->id, state_word(g), NULL));
	recording_reckon(p->room);
}

void
recording_back(const struct place *p)
{
	if (!p->admitted)
		return;
	look(p);
	recording_reckon(p->room);
}

/* The clinician's browser records: when it leaves, the recording ends. */
void
recording_leave(const struct place *p)
{
	if (p->role == ROLE_CLINICIAN)
		stop(p->room, "left");
}

void
recording_end(struct room *r, const char *reason)
{
	stop(r, reason);
}

void
recording_tick(struct room *r, int64_t now_ms)
{
	if (r->recording.state == RECORDING_ASKED &&
	    now_ms - r->recording.asked_ms >= ASKED_MS)
		stop(r, "unanswered");
}

/*= RC-01: a no counts before it is written down, a yes when it was */
enum err
recording_answer(struct link *l, const struct uuid *recording, bool given)
{
	struct room *r = l->room;
	struct room_recording *g = &r->recording;

	if (g->state == RECORDING_NONE || !uuid_equal(&g->id, recording))
		return ERR_WRONG_STATUS;
	if (!given)
		stop_told(
		    r, g->state == RECORDING_ON ? "withdrawn" : "refused");
	act(l, recording,
	    given ? SIGNAL_RECORDING_AGREE : SIGNAL_RECORDING_REFUSE);
	return ERR_OK;
}

static void
agreed_take(struct room_recording *g, const struct signal_recording *now)
{
	size_t n = now->agreed_n;

	if (n > SIGNAL_PLACES_MAX)
		n = SIGNAL_PLACES_MAX;
	if (n > 0)
		memcpy(g->agreed, now->agreed, n * sizeof(*g->agreed));
	g->agreed_n = n;
}

/* The recording is asked for, or on; it is never said to be on while somebody
 * has not agreed to it. */
static void
stands(struct room *r, const struct signal_recording *now)
{
	struct room_recording *g = &r->recording;
	const bool known = g->state != RECORDING_NONE &&
	    uuid_equal(&g->id, &now->id) &&
	    now->on == (g->state == RECORDING_ON);

	if (!known) {
		g->starting = false;
		g->asked_ms = say_ops()->now_ms();
	}
	g->id = now->id;
	g->state = now->on ? RECORDING_ON : RECORDING_ASKED;
	agreed_take(g, now);
	if (!known && (!now->on || all_agreed(r)))
		say_to_others(r, NULL, message(&g->id, state_word(g), NULL));
	recording_reckon(r);
}

void
signal_recording(const struct uuid *visit, const struct signal_recording *now)
{
	struct room *r = room_find(visit);

	if (r == NULL)
		return;
	if (now == NULL && r->recording.state != RECORDING_NONE)
		stop_told(r, "stopped");
	else if (now != NULL && !uuid_equal(&now->id, &r->recording.over))
		stands(r, now);
}

void
signal_recording_refused(
    const struct signal_link *key, enum signal_recording_act what, enum err e)
{
	struct link *l = link_find(key);

	if (l == NULL)
		return;
	if (what == SIGNAL_RECORDING_START)
		l->room->recording.starting = false;
	else if (what != SIGNAL_RECORDING_STOP)
		say_error(l, "consent", e, NULL);
}

bool
signal_clinic(const struct uuid *visit, struct uuid *clinic)
{
	const struct room *r = room_find(visit);

	if (r == NULL || TAILQ_EMPTY(&r->links))
		return false;
	*clinic = TAILQ_FIRST(&r->links)->who.clinic;
	return true;
}
