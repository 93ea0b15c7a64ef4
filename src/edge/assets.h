#ifndef EDGE_ASSETS_H
#define EDGE_ASSETS_H

#include "base/err.h"
#include "gate/op.h"

/*
 * The portal's files, read into memory once, before the server confines
 * itself: no request ever opens a file. "/" is index.html, "/name" is
 * name.html, "/assets/…" is the file itself.
 *
 * assets_load answers with a sentence in *problem (PATH_MAX + 128 bytes).
 */
NODISCARD enum err assets_load(const char *folder, char *problem, size_t n);

/* Fills the reply; ERR_NOT_FOUND, ERR_METHOD_NOT_ALLOWED. */
NODISCARD enum err assets_reply(
    const struct request *, const char *if_none_match, struct reply *);

#endif
