#ifndef CARE_ADMISSION_H
#define CARE_ADMISSION_H

#include "care/signal.h"

/*
 * Lets in who waits, for a clinician who said `admit` over this link: the
 * operation visit_admit, as over HTTP, on a fiber of its own that begins when
 * the room has finished speaking. A refusal comes back by signal_refused; that
 * it was done is heard like any change of a visit (care/visit_told.h).
 */
void admission_begin(const struct signal_link *, const struct participant *);

#endif
