#ifndef CARE_STRIPE_SIGNATURE_H
#define CARE_STRIPE_SIGNATURE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdint.h>

#define STRIPE_TOLERANCE_S 300

/*
 * Is the body what Stripe signed? `header` is Stripe-Signature as it came:
 * "t=<s>,v1=<hex>[,v1=<hex>…]", any of which may be the right one; `secrets`
 * ends with NULL, and an empty one counts for nothing. Nothing of the body is
 * looked at. ERR_BAD_SIGNATURE for whatever is wrong.
 */
NODISCARD enum err stripe_signature_check(struct arena *, const char *header,
    struct bytes body, const char *const *secrets, int64_t now);

#endif
