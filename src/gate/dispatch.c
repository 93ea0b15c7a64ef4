#include "gate/dispatch.h"

#include "base/conf.h"
#include "base/instant.h"
#include "base/log.h"
#include "gate/audit.h"
#include "gate/form.h"
#include "gate/identity.h"
#include "gate/input.h"
#include "gate/parts.h"
#include "gate/rate.h"
#include "gate/reply.h"
#include "gate/share.h"
#include "gate/surface.h"
#include "gate/word.h"
#include "gate/work.h"

#include <string.h>

/* What needs no database. */
static enum err
admit(struct passage *p)
{
	struct op *op = &p->op;
	enum err r;

	r = route_match(op);
	p->misnamed = r == ERR_NOT_FOUND && route_guess(op);
	if ((r != ERR_OK && !p->misnamed) || (r = rate_sign_in(op)) != ERR_OK)
		return r;
	return credential_read(op, &p->credential);
}

/* What one is told of oneself is no event: pages ask for it all the time. */
static enum err
success_write(struct passage *p)
{
	struct op *op = &p->op;
	enum err r = ERR_OK;

	if (p->noted)
		return ERR_OK;
	if ((op->route->traits & TRAIT_OWN) == 0)
		r = audit_write(op);
	return r != ERR_OK ? r : tx_commit(op->tx);
}

static enum err
work_begin(struct passage *p)
{
	enum err r;

	return (r = parts_take(p)) != ERR_OK ||
		(r = share_take(&p->op)) != ERR_OK
	    ? r
	    : words_learn(&p->op);
}

static enum err
right_have(struct passage *p)
{
	return p->misnamed ? ERR_NOT_FOUND : right_check(&p->op, &p->whose);
}

/*
 * The rules of the house, from top to bottom: a live session in the right
 * state, the right to what is asked for, a well-formed input; then the work,
 * its audit row, and all of it committed or none.
 */
static enum err
pass(struct passage *p)
{
	struct op *op = &p->op;
	enum err r;

	if ((r = work_begin(p)) != ERR_OK || (r = identity_find(p)) != ERR_OK ||
	    (r = right_state(op)) != ERR_OK || (r = right_have(p)) != ERR_OK ||
	    (r = form_read(p)) != ERR_OK ||
	    (r = right_check_body(op, &p->whose)) != ERR_OK ||
	    (r = form_check(p)) != ERR_OK || (r = work_run(p)) != ERR_OK)
		return r;
	return success_write(p);
}

/* Two kinds are not written: faults of the installation, for which the database
 * could not take a row, and requests over a rate. */
static bool
auditable(const struct op *op, enum err r)
{
	return !op->over_rate && r != ERR_UNAVAILABLE && r != ERR_BUSY &&
	    r != ERR_TOO_BROAD && r != ERR_UNKNOWN_OUTCOME;
}

static void
passage_begin(struct passage *p, struct arena *a, const struct request *rq)
{
	memset(p, 0, sizeof(*p));
	p->op.rq = rq;
	p->op.arena = a;
	p->op.now = rq->arrived;
	p->op.deadline_ms = rq->started_ms + conf()->request_seconds * 1000;
	p->op.tx = tx_new(a, p->op.deadline_ms);
}

/* An operation is done once more, from the session on, when its transaction met
 * another one, or when the gate had expected another answer. One whose
 * Idempotency-Key is known is undone, and answered as it was. */
static enum err
pass_again(struct passage *p, enum err r)
{
	struct passage first = *p;
	struct op *op = &p->op;

	if (r == ERR_OK ||
	    (!p->repeated && !p->mistaken && !tx_retryable(op->tx)))
		return r;
	tx_close(op->tx);
	input_drop(op);
	passage_begin(p, first.op.arena, first.op.rq);
	op->route = first.op.route;
	op->id = first.op.id;
	op->user_id = first.op.user_id;
	op->index = first.op.index;
	op->seq = first.op.seq;
	op->token = first.op.token;
	op->device = first.op.device;
	p->credential = first.credential;
	p->misnamed = first.misnamed;
	p->socket = first.socket;
	p->counted = first.counted;
	p->repeated = first.repeated;
	p->mistaken = first.mistaken;
	p->in_parts = first.in_parts;
	return pass(p);
}

/*= AU-01: no audit row, no answer */
static enum err
conclude(struct passage *p, enum err r)
{
	struct op *op = &p->op;

	tx_close(op->tx);
	r = share_outcome(op, r);
	if (r == ERR_OK)
		return ERR_OK;
	if (err_status(r) >= 500)
		log_warn("request_failed", LOG_ID("request_id", &op->rq->id),
		    LOG_CODE("code", err_code(r)));
	if (auditable(op, r) && audit_refusal(op, r) != ERR_OK)
		return ERR_UNAVAILABLE;
	return r;
}

/*= TR-24: who is over a rate and goes on has to connect anew, which has one too */
static void
rate_reply(struct op *op, enum err r, struct reply *rp)
{
	reply_fill(rp, op, r);
	rp->last = op->over_rate && !op->rq->proxied;
}

enum err
dispatch_rate(struct arena *a, const struct request *rq, struct reply *rp)
{
	struct op op = { .rq = rq, .arena = a };
	enum err r;

	if ((r = surface_of(rq)->rate(&op)) != ERR_OK)
		rate_reply(&op, r, rp);
	return r;
}

void
dispatch(struct arena *a, const struct request *rq, struct reply *rp)
{
	struct passage *p = arena_alloc(a, sizeof(*p));
	enum err r;

	passage_begin(p, a, rq);
	if ((r = admit(p)) == ERR_OK)
		r = pass_again(p, pass(p));
	r = conclude(p, r);
	rate_reply(&p->op, r, rp);
	if (r == ERR_OK && p->op.table.next != NULL) {
		rp->parts = parts_new(p);
		return;
	}
	parts_give(p);
	input_drop(&p->op);
}

enum err
dispatch_for(const struct participant *who, enum route_id route,
    const struct uuid *subject, const struct uuid *other, const char *body)
{
	struct arena *a = arena_new();
	struct request rq = {
		.method = routes[route].method,
		.path = routes[route].path,
		.body = { (const uint8_t *)body, strlen(body) },
		.content_type = surfaces[SURFACE_api].media,
		.id = uuid_random(),
		.arrived = instant_now(),
		.started_ms = instant_monotonic(),
	};
	struct passage p;
	enum err r;

	memcpy(rq.address, who->address, sizeof(rq.address));
	passage_begin(&p, a, &rq);
	p.socket = who;
	p.op.route = &routes[route];
	p.op.id = *subject;
	if (other != NULL)
		p.op.user_id = *other;
	if ((r = rate_address(&p.op)) == ERR_OK)
		r = pass_again(&p, pass(&p));
	r = conclude(&p, r);
	input_drop(&p.op);
	arena_free(a);
	return r;
}

void
dispatch_refuse(
    struct arena *a, const struct request *rq, enum err r, struct reply *rp)
{
	struct op op = { .rq = rq, .arena = a };

	reply_fill(rp, &op, r);
}
