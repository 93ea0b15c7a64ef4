#ifndef CARE_TOTP_H
#define CARE_TOTP_H

#include "gate/op.h"

/*
 * Authenticator codes of the account that is signed in. Seeds are kept sealed,
 * as base64url of their 20 bytes.
 */

/*
 * Takes an attempt, compares the input's "code" with the account's
 * authenticator and, if it is right, uses its step up: the same code or an
 * older one never works again, on any worker (IA-05). ERR_INVALID_CODE,
 * ERR_TOO_MANY. Ends op->tx and leaves a fresh one with the step taken.
 */
NODISCARD enum err totp_use(struct op *);

/* Which step does the input's "code" belong to, for this stored seed? NULL
 * has none: ERR_INVALID_CODE. */
NODISCARD enum err totp_step(struct op *, const char *stored, int64_t window,
    int64_t last_step, int64_t *step);

#endif
