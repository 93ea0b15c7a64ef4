#include "jobs/seal.h"

#include "base/arena.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "care/audit_seal.h"

#include <stdbool.h>

#define TURN_MS	   1000
#define WORK_MS	   10000
#define FAILURE_MS 5000 /* until the next try */

static struct fiber *sealer, *waits;
static bool stopping;
static uint64_t total;

uint64_t
seal_total(void)
{
	return total;
}

static enum err
turn(bool *more)
{
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a, instant_monotonic() + WORK_MS);
	int64_t sealed = 0;
	enum err r;

	if ((r = audit_seal(tx, &sealed, more)) == ERR_OK &&
	    (r = tx_commit(tx)) == ERR_OK)
		total += (uint64_t)sealed;
	tx_close(tx);
	arena_free(a);
	return r;
}

static void
run(void *arg)
{
	bool more;
	enum err r;

	(void)arg;
	sealer = fiber_self();
	while (!stopping) {
		more = false;
		if ((r = turn(&more)) != ERR_OK)
			log_warn(
			    "audit_seal_failed", LOG_CODE("code", err_code(r)));
		else if (more) {
			fiber_sleep(0);
			continue;
		}
		(void)!fiber_park_until(
		    instant_monotonic() + (r == ERR_OK ? TURN_MS : FAILURE_MS));
	}
	sealer = NULL;
	if (waits != NULL)
		fiber_wake(waits);
}

enum err
seal_start(void)
{
	return fiber_start(run, NULL);
}

void
seal_stop(void)
{
	stopping = true;
	waits = fiber_self();
	while (sealer != NULL) {
		fiber_wake(sealer);
		(void)!fiber_park_until(instant_monotonic() + TURN_MS);
	}
	waits = NULL;
}
