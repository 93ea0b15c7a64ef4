#ifndef CARE_PATIENT_ALIKE_H
#define CARE_PATIENT_ALIKE_H

#include "care/patient_index.h"

/* Records of the clinic that may be of the person who is to be taken in. */
#define ALIKE_MEMBER "possible_duplicates"
#define ALIKE_MAX    20 /* that are counted */

/*
 * Counts those with the same names, of which each finds the other by a search,
 * and the same birth date, as far as both are known; one that is not known at
 * all is like no other. A creation that comes meanwhile waits until this
 * transaction ends.
 *
 * ERR_POSSIBLE_DUPLICATE if there is one and the request wants to be asked,
 * with the count in the answer. It says neither who nor where: for that the
 * caller searches, with the rights and the trail of a search. ERR_TOO_MANY for
 * a caller who so learned too often of records that they may not see.
 */
NODISCARD enum err patient_alike(
    struct op *, const struct patient_change *, size_t *count);

#endif
