#ifndef SIGNAL_WORLD_H
#define SIGNAL_WORLD_H

/*
 * A world for care/signal.c, which knows none: clients with sockets, a clock
 * that stands still until it is told to move, and the gate's answer to
 * `admit`. Each program includes it once, so everything is static.
 */

#include "base/crypto.h"
#include "base/secret.h"
#include "care/signal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define CLIENTS 16
#define UNUSED	__attribute__((unused))

/* What one browser tab knows. Its socket may change, it stays. */
struct client {
	struct participant who;
	struct signal_link link;
	bool open;
	unsigned closed; /* the close code of its last socket */
	bool in_call;	 /* its socket was told last to be part of a call */
	bool admit_asked, remove_asked;
	struct uuid guest_asked; /* for whom it asked last; nil: all others */
	unsigned deeds[SIGNAL_RECORDING_STOP + 1]; /* asked for it, by kind */
	json_t *inbox;				   /* since the last clear */
	char self[UUID_TEXT_SIZE], token[96];
	bool admitted, resumed;
	int64_t last_seq, received;
	bool broken; /* it saw a gap or a message twice */
};

static struct client clients[CLIENTS];
static int64_t clock_ms = 1000000, clock_s = 1800000000;
static uint64_t sockets;

static struct client *
client_at(const struct signal_link *k)
{
	int i;

	for (i = 0; i < CLIENTS; i++)
		if (clients[i].open && clients[i].link.socket == k->socket &&
		    clients[i].link.worker == k->worker &&
		    clients[i].link.epoch == k->epoch)
			return &clients[i];
	return NULL;
}

static const char *
text_in(const json_t *m, const char *name)
{
	const char *text = json_string_value(json_object_get(m, name));

	return text == NULL ? "" : text;
}

static void
client_welcomed(struct client *c, const json_t *m)
{
	snprintf(c->self, sizeof(c->self), "%s", text_in(m, "self"));
	snprintf(c->token, sizeof(c->token), "%s", text_in(m, "resume"));
	c->admitted = json_is_true(json_object_get(m, "admitted"));
	c->resumed = json_is_true(json_object_get(m, "resumed"));
	c->received = json_integer_value(json_object_get(m, "received"));
	if (!c->resumed)
		c->last_seq = 0;
}

static void
world_send(const struct signal_link *k, const char *text, size_t n)
{
	struct client *c = client_at(k);
	json_t *m = json_loadb(text, n, 0, NULL), *seq;

	assert_non_null(m);
	if (c == NULL) {
		json_decref(m);
		return;
	}
	if (strcmp(text_in(m, "type"), "welcome") == 0)
		client_welcomed(c, m);
	if ((seq = json_object_get(m, "seq")) != NULL) {
		if (json_integer_value(seq) != c->last_seq + 1)
			c->broken = true;
		c->last_seq = json_integer_value(seq);
	}
	json_array_append_new(c->inbox, m);
}

static void
world_close(const struct signal_link *k, enum signal_close code)
{
	struct client *c = client_at(k);

	if (c == NULL)
		return;
	c->open = false;
	c->in_call = false;
	c->closed = code;
}

static void
world_in_call(const struct signal_link *k, bool in_call)
{
	struct client *c = client_at(k);

	assert_true(c == NULL || c->in_call != in_call); /* changes alone */
	if (c != NULL)
		c->in_call = in_call;
}

static struct client *
world_asked(const struct signal_link *k, const struct participant *who,
    const struct uuid *guest)
{
	struct client *c = client_at(k);

	assert_non_null(c);
	assert_true(uuid_equal(&who->account, &c->who.account));
	c->guest_asked = guest == NULL ? (struct uuid){ { 0 } } : *guest;
	return c;
}

static void
world_admit(const struct signal_link *k, const struct participant *who,
    const struct uuid *guest)
{
	world_asked(k, who, guest)->admit_asked = true;
}

static void
world_remove(const struct signal_link *k, const struct participant *who,
    const struct uuid *guest)
{
	world_asked(k, who, guest)->remove_asked = true;
}

static void
world_recording(const struct signal_link *k, const struct participant *who,
    const struct uuid *recording, enum signal_recording_act what)
{
	struct client *c = client_at(k);

	(void)recording;
	assert_non_null(c);
	assert_true(uuid_equal(&who->account, &c->who.account));
	c->deeds[what]++;
}

static unsigned world_looks;

