#ifndef GATE_CURSOR_H
#define GATE_CURSOR_H

#include "gate/op.h"

/*
 * Cursors of lists: a small JSON value, sealed with AES-256-GCM so that a
 * client can neither read nor forge it, bound to the operation and the actor.
 * cursor_open answers ERR_BAD_CURSOR for anything else.
 */
NODISCARD enum err cursor_seal(struct op *, const json_t *, json_t **text);
NODISCARD enum err cursor_open(struct op *, const char *text, json_t **);

/* Seals and opens a kept answer the same way, under another purpose. */
NODISCARD enum err answer_seal(
    struct op *, const char *key, struct bytes in, struct bytes *out);
NODISCARD enum err answer_open(
    struct op *, const char *key, struct bytes in, struct bytes *out);

#endif
