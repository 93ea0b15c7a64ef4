#ifndef CARE_WAITING_H
#define CARE_WAITING_H

#include <stdint.h>

/* Looks, every few seconds, at the queues of the waiting rooms of this worker:
 * people ahead may have been admitted, or have gone. */
void waiting_sweep(int64_t now_ms);

#endif
