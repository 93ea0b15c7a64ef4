#ifndef EDGE_WAITING_H
#define EDGE_WAITING_H

#include <stdint.h>

/*
 * Whoever waits in a room of this worker is told where they stand in their
 * clinician's line, which is known to the database alone: other visits' rooms
 * are on other workers. One question for all rooms every few seconds, and none
 * while nobody waits.
 */

/* Once a second; monotonic ms. */
void waiting_sweep(int64_t now_ms);

#endif
