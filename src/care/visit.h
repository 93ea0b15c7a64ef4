#ifndef CARE_VISIT_H
#define CARE_VISIT_H

#include "gate/op.h"

/* For op->after_commit: tells the visit's room the status that op->out says.
 * "booked" means that time or clinician changed: whoever is there comes in
 * again, by the visit as it is now. */
void visit_tell_room(struct op *);

#endif
