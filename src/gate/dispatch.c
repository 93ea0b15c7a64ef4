#include "gate/dispatch.h"

#include "base/conf.h"
#include "base/instant.h"
#include "base/log.h"
#include "data/db.h"
#include "gate/audit.h"
#include "gate/credential.h"
#include "gate/expect.h"
#include "gate/idempotency.h"
#include "gate/input.h"
#include "gate/precondition.h"
#include "gate/rate.h"
#include "gate/reply.h"
#include "gate/right.h"
#include "gate/route.h"
#include "gate/surface.h"
#include "gate/upgrade.h"
#include "gate/word.h"
#include "sql.h"

#include <string.h>

/* Input that was read before the right to it was known: what is wrong with it is
 * told afterwards. */
struct early {
	bool done;
	enum err err;
	const char *culprit;
};

#define PARTS_MAX 16 /* answers in each worker that are being made */

static unsigned parts_open;

/* What is known of a request on its way to becoming an operation. */
struct passage {
	struct op op;
	struct credential credential;
	const struct participant *socket; /* who asks over one, or NULL */
	struct session_enter_row session;
	struct early input;
	bool misnamed; /* an id of the path is none */
	bool in_parts; /* counted in parts_open */
	bool alone;    /* a further part, which is no sign of life */
	bool counted;  /* against the rates of its actor */
	bool noted;    /* its audit row is committed already */
	bool mistaken; /* that row was not true: once more, without it */
	bool repeated; /* its Idempotency-Key came before */
};

static void
actor_fill(struct op *op, const struct session_enter_row *s)
{
	op->who = (struct actor){
		.clinic = s->clinic_id,
		.session = s->session_id,
		.account = s->account_id,
		.patient = s->patient_id,
		.role = role_parse(s->role),
		.state = session_state_parse(s->state),
		.browser = strcmp(s->client, "browser") == 0,
		.idle_expires_at = s->idle_expires_at,
		.expires_at = s->expires_at,
		.password_expires_at = s->password_expires_at,
		.step_up_until = s->step_up_until,
		.rebind_until = s->rebind_until,
	};
	tx_set_clinic(op->tx, &op->who.clinic);
}

/* The row is sealed, and dropped unopened if the right turns out missing. */
static enum err
record_send(struct op *op)
{
	const struct patient_get_in in = { op->id };

	return (op->route->traits & TRAIT_RECORD) == 0
	    ? ERR_OK
	    : sql_patient_get_send(op->tx, &in, &op->record);
}

/* Once: a transaction that is tried again is one request. */
static enum err
actor_count(struct passage *p)
{
	if (p->counted)
		return ERR_OK;
	p->counted = true;
	return rate_actor(&p->op);
}

static void
input_ahead(struct passage *p)
{
	struct op *op = &p->op;

	p->input.err = input_read(op);
	p->input.culprit = op->culprit;
	p->input.done = true;
	op->culprit = NULL;
}

static enum err
input_have(struct passage *p)
{
	if (!p->input.done)
		input_ahead(p);
	p->op.culprit = p->input.culprit;
	return p->input.err;
}

/* Whose record it is, the path says or the body: then it is looked at first. */
static struct uuid
subject_id(struct passage *p)
{
	if (p->op.route->subject != SUBJECT_BODY)
		return p->op.id;
	input_ahead(p);
	return in_uuid(&p->op, "patient_id");
}

/* A request shows a token; of a socket's session the token may have been
 * renewed since, so it is the session itself that counts, if it still lives. */
static enum err
identity_put(struct passage *p, struct session_enter_in *in)
{
	struct context_set_in context;

	if (p->socket != NULL) {
		context = (struct context_set_in){ p->socket->clinic,
			p->socket->account };
		in->session_id = p->socket->session;
		return sql_context_set(p->op.tx, &context);
	}
	in->hash = (struct bytes){ p->credential.hash,
		sizeof(p->credential.hash) };
	return p->credential.present ? ERR_OK : ERR_NOT_SIGNED_IN;
}

/* What the database need not be asked for. */
static enum err
form_check(struct passage *p)
{
	struct op *op = &p->op;
	enum err r;

	if ((r = input_have(p)) != ERR_OK || (r = input_check(op)) != ERR_OK ||
	    (r = upgrade_check(op)) != ERR_OK)
		return r;
	return precondition_read(op);
}

