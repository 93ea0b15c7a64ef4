#ifndef FUZZ_H
#define FUZZ_H

/* What the fuzzers share (fuzz.c). tools/fuzz.sh builds and runs them. */
#include "base/arena.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a harness defines: one input, never empty, and an arena that ends with
 * it. fuzz_begin() comes once, before; it may be left out. */
void fuzz(struct arena *, const uint8_t *, size_t);
void fuzz_begin(void);

/* A promise of the code under test: broken, it is a finding. */
#define must(kept)                                                             \
	((kept) ? (void)0 : promise_broken(#kept, __FILE__, __LINE__))
_Noreturn void promise_broken(const char *, const char *file, int line);

/* A file of these bytes: its descriptor and, in `path`, its name. */
int fuzz_file(const void *, size_t, char path[32]);
/* Takes a line off the input; NULL if nothing is left of it. */
const char *fuzz_line(struct arena *, const uint8_t **, size_t *);

#endif
