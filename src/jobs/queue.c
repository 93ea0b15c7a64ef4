#include "jobs/queue.h"

#include "base/conf.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "base/shape.h"
#include "gate/audit.h"
#include "gate/word.h"
#include "jobs/kind.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS	    10000 /* look at least so often, told or not */
#define PAUSE_MS    1000  /* when the database is away */
#define SPIN_MS	    100	  /* a due job is locked by another */
#define STATEMENT_S 10	  /* to take, and to note a failure */
#define SCHEDULE_MS 60000

static struct {
	struct fiber *fiber;
	bool stopping;
	bool told; /* a wake may be spent on a wait for the database */
	int64_t schedule_at;
	struct queue_stats stats[JOB_KINDS];
} q;

/* A job in hand. */
struct task {
	struct job job;
	struct uuid lease;
	bool has_payload;
};

void
queue_look(void)
{
	q.told = true;
	if (q.fiber != NULL)
		fiber_wake(q.fiber);
}

void
queue_stop(void)
{
	q.stopping = true;
	queue_look();
}

bool
queue_stopping(void)
{
	return q.stopping;
}

struct queue_stats
queue_stats(enum job_kind kind)
{
	return q.stats[kind];
}

/* The system's operation */

static enum err
begin(struct op *op)
{
	const struct uuid nobody = { { 0 } };
	struct context_set_in in = { op->job->clinic, nobody };
	enum err r = words_learn(op);

	if (r != ERR_OK)
		return r;
	op->note.clinic = op->job->clinic;
	op->note.record = op->job->record;
	if (!uuid_is_nil(&in.clinic))
		tx_set_clinic(op->tx, &in.clinic);
	return sql_context_set(op->tx, &in);
}

static enum err
payload_open(struct op *op)
{
	const struct job_open_in in = { op->job->id };
	struct job_open_row row;
	enum err r;

	r = sql_job_open(op->tx, &in, &row);
	if (r == ERR_NOT_FOUND || (r == ERR_OK && row.payload == NULL))
		return ERR_CRYPTO; /* its key or itself is gone */
	if (r != ERR_OK)
		return r;
	return shape_parse(
	    (struct bytes){ (const uint8_t *)row.payload, strlen(row.payload) },
	    &op->job->payload);
}

/* The work, its audit row and its end are committed together or not at all.
 * Of two processes that hold the same job only the last that took it can
 * commit. */
static enum err
end(struct op *op, const struct task *t)
{
	const struct job *j = &t->job;
	struct job_done_in done = { j->clinic, j->id, t->lease };
	struct job_again_in again = { j->clinic, j->id, t->lease };
	int64_t n;
	enum err r;

	if ((r = audit_write(op)) != ERR_OK)
		return r;
	r = j->again ? sql_job_again(op->tx, &again, &n)
		     : sql_job_done(op->tx, &done, &n);
	if (r == ERR_OK && n != 1)
		r = ERR_STALE;
	return r == ERR_OK ? tx_commit(op->tx) : r;
}

static enum err
work(struct op *op, struct task *t)
{
	enum err r;

	if (t->job.attempt > kinds[t->job.kind].tries)
		return ERR_INTERNAL; /* each try ended its process */
	if ((r = begin(op)) != ERR_OK)
		return r;
	if (t->has_payload && (r = payload_open(op)) != ERR_OK)
		return r;
	if ((r = kinds[t->job.kind].run(op)) != ERR_OK)
		return r;
	return end(op, t);
}

/* Runs in a transaction of its own; when the database is away the lease ends
 * instead. */
static enum err
fail(struct op *op, const struct task *t, enum err why, bool *dead)
{
	const struct kind *k = &kinds[t->job.kind];
	struct job_failed_in in = {
		.clinic_id = t->job.clinic,
		.id = t->job.id,
		.lease = t->lease,
		.error_code = err_code(why),
		.final = t->job.final,
		.tries = k->tries,
		.give_up_s = k->give_up_s,
		.wait_s = kind_wait(k, t->job.attempt),
	};
	struct job_failed_row row = { false };
	enum err r;

	if ((r = begin(op)) != ERR_OK ||
	    (r = sql_job_failed(op->tx, &in, &row)) != ERR_OK)
		return r;
	if (row.dead && (r = audit_failure(op, why)) != ERR_OK)
		return r;
	*dead = row.dead;
	return tx_commit(op->tx);
}

static void
failed(struct op *op, const struct task *t, enum err why)
{
	struct queue_stats *s = &q.stats[t->job.kind];
	bool dead = false;
	enum err r;

	tx_close(op->tx);
	if (why == ERR_STALE || why == ERR_UNKNOWN_OUTCOME) {
		s->lost++;
		log_warn("job_lost", LOG_ID("job", &t->job.id),
		    LOG_CODE("kind", kinds[t->job.kind].stored),
		    LOG_CODE("code", err_code(why)));
		return;
	}
	op->deadline_ms = instant_monotonic() + STATEMENT_S * 1000;
	op->tx = tx_new(op->arena, op->deadline_ms);
	r = fail(op, t, why, &dead);
	s->failed++;
	s->dead += dead;
	log_at(dead ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN,
	    dead ? "job_dead" : "job_failed", LOG_ID("job", &t->job.id),
	    LOG_CODE("kind", kinds[t->job.kind].stored),
	    LOG_CODE("code", err_code(why)), LOG_NUM("attempt", t->job.attempt),
	    LOG_CODE("noted", err_code(r)));
}

