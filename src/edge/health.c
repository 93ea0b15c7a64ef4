#include "edge/health.h"

#include "base/fiber.h"
#include "base/instant.h"
#include "data/db.h"
#include "gate/connection_limit.h"
#include "gate/reply.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* One row per worker; only its worker writes, any worker may print all. */
struct counters {
	_Atomic uint64_t answers[6]; /* by the status' first digit */
	_Atomic int64_t sockets;
	_Atomic int64_t fibers, connections_ready, waiting;
	_Atomic uint64_t transactions, shared, round_trips, timeouts, lost,
	    reconnects;
};

static struct counters *rows, *own;
static unsigned row_count;
static bool keys_ready;

enum err
health_init(unsigned workers)
{
	void *p = mmap(NULL, workers * sizeof(*rows), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return ERR_INTERNAL;
	rows = p;
	row_count = workers;
	return ERR_OK;
}

void
health_worker(unsigned worker)
{
	own = &rows[worker % row_count];
}

void
health_ready(bool keys_checked)
{
	keys_ready = keys_checked;
}

bool
health_keys_checked(void)
{
	return keys_ready;
}

static void
own_refresh(void)
{
	struct db_stats db = db_stats();

	own->fibers = fiber_stats().live;
	own->connections_ready = db.ready;
	own->waiting = db.waiting;
	own->transactions = db.transactions;
	own->shared = db.shared;
	own->round_trips = db.round_trips;
	own->timeouts = db.timeouts;
	own->lost = db.lost;
	own->reconnects = db.reconnects;
}

void
health_count(int status)
{
	own->answers[status / 100 < 6 ? status / 100 : 0]++;
	own_refresh();
}

void
health_sockets(int change)
{
	own->sockets += change;
}

static void
metric(FILE *f, const char *name, unsigned worker, int64_t value)
{
	fprintf(f, "epione_%s{worker=\"%u\"} %lld\n", name, worker,
	    (long long)value);
}

static void
metrics_print(FILE *f)
{
	unsigned w, c;

	fputs("# HELP epione_answers_total Answers by class of status.\n"
	      "# TYPE epione_answers_total counter\n",
	    f);
	for (w = 0; w < row_count; w++)
		for (c = 1; c < 6; c++)
			fprintf(f,
			    "epione_answers_total{worker=\"%u\","
			    "class=\"%uxx\"} %llu\n",
			    w, c, (unsigned long long)rows[w].answers[c]);
	fprintf(f, "epione_connections_refused_total %llu\n",
	    (unsigned long long)connection_limit_refusals());
	for (w = 0; w < row_count; w++) {
		metric(f, "sockets", w, rows[w].sockets);
		metric(f, "fibers", w, rows[w].fibers);
		metric(f, "database_connections_ready", w,
		    rows[w].connections_ready);
		metric(f, "database_waiting", w, rows[w].waiting);
		metric(f, "database_transactions_total", w,
		    (int64_t)rows[w].transactions);
		metric(f, "database_transactions_shared_total", w,
		    (int64_t)rows[w].shared);
		metric(f, "database_round_trips_total", w,
		    (int64_t)rows[w].round_trips);
		metric(
		    f, "database_timeouts_total", w, (int64_t)rows[w].timeouts);
		metric(f, "database_lost_total", w, (int64_t)rows[w].lost);
		metric(f, "database_reconnects_total", w,
		    (int64_t)rows[w].reconnects);
	}
}

static void
text_reply(struct reply *rp, enum surface_id id, int status, const char *text)
{
	reply_plain(rp, &surfaces[id], status,
	    (struct bytes){ (const uint8_t *)text, strlen(text) });
}

void
health_alive_reply(struct reply *rp)
{
	text_reply(rp, SURFACE_alive, 200, "{\"status\":\"alive\"}");
}

void
health_ready_reply(struct reply *rp)
{
	if (db_ready() && keys_ready) {
		text_reply(rp, SURFACE_ready, 200, "{\"status\":\"ready\"}");
		return;
	}
	text_reply(rp, SURFACE_ready, 503, "{\"status\":\"not_ready\"}");
	reply_header(rp, "Retry-After", "1");
}

enum err
health_metrics_reply(struct arena *a, struct reply *rp)
{
	char *made = NULL;
	size_t n;
	FILE *f = open_memstream(&made, &n);

	if (f == NULL)
		return ERR_INTERNAL;
	own_refresh();
	metrics_print(f);
	if (fclose(f) != 0) {
		free(made);
		return ERR_INTERNAL;
	}
	text_reply(rp, SURFACE_metrics, 200, arena_text(a, made));
	free(made);
	return ERR_OK;
}
