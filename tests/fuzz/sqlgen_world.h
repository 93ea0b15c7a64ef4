#ifndef SQLGEN_WORLD_H
#define SQLGEN_WORLD_H

#include "fuzz.h"

#include <ctype.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

static jmp_buf end;
static FILE *nowhere;
static void *held[65536]; /* what sqlgen leaves to the end of its process */
static size_t held_n;

void
fuzz_begin(void)
{
	nowhere = fopen("/dev/null", "w");
	must(nowhere != NULL);
}

static void *
hold(void *p, size_t n)
{
	size_t i = 0;

	while (i < held_n && (p == NULL || held[i] != p))
		i++;
	held_n += i == held_n;
	return held[i] = realloc(p, n);
}

#undef stderr
#define stderr	      nowhere
#define exit(status)  longjmp(end, 1)
#define free(p)	      ((void)(p))
#define realloc(p, n) hold(p, n)
#define main	      sqlgen_main
int sqlgen_main(int, char **);
#include "../../tools/sqlgen.c"
#include "../../tools/sqlgen_check.c"
#include "../../tools/sqlgen_report.c"
#include "../../tools/sqlgen_row.c"
#include "../../tools/sqlgen_write.c"
#undef free
#undef main

static void
sqlgen(const char *path)
{
	struct buf header = { NULL, 0, 0 }, source = { NULL, 0, 0 };
	struct buf reports = { NULL, 0, 0 }, routes = { NULL, 0, 0 };
	size_t i;

	fields_read("src/tables/fields.def");
	queries_read(path);
	for (i = 0; i < queries_n; i++) {
		report_finish(queries[i]);
		check_headers(queries[i]);
		rows_expand(queries[i]);
		check_text(queries[i]);
	}
	check_rows();
	write_header(&header);
	write_source(&source);
	write_reports(&reports, &routes);
}

static void
sqlgen_forget(void)
{
	for (; held_n > 0; held_n--)
		free(held[held_n - 1]);
	queries = NULL, queries_n = 0, rows = NULL, rows_n = 0;
	fields = NULL, fields_n = 0;
}

#endif