/* It ends before its lease does. */
static void
task_run(void *arg)
{
	struct task *t = arg;
	struct queue_stats *s = &q.stats[t->job.kind];
	struct request rq = {
		.address = "127.0.0.1", /* this machine acts */
		.id = uuid_random(),
		.arrived = instant_now(),
		.started_ms = instant_monotonic(),
	};
	struct arena *a = arena_new();
	struct op op = {
		.route = &kinds[t->job.kind].as,
		.job = &t->job,
		.rq = &rq,
		.arena = a,
		.now = rq.arrived,
		.deadline_ms = rq.started_ms + conf()->job_lease_seconds * 900,
	};
	enum err r;

	op.tx = tx_new(a, op.deadline_ms);
	if ((r = work(&op, t)) == ERR_OK)
		s->done++;
	else
		failed(&op, t, r);
	tx_close(op.tx);
	if (t->job.payload != NULL)
		json_wipe(t->job.payload);
	json_decref(t->job.payload);
	arena_free(a);
	free(t);
	s->running--;
	queue_look();
}

/* Taking */

struct capacity {
	const char *kind[JOB_KINDS];
	int64_t free[JOB_KINDS];
	size_t n;
};

static struct capacity
capacity_left(void)
{
	struct capacity capacity = { .n = 0 };
	unsigned k;

	for (k = 0; k < JOB_KINDS; k++) {
		if (q.stats[k].running >= kinds[k].at_once)
			continue;
		capacity.kind[capacity.n] = kinds[k].stored;
		capacity.free[capacity.n++] = kinds[k].at_once -
		    q.stats[k].running;
	}
	return capacity;
}

/* What cannot be started now is taken up again when its lease ends. */
static void
task_start(const struct job_claim_row *row)
{
	enum job_kind kind = kind_find(row->kind);
	struct task *t = calloc(1, sizeof(*t));

	if (kind == JOB_KINDS || t == NULL) {
		free(t);
		return;
	}
	t->job = (struct job){
		.kind = kind,
		.clinic = row->clinic_id,
		.id = row->id,
		.record = row->record_id,
		.attempt = row->attempts,
	};
	t->lease = row->lease;
	t->has_payload = row->has_payload;
	q.stats[kind].running++;
	if (fiber_start(task_run, t) != ERR_OK) {
		q.stats[kind].running--;
		free(t);
	}
}

static enum err
schedule(struct tx *tx)
{
	const char *kind[JOB_KINDS];
	int64_t every[JOB_KINDS];
	struct job_schedule_in in = { { kind, 0 }, { every, 0 } };
	unsigned k;

	if (instant_monotonic() < q.schedule_at)
		return ERR_OK;
	for (k = 0; k < JOB_KINDS; k++)
		if (kinds[k].every_s > 0) {
			kind[in.kinds.n++] = kinds[k].stored;
			every[in.every_s.n++] = kinds[k].every_s;
		}
	return sql_job_schedule(tx, &in, NULL);
}

/* Takes what is due; *taken is how many, *wait_ms how long until there is
 * more. Jobs start when the leases are committed. */
static enum err
take(struct arena *a, size_t *taken, int64_t *wait_ms)
{
	const struct capacity capacity = capacity_left();
	struct job_claim_in in = { { capacity.kind, capacity.n },
		{ capacity.free, capacity.n }, conf()->job_lease_seconds };
	struct job_next_in next = { { capacity.kind, capacity.n } };
	struct job_next_row row = { LOOK_MS };
	struct job_claim_row *rows;
	struct tx *tx = tx_new(a, instant_monotonic() + STATEMENT_S * 1000);
	size_t i;
	enum err r;

	*taken = 0;
	if ((r = schedule(tx)) == ERR_OK &&
	    (r = sql_job_claim(tx, &in, &rows, taken)) == ERR_OK &&
	    ((r = sql_job_next(tx, &next, &row)) == ERR_OK ||
		r == ERR_NOT_FOUND) &&
	    (r = tx_commit(tx)) == ERR_OK) {
		*wait_ms = row.wait_ms;
		if (instant_monotonic() >= q.schedule_at)
			q.schedule_at = instant_monotonic() + SCHEDULE_MS;
		for (i = 0; i < *taken; i++)
			task_start(&rows[i]);
	}
	tx_close(tx);
	return r;
}

static void
look(void)
{
	struct arena *a = arena_new();
	int64_t wait_ms = PAUSE_MS;
	size_t taken = 0;
	enum err r = ERR_OK;

	q.told = false;
	if (capacity_left().n > 0)
		r = take(a, &taken, &wait_ms);
	else
		wait_ms = LOOK_MS;
	arena_free(a);
	if (r != ERR_OK)
		wait_ms = PAUSE_MS;
	else if (taken > 0)
		return; /* there may be more */
	if (wait_ms < SPIN_MS)
		wait_ms = SPIN_MS;
	if (wait_ms > LOOK_MS)
		wait_ms = LOOK_MS;
	if (!q.stopping && !(q.told && r == ERR_OK))
		(void)!fiber_park_until(instant_monotonic() + wait_ms);
}

static unsigned
running(void)
{
	unsigned k, n = 0;

	for (k = 0; k < JOB_KINDS; k++)
		n += q.stats[k].running;
	return n;
}

void
queue_run(int64_t drain_ms)
{
	int64_t end_ms;

	q.fiber = fiber_self();
	while (!q.stopping)
		look();
	end_ms = instant_monotonic() + drain_ms;
	while (running() > 0 && instant_monotonic() < end_ms)
		(void)!fiber_park_until(end_ms);
	q.fiber = NULL;
}
