/*
 * sqlgen -o DIR fields.def query.sql...
 *
 * Turns the header comments of query files into typed C calls: DIR/sql.h
 * and DIR/sql.c; and those of reports into DIR/reports.c and DIR/reports.def. A
 * query:
 *
 *   -- sql: patient_get one
 *   -- in:  id uuid
 *   -- out: id uuid, key record_key,
 *   --      family_name sealed(patient_family_name), version int
 *   SELECT ...
 *
 * ends at the next "-- sql:", "-- row:" or "-- text:" or with the file. Kinds:
 * one, many, exec (waits, answers the number of rows) and later (travels with
 * the next that waits).
 * A list goes on with the next comment line while the line ends in a comma.
 * Types: docs in data/statement.h. A record_key is no parameter in "in", and
 * three columns in "out": subject uuid, version bigint, wrapped bytea. Where it is
 * "record_key?", what does not open is left out, and the row is there. A sealed
 * column is bound to the item "id" of its list and sealed under its "key";
 * sealed(field, row) and sealed(field, row, key) name others; sealed_bytes( ) is
 * the same of what is no text.
 *
 * Columns that several queries of a file share are listed once, as a row:
 *
 *   -- row: visit
 *   -- out: id uuid, starts_at time, version int
 *   v.id, v.starts_at, v.version
 *
 * Queries after it whose list is "row visit" have struct visit_row in common;
 * among other items it stands for its own. {visit} in a text is the text of the
 * row; {visit: v.%} is the piece after the colon for each of its items, commas
 * between, with the item's name for % and its parameter for $%. In a list,
 * fields(patient) stands for all that fields.def has of the table patient.
 *
 * What else several queries of a file say, such as joins, is said once, as a
 * "-- text: joined" without lists; {joined} in their texts is that.
 *
 * A file that begins with "-- report:" is a report: sqlgen_report.c.
 *
 * Stops at the first mistake with "file:line: what" and writes nothing.
 */
#include "sqlgen.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct type types[] = {
	{ "uuid", "struct uuid ", "SQL_UUID" },
	{ "text", "const char *", "SQL_TEXT" },
	{ "bytes", "struct bytes ", "SQL_BYTES" },
	{ "int", "int64_t ", "SQL_INT" },
	{ "int?", "int64_t ", "SQL_INT_OR_NULL" },
	{ "bool", "bool ", "SQL_BOOL" },
	{ "time", "int64_t ", "SQL_TIME" },
	{ "date", "const char *", "SQL_DATE" },
	{ "json", "const char *", "SQL_JSON" },
	{ "inet", "const char *", "SQL_INET" },
	{ "uuid[]", "struct uuid_list ", "SQL_UUIDS" },
	{ "bytes[]", "struct bytes_list ", "SQL_BYTES_LIST" },
	{ "int[]", "struct int_list ", "SQL_INTS" },
	{ "text[]", "struct text_list ", "SQL_TEXTS" },
	{ "sealed", "const char *", "SQL_SEALED" },
	{ "sealed_bytes", "struct bytes ", "SQL_SEALED_BYTES" },
	{ "record_key", "const struct record_key *", "SQL_KEY" },
	{ "record_key?", "const struct record_key *", "SQL_KEY" },
	/* columns of reports: whose id or which word of ours it is, and the name
	 * of an account, which is opened afterwards */
	{ "patient", "struct uuid ", "SQL_UUID" },
	{ "account", "struct uuid ", "SQL_UUID" },
	{ "event", "const char *", "SQL_TEXT" },
	{ "outcome", "const char *", "SQL_TEXT" },
	{ "role", "const char *", "SQL_TEXT" },
	{ "name", "const char *", "" },
};

const char *const kinds[KINDS] = { "one", "many", "exec", "later" };

struct query **queries;
size_t queries_n;
struct query **rows;
size_t rows_n;
struct field_row *fields;
size_t fields_n;

const char *at_file;
int at_line;

void
die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: ", at_file, at_line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

void *
grow(void *p, size_t n, size_t size)
{
	if ((p = realloc(p, (n == 0 ? 1 : n) * size)) == NULL) {
		fprintf(stderr, "sqlgen: out of memory\n");
		exit(1);
	}
	return p;
}

/* Text */

void
buf_add(struct buf *b, const char *s, size_t n)
{
	if (b->n + n + 1 > b->size) {
		b->size = (b->n + n + 1) * 2;
		b->p = grow(b->p, b->size, 1);
	}
	memcpy(b->p + b->n, s, n);
	b->n += n;
	b->p[b->n] = '\0';
}

