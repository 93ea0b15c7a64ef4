#ifndef CARE_SESSION_TOKEN_H
#define CARE_SESSION_TOKEN_H

#include "base/shape.h"
#include "gate/op.h"
#include "sql.h"

/*
 * The tokens of sessions: 256 random bits, stored as SHA-256 alone. Every
 * sign-in, factor and change of rights gives a new one in place of the old
 * (SE-03); the gate hands it out as cookie or in the body.
 */

/* One account's sessions at a time; the oldest give way (SE-10). */
#define SESSION_CAP 32

/* Who is signed in: members "user" of replies. */
struct session_user {
	struct uuid id, patient_id;
	const char *display_name, *role, *clinic_name;
	const char *time_zone; /* NULL: neither it nor the patient is told */
};
extern const struct shape session_user_out[];

/*
 * Opens a session of the account of op->tx that lacks its second factor, for
 * the client named in the input ("browser" unless said). Sets op->out to
 * {state}. ERR_NOT_FOUND if the account was deactivated meanwhile.
 */
NODISCARD enum err session_begin(struct op *, const struct uuid *account);

/*
 * Opens a guest's, in place of any that they had, until then. op->out is
 * the caller's to make.
 */
NODISCARD enum err session_begin_guest(
    struct op *, const struct uuid *guest, int64_t expires_at);

/*
 * Gives op's session a new token, and notes a step-up unless INSTANT_NONE.
 * ERR_NOT_SIGNED_IN if the session has ended meanwhile.
 */
NODISCARD enum err session_renewed(
    struct op *, int64_t step_up_until, struct session_renew_row *);

/*
 * The same once the second factor was right: the session is a full one, its
 * owner is known here from now on (care/source.h), and may set up another
 * authenticator until `rebind_until`, unless that is INSTANT_NONE.
 */
NODISCARD enum err session_completed(
    struct op *, int64_t rebind_until, struct session_renew_row *);

/* {state, user?}: the user once the session is active. A new reference. */
json_t *session_state_json(const struct op *, const struct session_renew_row *);

#endif
