#ifndef JOBS_SEAL_H
#define JOBS_SEAL_H

#include "base/err.h"

#include <stdint.h>

/*
 * Seals the audit log while the process runs (care/audit_seal.h): a turn each
 * second, at once when there is more. No job of the queue: a turn would leave an
 * event itself, which would have to be sealed. On a fiber of its own.
 */
NODISCARD enum err seal_start(void);
/* Lets the turn that runs come to its end. On a fiber. */
void seal_stop(void);

uint64_t seal_total(void); /* events */

#endif
