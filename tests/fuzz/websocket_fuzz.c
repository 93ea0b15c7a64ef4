/* Fuzzes websocket_recv_opcode, _length, _frame, _message, _close, _utf8,
 * kore_websocket_send, _close: Kore's websocket.c, after a handshake. Messages
 * and answers are those of a second reading of RFC 6455, however they come. */
#include "kore_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	const struct story *model = model_socket(p, n);

	(void)a;
	must(story_equal(model, world_socket(p, n, WHOLE)));
	must(story_equal(model, world_socket(p, n, PIECES)));
	world_socket_broken(p, n);
}
