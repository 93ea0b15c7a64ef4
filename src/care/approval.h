#ifndef CARE_APPROVAL_H
#define CARE_APPROVAL_H

#include "base/factor.h"
#include "gate/op.h"
#include "sql.h"

/*
 * What one person asks for and a second one confirms: accounts that see charts
 * or confirm for others, roles like that, and links that let somebody set a
 * password or an authenticator anew. It holds for a day.
 *
 * kind: "invite", "role", "reset_password", "reset_totp" or "delete_recording".
 */

/* Does this role see charts of others, or decide what waits? */
bool role_guarded(enum role);

struct approval_new {
	const char *kind;
	struct uuid account;	/* whom it is about */
	const char *role;	/* of kind "role": the new one */
	struct uuid invitation; /* of those that let somebody in */
	struct uuid recording;	/* of kind "delete_recording" */
	bool of_patient;	/* the account is a patient's */
	int64_t expires_at;
};

/* Asks, for the actor; in place of what was asked before. Answers how many
 * could confirm it: with none, the operator alone can. */
NODISCARD enum err approval_ask(struct op *, const struct approval_new *,
    struct uuid *id, int64_t *deciders);

/*
 * Confirms: what was asked for happens, and a link opens with the phrase,
 * which is written here and nowhere else ("" without a link). `by` is nil for
 * the operator. ERR_ALREADY_DONE, ERR_REQUEST_EXPIRED; ERR_WRONG_STATUS if the
 * account has changed so that it makes no sense any more.
 */
NODISCARD enum err approval_carry_out(struct tx *,
    const struct approval_get_row *, const struct uuid *by, int64_t now,
    char phrase[FACTOR_PHRASE_SIZE]);

/* How many requests wait for the actor to decide; -1 if that is not theirs. */
NODISCARD enum err approval_waiting(struct op *, int64_t *n);

#endif
