#include "care/signal.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/shape.h"
#include "care/sdp.h"
#include "care/signal_recording.h"
#include "care/signal_room.h"
#include "care/signal_say.h"

#include <string.h>

#define RATE_PER_MS 50 /* thousandths of a message: 50 a second */
#define RATE_BURST  200000

/* What a message asks: ERR_OK, or why not, and the field to blame. It may
 * close its own link, and then answers ERR_OK. */
typedef enum err handler(struct link *, json_t *, const char **field);

static void
link_drop(struct link *l, enum signal_close code)
{
	say_ops()->close(&l->key, code);
	link_remove(l, say_ops()->now_ms());
}

/*= SE-02: a call is two people who are connected and admitted; who sits alone
 * in the room, or waits before it, is as idle as on any other page */
static void
room_reckon(struct room *r)
{
	struct link *l;
	unsigned inside = 0;
	bool in_call;

	TAILQ_FOREACH (l, &r->links, list)
		inside += link_state(l) == LINK_ADMITTED;
	TAILQ_FOREACH (l, &r->links, list) {
		in_call = inside >= 2 && link_state(l) == LINK_ADMITTED;
		if (l->in_call != in_call)
			say_ops()->in_call(&l->key, in_call);
		l->in_call = in_call;
	}
}

/* Ends whatever happened in a room: it may be empty now, and then is gone. */
static void
room_after(struct room *r)
{
	room_reckon(r);
	room_settle(r);
}

static void
place_leave(struct place *p, const char *reason)
{
	struct room *r = p->room;

	recording_leave(p);
	say_left(p, reason);
	place_remove(p);
	recording_reckon(r);
}

/* From here on it is part of the call: the others hear of it, and it hears
 * of them. */
static void
place_admit(struct place *p)
{
	p->admitted = true;
	say_admitted(p);
	say_company(p);
	recording_join(p);
}

/* hello */

/* Whatever was told while the socket was lost is told again first, so that
 * the client sees one unbroken row of numbers. */
static void
place_resume(struct place *p, struct link *l, uint64_t last_seq)
{
	if (p->link != NULL)
		link_drop(p->link, SIGNAL_REPLACED);
	if (l->who.admitted && !p->admitted)
		place_admit(p);
	p->link = l;
	l->place = p;
	p->ahead = l->who.ahead;
	p->free_at = l->who.free_at;
	say_welcome(l, true);
	say_again(p, last_seq);
	recording_back(p);
}

/* One account has one place: whoever says hello anew is somebody else to the
 * others, since the peer connections of before are gone. */
static void
place_replace(struct place *old)
{
	struct link *l = old->link;

	place_leave(old, l != NULL ? "removed" : "lost");
	if (l != NULL)
		link_drop(l, SIGNAL_REPLACED);
}

static void
place_begin(struct link *l, const struct uuid *id)
{
	struct place *p = place_of_account(l->room, &l->who.account);

	if (p != NULL)
		place_replace(p);
	if ((p = place_add(l, id)) == NULL) {
		link_drop(l, SIGNAL_FULL);
		return;
	}
	say_welcome(l, false);
	say_joined(p);
	if (p->admitted) {
		say_media(p);
		recording_join(p);
	} else
		say_queue(p, say_ops()->now());
}

/* The worker that was the room's home died, and everybody comes back: under
 * the names of before, so that what goes on between them can go on. Nothing
 * can be told again. */
static bool
place_of_lost_home(const struct link *l, const char *token, struct uuid *id)
{
	return token != NULL &&
	    place_of_account(l->room, &l->who.account) == NULL &&
	    token_of_lost_home(token, &l->room->visit, &l->who.account, id) &&
	    place_by_id(l->room, id) == NULL;
}