/* The audit row goes ahead of a read whose record is sent with the question, if
 * that question is all that can refuse it. */
static bool
may_go_ahead(struct passage *p)
{
	struct op *op = &p->op;
	bool good = (op->route->traits & TRAIT_RECORD) != 0 &&
	    op->route->method == METHOD_GET && p->socket == NULL &&
	    !p->mistaken && !p->misnamed && form_check(p) == ERR_OK;

	op->culprit = NULL;
	return good;
}

/*
 * A read of a known actor takes one round trip: BEGIN, the session and how it
 * stands, the record, the audit row, COMMIT. The row is written with those
 * answers alone that have the right to the record; what the answer was is
 * looked at afterwards, as always, and shows whether it was written.
 */
static enum err
success_ahead(struct passage *p, struct tx_call **row)
{
	struct op *op = &p->op;
	struct text_list standings;
	enum err r;

	*row = NULL;
	if (!may_go_ahead(p) || !expect_actor(&p->credential, &op->who))
		return ERR_OK;
	standings = expect_standings(op);
	if (standings.n == 0 || (r = actor_count(p)) != ERR_OK)
		return standings.n == 0 ? ERR_OK : r;
	op->patient = op->id;
	if ((r = audit_write_if(op, standings, row)) == ERR_OK)
		r = tx_commit(op->tx);
	op->patient = (struct uuid){ { 0 } };
	op->who = (struct actor){ .role = ROLE_NONE };
	/* of a read whose answer was lost nothing is unknown */
	return r == ERR_UNKNOWN_OUTCOME ? ERR_UNAVAILABLE : r;
}

/* The session was there and the row was not written: it may be that another
 * right suffices now, or that none does. */
static enum err
ahead_take(struct passage *p, struct tx_call *row)
{
	enum err r;

	if (row == NULL)
		return ERR_OK;
	if ((r = audit_was_written(&p->op, row, &p->noted)) != ERR_OK)
		return r;
	p->mistaken = !p->noted;
	return p->mistaken ? ERR_STALE : ERR_OK;
}

/* One round trip: the session, and how its actor stands to the subject. */
static enum err
session_find(struct passage *p)
{
	struct op *op = &p->op;
	const char *kind = route_subject_kind(op->route);
	struct session_enter_in in = {
		.background = op->rq->background || p->alone,
		.kind = kind == NULL ? "" : kind,
		.subject = subject_id(p),
	};
	struct tx_call *session, *row;
	enum err r;

	if (op->route->open == OPEN_PUBLIC)
		return ERR_OK;
	if ((r = identity_put(p, &in)) != ERR_OK ||
	    (r = sql_session_enter_send(op->tx, &in, &session)) != ERR_OK ||
	    (r = record_send(op)) != ERR_OK ||
	    (r = success_ahead(p, &row)) != ERR_OK)
		return r;
	r = sql_session_enter_take(op->tx, session, &p->session);
	if (r == ERR_NOT_FOUND) {
		expect_forget(&p->credential);
		return ERR_NOT_SIGNED_IN;
	}
	if (r != ERR_OK)
		return r;
	actor_fill(op, &p->session);
	if (p->socket == NULL)
		expect_note(&p->credential, &op->who);
	if ((r = ahead_take(p, row)) != ERR_OK)
		return r;
	return actor_count(p);
}

static struct whose
subject_of(const struct session_enter_row *s)
{
	return (struct whose){ s->subject_patient,
		{ s->is_self, s->is_part, s->is_care } };
}

static enum err
right_have(struct passage *p)
{
	const struct whose whose = subject_of(&p->session);

	return p->misnamed ? ERR_NOT_FOUND : right_check(&p->op, &whose);
}

static enum err
body_right_have(struct passage *p)
{
	const struct whose whose = subject_of(&p->session);

	return right_check_body(&p->op, &whose);
}

/* What goes wrong with it is an answer of its own yet. */
static enum err
part_first(struct op *op)
{
	struct table *t = &op->table;

	return t->next == NULL ? ERR_OK : t->next(op, t->state, &op->part);
}

