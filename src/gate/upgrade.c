#include "gate/upgrade.h"

#include "gate/route.h"

#include <string.h>

/* Is our protocol among those the client offers, "a, b, c"? */
static bool
protocol_offered(const char *list)
{
	const size_t wanted = strlen(SOCKET_PROTOCOL);
	size_t n;

	while (list != NULL && *list != '\0') {
		list += strspn(list, ", \t");
		n = strcspn(list, ", \t");
		if (n == wanted && strncmp(list, SOCKET_PROTOCOL, n) == 0)
			return true;
		list += n;
	}
	return false;
}

/*= TR-07: what cannot become a socket is refused before it joins anything */
enum err
upgrade_check(const struct op *op)
{
	if ((op->route->traits & TRAIT_SOCKET) == 0)
		return ERR_OK;
	if (!op->rq->upgrade)
		return ERR_UPGRADE_REQUIRED;
	return op->rq->upgrade_sound &&
		protocol_offered(op->rq->websocket_protocol)
	    ? ERR_OK
	    : ERR_BAD_REQUEST;
}
