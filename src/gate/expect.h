#ifndef GATE_EXPECT_H
#define GATE_EXPECT_H

#include "data/list.h"
#include "gate/credential.h"

/*
 * What the gate expects of a token: that it is still that of whom it was when
 * it was last shown to this worker, in the same role and state.
 *
 * No right comes of it. It lets the audit row of a read travel in the round
 * trip that asks whose session it is, with the COMMIT behind it: the row names the
 * answers it is true with, the database writes it with one of those and with no
 * other, and the gate then looks at the answer as always. A session that ended,
 * a role that changed and a care team that was left are seen by that answer.
 */

/* *who as noted last, or false: the token was not shown here lately. */
bool expect_actor(const struct credential *, struct actor *who);
void expect_note(const struct credential *, const struct actor *who);
/* Its session ended: what it still asks for counts against nobody's rates. */
void expect_forget(const struct credential *);

/* The answers (epione.standing of session_open) with which op->who may do what
 * op->route does: gate/right.h is asked of every standing that there is, but for
 * emergency access, whose row says so and is written when that is known. */
struct text_list expect_standings(const struct op *);

#endif
