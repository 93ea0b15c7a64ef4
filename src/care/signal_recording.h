#ifndef CARE_SIGNAL_RECORDING_H
#define CARE_SIGNAL_RECORDING_H

#include "care/signal_room.h"

/*
 * The recording of a visit as its room sees it: asked for, on, or none. Everybody
 * who is admitted hears `recording {id, state, reason?}` and has agreed, or it ends
 * at once. What the database says of it comes by signal_recording (signal.h).
 * Private to signal*.c.
 */

/* Somebody is admitted, or came in admitted. */
void recording_join(struct place *);
/* A socket took its place again. */
void recording_back(const struct place *);
/* A place is about to go; then, when it has gone, who is left may be agreed. */
void recording_leave(const struct place *);
void recording_reckon(struct room *);
/* The visit is over. */
void recording_end(struct room *, const char *reason);
/* Once a second: a question that nobody answers ends. */
void recording_tick(struct room *, int64_t now_ms);
/* What an admitted participant answers. */
NODISCARD enum err recording_answer(
    struct link *, const struct uuid *recording, bool given);

#endif
