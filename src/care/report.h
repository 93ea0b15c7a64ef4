#ifndef CARE_REPORT_H
#define CARE_REPORT_H

#include "base/shape.h"
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

#endif
