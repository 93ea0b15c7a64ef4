#ifndef CARE_PAPER_H
#define CARE_PAPER_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#include <stdbool.h>
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

/*
 * A table of as many pages as it takes: its heading, what it is and lines of a name
 * and a value once; the names of its columns, the foot and "Page 3 of 12" on each
 * page.
 */
struct paper_column {
	const char *title;
	double weight; /* its part of the width, beside the others' */
};

struct paper_table {
	struct paper top; /* its foot is that of each page */
	const char *lead;
	const struct paper_column *columns;
	size_t columns_n, rows_n;
	const char *const *cells; /* row by row */
	const char *none;	  /* stands there if there is no row */
};
NODISCARD enum err paper_table_draw(struct arena *, const struct paper_table *,
    int64_t deadline_ms, struct bytes *);
typedef enum err paper_table_drawer(struct arena *, const struct paper_table *,
    int64_t deadline_ms, struct bytes *);

/* Those of this process; without them nothing is drawn. */
void paper_set(paper_drawer *, paper_table_drawer *);
bool paper_is_drawn(void);

#endif