static enum err
work(struct op *op)
{
	enum err r;

	/* what waits for its turn to hash does so without a connection */
	if ((op->route->traits & TRAIT_HASHES) != 0)
		op->deadline_ms = op->rq->started_ms +
		    conf()->sign_in_seconds * 1000;
	if ((r = op->route->run(op)) != ERR_OK ||
	    (r = part_first(op)) != ERR_OK)
		return r;
	right_tell(op);
	if (op->join != NULL)
		memcpy(op->join->address, op->rq->address,
		    sizeof(op->join->address));
	return idempotency_keep(op);
}

/* The key's question travels with the first of the work. If it was known, what
 * the work came to counts for nothing. */
static enum err
operation_run(struct passage *p)
{
	struct op *op = &p->op;
	struct tx_call *key;
	bool done, fresh;
	enum err r, known;

	if (p->repeated) {
		r = idempotency_replay(op, &done);
		return r != ERR_OK || done ? r : work(op);
	}
	if ((r = idempotency_send(op, &key)) != ERR_OK)
		return r;
	r = work(op);
	known = idempotency_fresh(op, key, &fresh);
	p->repeated = !fresh;
	if (!fresh)
		return ERR_ALREADY_DONE;
	return r != ERR_OK ? r : known;
}

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

/* Work that may look through very many rows has its own share of the database. */
static enum err
share_take(struct op *op)
{
	const int64_t whole = conf()->request_seconds * 1000,
		      search = conf()->search_seconds * 1000;

	if ((op->route->traits & TRAIT_SEARCHES) == 0)
		return ERR_OK;
	return tx_search(op->tx, search < whole ? search : whole);
}

/* Of answers that are made while they are sent each may take an hour. */
static enum err
parts_take(struct passage *p)
{
	if ((p->op.route->traits & TRAIT_CSV) == 0 || p->in_parts)
		return ERR_OK;
	if (parts_open == PARTS_MAX)
		return ERR_BUSY;
	parts_open++;
	p->in_parts = true;
	return ERR_OK;
}

static void
parts_give(struct passage *p)
{
	if (p->in_parts)
		parts_open--;
	p->in_parts = false;
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

/* To whom the database is there: it is the search that was too much. */
static enum err
search_outcome(const struct op *op, enum err r)
{
	return op->route != NULL && (op->route->traits & TRAIT_SEARCHES) != 0 &&
		(r == ERR_BUSY || r == ERR_UNAVAILABLE) && db_ready()
	    ? ERR_TOO_BROAD
	    : r;
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

	if ((r = work_begin(p)) != ERR_OK || (r = session_find(p)) != ERR_OK ||
	    (r = right_state(op)) != ERR_OK || (r = right_have(p)) != ERR_OK ||
	    (r = input_have(p)) != ERR_OK ||
	    (r = body_right_have(p)) != ERR_OK ||
	    (r = form_check(p)) != ERR_OK || (r = operation_run(p)) != ERR_OK)
		return r;
	return success_write(p);
}

/* Not: outcomes that are the installation's trouble, which the database could
 * not take a row about, and requests over a rate. */
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

/* A conflict of two transactions is nobody's fault: once more, from the
 * session on, on the state that the other left; and so for whom the gate
 * expected another answer. And what was asked for before is undone, and answered
 * as it was. */
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
	r = search_outcome(op, r);
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

/* An answer whose first part is on its way. */
struct parts {
	struct passage *p;
	struct arena *arena; /* of the part that is being sent */
	struct participant self;
};

static struct parts *
parts_new(struct passage *p)
{
	struct parts *parts = arena_alloc(p->op.arena, sizeof(*parts));
	const struct actor *who = &p->op.who;

	parts->p = p;
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

	if ((r = share_take(op)) != ERR_OK || (r = session_find(p)) != ERR_OK ||
	    (r = right_state(op)) != ERR_OK || (r = right_have(p)) != ERR_OK ||
	    (r = op->table.next(op, op->table.state, part)) != ERR_OK)
		return r;
	return tx_commit(op->tx);
}

enum err
dispatch_part(struct parts *parts, struct bytes *part)
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

void
dispatch_parts_end(struct parts *parts)
{
	arena_free(parts->arena);
	parts_give(parts->p);
	input_drop(&parts->p->op);
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
    const struct uuid *subject)
{
	struct arena *a = arena_new();
	struct request rq = {
		.method = routes[route].method,
		.path = routes[route].path,
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
