#ifndef FUZZ_SIGNAL_WORLD_H
#define FUZZ_SIGNAL_WORLD_H

#include "../unit/signal_world.h"
#include "fuzz.h"

#define CALLERS 4

/* A call: a clinician, a patient, and two who wait. */
static void
call_begin(void)
{
	const struct uuid visit = { { 1 } };
	int i;

	world_begin(NULL);
	for (i = 0; i < CALLERS; i++)
		client_join(client_new(i, &visit,
				i == 0 ? ROLE_CLINICIAN : ROLE_PATIENT, i < 2),
		    2);
}

static void
line_say(struct bytes line)
{
	struct client *c = &clients[line.p[0] % CALLERS];

	if (line.p[0] == '?')
		world_wait(10000);
	else if (!c->open)
		client_resume(c, line.p[0]);
	else if (line.p[0] == '!')
		client_lose(c);
	else
		signal_received(
		    &c->link, (struct bytes){ line.p + 1, line.n - 1 });
	client_clear(c);
}

/* With its line feed: a line is never empty. */
static struct bytes
line_next(const uint8_t *p, size_t n)
{
	const uint8_t *end = memchr(p, '\n', n);

	return (struct bytes){ p, end == NULL ? n : (size_t)(end - p) + 1 };
}

/* Did anyone see a gap in what they were told, or a message twice? */
static bool
anyone_broken(void)
{
	int i;

	for (i = 0; i < CALLERS; i++)
		if (clients[i].broken)
			return true;
	return false;
}

#endif
