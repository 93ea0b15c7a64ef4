#include "care/signal_say.h"

#include "base/secret.h"
#include "gate/role.h"

#include <stdlib.h>
#include <string.h>

static const struct signal_ops *ops;

void
say_install(const struct signal_ops *o)
{
	ops = o;
}

const struct signal_ops *
say_ops(void)
{
	return ops;
}

/* A guest is called what they come as, and is one besides: no name lends a
 * right. */
static const char *
place_role(const struct place *p)
{
	return p->guest == GUEST_NONE ? role_name(p->role)
				      : guest_role_name(p->guest);
}

json_t *
say_participant(const struct place *p)
{
	return json_pack("{s:o, s:s, s:s, s:b, s:b}", "id", uuid_json(&p->id),
	    "role", place_role(p), "display_name", p->display_name, "admitted",
	    (int)p->admitted, "guest", (int)(p->guest != GUEST_NONE));
}

/* The text of a message, NULL if there is no memory; released by text_free. */
static char *
text_of(const json_t *message)
{
	return message == NULL ? NULL : json_dumps(message, JSON_COMPACT);
}

static void
text_free(char *text)
{
	if (text != NULL)
		secret_wipe(text, strlen(text));
	free(text);
}

void
say_to_link(const struct link *l, json_t *message)
{
	char *text = text_of(message);

	if (text != NULL)
		ops->send(&l->key, text, strlen(text));
	text_free(text);
	json_decref(message);
}

/* The same message goes to several places, under each one's own number. */
static void
place_told(struct place *p, json_t *message)
{
	char *text;

	if (message == NULL ||
	    json_object_set_new(
		message, "seq", json_integer((json_int_t)p->seq + 1)) != 0 ||
	    (text = text_of(message)) == NULL)
		return;
	p->seq++;
	place_hold(p, text, strlen(text));
	if (p->link != NULL)
		ops->send(&p->link->key, text, strlen(text));
	text_free(text);
}

void
say_to_place(struct place *p, json_t *message)
{
	place_told(p, message);
	json_decref(message);
}

void
say_to_others(struct room *r, const struct place *except, json_t *message)
{
	struct place *p;

	TAILQ_FOREACH (p, &r->places, list)
		if (p != except && p->admitted)
			place_told(p, message);
	json_decref(message);
}

static json_t *
others_json(const struct place *self)
{
	json_t *list = json_array();
	struct place *p;

	if (self->admitted)
		TAILQ_FOREACH (p, &self->room->places, list)
			if (p != self)
				json_array_append_new(list, say_participant(p));
	return list;
}

void
say_welcome(const struct link *l, bool resumed)
{
	const struct place *p = l->place;
	json_t *ice = ops->ice_servers(
	    &p->account, &p->room->visit, ops->now());
	char *token = place_token(p);

	say_to_link(l,
	    json_pack("{s:s, s:o, s:s, s:b, s:o, s:o, s:s?, s:b, s:I, s:b}",
		"type", "welcome", "self", uuid_json(&p->id), "role",
		place_role(p), "admitted", (int)p->admitted, "participants",
		others_json(p), "ice_servers", ice != NULL ? ice : json_array(),
		"resume", token, "resumed", (int)resumed, "received",
		(json_int_t)p->received, "records", (int)l->who.records));
	text_free(token);
}

void
say_again(const struct place *p, uint64_t seq)
{
	uint64_t number = p->seq - p->held_n;
	const struct held *h;

	STAILQ_FOREACH(h, &p->held, list)
	if (++number > seq)
		ops->send(&p->link->key, h->text, h->n);
}

static json_t *
about(const char *type, const struct place *p)
{
	return json_pack(
	    "{s:s, s:o}", "type", type, "participant", say_participant(p));
}

static json_t *
media_json(const struct place *p)
{
	json_t *m = json_copy(p->media);

	if (m != NULL)
		json_object_set_new(m, "from", uuid_json(&p->id));
	return m;
}

void
say_media(struct place *to)
{
	struct place *p;

	TAILQ_FOREACH (p, &to->room->places, list)
		if (p != to && p->media != NULL)
			say_to_place(to, media_json(p));
}

void
say_company(struct place *to)
{
	struct place *p;

	TAILQ_FOREACH (p, &to->room->places, list)
		if (p != to)
			say_to_place(to, about("joined", p));
	say_media(to);
}

void
say_joined(struct place *p)
{
	say_to_others(p->room, p, about("joined", p));
}

void
say_left(struct place *p, const char *reason)
{
	json_t *m = about("left", p);

	json_object_set_new(m, "reason", json_string(reason));
	say_to_others(p->room, p, m);
}

void
say_admitted(struct place *p)
{
	say_to_others(p->room, NULL, about("admitted", p));
}

/* Whole minutes until the visit was to start, and the clinician may be free;
 * -1 when that is not known. */
static int64_t
wait_minutes(const struct place *p, int64_t now)
{
	int64_t at = p->free_at > p->starts_at ? p->free_at : p->starts_at;

	if (p->starts_at == 0)
		return -1;
	return at <= now ? 0 : (at - now + 59) / 60;
}

void
say_queue(struct place *p, int64_t now)
{
	int64_t minutes = wait_minutes(p, now), position = p->ahead + 1;

	if (minutes == p->told_wait && position == p->told_position)
		return;
	p->told_wait = minutes;
	p->told_position = position;
	say_to_place(p,
	    json_pack("{s:s, s:I, s:o}", "type", "queue", "position",
		(json_int_t)position, "wait_estimate_minutes",
		minutes < 0 ? json_null() : json_integer(minutes)));
}

void
say_ended(const struct link *l, const char *reason)
{
	json_t *m = json_pack("{s:s, s:s}", "type", "ended", "reason", reason);

	if (l->place != NULL)
		say_to_place(l->place, m);
	else
		say_to_link(l, m);
}

void
say_error(const struct link *l, const char *ref, enum err r, const char *field)
{
	json_t *m = json_pack("{s:s, s:s, s:s}", "type", "error", "code",
	    err_code(r), "ref", ref);

	if (field != NULL)
		json_object_set_new(m, "field", json_string(field));
	say_to_link(l, m);
}
