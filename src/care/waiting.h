#ifndef CARE_WAITING_H
#define CARE_WAITING_H

#include <stdint.h>

/* Looks again, every few seconds, at the lines that patients stand in in the
 * waiting rooms of this worker: who was before them may have been admitted, or
 * have gone. */
void waiting_sweep(int64_t now_ms);

#endif
