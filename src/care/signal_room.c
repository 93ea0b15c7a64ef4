#include "care/signal_room.h"

#include "base/secret.h"
#include "base/text.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024 /* a power of two */
#define RECENT	256

LIST_HEAD(room_bucket, room);
LIST_HEAD(link_bucket, link);

static struct room_bucket rooms_by_visit[BUCKETS];
static struct link_bucket links_by_key[BUCKETS];
static struct room_list rooms = TAILQ_HEAD_INITIALIZER(rooms);
static struct signal_stats stats;

static struct {
	struct uuid visit;
	const char *status;
} recent[RECENT];
static size_t recent_next;

struct room_list *
room_all(void)
{
	return &rooms;
}

/* The tail of a version 7 UUID is random. */
static struct room_bucket *
room_bucket(const struct uuid *visit)
{
	return &rooms_by_visit[(visit->b[14] << 8 | visit->b[15]) &
	    (BUCKETS - 1)];
}

static struct link_bucket *
link_bucket(const struct signal_link *key)
{
	return &links_by_key[(key->socket * 31 + key->worker) & (BUCKETS - 1)];
}

struct room *
room_find(const struct uuid *visit)
{
	struct room *r;

	LIST_FOREACH (r, room_bucket(visit), bucket)
		if (uuid_equal(&r->visit, visit))
			return r;
	return NULL;
}

