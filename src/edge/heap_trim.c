#include "edge/heap_trim.h"

#include "base/log.h"
#include "base/loop.h"

#include <kore/kore.h>

#include <malloc.h>

#define LOOK_MS 5000
#define MANY	64 /* connections of which it is worth while */

static struct loop_timer timer;
static u_int32_t most; /* connections at once since it was last done */

static void
heap_trim(void *unused)
{
	u_int32_t now = worker_active_connections;

	(void)unused;
	loop_timer_arm(&timer, LOOK_MS);
	if (now > most)
		most = now;
	if (most < MANY || now > most / 2)
		return;
	log_info("memory_returned", LOG_NUM("connections", now),
	    LOG_NUM("of", most));
	most = now;
	(void)malloc_trim(0);
}

void
heap_trim_start(void)
{
	timer.fn = heap_trim;
	loop_timer_arm(&timer, LOOK_MS);
}
