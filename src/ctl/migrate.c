#include "base/arena.h"
#include "base/err.h"
#include "ctl/commands.h"
#include "ctl/migration_file.h"
#include "data/conninfo.h"
#include "data/statement.h"

#include <getopt.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Forward only, one transaction per file, one migration at a time. A file that
 * was changed after it was applied, or that the database knows and the folder
 * does not, stops everything before anything is touched.
 */
struct migrate {
	struct arena *arena;
	PGconn *pg;
	struct migration *files;
	size_t files_n;
	size_t applied_n;
};

struct options {
	const char *database;
	const char *dir;
	bool status;
	bool dry_run;
};

/* Errors: the primary message without DETAIL, which quotes rows. */
static enum err
pg_refused(const PGresult *res, const char *what, const char *text)
{
	const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
	const char *at = PQresultErrorField(res, PG_DIAG_STATEMENT_POSITION);
	long i, line = 1, position = at == NULL ? 0 : strtol(at, NULL, 10);

	for (i = 0; text != NULL && i < position - 1 && text[i] != '\0'; i++)
		line += text[i] == '\n';
	fprintf(stderr, "epionectl: %s", what);
	if (position > 0)
		fprintf(stderr, ": line %ld", line);
	fprintf(stderr, ": %s (%s)\n",
	    message == NULL ? "the connection was lost" : message,
	    state == NULL ? "-" : state);
	return ERR_UNAVAILABLE;
}

static const struct statement *
statement_find(const char *name)
{
	size_t i;

	for (i = 0; i < sql_statements_n; i++)
		if (strcmp(sql_statements[i].name, name) == 0)
			return &sql_statements[i];
	abort(); /* sql/queries/migration.sql was changed, this file was not */
}

/* Runs a query of sql/queries/migration.sql; *res may be NULL if its rows do
 * not matter. */
static enum err
pg_run(struct migrate *m, const char *name, int n, const char *const *values,
    PGresult **res)
{
	const struct statement *st = statement_find(name);
	PGresult *got;
	ExecStatusType status;
	enum err r = ERR_OK;

	got = PQexecParams(m->pg, st->text, n, NULL, values, NULL, NULL, 0);
	status = PQresultStatus(got);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		r = pg_refused(got, name, NULL);
	if (res != NULL && r == ERR_OK)
		*res = got;
	else
		PQclear(got);
	return r;
}

