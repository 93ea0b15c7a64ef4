/* Fuzzes signal_received: src/care/signal*.c, src/base/shape.c. Each line of
 * the input is a message to a socket that its first byte chooses; '!' breaks
 * it, '?' lets ten seconds pass. */
#include "signal_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	struct bytes line;

	(void)a;
	call_begin();
	for (; n > 0; p += line.n, n -= line.n) {
		line_say(line = line_next(p, n));
		must(!anyone_broken());
	}
	must(world_end(NULL) == 0);
}
