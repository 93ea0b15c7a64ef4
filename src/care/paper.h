#ifndef CARE_PAPER_H
#define CARE_PAPER_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

/*
 * A page to print or keep: a heading, what it is, and lines of a name and a value.
 * All of it is UTF-8, of any script and direction of writing.
 */
struct paper_line {
	const char *name, *value;
};

struct paper {
	const char *heading, *title;
	const struct paper_line *lines;
	size_t n;
	const char *foot;
};

/*
 * Draws it as PDF, whose text can be searched and read aloud, into the arena.
 * ERR_BUSY past the deadline (monotonic ms); ERR_INTERNAL when it cannot be drawn.
 */
NODISCARD enum err paper_draw(
    struct arena *, const struct paper *, int64_t deadline_ms, struct bytes *);
typedef enum err paper_drawer(
    struct arena *, const struct paper *, int64_t deadline_ms, struct bytes *);

/* Of this process; without one nothing is drawn. */
void paper_set(paper_drawer *);

#endif
