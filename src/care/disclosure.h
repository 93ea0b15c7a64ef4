#ifndef CARE_DISCLOSURE_H
#define CARE_DISCLOSURE_H

#include "gate/op.h"

/* Writes down that a copy of the record of the path leaves the house with somebody
 * other than its patient. */
NODISCARD enum err disclosure_note_copy(struct op *);

#endif
