#ifndef CARE_RECORDING_TOLD_H
#define CARE_RECORDING_TOLD_H

#include "care/signal.h"

/* Recordings between the rooms and the database. A participant acts on one by
 * the same operation as over HTTP, with its right and its audit row; its state
 * is looked up whenever somebody may have changed it. */
void recording_act(const struct signal_link *, const struct participant *,
    const struct uuid *recording, enum signal_recording_act);
void recording_look(const struct uuid *clinic, const struct uuid *visit);
/* Once a second: what could not be looked at is tried again. */
void recording_told_sweep(void);

#endif
