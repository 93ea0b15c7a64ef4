#include "gate/parts.h"

#include "base/conf.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "gate/identity.h"
#include "gate/input.h"
#include "gate/right.h"
#include "gate/route.h"
#include "gate/share.h"

#include <string.h>

#define PARTS_MAX   16	  /* answers in each worker that are being made */
#define PATIENCE_MS 60000 /* with a database that has no time for a part */
#define PAUSE_MS    1000

static unsigned parts_open;

struct parts {
	struct passage *p;
	struct arena *arena; /* of the part that is being sent */
	void *state;	     /* of the table, before that part */
	struct participant self;
};

static bool
is_table(const struct op *op)
{
	const unsigned traits = op->route->traits;

	return (traits & (TRAIT_CSV | TRAIT_FHIR | TRAIT_KEPT)) != 0 ||
	    ((traits & TRAIT_TABLE) != 0 && op->rq->wants_csv);
}

enum err
parts_take(struct passage *p)
{
	if (!is_table(&p->op) || p->in_parts)
		return ERR_OK;
	if (parts_open == PARTS_MAX)
		return ERR_BUSY;
	parts_open++;
	p->in_parts = true;
	return ERR_OK;
}

void
parts_give(struct passage *p)
{
	if (p->in_parts)
		parts_open--;
	p->in_parts = false;
}

struct parts *
parts_new(struct passage *p)
{
	struct parts *parts = arena_alloc(p->op.arena, sizeof(*parts));
	const struct actor *who = &p->op.who;

	parts->p = p;
	parts->state = arena_alloc(p->op.arena, p->op.table.state_bytes);
	parts->self = (struct participant){
		.clinic = who->clinic,
		.account = who->account,
		.session = who->session,
	};
	p->socket = &parts->self;
	p->alone = true;
	return parts;
}

/* The session and the right may have ended since the part before. */
static enum err
pass_part(struct passage *p, struct bytes *part)
{
	struct op *op = &p->op;
	enum err r;

	if ((r = share_take(op)) != ERR_OK ||
	    (r = identity_find(p)) != ERR_OK ||
	    (r = right_state(op)) != ERR_OK ||
	    (r = right_check(op, &p->whose)) != ERR_OK ||
	    (r = op->table.next(op, op->table.state, part)) != ERR_OK)
		return r;
	return tx_commit(op->tx);
}

static enum err
part_try(struct parts *parts, struct bytes *part)
{
	struct op *op = &parts->p->op;
	enum err r;

	arena_free(parts->arena);
	parts->arena = arena_new();
	op->arena = parts->arena;
	op->deadline_ms = instant_monotonic() + conf()->request_seconds * 1000;
	op->tx = tx_new(op->arena, op->deadline_ms);
	*part = (struct bytes){ NULL, 0 };
	r = pass_part(parts->p, part);
	tx_close(op->tx);
	return r;
}

/* A read whose answer was lost is simply asked for again. */
static bool
may_pass(const struct op *op, enum err r)
{
	return r == ERR_BUSY || r == ERR_UNAVAILABLE ||
	    r == ERR_UNKNOWN_OUTCOME || (r != ERR_OK && tx_retryable(op->tx));
}

enum err
parts_next(struct parts *parts, struct bytes *part)
{
	const int64_t until = instant_monotonic() + PATIENCE_MS;
	const struct op *op = &parts->p->op;
	const struct table *t = &op->table;
	bool waits = false;
	enum err r;

	memcpy(parts->state, t->state, t->state_bytes);
	while (may_pass(op, r = part_try(parts, part)) &&
	    instant_monotonic() < until) {
		if (!waits)
			log_info("download_waits",
			    LOG_ID("request_id", &op->rq->id),
			    LOG_CODE("code", err_code(r)));
		waits = true;
		memcpy(t->state, parts->state, t->state_bytes);
		fiber_sleep(PAUSE_MS);
	}
	return r;
}

void
parts_end(struct parts *parts)
{
	arena_free(parts->arena);
	parts_give(parts->p);
	input_drop(&parts->p->op);
}
