#ifndef FUZZ_SIGNAL_WORLD_H
#define FUZZ_SIGNAL_WORLD_H

#include "../unit/signal_world.h"
#include "fuzz.h"

#define CALLERS 4

static const struct uuid call_visit = { { 1 } };

/* A call: a clinician, a patient, and two who wait. */
static void
call_begin(void)
{
	int i;

	world_begin(NULL);
	for (i = 0; i < CALLERS; i++)
		client_join(client_new(i, &call_visit,
				i == 0 ? ROLE_CLINICIAN : ROLE_PATIENT, i < 2),
		    2);
}

/* @0 to @3 stand for who the callers are, #0 to #3 for what they resume by. */
static struct bytes
line_filled(struct arena *a, struct bytes line)
{
	uint8_t *out = arena_alloc(a, line.n * sizeof(clients[0].token)), *at;
	const char *put;
	size_t i;

	at = out;
	for (i = 0; i < line.n; i++) {
		put = NULL;
		if (i + 1 < line.n && line.p[i] == '@')
			put = clients[line.p[i + 1] % CALLERS].self;
		else if (i + 1 < line.n && line.p[i] == '#')
			put = clients[line.p[i + 1] % CALLERS].token;
		if (put == NULL)
			*at++ = line.p[i];
		else
			for (i++; *put != '\0'; put++)
				*at++ = (uint8_t)*put;
	}
	return (struct bytes){ out, (size_t)(at - out) };
}

/* The worker of some sockets ended, and another has its place. */
static void
worker_restart(uint8_t which)
{
	static uint32_t epoch = 7;
	uint16_t worker = 2 + which % 2;
	int i;

	for (i = 0; i < CALLERS; i++)
		if (clients[i].open && clients[i].link.worker == worker)
			clients[i].open = false;
	signal_worker_restarted(worker, ++epoch);
}

static void
break_or_mend(struct client *c, uint8_t how)
{
	if (c->open)
		client_lose(c);
	else if (how % 4 == 0)
		client_join(c, 2);
	else
		client_resume(c, 2 + how % 2);
}

/* What befalls the room; false if the line is a message. */
static bool
event_happen(uint8_t what, uint8_t how)
{
	static const char *const statuses[] = { "in_call", "ended", "cancelled",
		"no_show", "booked", "handed_over" };
	struct signal_waiting waiting[2];

	if (what == '?')
		world_wait(how % 2 == 0 ? 10000 : SIGNAL_GRACE_MS + 1000);
	else if (what == 'e')
		signal_room_changed(&call_visit, statuses[how % 6]);
	else if (what == 'w')
		worker_restart(how);
	else if (what == 'r')
		signal_refused(&clients[0].link, "admit", ERR_WRONG_STATUS);
	else if (what == 'l' && signal_waiting(waiting, 2) > 0)
		signal_line(&waiting[0].visit, how, (int64_t)how * 60);
	else if (what == 'x')
		break_or_mend(&clients[how % CALLERS], how / CALLERS);
	else
		return what == 'l';
	return true;
}

static void
line_happen(struct arena *a, struct bytes line)
{
	struct client *c = &clients[line.p[0] % CALLERS];
	int i;

	if (!event_happen(line.p[0], line.n > 1 ? line.p[1] : 0) && c->open)
		signal_received(&c->link,
		    line_filled(a, (struct bytes){ line.p + 1, line.n - 1 }));
	for (i = 0; i < CALLERS; i++) {
		must(!clients[i].broken); /* a gap, or a message twice */
		client_clear(&clients[i]);
	}
}

/* With its line feed: a line is never empty. */
static struct bytes
line_next(const uint8_t *p, size_t n)
{
	const uint8_t *end = memchr(p, '\n', n);

	return (struct bytes){ p, end == NULL ? n : (size_t)(end - p) + 1 };
}

#endif
