#include "base/conf.h"
#include "base/instant.h"
#include "care/operations.h"
#include "care/visit.h"
#include "gate/member.h"
#include "gate/route.h"
#include "gate/tell.h"
#include "sql.h"

#include <string.h>

/*
 * The steps of a visit. What is not in the table does not happen: the one
 * UPDATE that takes a step asks for the source in its WHERE, so of two steps
 * that arrive together one finds no row and is 409 wrong_status.
 */
static const struct step {
	const char *operation, *from, *to;
} steps[] = {
	{ "visit_check_in", "booked", "arrived" },
	{ "visit_admit", "arrived", "in_call" },
	{ "visit_end", "arrived", "ended" },
	{ "visit_end", "in_call", "ended" },
	{ "visit_cancel", "booked", "cancelled" },
	{ "visit_cancel", "arrived", "cancelled" },
	{ "visit_no_show", "booked", "no_show" },
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

const struct shape visit_check_in_out[] = {
	SHOWN(visit_step_row, id, SH_UUID),
	SHOWN(visit_step_row, status, SH_TEXT, 1, 20),
	SHOWN_OR_NULL(visit_step_row, arrived_at, SH_TIME),
	SHOWN(visit_step_row, version, SH_INT, 1, INT64_MAX),
	{ 0 },
};

static enum err
step_write(struct op *op, const char *operation, int64_t before_s,
    int64_t after_s, struct visit_step_row *v)
{
	const char *sources[STEPS];
	struct visit_step_in in = { .id = op->id,
		.now = op->now,
		.before_s = before_s,
		.after_s = after_s,
		.closed_at = visit_closed_at(op->now) };
	size_t i, n = 0;
	enum err r;

	for (i = 0; i < STEPS; i++) {
		if (strcmp(steps[i].operation, operation) != 0)
			continue;
		sources[n++] = steps[i].from;
		in.target = steps[i].to;
	}
	in.sources = (struct text_list){ sources, n };
	/* the gate found the visit: no row means no such step */
	if ((r = sql_visit_step(op->tx, &in, v)) != ERR_OK)
		return r == ERR_NOT_FOUND ? ERR_WRONG_STATUS : r;
	return op_tell(op, TELL_VISIT, &op->id, v->status);
}

static enum err
step_take(struct op *op, int64_t before_s, int64_t after_s)
{
	struct visit_step_row v;
	enum err r;

	if ((r = step_write(op, op->route->operation, before_s, after_s, &v)) !=
	    ERR_OK)
		return r;
	op->version = v.version;
	return op_answer(op, &v);
}

enum err
visit_step_take(
    struct op *op, const char *operation, struct visit_step_row *row)
{
	return step_write(op, operation, INT64_MIN, INT64_MIN, row);
}

/* Only around the visit's time: the queue shows who is waiting today. */
enum err
visit_check_in(struct op *op)
{
	return step_take(op, conf()->join_minutes_before * 60,
	    conf()->join_minutes_after * 60);
}

enum err
visit_admit(struct op *op)
{
	return step_take(op, INT64_MIN, INT64_MIN);
}

enum err
visit_end(struct op *op)
{
	return step_take(op, INT64_MIN, INT64_MIN);
}

enum err
visit_cancel(struct op *op)
{
	return step_take(op, INT64_MIN, INT64_MIN);
}

enum err
visit_no_show(struct op *op)
{
	return step_take(op, INT64_MIN, INT64_MIN);
}

bool
visit_step_possible(const char *operation, const char *status)
{
	bool is_step = false;
	size_t i;

	for (i = 0; i < STEPS; i++) {
		if (strcmp(steps[i].operation, operation) != 0)
			continue;
		if (strcmp(steps[i].from, status) == 0)
			return true;
		is_step = true;
	}
	return !is_step;
}
