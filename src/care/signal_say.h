#ifndef CARE_SIGNAL_SAY_H
#define CARE_SIGNAL_SAY_H

#include "care/signal_room.h"

/*
 * The server's messages: what they look like and who hears them. Those said
 * to a place are numbered for it and kept, so that it can miss none; those
 * said to a link alone (welcome, pong, error) are neither. Private to
 * signal*.c. A json_t argument named `message` is taken over.
 */

void say_install(const struct signal_ops *);
const struct signal_ops *say_ops(void);

/* {id, role, display_name, admitted}: new reference. */
json_t *say_participant(const struct place *);

void say_to_link(const struct link *, json_t *message);
/* Stamps `seq`, keeps it, and sends it if the place has a socket now. */
void say_to_place(struct place *, json_t *message);
/* Tells all admitted places but this one (NULL: all). */
void say_to_others(struct room *, const struct place *except, json_t *message);

void say_welcome(const struct link *, bool resumed);
/* Sends again what was kept after number `seq`. */
void say_again(const struct place *, uint64_t seq);
/* What somebody newly admitted must know: who else is here, and what each
 * said about its microphone and camera. */
void say_company(struct place *);
/* Only what each said last: welcome named them already. */
void say_media(struct place *);
/* A participant joined, left (with a reason) or was admitted. */
void say_joined(struct place *);
void say_left(struct place *, const char *reason);
void say_admitted(struct place *);
/* Tells a waiting place where it stands in the queue, unless it knows. */
void say_queue(struct place *, int64_t now);
void say_ended(const struct link *, const char *reason);
/* `ref` is the type of the message refused; field may be NULL. */
void say_error(
    const struct link *, const char *ref, enum err, const char *field);

#endif
