#ifndef TOOLS_SQLGEN_H
#define TOOLS_SQLGEN_H

#include <stdbool.h>
#include <stddef.h>

/* The parts of sqlgen: sqlgen.c reads, sqlgen_row.c puts rows where they are
 * named, sqlgen_report.c reads and writes what reports have more than other
 * queries, sqlgen_check.c refuses, sqlgen_write.c writes. */
#define ITEMS_MAX  64
#define NAME_SIZE  64
#define ARGS_MAX   3
#define PARAMS_MAX 99

struct buf {
	char *p;
	size_t n, size;
};

struct field_row {
	char name[NAME_SIZE];
	char table[NAME_SIZE], column[NAME_SIZE];
	char class[NAME_SIZE];
};

struct type {
	const char *name;
	const char *decl; /* C, up to the member's name */
	const char *tag;
};

enum kind { ONE, MANY, EXEC, LATER, KINDS };

struct item {
	char name[NAME_SIZE];
	const struct type *type;
	char arg[ARGS_MAX][NAME_SIZE]; /* sealed(field, row, key) */
	int args;
	int line;
	char class[NAME_SIZE];
};

struct list {
	struct item v[ITEMS_MAX];
	int n;
	bool given;
	struct query *row; /* the one that is all of it, or NULL */
};

/* A row is one that has a list of columns alone, and perhaps their text; a plain
 * one is text without columns. */
struct query {
	char name[NAME_SIZE];
	enum kind kind;	  /* KINDS: a row */
	bool plain, used; /* a row: a text alone; by any query */
	const char *file; /* last part of the path */
	int line;
	struct list in, out;
	struct buf text;
	struct report *report; /* of one alone */
};

extern const char *const kinds[KINDS];
extern struct query **queries; /* in the order of reading */
extern size_t queries_n;
extern struct query **rows;
extern size_t rows_n;
extern struct field_row *fields;
extern size_t fields_n;

/* What is being read, for messages. */
extern const char *at_file;
extern int at_line;

/* Ends the program with "file:line: message". */
void die(const char *, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Appends text, and formatted text of at most 1 kB. */
void buf_add(struct buf *, const char *, size_t);
void say(struct buf *, const char *, ...) __attribute__((format(printf, 2, 3)));

/* Reads a name off *s; what follows the white space there. */
void take_name(char **s, char out[NAME_SIZE], const char *what);
char *skip_space(char *);

/* The row of fields.def, or NULL. */
const struct field_row *field_find(const char *name);
/* A new item at the end of a list. */
struct item *item_new(struct list *, const char *name);
const struct type *type_find(const char *name, size_t n);
/* The item of a list, or NULL; is it there and of that type? */
struct item *item_find(struct list *, const char *name);
bool is_type(const struct item *, const char *name);
/* Of either kind of sealed column. */
bool is_sealed(const struct item *);
bool is_key(const struct item *);

/* "row NAME" and "fields(TABLE)" in a list: their items. */
void row_take(struct list *, char **s);
void fields_take(struct list *, char **s);
/* Puts the text of rows in the place of {NAME} and {NAME: …}. */
void rows_expand(struct query *);
/* Refuses rows that no query uses. */
void check_rows(void);

/* Is it a line of a report's header? Begins one, or adds to the last. */
bool report_line(const char *said);
/* Its lists of parameters and columns; $name in its text is their number. */
void report_finish(struct query *);
/* reports.c and reports.def, of all reports. */
void write_reports(struct buf *source, struct buf *rows);

/* A new query at the end of all; what follows its name. */
struct query *named_query(char **s);
/* Columns that the database answers with: all but names, which are opened later. */
int columns_of(const struct list *);
/* Reads "type" or "type(names)". */
void take_type(char **s, struct item *);
void take_arguments(char **s, struct item *);
void *grow(void *, size_t n, size_t size);

/* End of the quoted piece that starts at s. */
const char *skip_quoted(const struct query *, const char *s);

/* Refuses headers that contradict themselves, and resolves the names in
 * sealed( ). */
void check_headers(struct query *);
/* Strips comments and the end's semicolon; refuses a text whose parameters are
 * not those of the header. */
void check_text(struct query *);

/* The text of sql.h and sql.c. */
void write_header(struct buf *);
void write_source(struct buf *);

#endif
