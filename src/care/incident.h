#ifndef CARE_INCIDENT_H
#define CARE_INCIDENT_H

#include "gate/op.h"
#include "sql.h"

/* The incident of the path, locked, for something to be added to it:
 * ERR_WRONG_STATUS once it is closed. */
NODISCARD enum err incident_find(struct op *, struct incident_lock_row *);

#endif
