#ifndef CTL_AUDIT_ROWS_H
#define CTL_AUDIT_ROWS_H

#include "base/err.h"
#include "ctl/audit_row.h"

#include <stddef.h>
#include <stdint.h>

/*
 * All rows of a log in the order in which they are sealed, clinic by clinic: read by
 * as many processes as there are cores, each of which puts what it reads in order and
 * into a file that nobody else sees, and then merged. Takes some MiB for each of the
 * processes, however long the log is, and 100 bytes a row of the folder TMPDIR.
 */

/* A part of it: a command for the database, or a piece of a file in memory. */
struct audit_part {
	const char *command; /* NULL: a piece of a file */
	const char *from, *to;
	const struct audit_columns *columns;
	int64_t bytes; /* about */
};
struct audit_reading {
	const char *database, *password;
	const struct audit_words *words;
	const struct audit_part *parts;
	size_t parts_n;
};

struct audit_rows;
/* Says what fails, and shows a bar to who sits there. */
NODISCARD enum err audit_rows_read(
    const struct audit_reading *, struct audit_rows **);
/* The row after the next `skip` (below AUDIT_ROWS_AHEAD); NULL if there is none. */
#define AUDIT_ROWS_AHEAD 2000
const struct audit_record *audit_rows_peek(struct audit_rows *, size_t skip);
void audit_rows_pass(struct audit_rows *);
/* Is there none because the files cannot be read back? */
bool audit_rows_failed(const struct audit_rows *);
void audit_rows_free(struct audit_rows *);

#endif