void
say(struct buf *b, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line))
		die("line of the result too long");
	buf_add(b, line, (size_t)n);
}

static struct buf
slurp(const char *path)
{
	char chunk[4096];
	struct buf b = { NULL, 0, 0 };
	FILE *f;
	size_t n;

	at_file = path;
	at_line = 0;
	if ((f = fopen(path, "r")) == NULL)
		die("cannot open: %s", strerror(errno));
	buf_add(&b, "", 0);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, chunk, n);
	if (ferror(f))
		die("cannot read: %s", strerror(errno));
	fclose(f);
	if (strlen(b.p) != b.n)
		die("holds a NUL byte");
	return b;
}

/* Takes one line off the text; NULL at the end. */
static char *
next_line(char **text)
{
	char *line = *text, *end;

	if (*line == '\0')
		return NULL;
	if ((end = strchr(line, '\n')) != NULL) {
		*end = '\0';
		*text = end + 1;
	} else
		*text = line + strlen(line);
	at_line++;
	return line;
}

char *
skip_space(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	return s;
}

static bool
name_char(char c)
{
	return islower((unsigned char)c) || isdigit((unsigned char)c) ||
	    c == '_';
}

/* Words that C would not take as the name of a member. */
static bool
is_keyword(const char *s)
{
	static const char *const words[] = { "auto", "bool", "break", "case",
		"char", "const", "continue", "default", "do", "double", "else",
		"enum", "extern", "false", "float", "for", "goto", "if",
		"inline", "int", "long", "register", "restrict", "return",
		"short", "signed", "sizeof", "static", "struct", "switch",
		"true", "typedef", "union", "unsigned", "void", "volatile",
		"while", "asm", "typeof" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], s) == 0)
			return true;
	return false;
}

void
take_name(char **s, char out[NAME_SIZE], const char *what)
{
	char *p = *s = skip_space(*s);
	size_t n;

	while (name_char(*p))
		p++;
	n = (size_t)(p - *s);
	if (n == 0 || !islower((unsigned char)**s))
		die("%s expected at \"%.20s\": lower case, digits, _", what,
		    *s);
	if (n >= NAME_SIZE)
		die("%s is longer than %d characters", what, NAME_SIZE - 1);
	memcpy(out, *s, n);
	out[n] = '\0';
	if (is_keyword(out))
		die("%s \"%s\" is a word of C", what, out);
	*s = p;
}

/* fields.def */

#define FIELD_EXPECTED                                                         \
	"FIELD( name, \"table.column\", bytes, class, index ) expected"

/* FIELD( name, "table.column", bytes, class, index ) */
static void
field_parse(char *s)
{
	struct field_row *f;

	fields = grow(fields, fields_n + 1, sizeof(*fields));
	f = &fields[fields_n++];
	take_name(&s, f->name, "field");
	if ((s = strchr(s, '"')) == NULL)
		die(FIELD_EXPECTED);
	s++;
	take_name(&s, f->table, "table");
	if (*s++ != '.')
		die(FIELD_EXPECTED);
	take_name(&s, f->column, "column");
	if (*s != '"' || (s = strchr(s + 1, ',')) == NULL ||
	    (s = strchr(s + 1, ',')) == NULL)
		die(FIELD_EXPECTED);
	s++;
	take_name(&s, f->class, "key class");
}

static void
fields_read(const char *path)
{
	struct buf b = slurp(path);
	char *text = b.p, *line;

	while ((line = next_line(&text)) != NULL) {
		line = skip_space(line);
		if (strncmp(line, "FIELD(", 6) == 0)
			field_parse(line + 6);
	}
	free(b.p);
	if (fields_n == 0)
		die("no FIELD( ) in it");
}

const struct field_row *
field_find(const char *name)
{
	size_t i;

	for (i = 0; i < fields_n; i++)
		if (strcmp(fields[i].name, name) == 0)
			return &fields[i];
	return NULL;
}

/* Headers */

struct item *
item_find(struct list *l, const char *name)
{
	int i;

	for (i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return &l->v[i];
	return NULL;
}

bool
is_type(const struct item *it, const char *name)
{
	return it != NULL && strcmp(it->type->name, name) == 0;
}

bool
is_key(const struct item *it)
{
	return it != NULL && strcmp(it->type->tag, "SQL_KEY") == 0;
}

const struct type *
type_find(const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i].name) == n &&
		    strncmp(types[i].name, name, n) == 0)
			return &types[i];
	return NULL;
}

