#ifndef CARE_ADMISSION_H
#define CARE_ADMISSION_H

#include "care/signal.h"

/*
 * Lets in who waits, or sends out a guest, for a clinician who said so over this
 * link: the operation visit_admit, or guest_admit and guest_revoke where `guest`
 * is not NULL, as over HTTP, on a fiber of its own that begins when the room has
 * finished speaking. A refusal comes back by signal_refused; that it was done is
 * heard like any change of a visit (care/visit_told.h).
 */
void admission_begin(const struct signal_link *, const struct participant *,
    const struct uuid *guest);
void removal_begin(const struct signal_link *, const struct participant *,
    const struct uuid *guest);

#endif
