#include "care/waiting.h"

#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "care/signal.h"
#include "care/visit.h"
#include "sql.h"

#include <stdbool.h>
#include <string.h>

#define LOOK_MS	    5000
#define QUERY_MS    2500
#define WAITING_MAX 256 /* looked at in one go */

static int64_t looked_ms;
static bool looking;

/* The visits of the first one's clinic go to the front; how many they are. */
static size_t
same_clinic(struct signal_waiting *w, size_t n)
{
	struct signal_waiting swap;
	size_t i, to = 0;

	for (i = 0; i < n; i++) {
		if (!uuid_equal(&w[i].clinic, &w[0].clinic))
			continue;
		swap = w[to];
		w[to++] = w[i];
		w[i] = swap;
	}
	return to;
}

/* A patient who no longer waits is told so, should the room have missed it: a
 * socket may have come in while it was said. */
static void
line_settle(const struct visit_queue_row *v)
{
	if (strcmp(v->status, "arrived") == 0 ||
	    strcmp(v->status, "booked") == 0)
		signal_line(&v->id, v->ahead, v->busy_s);
	else
		signal_room_changed(&v->id, v->status);
}

/* Row-level security shows one clinic at a time. */
static enum err
clinic_look(struct arena *a, const struct signal_waiting *w, size_t n)
{
	struct tx *tx = tx_new(a, instant_monotonic() + QUERY_MS);
	struct context_set_in context = { .clinic = w[0].clinic };
	struct uuid *ids = arena_calloc(a, n, sizeof(*ids));
	struct visit_queue_in in = { { ids, n },
		visit_closed_at(instant_now()) };
	struct visit_queue_row *rows;
	size_t i, found;
	enum err r;

	for (i = 0; i < n; i++)
		ids[i] = w[i].visit;
	if ((r = sql_context_set(tx, &context)) == ERR_OK &&
	    (r = sql_visit_queue(tx, &in, &rows, &found)) == ERR_OK &&
	    (r = tx_commit(tx)) == ERR_OK)
		for (i = 0; i < found; i++)
			line_settle(&rows[i]);
	tx_close(tx);
	return r;
}

/* While the database is away, those who wait keep what they heard last. */
static void
look(void *unused)
{
	struct arena *a = arena_new();
	struct signal_waiting *w = arena_calloc(a, WAITING_MAX, sizeof(*w));
	size_t n = signal_waiting(w, WAITING_MAX), of_clinic;
	enum err r = ERR_OK;

	(void)unused;
	for (; n > 0 && r == ERR_OK; w += of_clinic, n -= of_clinic) {
		of_clinic = same_clinic(w, n);
		r = clinic_look(a, w, of_clinic);
	}
	if (r != ERR_OK)
		log_warn("line_not_seen", LOG_CODE("error", err_code(r)));
	arena_free(a);
	looking = false;
}

void
waiting_sweep(int64_t now_ms)
{
	struct signal_waiting any;

	if (looking || now_ms - looked_ms < LOOK_MS ||
	    signal_waiting(&any, 1) == 0)
		return;
	looked_ms = now_ms;
	looking = true; /* before: the fiber may end at once */
	if (fiber_start(look, NULL) != ERR_OK)
		looking = false;
}
