#ifndef CARE_VISIT_TOLD_H
#define CARE_VISIT_TOLD_H

#include "base/err.h"

#include <stdint.h>

/*
 * The rooms of this process hear what any process of any host commits about
 * their visits (gate/tell.h). What was told while the connection that listens
 * was away is lost: so whenever it is back, each visit that somebody is in the
 * room of is looked at anew.
 */

/* Once per worker, after db_start; the string is kept by reference. */
NODISCARD enum err visit_told_start(const char *conninfo);

/* Once a second: looks anew where something may have been missed. */
void visit_told_sweep(int64_t now_ms);

#endif