static void
world_recording_look(const struct uuid *clinic, const struct uuid *visit)
{
	(void)clinic;
	(void)visit;
	world_looks++;
}

static json_t *
world_ice(const struct uuid *account, const struct uuid *visit, int64_t now)
{
	(void)account;
	(void)visit;
	(void)now;
	return json_pack("[{s:[s]}]", "urls", "stun:stun.example:3478");
}

static int64_t
world_now_ms(void)
{
	return clock_ms;
}

static int64_t
world_now(void)
{
	return clock_s;
}

static const struct signal_ops world_ops = { world_send, world_close,
	world_in_call, world_admit, world_remove, world_recording,
	world_recording_look, world_ice, world_now_ms, world_now };

/* Lets time pass, with the second's tick. */
UNUSED static void
world_wait(int64_t ms)
{
	int64_t step;

	while (ms > 0) {
		step = ms < 1000 ? ms : 1000;
		clock_ms += step;
		if (step == 1000) {
			clock_s++;
			signal_tick();
		}
		ms -= step;
	}
}

static struct client *
client_new(int i, const struct uuid *visit, enum role role, bool admitted)
{
	struct client *c = &clients[i];

	json_decref(c->inbox);
	memset(c, 0, sizeof(*c));
	c->inbox = json_array();
	c->who.visit = *visit;
	c->who.account = uuid_new();
	c->who.session = uuid_new();
	c->who.role = role;
	c->who.admitted = admitted;
	c->who.starts_at = clock_s + 600;
	c->who.open_until = clock_s + 7200;
	snprintf(
	    c->who.display_name, sizeof(c->who.display_name), "Person %d", i);
	return c;
}

static void
client_open(struct client *c, uint16_t worker)
{
	c->link = (struct signal_link){ ++sockets, 7, worker };
	c->open = true;
	c->closed = 0;
	c->in_call = false;
	signal_opened(&c->link, &c->who);
}

static void
client_say(struct client *c, const char *text)
{
	signal_received(
	    &c->link, (struct bytes){ (const uint8_t *)text, strlen(text) });
}

/* Takes over the message. */
UNUSED static void
client_say_json(struct client *c, json_t *m)
{
	char *text = json_dumps(m, JSON_COMPACT);

	assert_non_null(text);
	client_say(c, text);
	free(text);
	json_decref(m);
}

static void
client_clear(struct client *c)
{
	json_array_clear(c->inbox);
}

UNUSED static void
client_join(struct client *c, uint16_t worker)
{
	client_open(c, worker);
	client_say(c, "{\"type\":\"hello\"}");
}

/* Its socket breaks, and the server notices. */
UNUSED static void
client_lose(struct client *c)
{
	struct signal_link k = c->link;

	c->open = false;
	signal_gone(&k);
}

UNUSED static void
client_resume(struct client *c, uint16_t worker)
{
	client_open(c, worker);
	client_say_json(c,
	    json_pack("{s:s, s:s, s:I}", "type", "hello", "resume", c->token,
		"last_seq", (json_int_t)c->last_seq));
}

/* The n-th message in the inbox of this type (from 0), or NULL. */
static const json_t *
client_heard(const struct client *c, const char *type, size_t n)
{
	json_t *m;
	size_t i;

	json_array_foreach (c->inbox, i, m)
		if (strcmp(text_in(m, "type"), type) == 0 && n-- == 0)
			return m;
	return NULL;
}

UNUSED static size_t
client_count(const struct client *c, const char *type)
{
	size_t n = 0;

	while (client_heard(c, type, n) != NULL)
		n++;
	return n;
}

/* The code of the only error in the inbox, "" if there is none. */
UNUSED static const char *
client_error(const struct client *c)
{
	const json_t *m = client_heard(c, "error", 0);

	return m == NULL ? "" : text_in(m, "code");
}

static int
world_begin(void **state)
{
	(void)state;
	signal_install(&world_ops);
	signal_reset();
	return 0;
}

/* Whatever a test did: all of it can be let go. */
static int
world_end(void **state)
{
	int i;

	(void)state;
	signal_reset();
	for (i = 0; i < CLIENTS; i++) {
		json_decref(clients[i].inbox);
		memset(&clients[i], 0, sizeof(clients[i]));
	}
	return signal_stats().rooms + signal_stats().places +
		    signal_stats().links + signal_stats().held_bytes ==
		0
	    ? 0
	    : -1;
}

#endif
