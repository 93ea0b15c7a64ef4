#include "gate/audit.h"

#include "gate/role.h"
#include "gate/route.h"
#include "gate/stranger.h"
#include "gate/word.h"
#include "sql.h"

#include <endian.h>
#include <string.h>

static struct uuid
first(const struct uuid *a, const struct uuid *b)
{
	return uuid_is_nil(a) ? *b : *a;
}

static const char *
actor_role(const struct op *op, enum role role)
{
	if (op->job != NULL)
		return WORD_SYSTEM;
	return role == ROLE_NONE ? NULL : role_name(role);
}

/* The last half, all of it random, says which session it was. */
static int64_t
session_half(const struct uuid *session)
{
	int64_t half;

	if (uuid_is_nil(session))
		return INT64_MIN;
	memcpy(&half, session->b + 8, sizeof(half));
	return (int64_t)be64toh((uint64_t)half);
}

/* Values are ids, codes of ours and an address the kernel gave: nothing a
 * client wrote reaches the row (AU-05). */
static struct audit_insert_in
event_of(const struct op *op, enum err outcome, int64_t count)
{
	const struct route *route = op->route == NULL ? &route_none : op->route;
	enum role role = op->who.role != ROLE_NONE ? op->who.role
						   : op->note.role;
	enum event event = route->event;

	return (struct audit_insert_in){
		.clinic_id = first(&op->who.clinic, &op->note.clinic),
		.event = word_id(event_stored(event)),
		.action = event_action(event),
		.outcome = outcome == ERR_OK ? INT64_MIN
					     : word_id(err_code(outcome)),
		.actor_id = first(&op->who.account, &op->note.actor),
		.actor_role = word_id(actor_role(op, role)),
		.session = session_half(&op->who.session),
		.purpose = word_id(
		    op->note.emergency ? WORD_EMERGENCY : role_purpose(role)),
		.patient_id = first(&op->note.patient, &op->patient),
		.record_id = first(&op->note.record, &op->id),
		.returned = { op->note.returned, op->note.returned_n },
		.address = op->rq->address,
		.request_id = op->rq->id,
		.operation = word_id(route->operation),
		.count = count,
	};
}

static enum err
audit_row(struct op *op, struct tx *tx, enum err outcome, int64_t count,
    struct text_list standings, struct tx_call **row)
{
	struct audit_insert_in in = event_of(op, outcome, count);

	in.standings = standings;
	return sql_audit_insert_send(tx, &in, row);
}

/* Its answer need not be taken: a row that cannot be written is no COMMIT. */
static enum err
row_put(struct op *op, struct tx *tx, enum err outcome, int64_t count)
{
	const struct text_list any = { NULL, 0 };
	struct tx_call *row;

	return audit_row(op, tx, outcome, count, any, &row);
}

/* A page asks the same again and again while nobody looks: one event an hour
 * says so, with how often it was. */
static bool
is_background_read(const struct op *op)
{
	return op->rq->background && op->route->method == METHOD_GET &&
	    (op->route->traits & TRAIT_SOCKET) == 0 &&
	    event_action(op->route->event)[0] == 'R';
}

static enum err
background_put(struct op *op)
{
	const struct audit_insert_in e = event_of(op, ERR_OK, 1);
	const struct audit_background_in in = {
		.event = e.event,
		.action = e.action,
		.actor_id = e.actor_id,
		.actor_role = e.actor_role,
		.session = e.session,
		.purpose = e.purpose,
		.patient_id = e.patient_id,
		.record_id = e.record_id,
		.returned = e.returned,
		.address = e.address,
		.request_id = e.request_id,
		.operation = e.operation,
	};

	return sql_audit_background(op->tx, &in);
}

/*= AU-02: how often, too */
enum err
audit_write(struct op *op)
{
	return is_background_read(op) ? background_put(op)
				      : row_put(op, op->tx, ERR_OK, 1);
}

enum err
audit_write_if(struct op *op, struct text_list standings, struct tx_call **row)
{
	return audit_row(op, op->tx, ERR_OK, 1, standings, row);
}

enum err
audit_was_written(struct op *op, struct tx_call *row, bool *written)
{
	struct audit_insert_row answer;
	enum err r = sql_audit_insert_take(op->tx, row, &answer);

	*written = r == ERR_OK && answer.written;
	return r == ERR_NOT_FOUND ? ERR_OK : r;
}

enum err
audit_failure(struct op *op, enum err outcome)
{
	return row_put(op, op->tx, outcome, 1);
}

enum err
audit_refusals(struct op *op, enum err outcome, int64_t count)
{
	struct uuid clinic = first(&op->who.clinic, &op->note.clinic);
	struct context_set_in context = { clinic,
		first(&op->who.account, &op->note.actor) };
	struct tx *tx = op_side_tx(op);
	enum err r = words_learn(op);

	op->note.returned_n = 0; /* nothing was given out */
	if (r == ERR_OK && (r = sql_context_set(tx, &context)) == ERR_OK &&
	    (r = row_put(op, tx, outcome, count)) == ERR_OK)
		r = tx_commit(tx);
	tx_close(tx);
	return r;
}

static bool
is_stranger(const struct op *op)
{
	return uuid_is_nil(&op->who.account) && uuid_is_nil(&op->note.actor);
}

enum err
audit_refusal(struct op *op, enum err outcome)
{
	return is_stranger(op) && !stranger_first(op, outcome)
	    ? ERR_OK
	    : audit_refusals(op, outcome, 1);
}
