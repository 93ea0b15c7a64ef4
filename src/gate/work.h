#ifndef GATE_WORK_H
#define GATE_WORK_H

#include "gate/passage.h"

/* The operation itself, or the answer that its Idempotency-Key had before.
 * ERR_ALREADY_DONE with p->repeated: the key is known; undo, and once more. */
NODISCARD enum err work_run(struct passage *);

#endif
