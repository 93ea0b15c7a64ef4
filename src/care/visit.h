#ifndef CARE_VISIT_H
#define CARE_VISIT_H

#include "gate/op.h"

/* When check-in and call of a visit are open: from <= now < until, in s, by
 * the settings join_minutes_before and join_minutes_after (TR-11). */
struct visit_window {
	int64_t from, until;
};
struct visit_window visit_window(int64_t starts_at, int64_t ends_at);

/* False of a step that a visit of this status does not take now; true of
 * operations that are no step. */
bool visit_step_possible(const char *operation, const char *status);

/* Takes the step of that operation if the visit of op->id stands where it begins,
 * and tells the room. ERR_WRONG_STATUS; *row is what became of it. */
struct visit_step_row;
NODISCARD enum err visit_step_take(
    struct op *, const char *operation, struct visit_step_row *row);

/* The windows of visits that end then or earlier are closed now: those of them
 * that nobody ended are over. */
int64_t visit_closed_at(int64_t now);

#endif
