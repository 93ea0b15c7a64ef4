#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Memory that holds keys: OpenSSL's secure heap, locked, left out of core
 * dumps, wiped when freed.
 *
 * secret_init reserves `bytes` of it (a power of two) once per process; before
 * fork is fine: a child locks its copy in fork itself, or ends there. It also
 * makes the process undumpable (PR_SET_DUMPABLE 0, RLIMIT_CORE 0).
 * ERR_INTERNAL if the memory cannot be locked (see ulimit -l) or `bytes` is no
 * power of two; nothing is reserved then. When called again it only forbids
 * dumps anew, which a process that changed its user has to ask for.
 */
NODISCARD enum err secret_init(size_t bytes);

/* Zeroed; NULL when the heap is full, or was not made. */
void *secret_alloc(size_t n);
void secret_free(void *, size_t n); /* wipes; accepts NULL */
void secret_wipe(void *, size_t n); /* never optimised away */

/* Constant time in n, for equal lengths (CRYPTO_memcmp). */
bool secret_equal(const void *, const void *, size_t n);

/* n bytes of the system's CSPRNG. Ends the process if there are none. */
void secret_random(void *, size_t n);

#endif
