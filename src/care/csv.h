/* Tables for a spreadsheet (RFC 4180), made part by part. */
#ifndef CARE_CSV_H
#define CARE_CSV_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/uuid.h"
#include "data/list.h"

#include <stddef.h>
#include <stdint.h>

struct csv {
	struct arena *arena;
	char *p;
	size_t n, room;
};

struct csv csv_new(struct arena *);
struct bytes csv_bytes(const struct csv *);
void csv_put(struct csv *, const char *); /* as it is: the line of names */

/* A cell each; a line ends with csv_end. What a spreadsheet would take for a
 * formula stands behind an apostrophe. NULL, a nil id and INSTANT_NONE are empty. */
void csv_text(struct csv *, const char *);
void csv_id(struct csv *, const struct uuid *);
void csv_ids(struct csv *, const struct uuid_list *);
void csv_number(struct csv *, int64_t);
void csv_time(struct csv *, int64_t);
void csv_end(struct csv *);

#endif