/* The longest type that the text begins with, so that int? is not int. */
void
take_type(char **s, struct item *it)
{
	char *p = *s = skip_space(*s);
	size_t n;

	while (name_char(*p) || *p == '?' || *p == '[' || *p == ']')
		p++;
	n = (size_t)(p - *s);
	if ((it->type = type_find(*s, n)) == NULL)
		die("\"%s\": no type \"%.*s\"", it->name, (int)n, *s);
	*s = p;
}

void
take_arguments(char **s, struct item *it)
{
	char *p = skip_space(*s);

	if (*p != '(')
		return;
	do {
		p++;
		if (it->args == ARGS_MAX)
			die("\"%s\": too many words in ( )", it->name);
		take_name(&p, it->arg[it->args++], "name");
		p = skip_space(p);
	} while (*p == ',');
	if (*p != ')')
		die("\"%s\": ) expected", it->name);
	*s = p + 1;
}

struct item *
item_new(struct list *l, const char *name)
{
	struct item *it;

	if (item_find(l, name) != NULL)
		die("\"%s\" is listed twice", name);
	if (l->n == ITEMS_MAX)
		die("more than %d items", ITEMS_MAX);
	it = &l->v[l->n++];
	memset(it, 0, sizeof(*it));
	memcpy(it->name, name, strlen(name) + 1);
	it->line = at_line;
	l->row = NULL;
	return it;
}

static void
item_parse(struct list *l, char **s)
{
	struct item *it;
	char name[NAME_SIZE];

	take_name(s, name, "name");
	if (strcmp(name, "row") == 0) {
		row_take(l, s);
		return;
	}
	if (strcmp(name, "fields") == 0 && *skip_space(*s) == '(') {
		fields_take(l, s);
		return;
	}
	it = item_new(l, name);
	take_type(s, it);
	take_arguments(s, it);
}

/* Reads a line's part of a list; true if the list goes on with the next. */
static bool
list_parse(struct list *l, char *s)
{
	l->given = true;
	for (;;) {
		item_parse(l, &s);
		s = skip_space(s);
		if (*s == '\0')
			return false;
		if (*s != ',')
			die("comma expected at \"%.20s\"", s);
		s = skip_space(s + 1);
		if (*s == '\0')
			return true;
	}
}

static struct query *
named_find(struct query **v, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcmp(v[i]->name, name) == 0)
			return v[i];
	return NULL;
}

/* A query or a row, at the end of the list of such: both give a structure its
 * name. */
static struct query *
named_new(struct query ***v, size_t *n, char **s, const char *what)
{
	struct query *q = grow(NULL, 1, sizeof(*q)), *before;

	memset(q, 0, sizeof(*q));
	q->file = strrchr(at_file, '/');
	q->file = q->file == NULL ? at_file : q->file + 1;
	q->line = at_line;
	q->kind = KINDS;
	take_name(s, q->name, what);
	if ((before = named_find(queries, queries_n, q->name)) != NULL ||
	    (before = named_find(rows, rows_n, q->name)) != NULL)
		die("\"%s\" is defined at %s:%d already", q->name, before->file,
		    before->line);
	*v = grow(*v, *n + 1, sizeof(struct query *));
	(*v)[(*n)++] = q;
	buf_add(&q->text, "", 0);
	return q;
}

static struct query *
row_new(char *s, bool plain)
{
	struct query *q = named_new(
	    &rows, &rows_n, &s, plain ? "name of the text" : "name of the row");

	q->plain = plain;
	if (*skip_space(s) != '\0')
		die("\"%s\": nothing may follow the name", q->name);
	return q;
}

struct query *
named_query(char **s)
{
	return named_new(&queries, &queries_n, s, "name of the query");
}

static struct query *
query_new(char *s)
{
	struct query *q = named_query(&s);
	char kind[NAME_SIZE];

	take_name(&s, kind, "kind of the query");
	if (*skip_space(s) != '\0')
		die("\"%s\": nothing may follow the kind", q->name);
	q->kind = ONE;
	while (q->kind < KINDS && strcmp(kinds[q->kind], kind) != 0)
		q->kind++;
	if (q->kind == KINDS)
		die("\"%s\": kind one, many, exec or later expected", q->name);
	return q;
}

/* What follows "-- " on a comment line; NULL if the line is none. */
static char *
comment_of(char *line)
{
	line = skip_space(line);
	return strncmp(line, "--", 2) == 0 ? skip_space(line + 2) : NULL;
}

