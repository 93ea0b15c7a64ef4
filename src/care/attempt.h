#ifndef CARE_ATTEMPT_H
#define CARE_ATTEMPT_H

#include "gate/op.h"
#include "sql.h"

/*
 * Attempts at a factor. One is taken, and committed, before the factor is
 * looked at: whatever becomes of the request, it counts. Both calls end op->tx
 * and leave a fresh one that holds no connection, ready for slow work.
 *
 * Strangers to an account, the networks that it knows, and each browser that it
 * knows are counted apart (care/source.h): guessers lengthen their own wait,
 * not the owner's. ERR_TOO_MANY_ATTEMPTS with op->retry_after_s while the
 * caller has to wait. The owner gets a mail, once a day, when others guess.
 * Source: NIST SP 800-63B 3.2.2 (IA-09, IA-10).
 */

/* For an account with a session; factor is "password", "totp" or "recovery". */
NODISCARD enum err attempt_take_own(struct op *, const char *factor);

/* For a sign-in name; the row's account_id is nil if no account has it, and
 * the answer is the same (IA-11). op->tx has the account's clinic afterwards. */
NODISCARD enum err attempt_take_name(
    struct op *, struct bytes_list email_tokens, struct sign_in_take_row *);

/* The factor was right: the count of where it was shown starts again. */
NODISCARD enum err attempt_forget(
    struct op *, const struct uuid *account, const char *factor);

/* The factor was replaced: nobody has guessed at the new one. NULL for all
 * factors. */
NODISCARD enum err attempt_reset(
    struct op *, const struct uuid *account, const char *factor);

#endif
