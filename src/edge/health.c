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
	_Atomic uint64_t transactions, round_trips, timeouts, lost, reconnects;
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
	own->round_trips = db.round_trips;
	own->timeouts = db.timeouts;
	own->lost = db.lost;
	own->reconnects = db.reconnects;
}

void
health_count(const struct request *rq, int status)
{
	(void)rq;
	own->answers[status / 100 < 6 ? status / 100 : 0]++;
	own_refresh();
}

void
health_sockets(int change)
{
	own->sockets += change;
}

static bool
is_health(const struct request *rq)
{
	return strcmp(rq->path, "/healthz") == 0 ||
	    strcmp(rq->path, "/readyz") == 0 ||
	    (strcmp(rq->path, "/metrics") == 0 && rq->local);
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
		metric(f, "database_round_trips_total", w,
		    (int64_t)rows[w].round_trips);
		metric(
		    f, "database_timeouts_total", w, (int64_t)rows[w].timeouts);
		metric(f, "database_lost_total", w, (int64_t)rows[w].lost);
		metric(f, "database_reconnects_total", w,
		    (int64_t)rows[w].reconnects);
	}
}

static const char *
metrics_text(struct arena *a)
{
	const char *text = "";
	char *made = NULL;
	size_t n;
	FILE *f = open_memstream(&made, &n);

	if (f == NULL)
		return text;
	own_refresh();
	metrics_print(f);
	if (fclose(f) == 0)
		text = arena_text(a, made);
	free(made);
	return text;
}

static void
fill(struct reply *rp, int status, const char *type, const char *text)
{
	memset(rp, 0, sizeof(*rp));
	reply_security(rp, false);
	reply_header(rp, "Cache-Control", "no-store");
	rp->status = status;
	rp->content_type = type;
	rp->body = (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static void
ready_fill(struct reply *rp, bool ready)
{
	fill(rp, ready ? 200 : 503, "application/json",
	    ready ? "{\"status\":\"ready\"}" : "{\"status\":\"not_ready\"}");
	if (!ready)
		reply_header(rp, "Retry-After", "1");
}

enum err
health_reply(struct arena *a, const struct request *rq, struct reply *rp)
{
	if (!is_health(rq))
		return ERR_NOT_FOUND;
	if (rq->method != METHOD_GET && rq->method != METHOD_HEAD)
		return ERR_METHOD_NOT_ALLOWED;
	if (strcmp(rq->path, "/healthz") == 0)
		fill(rp, 200, "application/json", "{\"status\":\"alive\"}");
	else if (strcmp(rq->path, "/readyz") == 0)
		ready_fill(rp, db_ready() && keys_ready);
	else
		fill(rp, 200, "text/plain; version=0.0.4; charset=utf-8",
		    metrics_text(a));
	return ERR_OK;
}
