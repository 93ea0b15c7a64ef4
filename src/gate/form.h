#ifndef GATE_FORM_H
#define GATE_FORM_H

#include "gate/passage.h"

/* Reads the input into op->in, once; says nothing of its members. What is wrong
 * with it is said by each call. */
NODISCARD enum err form_read(struct passage *);

/* The same before the right is known, and whatever is wrong is kept for later. */
void form_read_early(struct passage *);

/* Is everything well formed that the database need not be asked about? */
NODISCARD enum err form_check(struct passage *);

#endif
