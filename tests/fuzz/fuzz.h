#ifndef FUZZ_H
#define FUZZ_H

/* What the fuzzers share. Run them by tools/fuzz.sh. */
#include "base/arena.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *, char ***);
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A promise of the code under test: broken, it is a finding. */
static inline void
must(bool kept)
{
	if (!kept)
		abort();
}

/* A file of these bytes: its descriptor and, in `path`, its name. */
static inline int
fuzz_file(const void *p, size_t n, char path[32])
{
	int fd = memfd_create("fuzz", 0);

	must(fd != -1 && write(fd, p, n) == (ssize_t)n);
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

/* Takes a line off the input; NULL if nothing is left of it. */
static inline const char *
fuzz_line(struct arena *a, const uint8_t **p, size_t *n)
{
	const uint8_t *end = *n == 0 ? NULL : memchr(*p, '\n', *n);
	size_t line = end == NULL ? *n : (size_t)(end - *p);
	const char *text = *n == 0 ? NULL
				   : arena_text_n(a, (const char *)*p, line);

	line += end != NULL;
	*p += line;
	*n -= line;
	return text;
}

#endif
