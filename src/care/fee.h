#ifndef CARE_FEE_H
#define CARE_FEE_H

/* Of any currency, in minor units: what the processor takes at most. */
#define FEE_MOST 99999999

#endif
