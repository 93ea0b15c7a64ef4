#ifndef CTL_AUDIT_KEY_H
#define CTL_AUDIT_KEY_H

#include "base/uuid.h"
#include "data/tx.h"

#include <stdint.h>

/* What a clinic's log is signed with (nil: that of what nobody did). */

/* Says which the first key is, for those who check. */
NODISCARD enum err audit_key_first(struct tx *, const struct uuid *clinic);
/* Makes the next one; the old one says that it follows, and the checkpoint is
 * signed anew by it. The transaction has to be the clinic's. */
NODISCARD enum err audit_key_turn(
    struct tx *, const struct uuid *clinic, uint32_t *version);

#endif