static struct room *
room_take(const struct uuid *visit)
{
	struct room *r;

	if ((r = room_find(visit)) != NULL)
		return r;
	if (stats.rooms >= SIGNAL_LINKS_MAX ||
	    (r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	r->visit = *visit;
	TAILQ_INIT(&r->places);
	TAILQ_INIT(&r->links);
	LIST_INSERT_HEAD(room_bucket(visit), r, bucket);
	TAILQ_INSERT_TAIL(&rooms, r, list);
	stats.rooms++;
	return r;
}

void
room_settle(struct room *r)
{
	if (!TAILQ_EMPTY(&r->places) || !TAILQ_EMPTY(&r->links))
		return;
	LIST_REMOVE(r, bucket);
	TAILQ_REMOVE(&rooms, r, list);
	free(r);
	stats.rooms--;
}

struct link *
link_add(const struct signal_link *key, const struct participant *who,
    int64_t now_ms)
{
	struct link *l;
	struct room *r;

	if (stats.links >= SIGNAL_LINKS_MAX ||
	    (l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	if ((r = room_take(&who->visit)) == NULL) {
		free(l);
		return NULL;
	}
	l->key = *key;
	l->who = *who;
	l->room = r;
	l->opened_ms = now_ms;
	if (who->open_until > r->open_until)
		r->open_until = who->open_until;
	LIST_INSERT_HEAD(link_bucket(key), l, bucket);
	TAILQ_INSERT_TAIL(&r->links, l, list);
	stats.links++;
	return l;
}

struct link *
link_find(const struct signal_link *key)
{
	struct link *l;

	LIST_FOREACH (l, link_bucket(key), bucket)
		if (l->key.socket == key->socket &&
		    l->key.epoch == key->epoch && l->key.worker == key->worker)
			return l;
	return NULL;
}

void
link_remove(struct link *l, int64_t now_ms)
{
	if (l->place != NULL) {
		l->place->link = NULL;
		l->place->lost_ms = now_ms;
	}
	LIST_REMOVE(l, bucket);
	TAILQ_REMOVE(&l->room->links, l, list);
	secret_wipe(l, sizeof(*l));
	free(l);
	stats.links--;
}

enum link_state
link_state(const struct link *l)
{
	if (l->place == NULL)
		return LINK_OPENED;
	return l->place->admitted ? LINK_ADMITTED : LINK_WAITING;
}

/* A name that was cut to fit may end inside a character. */
static void
name_copy(char *to, const char *from)
{
	size_t n = strnlen(from, sizeof(((struct place *)0)->display_name) - 1);

	while (n > 0 && !text_utf8_valid(from, n))
		n--;
	memcpy(to, from, n);
	to[n] = '\0';
}

struct place *
place_add(struct link *l, const struct uuid *id)
{
	struct room *r = l->room;
	struct place *p;

	if (r->places_n >= SIGNAL_PLACES_MAX ||
	    (p = calloc(1, sizeof(*p))) == NULL)
		return NULL;
	p->room = r;
	p->id = id != NULL ? *id : uuid_random();
	p->account = l->who.account;
	p->role = l->who.role;
	p->guest = l->who.guest;
	name_copy(p->display_name, l->who.display_name);
	p->admitted = l->who.admitted;
	p->starts_at = l->who.starts_at;
	p->ahead = l->who.ahead;
	p->free_at = l->who.free_at;
	p->told_wait = INT64_MIN; /* nothing */
	token_make(&p->resume, &r->visit, &p->account, &p->id);
	STAILQ_INIT(&p->held);
	p->link = l;
	l->place = p;
	TAILQ_INSERT_TAIL(&r->places, p, list);
	r->places_n++;
	stats.places++;
	return p;
}

static void
held_drop(struct place *p)
{
	struct held *h = STAILQ_FIRST(&p->held);

	STAILQ_REMOVE_HEAD(&p->held, list);
	p->held_n--;
	p->held_bytes -= h->n;
	stats.held_bytes -= h->n;
	secret_wipe(h, sizeof(*h) + h->n);
	free(h);
}

void
place_remove(struct place *p)
{
	if (p->link != NULL)
		p->link->place = NULL;
	while (p->held_n > 0)
		held_drop(p);
	json_decref(p->media);
	TAILQ_REMOVE(&p->room->places, p, list);
	p->room->places_n--;
	secret_wipe(p, sizeof(*p));
	free(p);
	stats.places--;
}

struct place *
place_of_account(struct room *r, const struct uuid *account)
{
	struct place *p;

	TAILQ_FOREACH (p, &r->places, list)
		if (uuid_equal(&p->account, account))
			return p;
	return NULL;
}

struct place *
place_by_id(struct room *r, const struct uuid *id)
{
	struct place *p;

	TAILQ_FOREACH (p, &r->places, list)
		if (uuid_equal(&p->id, id))
			return p;
	return NULL;
}

char *
place_token(const struct place *p)
{
	char *text = malloc(sizeof(p->resume) * 4 / 3 + 5);
	char *c;

	if (text == NULL)
		return NULL;
	EVP_EncodeBlock((unsigned char *)text,
	    (const unsigned char *)&p->resume, (int)sizeof(p->resume));
	for (c = text; *c != '\0' && *c != '='; c++) {
		if (*c == '+')
			*c = '-';
		else if (*c == '/')
			*c = '_';
	}
	*c = '\0';
	return text;
}

struct place *
place_by_token(struct room *r, const struct uuid *account, const char *token)
{
	struct place *p, *found = NULL;
	char *own;
	size_t n = strlen(token);

	TAILQ_FOREACH (p, &r->places, list) {
		if (!uuid_equal(&p->account, account) ||
		    (own = place_token(p)) == NULL)
			continue;
		if (strlen(own) == n && secret_equal(own, token, n))
			found = p;
		secret_wipe(own, strlen(own));
		free(own);
	}
	return found;
}

void
place_hold(struct place *p, const char *text, size_t n)
{
	struct held *h = malloc(sizeof(*h) + n);

	/* Without it nothing before can be replayed either. */
	if (h == NULL || stats.held_bytes + n > SIGNAL_HELD_TOTAL)
		while (p->held_n > 0)
			held_drop(p);
	if (h == NULL)
		return;
	h->n = n;
	memcpy(h->text, text, n);
	STAILQ_INSERT_TAIL(&p->held, h, list);
	p->held_n++;
	p->held_bytes += n;
	stats.held_bytes += n;
	while (
	    p->held_n > SIGNAL_HELD_COUNT || p->held_bytes > SIGNAL_HELD_BYTES)
		held_drop(p);
}

bool
place_can_replay(const struct place *p, uint64_t seq)
{
	return seq <= p->seq && p->seq - seq <= p->held_n;
}

const char *
recent_status(const struct uuid *visit)
{
	size_t i;

	for (i = 0; i < RECENT; i++)
		if (recent[i].status != NULL &&
		    uuid_equal(&recent[i].visit, visit))
			return recent[i].status;
	return NULL;
}

void
recent_note(const struct uuid *visit, const char *status)
{
	size_t i;

	for (i = 0; i < RECENT; i++)
		if (recent[i].status != NULL &&
		    uuid_equal(&recent[i].visit, visit))
			break;
	if (i == RECENT) {
		i = recent_next;
		recent_next = (recent_next + 1) % RECENT;
	}
	recent[i].visit = *visit;
	recent[i].status = status;
}

void
room_reset(void)
{
	struct room *r, *next;
	struct place *p, *next_p;
	struct link *l, *next_l;

	for (r = TAILQ_FIRST(&rooms); r != NULL; r = next) {
		next = TAILQ_NEXT(r, list);
		for (p = TAILQ_FIRST(&r->places); p != NULL; p = next_p) {
			next_p = TAILQ_NEXT(p, list);
			place_remove(p);
		}
		for (l = TAILQ_FIRST(&r->links); l != NULL; l = next_l) {
			next_l = TAILQ_NEXT(l, list);
			link_remove(l, 0);
		}
		room_settle(r);
	}
	memset(recent, 0, sizeof(recent));
	token_new_life();
}

struct signal_stats
room_stats(void)
{
	return stats;
}
