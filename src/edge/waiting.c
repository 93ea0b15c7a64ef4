#include "edge/waiting.h"

#include "base/conf.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "care/signal.h"
#include "sql.h"

#include <stdbool.h>

#define EVERY_MS 3000
#define QUERY_MS 2500

static int64_t asked_ms;
static bool asking;

static enum err
line_ask(struct tx *tx, const struct signal_wait *waits, size_t n,
    struct visit_line_row **rows, size_t *rows_n)
{
	struct arena *a = tx_arena(tx);
	struct uuid *clinics = arena_calloc(a, n, sizeof(*clinics)),
		    *visits = arena_calloc(a, n, sizeof(*visits));
	struct visit_line_in in = { { clinics, n }, { visits, n },
		conf()->join_minutes_after * 60 };
	size_t i;
	enum err r;

	for (i = 0; i < n; i++) {
		clinics[i] = waits[i].clinic;
		visits[i] = waits[i].visit;
	}
	if ((r = sql_visit_line(tx, &in, rows, rows_n)) != ERR_OK)
		return r;
	return tx_commit(tx);
}

static void
waiting_run(void *unused)
{
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a, instant_monotonic() + QUERY_MS);
	size_t most = signal_stats().rooms, i, n;
	struct signal_wait *waits = arena_calloc(a, most, sizeof(*waits));
	struct visit_line_row *rows = NULL;
	enum err r = ERR_OK;

	(void)unused;
	if ((n = signal_waiting(waits, most)) > 0)
		r = line_ask(tx, waits, n, &rows, &n);
	if (r != ERR_OK)
		log_warn("line_not_asked", LOG_CODE("error", err_code(r)));
	for (i = 0; r == ERR_OK && i < n; i++)
		signal_line(&rows[i].id, rows[i].place, rows[i].turn_at);
	tx_close(tx);
	arena_free(a);
	asking = false;
}

void
waiting_sweep(int64_t now_ms)
{
	if (asking || signal_stats().rooms == 0 || now_ms - asked_ms < EVERY_MS)
		return;
	asked_ms = now_ms;
	asking = true; /* before: the fiber may end at once */
	if (fiber_start(waiting_run, NULL) != ERR_OK)
		asking = false;
}
