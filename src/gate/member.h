#ifndef GATE_MEMBER_H
#define GATE_MEMBER_H

#include "base/shape.h"
#include "data/list.h"
#include "gate/op.h"

/*
 * Answers are made by the shape that describes them: each member says of which
 * column of the row it is made, or by which function.
 *
 *   SHOWN(visit_row, starts_at, SH_TIME),
 *   { "opens_at", SH_TIME, .flags = SH_REQUIRED, .made = opens_at },
 *   { "clinician", SH_OBJECT, .flags = SH_REQUIRED, .inner = clinician },
 *
 * An object is made of the same row by its `inner`; one that may be null is so
 * if its first member is. A function gives a new reference, or NULL for a member
 * that is left out of this answer. What says nothing of this is the operation's
 * own to add.
 */
#define COLUMN(row, name)                                                      \
	.column = { COLUMN_TYPE(((const struct row *)NULL)->name),             \
		offsetof(struct row, name) }
#define COLUMN_TYPE(value)                                                     \
	_Generic((value),                                                      \
	    struct uuid: COLUMN_UUID,                                          \
	    const char *: COLUMN_TEXT,                                         \
	    int64_t: COLUMN_INT,                                               \
	    bool: COLUMN_BOOL,                                                 \
	    struct uuid_list: COLUMN_UUIDS,                                    \
	    struct text_list: COLUMN_TEXTS,                                        \
	    struct int_list: COLUMN_INTS,                                          \
	    struct row_list: COLUMN_ROWS)

/* Rows of `size` bytes each: a list of what the member's `inner` makes of them. */
struct row_list {
	const void *v;
	size_t n, size;
};

/*
 * A table of members (tables/visit_members.def) says of each whether it is taken
 * from a client: NO, ONCE when the resource is made, ALWAYS also when it is
 * changed. IF_MADE_##taken(…) and IF_CHANGED_##taken(…) are what stands in them,
 * or nothing.
 */
#define IF_MADE_NO(...)
#define IF_MADE_ONCE(...)   __VA_ARGS__
#define IF_MADE_ALWAYS(...) __VA_ARGS__
#define IF_CHANGED_NO(...)
#define IF_CHANGED_ONCE(...)
#define IF_CHANGED_ALWAYS(...) __VA_ARGS__

/* One that every answer has, named as its column is; the same that may be null.
 * Bounds and choices come last. */
#define SHOWN(row, member, type, ...)                                          \
	{                                                                      \
		.name = #member, .kind = (type), ##__VA_ARGS__,                \
		.flags = SH_REQUIRED, COLUMN(row, member)                      \
	}
#define SHOWN_OR_NULL(row, member, type, ...)                                  \
	{                                                                      \
		.name = #member, .kind = (type), ##__VA_ARGS__,                \
		.flags = SH_REQUIRED | SH_NULLABLE, COLUMN(row, member)        \
	}

/* The end of a list that has no pages, beside its `items`. */
#define NO_NEXT_PAGE                                                           \
	{                                                                      \
		.name = "next_cursor", .kind = SH_TEXT,                        \
		.flags = SH_REQUIRED | SH_NULLABLE, .made = null_json          \
	}
json_t *null_json(const struct op *, const void *row);

/* A new reference; NULL if a member that is required could not be made. */
json_t *members_json(const struct op *, const struct shape *, const void *row);

/* The answer of the operation, by the shape of its route. */
NODISCARD enum err op_answer(struct op *, const void *row);

#endif
