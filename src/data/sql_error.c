#include "data/sql_error.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

enum meaning { CONSTRAINT_OF, LOST, MISMATCH, MEANS };

/* The longest prefix decides; the order is that of appendix A of PostgreSQL's
 * manual. What is not here is ERR_INTERNAL. */
static const struct {
	const char *prefix;
	enum meaning meaning;
	enum err err;
} meanings[] = {
	{ "08", LOST, ERR_UNAVAILABLE },
	{ "0A", MISMATCH, ERR_INTERNAL },
	{ "23", CONSTRAINT_OF, ERR_INTERNAL },
	{ "25006", MEANS, ERR_UNAVAILABLE }, /* a standby: writes elsewhere */
	{ "25P03", LOST, ERR_UNAVAILABLE },  /* idle in transaction too long */
	{ "3D", MISMATCH, ERR_INTERNAL },
	{ "3F", MISMATCH, ERR_INTERNAL },
	{ "40001", MEANS, ERR_BUSY },
	{ "40P01", MEANS, ERR_BUSY },
	{ "42", MISMATCH, ERR_INTERNAL },
	{ "42501", MEANS, ERR_INTERNAL }, /* privilege: shows when run, too */
	{ "53", MEANS, ERR_UNAVAILABLE }, /* disk, memory, connections */
	{ "55P03", MEANS, ERR_BUSY },	  /* lock not available in time */
	{ "57014", MEANS, ERR_UNAVAILABLE },
	{ "57P", LOST, ERR_UNAVAILABLE },
};

bool
sqlstate_retryable(const char *s)
{
	return strcmp(s, "40001") == 0 || strcmp(s, "40P01") == 0;
}

bool
sqlstate_timeout(const char *s)
{
	return strcmp(s, "57014") == 0;
}

static void
meaning_apply(
    enum meaning m, enum err err, const PGresult *res, struct sql_error *e)
{
	const char *name = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);

	e->err = err;
	e->lost = m == LOST;
	e->mismatch = m == MISMATCH;
	if (m == CONSTRAINT_OF && name != NULL)
		e->err = err_of_constraint(name);
}

/*= AU-03: no message, no DETAIL: they quote rows */
static void
error_log(const PGresult *res, const char *statement, const struct sql_error *e)
{
	const char *constraint = PQresultErrorField(
	    res, PG_DIAG_CONSTRAINT_NAME);

	if (e->err != ERR_INTERNAL && e->err != ERR_UNAVAILABLE)
		return; /* an answer, not a fault */
	log_error("db_error", LOG_CODE("sqlstate", e->sqlstate),
	    LOG_CODE("statement", statement == NULL ? "-" : statement),
	    LOG_CODE("constraint", constraint == NULL ? "-" : constraint));
}

void
sql_error_read(const PGresult *res, const char *statement, struct sql_error *e)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *severity = PQresultErrorField(
	    res, PG_DIAG_SEVERITY_NONLOCALIZED);
	size_t i, best = 0;

	*e = (struct sql_error){ .err = ERR_INTERNAL };
	if (state == NULL || severity == NULL) { /* libpq's own: it broke */
		e->err = ERR_UNAVAILABLE;
		e->lost = true;
		return;
	}
	snprintf(e->sqlstate, sizeof(e->sqlstate), "%s", state);
	for (i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		size_t n = strlen(meanings[i].prefix);

		if (n <= best || strncmp(state, meanings[i].prefix, n) != 0)
			continue;
		best = n;
		meaning_apply(meanings[i].meaning, meanings[i].err, res, e);
	}
	if (strcmp(severity, "ERROR") != 0) { /* FATAL, PANIC */
		e->err = ERR_UNAVAILABLE;
		e->lost = true;
	}
	error_log(res, statement, e);
}
