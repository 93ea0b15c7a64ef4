/* Fuzzes signal_received: src/care/signal*.c, src/base/shape.c (shape_parse,
 * shape_check). Messages are the lines of the input; each goes to a socket
 * that its first byte chooses; '!' breaks it, '?' lets ten seconds pass. */
#include "../unit/signal_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
line_say(const uint8_t *line, size_t n)
{
	struct client *c = &clients[line[0] % 4];

	if (line[0] == '?')
		world_wait(10000);
	else if (!c->open)
		client_resume(c, line[0]);
	else if (line[0] == '!')
		client_lose(c);
	else
		signal_received(&c->link, (struct bytes){ line + 1, n - 1 });
	client_clear(c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct uuid visit = { { 1 } };
	const uint8_t *end;
	size_t line;
	int i;

	world_begin(NULL);
	for (i = 0; i < 4; i++)
		client_join(client_new(i, &visit,
				i == 0 ? ROLE_CLINICIAN : ROLE_PATIENT, i < 2),
		    2);
	for (; n > 0; data += line, n -= line) {
		end = memchr(data, '\n', n);
		line = end == NULL ? n : (size_t)(end - data) + 1;
		line_say(data, line);
	}
	return world_end(NULL);
}