static enum err
on_hello(struct link *l, json_t *m, const char **field)
{
	const char *token = json_string_value(json_object_get(m, "resume"));
	json_int_t last = json_integer_value(json_object_get(m, "last_seq"));
	struct place *p = NULL;
	struct uuid id;

	(void)field;
	if (token != NULL)
		p = place_by_token(l->room, &l->who.account, token);
	if (p != NULL && place_can_replay(p, (uint64_t)last))
		place_resume(p, l, (uint64_t)last);
	else
		place_begin(l, place_of_lost_home(l, token, &id) ? &id : NULL);
	return ERR_OK;
}

/* What is passed on */

/*= TR-11: `from` is the server's word, and nobody outside of the room, or
 * not let in yet, can be reached */
static enum err
relay(struct link *l, json_t *m, const char **field)
{
	struct place *to = NULL;
	struct uuid id;

	*field = "to";
	if (uuid_parse(json_string_value(json_object_get(m, "to")), &id) ==
	    ERR_OK)
		to = place_by_id(l->room, &id);
	if (to == NULL || to == l->place || !to->admitted) {
		log_warn("signal_stranger", LOG_ID("visit", &l->room->visit),
		    LOG_ID("session", &l->who.session));
		return ERR_NOT_FOUND;
	}
	/*= TR-13: nothing else of it is touched */
	json_object_set_new(m, "from", uuid_json(&l->place->id));
	say_to_place(to, json_incref(m));
	return ERR_OK;
}

static enum err
on_description(struct link *l, json_t *m, const char **field)
{
	json_t *d = json_object_get(m, "description");
	const char *type = json_string_value(json_object_get(d, "type"));
	const char *sdp = json_string_value(json_object_get(d, "sdp"));
	bool none = sdp == NULL || *sdp == '\0';

	*field = "description.sdp";
	if (strcmp(type, "rollback") == 0)
		return none ? relay(l, m, field) : ERR_INVALID_FIELD;
	if (none)
		return ERR_MISSING_FIELD;
	if (sdp_check(sdp, strlen(sdp)) != ERR_OK)
		return ERR_INVALID_FIELD;
	return relay(l, m, field);
}

static bool
text_has_control(const char *text)
{
	for (; text != NULL && *text != '\0'; text++)
		if ((unsigned char)*text < ' ')
			return true;
	return false;
}

/* A line break would let a candidate carry other lines of SDP along. */
static enum err
on_candidate(struct link *l, json_t *m, const char **field)
{
	const char *name;
	json_t *value;

	json_object_foreach (json_object_get(m, "candidate"), name, value) {
		if (text_has_control(json_string_value(value))) {
			*field = "candidate";
			return ERR_INVALID_FIELD;
		}
	}
	return relay(l, m, field);
}

static enum err
on_state(struct link *l, json_t *m, const char **field)
{
	(void)field;
	json_decref(l->place->media);
	l->place->media = json_deep_copy(m);
	json_object_set_new(m, "from", uuid_json(&l->place->id));
	say_to_others(l->room, l->place, json_incref(m));
	return ERR_OK;
}

/* Recording: what is said counts at once here, and is written down. */

static enum err
on_consent(struct link *l, json_t *m, const char **field)
{
	struct uuid id;

	*field = "recording";
	if (uuid_parse(json_string_value(json_object_get(m, "recording")),
		&id) != ERR_OK)
		return ERR_INVALID_FIELD;
	return recording_answer(
	    l, &id, json_is_true(json_object_get(m, "given")));
}

/* The rest */

/* Whom the clinician means. */
static enum err
clinician_names(struct link *l, json_t *m, const char **field, struct place **p)
{
	struct uuid id;

	if (l->who.role != ROLE_CLINICIAN)
		return ERR_NOT_FOUND;
	*field = "participant";
	*p = NULL;
	if (uuid_parse(json_string_value(json_object_get(m, "participant")),
		&id) == ERR_OK)
		*p = place_by_id(l->room, &id);
	return *p == NULL ? ERR_NOT_FOUND : ERR_OK;
}

/* The admission itself is the same operation as over HTTP, with its rights
 * and its audit row; the room hears of it like of any change. */
