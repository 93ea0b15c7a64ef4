/* Fuzzes http_header_recv, http_body_recv, http_process, http_response,
 * net_recv_flush, net_send_flush, kore_connection_event: Kore's http.c, net.c
 * and connection.c. However it comes, it is understood the same. */
#include "kore_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	const struct story *whole = world_http(p, n, WHOLE);

	(void)a;
	must(story_answered(whole));
	must(story_equal(whole, world_http(p, n, PIECES)));
	world_http_broken(p, n);
}
