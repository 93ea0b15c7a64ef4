#ifndef BASE_SHAPE_H
#define BASE_SHAPE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What an operation takes, as a table: the gate checks it, the OpenAPI
 * description is generated from it.
 *
 *   static const struct shape visit_book_in[] = {
 *       { "patient_id", SH_UUID, .flags = SH_REQUIRED },
 *       { "reason", SH_TEXT, 1, 500, .flags = SH_REQUIRED | SH_PHI },
 *       { 0 },
 *   };
 */
enum shape_kind {
	SH_END,
	SH_TEXT,  /* min..max code points, cleaned (text_clean) */
	SH_LINES, /* the same, line feeds allowed */
	SH_RAW,	  /* text taken as it is (passwords); min..max code points */
	SH_EMAIL, /* one @, no spaces; min..max code points */
	SH_PHONE, /* a telephone number as people write it; min..max code points */
	SH_UUID,
	SH_TIME,      /* RFC 3339; becomes a JSON integer (s) after the check */
	SH_DATE,      /* YYYY-MM-DD */
	SH_DATE_PART, /* YYYY-MM-DD, YYYY-MM or YYYY: as much as is known */
	SH_INT,	      /* min..max */
	SH_BOOL,
	SH_CHOICE, /* one of `choices`, separated by '|' */
	SH_OBJECT, /* its members are `inner` */
	SH_LIST, /* of objects by `inner`, or of text when there is none; min..max items */
	SH_INTS, /* a list of whole numbers; min..max items */
};

#define SH_REQUIRED 1
#define SH_PHI	    2 /* never echoed in an error */
#define SH_NULLABLE 4 /* null clears it (merge patch) */
/* a number or code of somebody's own: told apart from a card's (base/card.h) */
#define SH_IDENTIFIER 8

/* Where a value stands in a row, and as what; COLUMN_NONE is none. */
enum column_type {
	COLUMN_NONE,
	COLUMN_UUID,
	COLUMN_TEXT,
	COLUMN_INT,
	COLUMN_BOOL,
	COLUMN_UUIDS,
	COLUMN_TEXTS,
	COLUMN_INTS,
	COLUMN_ROWS
};
struct column {
	enum column_type type;
	size_t at;
};

struct op;

/* The last two are for answers: what the member is made of (gate/member.h). */
struct shape {
	const char *name;
	enum shape_kind kind;
	int64_t min, max;
	unsigned flags;
	const char *choices;
	const struct shape *inner;
	struct column column;
	json_t *(*made)(const struct op *, const void *row);
};

#define SHAPE_DEPTH_MAX 8

/* Has it no members, or none more? NULL is a shape without any. */
static inline bool
shape_empty(const struct shape *s)
{
	return s == NULL || s->kind == SH_END;
}

/* The member of this name; NULL if there is none. */
const struct shape *shape_find(const struct shape *, const char *name);

/* Parses strictly: UTF-8, no duplicate keys, no NaN, depth at most
 * SHAPE_DEPTH_MAX, an object at the top, nothing after it. ERR_BAD_JSON,
 * ERR_DUPLICATE_FIELD, ERR_BAD_ENCODING, ERR_TOO_DEEP. (IN-06) */
NODISCARD enum err shape_parse(struct bytes, json_t **);

/* The same, and names the field where it went wrong as shape_check does; NULL
 * if the fault lies outside of any field. */
NODISCARD enum err shape_parse_named(
    struct arena *, struct bytes, json_t **, const char **culprit);

/* The field, as a path, in which the byte at `end` of a JSON text lies; NULL if
 * in none. What stands before it must be well formed (shape_blame.c). */
const char *shape_blame(struct arena *, struct bytes, size_t end);

/* Parses a query string by the shape: %-decoding, UTF-8, no parameter twice,
 * numbers and booleans by kind. */
NODISCARD enum err shape_query(struct arena *, const char *query,
    const struct shape *, json_t **, const char **culprit);

/* Checks and normalises in place (cleaned text, times as integers). `partial`
 * lets required fields be absent (merge patch). *culprit is the field to
 * blame, as a path ("address.city"): the shape's own text or the arena's. */
NODISCARD enum err shape_check(struct arena *, const struct shape *, json_t *,
    bool partial, const char **culprit);

/* JSON Schema of a shape, for the OpenAPI description. */
json_t *shape_schema(const struct shape *);

/* Overwrites every string of a value before its last reference goes. */
void json_wipe(json_t *);

#endif
