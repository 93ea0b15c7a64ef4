#include "gate/identity.h"

#include "gate/audit.h"
#include "gate/expect.h"
#include "gate/form.h"
#include "gate/input.h"
#include "gate/rate.h"
#include "gate/route.h"
#include "sql.h"

#include <string.h>

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

static struct whose
whose_of(const struct session_enter_row *s)
{
	return (struct whose){ s->subject_patient,
		{ s->is_self, s->is_part, s->is_care, s->is_emergency } };
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

/* The record's id: the path's, or the body's, which is read early for it. */
static struct uuid
subject_id(struct passage *p)
{
	if (p->op.route->subject != SUBJECT_BODY)
		return p->op.id;
	form_read_early(p);
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

/* The audit row goes ahead of a read whose record is sent with the question, if
 * that question is all that can refuse it, and if it is a row of its own. */
static bool
may_go_ahead(struct passage *p)
{
	struct op *op = &p->op;
	bool good = (op->route->traits & TRAIT_RECORD) != 0 &&
	    op->route->method == METHOD_GET && p->socket == NULL &&
	    !op->rq->background && !p->mistaken && !p->misnamed &&
	    form_check(p) == ERR_OK;

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
	tx_share_trip(op->tx);
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

enum err
identity_find(struct passage *p)
{
	struct op *op = &p->op;
	const char *kind = route_subject_kind(op->route);
	struct session_enter_in in = {
		.background = op->rq->background || p->alone,
		.kind = kind == NULL ? "" : kind,
		.subject = subject_id(p),
	};
	struct session_enter_row found;
	struct tx_call *session, *row;
	enum err r;

	if (op->route->open == OPEN_PUBLIC)
		return ERR_OK;
	if ((r = identity_put(p, &in)) != ERR_OK ||
	    (r = sql_session_enter_send(op->tx, &in, &session)) != ERR_OK ||
	    (r = record_send(op)) != ERR_OK ||
	    (r = success_ahead(p, &row)) != ERR_OK)
		return r;
	r = sql_session_enter_take(op->tx, session, &found);
	if (r == ERR_NOT_FOUND) {
		expect_forget(&p->credential);
		/*= PA-10: whoever signs out of what has ended keeps no cookie */
		op->clear_session = op->route == &routes[ROUTE_session_delete];
		return ERR_NOT_SIGNED_IN;
	}
	if (r != ERR_OK)
		return r;
	actor_fill(op, &found);
	p->whose = whose_of(&found);
	if (p->socket == NULL)
		expect_note(&p->credential, &op->who);
	if ((r = ahead_take(p, row)) != ERR_OK)
		return r;
	return actor_count(p);
}