static enum err
on_admit(struct link *l, json_t *m, const char **field)
{
	struct place *p;
	enum err r = clinician_names(l, m, field, &p);

	if (r != ERR_OK)
		return r;
	if (p->admitted)
		return ERR_ALREADY_DONE;
	say_ops()->admit(
	    &l->key, &l->who, p->guest == GUEST_NONE ? NULL : &p->account);
	return ERR_OK;
}

/* Guests alone: whoever has an account comes in by a right of their own. */
static enum err
on_remove(struct link *l, json_t *m, const char **field)
{
	struct place *p;
	enum err r = clinician_names(l, m, field, &p);

	if (r != ERR_OK)
		return r;
	if (p->guest == GUEST_NONE)
		return ERR_WRONG_STATUS;
	say_ops()->remove(&l->key, &l->who, &p->account);
	return ERR_OK;
}

static enum err
on_leave(struct link *l, json_t *m, const char **field)
{
	(void)m;
	(void)field;
	if (l->place != NULL)
		place_leave(l->place, "left");
	link_drop(l, SIGNAL_LEFT);
	return ERR_OK;
}

/* Clients put clocks of their own into `t`, so any number or short text. */
static enum err
on_ping(struct link *l, json_t *m, const char **field)
{
	json_t *t = json_object_get(m, "t");

	*field = "t";
	if (t == NULL)
		return ERR_MISSING_FIELD;
	if (json_object_size(m) != 2)
		return ERR_UNKNOWN_FIELD;
	if (!json_is_number(t) &&
	    (!json_is_string(t) || json_string_length(t) > 64))
		return ERR_INVALID_FIELD;
	say_to_link(l, json_pack("{s:s, s:O}", "type", "pong", "t", t));
	return ERR_OK;
}

static enum err
refuse(struct link *l, json_t *m, const char **field)
{
	(void)l;
	(void)m;
	(void)field;
	return ERR_WRONG_STATUS;
}

/* The table */

static const struct shape hello_in[] = {
	{ "type", SH_RAW, 1, 32, .flags = SH_REQUIRED },
	{ "resume", SH_RAW, 0, 128, .flags = SH_NULLABLE },
	{ "last_seq", SH_INT, 0, INT64_MAX, .flags = SH_NULLABLE },
	{ .kind = SH_END },
};

static const struct shape sdp_in[] = {
	{ "type", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "offer|answer|rollback" },
	{ "sdp", SH_RAW, 0, SIGNAL_MESSAGE_MAX, .flags = SH_PHI },
	{ .kind = SH_END },
};

static const struct shape description_in[] = {
	{ "type", SH_RAW, 1, 32, .flags = SH_REQUIRED },
	{ "to", SH_UUID, .flags = SH_REQUIRED },
	{ "description", SH_OBJECT, .flags = SH_REQUIRED, .inner = sdp_in },
	{ .kind = SH_END },
};

/* RTCIceCandidateInit (W3C WebRTC 4.8.1.1) */
static const struct shape ice_in[] = {
	{ "candidate", SH_RAW, 0, 4096, .flags = 0 },
	{ "sdpMid", SH_RAW, 0, 256, .flags = SH_NULLABLE },
	{ "sdpMLineIndex", SH_INT, 0, 65535, .flags = SH_NULLABLE },
	{ "usernameFragment", SH_RAW, 0, 256, .flags = SH_NULLABLE },
	{ .kind = SH_END },
};

static const struct shape candidate_in[] = {
	{ "type", SH_RAW, 1, 32, .flags = SH_REQUIRED },
	{ "to", SH_UUID, .flags = SH_REQUIRED },
	{ "candidate", SH_OBJECT, .flags = SH_REQUIRED | SH_NULLABLE,
	    .inner = ice_in },
	{ .kind = SH_END },
};