/* A header opens a list once, and before the text. */
static struct list *
list_open(struct query *q, struct list *l, const char *what)
{
	if (l->given)
		die("\"%s\" has a second %s", q->name, what);
	if (q->text.n > 0)
		die("\"%s\": %s after the text began", q->name, what);
	return l;
}

struct reader {
	struct query *query;
	struct list *more; /* list that goes on */
};

/* The list that a line begins; NULL if it is any comment. */
static struct list *
list_begin(struct query *q, const char *said)
{
	bool in = strncmp(said, "in:", 3) == 0;

	if (!in && strncmp(said, "out:", 4) != 0)
		return NULL;
	if (q == NULL)
		die("\"in:\" or \"out:\" before the first \"sql:\"");
	if (q->plain)
		die("\"%s\": a text has no lists", q->name);
	if (in && q->kind == KINDS)
		die("\"%s\": a row has no \"in:\"", q->name);
	return in ? list_open(q, &q->in, "in:") : list_open(q, &q->out, "out:");
}

static void
header_line(struct reader *rd, char *said)
{
	struct list *l;

	if (rd->more != NULL && said[0] != '\0') {
		if (!list_parse(rd->more, said))
			rd->more = NULL;
		return;
	}
	if (report_line(said)) {
		rd->query = queries[queries_n - 1];
		return;
	}
	if (strncmp(said, "sql:", 4) == 0) {
		rd->query = query_new(said + 4);
		return;
	}
	if (strncmp(said, "row:", 4) == 0) {
		rd->query = row_new(said + 4, false);
		return;
	}
	if (strncmp(said, "text:", 5) == 0) {
		rd->query = row_new(said + 5, true);
		return;
	}
	if ((l = list_begin(rd->query, said)) == NULL)
		return;
	rd->more = list_parse(l, strchr(said, ':') + 1) ? l : NULL;
}

/* A comment between the lines of a query is dropped; one at the end of a line
 * is cut by check_text. */
static void
queries_read(const char *path)
{
	struct buf b = slurp(path);
	char *text = b.p, *line, *said;
	struct reader rd = { NULL, NULL };

	while ((line = next_line(&text)) != NULL) {
		said = comment_of(line);
		if (said != NULL) {
			header_line(&rd, said);
			continue;
		}
		if (rd.more != NULL)
			die("the list ends with a comma");
		if (*skip_space(line) == '\0')
			continue;
		if (rd.query == NULL)
			die("text before the first \"-- sql:\"");
		buf_add(&rd.query->text, line, strlen(line));
		buf_add(&rd.query->text, "\n", 1);
	}
	if (rd.more != NULL)
		die("the list ends with a comma");
	free(b.p);
}

/* Whole or not at all: a half written file would look new to make. */
static void
save(const char *dir, const char *name, const struct buf *b)
{
	char path[4096], part[4096 + 8];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	snprintf(part, sizeof(part), "%s.part", path);
	at_file = path;
	at_line = 0;
	if ((f = fopen(part, "w")) == NULL)
		die("cannot open: %s", strerror(errno));
	if (fwrite(b->p, 1, b->n, f) != b->n || fclose(f) != 0)
		die("cannot write: %s", strerror(errno));
	if (rename(part, path) != 0)
		die("cannot rename: %s", strerror(errno));
	at_file = dir;
}

/* The queries from that one on, all of one file. */
static void
check_file(size_t first)
{
	size_t i;

	if (queries_n == first)
		die("no \"-- sql:\" in it");
	for (i = first; i < queries_n; i++) {
		report_finish(queries[i]);
		check_headers(queries[i]);
		rows_expand(queries[i]);
		check_text(queries[i]);
	}
	check_rows();
}

int
main(int argc, char **argv)
{
	struct buf header = { NULL, 0, 0 }, source = { NULL, 0, 0 };
	struct buf reports = { NULL, 0, 0 }, routes = { NULL, 0, 0 };
	size_t first;
	int a;

	if (argc < 5 || strcmp(argv[1], "-o") != 0) {
		fprintf(
		    stderr, "usage: sqlgen -o DIR fields.def query.sql...\n");
		return 2;
	}
	fields_read(argv[3]);
	for (a = 4; a < argc; a++) {
		first = queries_n;
		queries_read(argv[a]);
		check_file(first);
	}
	write_header(&header);
	write_source(&source);
	write_reports(&reports, &routes);
	save(argv[2], "reports.c", &reports);
	save(argv[2], "reports.def", &routes);
	save(argv[2], "sql.c", &source);
	save(argv[2], "sql.h", &header);
	free(source.p);
	free(header.p);
	free(reports.p);
	free(routes.p);
	return 0;
}
