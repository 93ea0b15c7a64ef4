#ifndef GATE_RATE_H
#define GATE_RATE_H

#include "gate/op.h"

/*
 * What a client may have in a minute. Each answers ERR_OK or ERR_TOO_MANY, and
 * then sets op->over_rate: nothing is written down of such a request, or who
 * goes on would fill the audit log.
 */

/* Requests of its address: asked before anything else is looked at. */
NODISCARD enum err rate_address(struct op *);

/* Sign-ins of its address, which are dearer: routes without a session. */
NODISCARD enum err rate_sign_in(struct op *);

/* Mails that a client without a session can have sent to others. */
NODISCARD enum err rate_reset(struct op *);

/* Requests of the session's account, and those to this route alone. */
NODISCARD enum err rate_actor(struct op *);

/* Pages, files of pages and health checks: ten times as many, as they cost
 * little. */
NODISCARD enum err rate_page(struct op *);

#endif