static const struct shape admit_in[] = {
	{ "type", SH_RAW, 1, 32, .flags = SH_REQUIRED },
	{ "participant", SH_UUID, .flags = SH_REQUIRED },
	{ .kind = SH_END },
};

static const struct shape consent_in[] = {
	{ "type", SH_RAW, 1, 32, .flags = SH_REQUIRED },
	{ "recording", SH_UUID, .flags = SH_REQUIRED },
	{ "given", SH_BOOL, .flags = SH_REQUIRED },
	{ .kind = SH_END },
};

static const struct shape state_in[] = {
	{ "type", SH_RAW, 1, 32, .flags = SH_REQUIRED },
	{ "audio", SH_BOOL, .flags = SH_REQUIRED },
	{ "video", SH_BOOL, .flags = SH_REQUIRED },
	{ "screen", SH_BOOL, .flags = SH_REQUIRED },
	{ .kind = SH_END },
};

static const struct shape leave_in[] = {
	{ "type", SH_RAW, 1, 32, .flags = SH_REQUIRED },
	{ .kind = SH_END },
};

/*
 * Everything a client can say. `counted` messages are those whose number the
 * client learns from a later welcome ("received"), so that it can say again
 * what was lost on the way here. What is not in the table closes the link.
 */
/* clang-format off */
static const struct message {
	const char *type;
	const struct shape *in; /* NULL: the handler looks itself */
	bool counted;
	handler *on[LINK_STATES];
} messages[] = {
/*	  type           members         counted    no hello yet  waiting    admitted */
	{ "hello",       hello_in,       false,   { on_hello,     refuse,    refuse } },
	{ "description", description_in, true,    { refuse,       refuse,    on_description } },
	{ "candidate",   candidate_in,   true,    { refuse,       refuse,    on_candidate } },
	{ "admit",       admit_in,       true,    { refuse,       refuse,    on_admit } },
	{ "remove",      admit_in,       true,    { refuse,       refuse,    on_remove } },
	{ "state",       state_in,       true,    { refuse,       refuse,    on_state } },
	{ "consent",     consent_in,     true,    { refuse,       refuse,    on_consent } },
	{ "leave",       leave_in,       true,    { on_leave,     on_leave,  on_leave } },
	{ "ping",        NULL,           false,   { refuse,       on_ping,   on_ping } },
};
/* clang-format on */

static const struct message *
message_find(const json_t *m)
{
	const char *type = json_string_value(json_object_get(m, "type"));
	size_t i;

	for (i = 0; type != NULL && i < sizeof(messages) / sizeof(messages[0]);
	     i++)
		if (strcmp(messages[i].type, type) == 0)
			return &messages[i];
	return NULL;
}

/* A message that is one: well formed, of a known type. */
static void
message_handle(struct arena *a, struct link *l, json_t *m)
{
	const struct message *row = message_find(m);
	const char *field = NULL;
	enum err r = ERR_OK;

	if (row == NULL) {
		link_drop(l, SIGNAL_BAD_MESSAGE);
		return;
	}
	if (row->counted && l->place != NULL)
		l->place->received++;
	if (row->in != NULL)
		r = shape_check(a, row->in, m, false, &field);
	if (r == ERR_OK)
		r = row->on[link_state(l)](l, m, &field);
	if (r != ERR_OK)
		say_error(l, row->type, r, field);
}

/*= TR-10: what is no message closes its own link and harms nobody else */
void
signal_received(const struct signal_link *key, struct bytes text)
{
	struct link *l = link_find(key);
	struct arena *a;
	struct room *room;
	json_t *m;

	if (l == NULL) {
		say_ops()->close(key, SIGNAL_RESTART);
		return;
	}
	room = l->room;
	if (text.n > SIGNAL_MESSAGE_MAX || shape_parse(text, &m) != ERR_OK) {
		link_drop(l, SIGNAL_BAD_MESSAGE);
	} else {
		a = arena_new();
		message_handle(a, l, m);
		json_wipe(m);
		json_decref(m);
		arena_free(a);
	}
	room_after(room);
}

