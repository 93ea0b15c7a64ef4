#ifndef CARE_SIGNAL_H
#define CARE_SIGNAL_H

#include "base/uuid.h"

/*
 * Tells the room of a visit, on whichever worker it lives, that the visit's
 * status changed ("in_call", "ended", "cancelled", "no_show"). Called after
 * the commit; never fails: a room that nobody is in ignores it.
 */
void signal_visit_changed(const struct uuid *visit, const char *status);

#endif
