/* Fuzzes signal_received and what befalls a room: src/care/signal*.c. Each
 * line of the input is a message to a socket that its first byte chooses, or
 * an event: time, a broken socket, a worker's end, a change of the visit. */
#include "signal_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	struct bytes line;

	call_begin();
	for (; n > 0; p += line.n, n -= line.n)
		line_happen(a, line = line_next(p, n));
	must(world_end(NULL) == 0);
}