/* What happens to the visit */

/*= TR-11: a visit that has begun lets in who is part of it; each guest is let in
 * by the clinician, one by one */
static void
room_admit(struct room *r, const char *reason)
{
	struct place *p;
	struct link *l;

	(void)reason;
	TAILQ_FOREACH (l, &r->links, list)
		if (l->who.guest == GUEST_NONE)
			l->who.admitted = true;
	TAILQ_FOREACH (p, &r->places, list)
		if (!p->admitted && p->guest == GUEST_NONE)
			place_admit(p);
}

static void
room_close(struct room *r, enum signal_close code)
{
	while (!TAILQ_EMPTY(&r->places))
		place_remove(TAILQ_FIRST(&r->places));
	while (!TAILQ_EMPTY(&r->links))
		link_drop(TAILQ_FIRST(&r->links), code);
}

static void
room_end(struct room *r, const char *reason)
{
	struct link *l;

	recording_end(r, "ended");
	TAILQ_FOREACH (l, &r->links, list)
		say_ended(l, reason);
	room_close(r, SIGNAL_VISIT_OVER);
}

static void
room_reopen(struct room *r, const char *reason)
{
	(void)reason;
	room_close(r, SIGNAL_RESTART);
}

/*= TR-11: who was its clinician is a participant no more */
static void
room_hand_over(struct room *r, const char *reason)
{
	struct link *l, *next;

	for (l = TAILQ_FIRST(&r->links); l != NULL; l = next) {
		next = TAILQ_NEXT(l, list);
		if (l->who.role == ROLE_CLINICIAN)
			link_drop(l, SIGNAL_STRANGER);
	}
	room_reopen(r, reason);
}

/* clang-format off */
static const struct change {
	const char *status;
	bool lasting; /* holds for who is announced after it, too */
	void (*happen)(struct room *, const char *reason);
} changes[] = {
	{ "booked",      false, room_reopen },
	{ "handed_over", false, room_hand_over },
	{ "in_call",     true,  room_admit },
	{ "ended",       true,  room_end },
	{ "cancelled",   true,  room_end },
	{ "no_show",     true,  room_end },
};
/* clang-format on */

static const struct change *
change_find(const char *status)
{
	size_t i;

	for (i = 0; status != NULL && i < sizeof(changes) / sizeof(changes[0]);
	     i++)
		if (strcmp(changes[i].status, status) == 0)
			return &changes[i];
	return NULL;
}

void
signal_room_changed(const struct uuid *visit, const char *status)
{
	const struct change *c = change_find(status);
	struct room *r = room_find(visit);

	if (c == NULL)
		return;
	recent_note(visit, c->lasting ? c->status : NULL);
	if (r != NULL) {
		c->happen(r, c->status);
		room_after(r);
	}
}

/* What happens to a guest */

static void
guest_admit(struct room *r, const struct uuid *account)
{
	struct place *p = place_of_account(r, account);
	struct link *l;

	TAILQ_FOREACH (l, &r->links, list)
		if (uuid_equal(&l->who.account, account))
			l->who.admitted = true;
	if (p != NULL && !p->admitted)
		place_admit(p);
}

/* A place whose socket is lost goes, too. */
static void
guest_remove(struct room *r, const struct uuid *account)
{
	struct place *p = place_of_account(r, account);
	struct link *l, *next;

	for (l = TAILQ_FIRST(&r->links); l != NULL; l = next) {
		next = TAILQ_NEXT(l, list);
		if (!uuid_equal(&l->who.account, account))
			continue;
		say_ended(l, "removed");
		if (l->place != NULL)
			place_leave(l->place, "removed");
		link_drop(l, SIGNAL_STRANGER);
	}
	if (p != NULL && place_of_account(r, account) == p)
		place_leave(p, "removed");
}