static void
notice_ignore(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

static enum err
pg_open(struct migrate *m, const char *conninfo)
{
	const char *reason;
	const char *const keys[] = { "dbname", "application_name",
		"connect_timeout", NULL };
	const char *const values[] = { conninfo, "epionectl migrate", "10",
		NULL };

	if (conninfo_check(conninfo, &reason) != ERR_OK) {
		fprintf(stderr, "epionectl: %s\n", reason);
		return ERR_INVALID_FIELD;
	}
	m->pg = PQconnectdbParams(keys, values, 1);
	if (PQstatus(m->pg) == CONNECTION_OK) {
		PQsetErrorVerbosity(m->pg, PQERRORS_TERSE);
		PQsetNoticeProcessor(m->pg, notice_ignore, NULL);
		return ERR_OK;
	}
	fprintf(stderr, "epionectl: %s", PQerrorMessage(m->pg));
	return ERR_UNAVAILABLE;
}

/* Is what was applied the beginning of what the folder holds? */
static enum err
applied_check(const struct migrate *m, const PGresult *res)
{
	const struct migration *f;
	int i;

	for (i = 0; i < PQntuples(res); i++) {
		const char *name = PQgetvalue(res, i, 1);

		if ((size_t)i >= m->files_n ||
		    strtol(PQgetvalue(res, i, 0), NULL, 10) != i + 1) {
			fprintf(stderr,
			    "epionectl: %s was applied to this database, and "
			    "is "
			    "not in the folder: is this an older release?\n",
			    name);
			return ERR_STALE;
		}
		f = &m->files[i];
		if (strcmp(f->name, name) != 0 ||
		    strcmp(f->sha256, PQgetvalue(res, i, 2)) != 0) {
			fprintf(stderr,
			    "epionectl: %s is not the %s that was applied: "
			    "write a new migration instead of changing one\n",
			    f->name, name);
			return ERR_STALE;
		}
	}
	return ERR_OK;
}

static enum err
applied_read(struct migrate *m)
{
	PGresult *res;
	bool found;
	enum err r;

	m->applied_n = 0;
	if ((r = pg_run(m, "migration_table_get", 0, NULL, &res)) != ERR_OK)
		return r;
	found = strcmp(PQgetvalue(res, 0, 0), "t") == 0;
	PQclear(res);
	if (!found)
		return ERR_OK;
	if ((r = pg_run(m, "migration_list", 0, NULL, &res)) != ERR_OK)
		return r;
	r = applied_check(m, res);
	m->applied_n = (size_t)PQntuples(res);
	PQclear(res);
	return r;
}

static enum err
text_run(struct migrate *m, const struct migration *f)
{
	PGresult *res = PQexec(m->pg, f->text);
	enum err r = ERR_OK;

	if (PQresultStatus(res) != PGRES_COMMAND_OK &&
	    PQresultStatus(res) != PGRES_TUPLES_OK)
		r = pg_refused(res, f->name, f->text);
	else if (PQtransactionStatus(m->pg) != PQTRANS_INTRANS) {
		fprintf(
		    stderr, "epionectl: %s ended its transaction\n", f->name);
		r = ERR_INTERNAL;
	}
	PQclear(res);
	return r;
}

static enum err
apply(struct migrate *m, const struct migration *f)
{
	const char *const row[] = { arena_format(m->arena, "%d", f->version),
		f->name, f->sha256 };
	enum err r;

	printf("%s ... ", f->name);
	fflush(stdout);
	if ((r = pg_run(m, "migration_begin", 0, NULL, NULL)) != ERR_OK ||
	    (r = pg_run(m, "migration_patience", 0, NULL, NULL)) != ERR_OK ||
	    (r = text_run(m, f)) != ERR_OK ||
	    (r = pg_run(m, "migration_insert", 3, row, NULL)) != ERR_OK ||
	    (r = pg_run(m, "migration_commit", 0, NULL, NULL)) != ERR_OK) {
		printf("not applied\n"); /* the end of the session rolls back */
		return r;
	}
	printf("applied\n");
	return ERR_OK;
}

static enum err
apply_all(struct migrate *m)
{
	size_t i;
	enum err r;

	if ((r = pg_run(m, "migration_lock", 0, NULL, NULL)) != ERR_OK ||
	    (r = pg_run(m, "migration_table", 0, NULL, NULL)) != ERR_OK ||
	    (r = applied_read(m)) != ERR_OK)
		return r;
	for (i = m->applied_n; i < m->files_n; i++)
		if ((r = apply(m, &m->files[i])) != ERR_OK)
			return r;
	printf("up to date: %s\n", m->files[m->files_n - 1].name);
	return ERR_OK;
}

static enum err
list_all(struct migrate *m, bool pending_only)
{
	size_t i;
	enum err r;

	if ((r = applied_read(m)) != ERR_OK)
		return r;
	for (i = pending_only ? m->applied_n : 0; i < m->files_n; i++)
		printf("%-8s %s\n", i < m->applied_n ? "applied" : "pending",
		    m->files[i].name);
	return ERR_OK;
}

static bool
options_read(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{ "database", required_argument, NULL, 'b' },
		{ "dir", required_argument, NULL, 'd' },
		{ "status", no_argument, NULL, 's' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	optind = 0; /* argv[0] is an argument already: see below */
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'b')
			o->database = optarg;
		else if (c == 'd')
			o->dir = optarg;
		else if (c == 's')
			o->status = true;
		else if (c == 'n')
			o->dry_run = true;
		else
			return false;
	}
	return optind == argc && o->database != NULL &&
	    !(o->status && o->dry_run);
}

int
migrate_main(int argc, char **argv)
{
	struct options o = { .dir = "sql/migrations" };
	struct migrate m = { .arena = arena_new() };
	enum err r;

	/* getopt looks for options after a name, which is one word back */
	if (!options_read(argc + 1, argv - 1, &o)) {
		arena_free(m.arena);
		return command_usage(migrate_main);
	}
	if ((r = migrations_read(m.arena, o.dir, &m.files, &m.files_n)) ==
		ERR_OK &&
	    (r = pg_open(&m, o.database)) == ERR_OK) {
		if (o.status || o.dry_run)
			r = list_all(&m, o.dry_run);
		else
			r = apply_all(&m);
	}
	PQfinish(m.pg);
	arena_free(m.arena);
	return r == ERR_OK ? 0 : 1;
}
