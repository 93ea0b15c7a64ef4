#ifndef CARE_REVIEW_H
#define CARE_REVIEW_H

#include "gate/op.h"

/* How many reviews wait, for who may sign them (a hundred at most); -1 for
 * others. */
NODISCARD enum err review_waiting(struct op *, int64_t *n);

/* A mail to each who may sign one; nothing where no mail is sent. */
NODISCARD enum err review_tell(struct op *);

#endif
