#ifndef CARE_REPORT_H
#define CARE_REPORT_H

#include "base/shape.h"
#include "care/csv.h"
#include "data/statement.h"
#include "gate/op.h"
#include "gate/route.h"

/*
 * Reports: each is a file of sql/reports, of whose header tools/sqlgen makes what
 * stands here, a route and an operation. All run alike.
 */
struct report_parameter {
	const char *name, *title;
	/* time, account, patient, instant, session, network, int, choice */
	const char *kind;
	size_t at;	   /* in its structure of parameters */
	int64_t otherwise; /* of a number; of a time, so many days ago */
	const char *choice;
	bool one; /* of those that say so exactly one is given */
};

struct report_column {
	const char *title;
	const char *kind; /* its type in the header */
	bool sealed;	  /* the name of an account, opened for the reader */
	size_t name_of;	  /* where in the row that account's id stands */
};

struct report {
	const char *name, *title, *question, *rule;
	enum route_id route;
	const struct statement *statement;
	const struct report_parameter
	    *parameters;		     /* up to one without a name */
	const struct report_column *columns; /* as the route's `out` has them */
	const struct shape *cursor;
	const size_t *after; /* in the parameters, for each of the cursor */
	size_t in_size, row_size, limit_at;
	int64_t period_days; /* from `from` to `to`, at most; 0: it has none */
};

extern const struct report reports[]; /* up to one without a name */

/* A page of it, or all of it as a table where that is asked for. */
NODISCARD enum err report_run(struct op *, const struct report *);

/* What every way to run one does (care/report_rows.c). `in` is its structure of
 * parameters, zeroed. */

const struct report *report_find(const char *name); /* NULL: there is none */
/* What it takes and what it shows. */
const struct shape *report_takes(const struct report *);
const struct shape *report_shows(const struct report *);
/* May somebody of this role run it? */
bool report_is_open(const struct report *, enum role);

/* Of op->in, checked by report_takes; what is not given has its default.
 * ERR_INVALID_FIELD for a period that is none, or too long. */
NODISCARD enum err report_parameters(
    struct op *, const struct report *, void *in);
/* All of them, spelled out; and noted, so that the event of the operation names
 * them. */
NODISCARD enum err report_note(struct op *, const struct report *,
    const void *in, struct uuid *asked, const char **text);
/* The same ones again, of what was spelled out. */
NODISCARD enum err report_parameters_again(
    struct op *, const struct report *, const char *text, void *in);

/* The next lines are those behind the place that op->cursor names, or that line;
 * from the beginning, where there is no cursor. */
void report_begin(const struct op *, const struct report *, void *in);
void report_after(const struct report *, const char *row, void *in);
/* The place of a line, for a cursor to come. */
json_t *report_place(const struct op *, const struct report *, const char *row);
NODISCARD enum err report_rows(
    struct op *, const struct report *, const void *in, char **rows, size_t *n);
/* Are there more lines than so many? */
NODISCARD enum err report_exceeds(
    struct op *, const struct report *, void *in, int64_t lines, bool *more);

/* The text of a cell, "" for none; a line of a table, and that of its names. */
const char *report_cell(
    struct arena *, const struct shape *column, const char *row);
void report_head(struct csv *, const struct report *);
void report_line(struct csv *, const struct report *, const char *row);

/* An id that says a digest (RFC 9562, 5.8): the log names records by ids. */
struct uuid report_digest_id(const uint8_t hash[32]);

#endif
