#ifndef JOBS_STORE_H
#define JOBS_STORE_H

#include "base/err.h"

#include <stddef.h>

/*
 * The store of recordings, from here: care/store.h's addresses are asked over
 * HTTPS, and the key of each day is made of the credentials, which nobody else
 * reads.
 */

/* ERR_INVALID_FIELD, and then `problem` says which setting is wrong. Without a
 * store nothing is done. */
NODISCARD enum err store_start(char *problem, size_t n);
/* On a fiber: keeps keys for today and tomorrow, and makes them anew when the
 * file of the credentials changes. */
NODISCARD enum err store_sign(void);
/* Waits until that has ended; after queue_stopping() is true. */
void store_sign_end(void);

#endif
