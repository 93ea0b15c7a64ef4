#ifndef CTL_COPY_TEXT_H
#define CTL_COPY_TEXT_H

#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rows as PostgreSQL's COPY writes them in its text format, which is also what a
 * plain pg_dump holds. */
struct copy_field {
	const char *p; /* NULL: no value (\N) */
	size_t n;
};

/* Takes a line, without its end, apart; how many fields, at most max. */
size_t copy_fields(
    const char *line, size_t n, struct copy_field *fields, size_t max);
/* What the field says, escapes undone, in `out` (as many bytes, and a NUL): its
 * length. */
size_t copy_plain(struct copy_field, char *out);

/* Is it these letters? */
bool copy_is(struct copy_field, const char *text);
bool copy_int(struct copy_field, int64_t *);
bool copy_uuid(struct copy_field, struct uuid *);
/* A bytea of at most max bytes, as hexadecimal digits: its length; -1 if it is none. */
int64_t copy_bytes(struct copy_field, uint8_t *out, size_t max);
/* A timestamptz in ISO style, in microseconds since 1970. */
bool copy_time(struct copy_field, int64_t *us);

#endif
