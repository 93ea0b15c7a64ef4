#ifndef GATE_STRANGER_H
#define GATE_STRANGER_H

#include "gate/op.h"

/*
 * Refusals of strangers: a foreign origin, no session, an unknown address or
 * name. Anyone can cause them without end, so they are counted: the first of
 * each client, reason and minute is written at once, like any event, and when
 * the minute has ended one row says how many more there were. A process that is
 * killed loses its count of that minute.
 *
 * Memory is bounded: clients that find no place share a count without address.
 */

/* Is this the first, which has to be written? If not, it has been counted. */
bool stranger_first(const struct op *, enum err reason);

/* At the end of the process: counts are written now. True while any is left. */
bool strangers_end(void);

#endif
