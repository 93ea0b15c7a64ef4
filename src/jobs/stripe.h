#ifndef JOBS_STRIPE_H
#define JOBS_STRIPE_H

#include "base/err.h"

#include <stddef.h>

/* Makes care/processor.h's calls go to Stripe, with the key of the settings.
 * With none set what is asked for waits. ERR_INVALID_FIELD, and then `problem`
 * says which setting is wrong. */
NODISCARD enum err stripe_start(char *problem, size_t n);

#endif
