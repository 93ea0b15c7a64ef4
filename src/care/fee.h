#ifndef CARE_FEE_H
#define CARE_FEE_H

#include "base/arena.h"

#include <stdint.h>

/* The most that the processor takes, in minor units of any currency. */
#define FEE_MOST 99999999

/* "150.00 USD", "5000 JPY", "10.500 KWD": alike for every reader. */
const char *money_text(struct arena *, int64_t minor, const char *currency);

#endif
