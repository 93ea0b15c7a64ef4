#ifndef CARE_ACCOUNT_CHANGE_H
#define CARE_ACCOUNT_CHANGE_H

#include "data/tx.h"

/* Changes that take rights from an account, for an operation that has decided
 * it: whoever loses a right loses the sessions that have it (AZ-05, SE-06). */

/* ERR_WRONG_STATUS if this is the last administrator who can sign in: a clinic
 * without one could never have one again. Locks them until the commit. */
NODISCARD enum err account_admin_spare(
    struct tx *, const struct uuid *account, const char *role);

NODISCARD enum err account_sessions_end(
    struct tx *, const struct uuid *account, int64_t now);

/* Sets the role of somebody who works here. `was` is the role until now. */
NODISCARD enum err account_role_set(struct tx *, const struct uuid *account,
    const char *was, const char *role, int64_t now);

/*
 * The password opens nothing from now on, nor, with `totp`, the authenticator.
 * A lost authenticator takes the password with it, so that whoever has found
 * one of the two cannot enrol the other (IA-19, IA-20).
 */
NODISCARD enum err account_reset(
    struct tx *, const struct uuid *account, bool totp, int64_t now);

#endif