void
signal_guest_changed(const struct uuid *account, const char *status)
{
	struct room *r, *next;

	for (r = TAILQ_FIRST(room_all()); r != NULL; r = next) {
		next = TAILQ_NEXT(r, list);
		if (strcmp(status, "admitted") == 0)
			guest_admit(r, account);
		else if (strcmp(status, "removed") == 0)
			guest_remove(r, account);
		room_after(r);
	}
}

/* Links, time */

void
signal_install(const struct signal_ops *ops)
{
	say_install(ops);
}

void
signal_opened(const struct signal_link *key, const struct participant *who)
{
	struct link *l = link_add(key, who, say_ops()->now_ms());
	const struct change *c;
	struct room *r;

	if (l == NULL) {
		say_ops()->close(key, SIGNAL_FULL);
		return;
	}
	r = l->room;
	if ((c = change_find(recent_status(&who->visit))) != NULL) {
		c->happen(r, c->status);
		room_after(r);
	}
}

void
signal_gone(const struct signal_link *key)
{
	struct link *l = link_find(key);
	struct room *r;

	if (l == NULL)
		return;
	r = l->room;
	link_remove(l, say_ops()->now_ms());
	room_after(r);
}

void
signal_refused(const struct signal_link *key, const char *said, enum err r)
{
	struct link *l = link_find(key);

	if (l != NULL)
		say_error(l, said, r, NULL);
}

static void
room_restarted(struct room *r, uint16_t worker, uint32_t epoch)
{
	struct link *l, *next;

	for (l = TAILQ_FIRST(&r->links); l != NULL; l = next) {
		next = TAILQ_NEXT(l, list);
		if (l->key.worker == worker && l->key.epoch != epoch)
			link_remove(l, say_ops()->now_ms());
	}
	room_after(r);
}

void
signal_worker_restarted(uint16_t worker, uint32_t epoch)
{
	struct room *r, *next;

	for (r = TAILQ_FIRST(room_all()); r != NULL; r = next) {
		next = TAILQ_NEXT(r, list);
		room_restarted(r, worker, epoch);
	}
}

static void
room_tick(struct room *r, int64_t now_ms, int64_t now)
{
	struct place *p, *place_next;
	struct link *l, *link_next;

	if (now >= r->open_until) { /*= TR-11: inside its window only */
		room_end(r, "window");
		return;
	}
	recording_tick(r, now_ms);
	for (l = TAILQ_FIRST(&r->links); l != NULL; l = link_next) {
		link_next = TAILQ_NEXT(l, list);
		if (l->place == NULL &&
		    now_ms - l->opened_ms >= SIGNAL_HELLO_MS)
			link_drop(l, SIGNAL_NO_HELLO);
	}
	for (p = TAILQ_FIRST(&r->places); p != NULL; p = place_next) {
		place_next = TAILQ_NEXT(p, list);
		if (p->link == NULL && now_ms - p->lost_ms >= SIGNAL_GRACE_MS)
			place_leave(p, "lost");
		else if (!p->admitted)
			say_queue(p, now);
	}
}

void
signal_tick(void)
{
	int64_t now_ms = say_ops()->now_ms(), now = say_ops()->now();
	struct room *r, *next;

	for (r = TAILQ_FIRST(room_all()); r != NULL; r = next) {
		next = TAILQ_NEXT(r, list);
		room_tick(r, now_ms, now);
		room_after(r);
	}
}

void
signal_reset(void)
{
	room_reset();
}

struct signal_stats
signal_stats(void)
{
	return room_stats();
}

/*= TR-09: one client cannot take the room's time */
bool
signal_rate_take(struct signal_rate *rate, int64_t now_ms)
{
	int64_t leaked = (now_ms - rate->at_ms) * RATE_PER_MS;

	rate->at_ms = now_ms;
	rate->taken = leaked >= rate->taken ? 0 : rate->taken - leaked;
	if (rate->taken + 1000 > RATE_BURST)
		return false;
	rate->taken += 1000;
	return true;
}
