#ifndef CARE_AUDIT_LEAF_H
#define CARE_AUDIT_LEAF_H

#include "base/merkle.h"
#include "sql.h"

#include <stdbool.h>

/* The entry of an event (docs/AUDIT.md): RFC 8785 JSON, behind the zero byte of
 * RFC 6962's leaves. */
struct bytes audit_leaf_bytes(struct arena *, const struct audit_event_row *);
NODISCARD enum err audit_leaf_hash(
    struct arena *, const struct audit_event_row *, struct merkle_hash *);

#endif
