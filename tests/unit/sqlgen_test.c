#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * tools/sqlgen is run as make runs it: on files, in a folder of its own. What
 * the generated calls do is shown by tests/db.
 */
static char sqlgen[512];
static char folder[] = "/tmp/sqlgen_test.XXXXXX";
static char said[4096];
static char header[65536], source[65536];

#define FIELDS                                                                 \
	"FIELD( name_one,  \"t.one\",  10, patient, NAME )\n"                  \
	"FIELD( name_two,  \"t.two\",  10, patient, NONE )\n"                  \
	"FIELD( login,     \"a.login\", 10, account, EXACT )\n"

static void
put(const char *name, const char *text)
{
	char path[600];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void
get(const char *name, char *out, size_t size)
{
	char path[600];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if ((f = fopen(path, "r")) != NULL) {
		n = fread(out, 1, size - 1, f);
		fclose(f);
	}
	out[n] = '\0';
}

/* Exit status of sqlgen with these arguments; what it said is in `said`. */
static int
run(const char *arguments)
{
	char line[2048];
	int status;

	snprintf(line, sizeof(line), "cd %s && %s %s >said 2>&1", folder,
	    sqlgen, arguments);
	status = system(line);
	get("said", said, sizeof(said));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
generated(const char *query)
{
	put("q.sql", query);
	if (run("-o . fields.def q.sql") != 0)
		fail_msg("refused: %s", said);
	get("sql.h", header, sizeof(header));
	get("sql.c", source, sizeof(source));
}

static void
refused(const char *query, const char *why)
{
	put("sql.h", "old");
	put("q.sql", query);
	if (run("-o . fields.def q.sql") != 1 || strstr(said, why) == NULL)
		fail_msg("wanted \"%s\", got \"%s\" for\n%s", why, said, query);
	get("sql.h", header, sizeof(header));
	assert_string_equal(header, "old"); /* nothing is written */
}

static void
has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("no\n%s\nin\n%s", part, text);
}

static void
hasnt(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("there is\n%s\nin\n%s", part, text);
}

static void
one_kind_each(void **state)
{
	(void)state;
	generated(
	    "-- sql: a_get one\n-- in: id uuid\n-- out: n int\n"
	    "SELECT n FROM a WHERE id = $1;\n"
	    "-- sql: a_list many\n-- out: n int, s text\nSELECT n, s FROM a\n"
	    "-- sql: a_add exec\n-- in: n int?\nINSERT INTO a VALUES ($1)\n"
	    "-- sql: a_note later\n-- in: n int\nINSERT INTO a VALUES ($1)\n"
	    "-- sql: a_clear exec\nDELETE FROM a\n");
	has(header,
	    "struct a_get_in {\n\tstruct uuid id;\n};\n"
	    "struct a_get_row {\n\tint64_t n;\n};\n"
	    "NODISCARD enum err sql_a_get(struct tx *tx,\n"
	    "    const struct a_get_in *in,\n"
	    "    struct a_get_row *row);");
	has(header,
	    "sql_a_list(struct tx *tx,\n"
	    "    struct a_list_row **rows, size_t *n);");
	has(header,
	    "sql_a_add(struct tx *tx,\n    const struct a_add_in *in,\n"
	    "    int64_t *affected);");
	has(header,
	    "sql_a_note(struct tx *tx,\n"
	    "    const struct a_note_in *in);");
	has(header, "sql_a_clear(struct tx *tx,\n    int64_t *affected);");
	hasnt(header, "struct a_clear_in");
	has(header, "/* q.sql:1 */");
	has(source, ".text = \"SELECT n FROM a WHERE id = $1\"");
	has(source, "sql_one(tx, &sql_statements[0], in, row)");
	has(source, "sql_many(tx, &sql_statements[1], NULL, &all, n)");
	has(source, "sql_exec(tx, &sql_statements[4], NULL, affected)");
	has(source, "sql_statements_n = 5");
	has(source,
	    "{ .name = \"n\", .type = SQL_INT_OR_NULL, "
	    ".at = offsetof(struct a_add_in, n) }");
}

static void
every_type_has_its_structure(void **state)
{
	static const struct {
		const char *type, *member;
	} types[] = {
		{ "uuid", "\tstruct uuid x;" },
		{ "text", "\tconst char *x;" },
		{ "bytes", "\tstruct bytes x;" },
		{ "int", "\tint64_t x;" },
		{ "int?", "\tint64_t x;" },
		{ "bool", "\tbool x;" },
		{ "time", "\tint64_t x;" },
		{ "date", "\tconst char *x;" },
		{ "json", "\tconst char *x;" },
		{ "inet", "\tconst char *x;" },
		{ "uuid[]", "\tstruct uuid_list x;" },
		{ "bytes[]", "\tstruct bytes_list x;" },
		{ "int[]", "\tstruct int_list x;" },
		{ "text[]", "\tstruct text_list x;" },
	};
	char query[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		snprintf(query, sizeof(query),
		    "-- sql: q one\n-- in: x %s\n-- out: x %s\nSELECT $1\n",
		    types[i].type, types[i].type);
		generated(query);
		has(header, types[i].member);
	}
}

static void
lists_go_on_after_a_comma(void **state)
{
	(void)state;
	generated(
	    "-- What it does.\n--= EN-01: why\n-- sql: q one\n"
	    "-- in:  a int,\n--      b int, c int\n-- not of the list\n"
	    "-- out: a int,\n--  b int\n-- a comment\nSELECT $1, $2 -- end\n"
	    "-- in between\n  FROM x WHERE c = $3 AND s = '-- $9 ; /*'\n");
	has(header, "\tint64_t a;\n\tint64_t b;\n\tint64_t c;\n};");
	has(header, "\tint64_t a;\n\tint64_t b;\n};");
	hasnt(source, "between");
	hasnt(source, "end\\n");
	has(source, "'-- $9 ; /*'\"");
}

static void
text_survives_the_way_into_c(void **state)
{
	(void)state;
	generated("-- sql: q one\n-- out: n int\nSELECT \"odd\"\"name\" AS n,\n"
		  "  'it''s \\ %s' FROM x\n;\n  \n");
	has(source,
	    "SELECT \\\"odd\\\"\\\"name\\\" AS n,\\n\"\n\t\t\""
	    "  'it''s \\\\ %s' FROM x\",");
}

static void
sealed_columns_find_row_and_key(void **state)
{
	(void)state;
	generated(
	    "-- sql: p_add later\n"
	    "-- in: id uuid, key record_key, one sealed(name_one)\n"
	    "INSERT INTO p VALUES ($1, $2)\n"
	    "-- sql: p_get one\n"
	    "-- out: one sealed(name_one, other), key record_key,\n"
	    "--   other uuid, who uuid, theirs record_key,\n"
	    "--   login sealed(login, who, theirs)\n"
	    "SELECT 1\n"
	    "-- sql: p_key one\n-- out: key record_key(account)\nSELECT 1\n");
	has(header, "\tconst struct record_key *key;\n\tconst char *one;");
	has(source,
	    ".field = FIELD_name_one, "
	    ".row = offsetof(struct p_add_in, id)");
	has(source, ".key = offsetof(struct p_add_in, key)");
	has(source, ".row = offsetof(struct p_get_row, other)");
	has(source, ".key = offsetof(struct p_get_row, theirs)");
	has(source,
	    "offsetof(struct p_get_row, key), "
	    ".class = KEY_CLASS_patient");
	has(source,
	    "offsetof(struct p_get_row, theirs), "
	    ".class = KEY_CLASS_account");
	has(source,
	    "offsetof(struct p_key_row, key), "
	    ".class = KEY_CLASS_account");
}

static void
a_row_is_one_structure_for_all_who_name_it(void **state)
{
	(void)state;
	generated(
	    "-- row: visit\n-- out: id uuid, key record_key,\n"
	    "--   one sealed(name_one), n int\n"
	    "v.id, k.id, k.version, k.wrapped, v.one,\n  f(v, $1) AS n\n\n"
	    "-- sql: visit_get one\n-- in: at time, id uuid\n"
	    "-- out: row visit\nSELECT {visit} FROM v WHERE id = $2\n"
	    "-- sql: visit_list many\n-- in: at time\n-- out: row visit\n"
	    "SELECT {visit} FROM v\n"
	    "-- sql: visit_more many\n-- in: at time\n"
	    "-- out: row visit, more int\nSELECT {visit}, 1 FROM v\n");
	has(header,
	    "/* q.sql:1 */\nstruct visit_row {\n\tstruct uuid id;\n"
	    "\tconst struct record_key *key;\n\tconst char *one;\n"
	    "\tint64_t n;\n};\n");
	has(header,
	    "sql_visit_get(struct tx *tx,\n"
	    "    const struct visit_get_in *in,\n    struct visit_row *row);");
	has(header,
	    "sql_visit_get_take(struct tx *tx, struct tx_call *call,\n"
	    "    struct visit_row *row);");
	has(header, "    struct visit_row **rows, size_t *n);");
	hasnt(header, "visit_get_row");
	hasnt(header, "visit_list_row");
	has(header, "\tint64_t n;\n\tint64_t more;\n};");
	has(source,
	    ".text = \"SELECT v.id, k.id, k.version, k.wrapped, v.one,\\n\"\n"
	    "\t\t\"  f(v, $1) AS n\\n\"\n\t\t\" FROM v WHERE id = $2\"");
	has(source, ".key = offsetof(struct visit_row, key)");
	has(source,
	    ".out = visit_row_items, .n_out = 4,\n"
	    "\t  .row_size = sizeof(struct visit_row)");
}

static void
a_piece_is_said_for_each_item_of_a_row(void **state)
{
	(void)state;
	generated(
	    "-- row: all\n-- out: fields(t)\n"
	    "-- sql: t_add later\n-- in: id uuid, key record_key, row all\n"
	    "INSERT INTO t (id, {all: %}) VALUES ($1, {all: $%::bytea})\n"
	    "-- sql: t_set exec\n-- in: row all, id uuid, key record_key\n"
	    "UPDATE t SET {all: % = CASE '%' WHEN $% THEN 1 END} WHERE $3\n"
	    "-- sql: t_get one\n-- out: id uuid, key record_key, row all\n"
	    "SELECT id, 1, 2, 3, {all: t.%}, '{all}' FROM t -- {none}\n");
	has(source, "(id, one, two) VALUES ($1, $2::bytea, $3::bytea)\"");
	has(source,
	    "SET one = CASE 'one' WHEN $1 THEN 1 END, "
	    "two = CASE 'two' WHEN $2 THEN 1 END WHERE $3");
	has(source, "3, t.one, t.two, '{all}' FROM t\"");
	has(source, ".field = FIELD_name_two");
	hasnt(header, "struct all_row");
}

static void
a_text_is_said_once_for_all_who_name_it(void **state)
{
	(void)state;
	generated(
	    "-- text: joined\n  JOIN b ON b.id = a.id\n   AND b.n > $1\n\n"
	    "-- sql: t_get one\n-- in: n int, id uuid\n-- out: id uuid\n"
	    "SELECT b.id\n  FROM a\n{joined} WHERE a.id = $2\n"
	    "-- sql: t_list many\n-- in: n int\n-- out: id uuid\n"
	    "SELECT b.id FROM a {joined};\n");
	has(source,
	    ".text = \"SELECT b.id\\n\"\n\t\t\"  FROM a\\n\"\n"
	    "\t\t\"  JOIN b ON b.id = a.id\\n\"\n"
	    "\t\t\"   AND b.n > $1\\n\"\n\t\t\" WHERE a.id = $2\"");
	hasnt(header, "joined");
}

struct wrong {
	const char *query, *why;
};

static void
refuse_all(const struct wrong *w, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		refused(w[i].query, w[i].why);
}

#define Q "-- sql: q one\n-- out: n int\n"
#define R "-- row: r\n-- out: n int\n"

static void
bad_headers_are_refused(void **state)
{
	static const struct wrong wrong[] = {
		{ "", "no \"-- sql:\"" },
		{ "SELECT 1\n", "q.sql:1: text before" },
		{ "-- in: a int\n-- sql: q exec\nSELECT $1\n", "q.sql:1:" },
		{ "-- sql:\nSELECT 1\n", "name of the query expected" },
		{ "-- sql: Q one\nSELECT 1\n", "name of the query expected" },
		{ "-- sql: 1q one\nSELECT 1\n", "name of the query expected" },
		{ "-- sql: q\nSELECT 1\n", "kind of the query expected" },
		{ "-- sql: q two\nSELECT 1\n",
		    "kind one, many, exec or later" },
		{ "-- sql: q one more\nSELECT 1\n", "nothing may follow" },
		{ "-- sql: q one\nSELECT 1\n", "needs \"-- out:\"" },
		{ "-- sql: q many\nSELECT 1\n", "needs \"-- out:\"" },
		{ "-- sql: q exec\n-- out: n int\nSELECT 1\n",
		    "has no \"-- out:\"" },
		{ "-- sql: q later\n-- out: n int\nSELECT 1\n",
		    "has no \"-- out:\"" },
		{ Q "SELECT 1\n" Q "SELECT 1\n",
		    "q.sql:4: \"q\" is defined at q.sql:1" },
		{ "-- sql: q one\n-- out: n int\n-- out: m int\nSELECT 1\n",
		    "q.sql:3: \"q\" has a second out:" },
		{ "-- sql: q exec\n-- in: n int\n-- in: m int\nSELECT $1\n",
		    "has a second in:" },
		{ "-- sql: q exec\nSELECT $1\n-- in: n int\n",
		    "q.sql:3: \"q\": in: after the text" },
	};

	(void)state;
	refuse_all(wrong, sizeof(wrong) / sizeof(wrong[0]));
}

static void
bad_lists_are_refused(void **state)
{
	static const struct wrong wrong[] = {
		{ "-- sql: q exec\n-- in:\nSELECT 1\n", "name expected" },
		{ "-- sql: q exec\n-- in: a\nSELECT $1\n", "no type \"\"" },
		{ "-- sql: q exec\n-- in: a integer\nSELECT $1\n",
		    "q.sql:2: \"a\": no type \"integer\"" },
		{ "-- sql: q exec\n-- in: a int[\nSELECT $1\n", "no type" },
		{ "-- sql: q exec\n-- in: a int b int\nSELECT $1\n",
		    "comma expected" },
		{ "-- sql: q exec\n-- in: a int,\nSELECT $1\n",
		    "ends with a comma" },
		{ "-- sql: q exec\n-- in: a int,", "ends with a comma" },
		{ "-- sql: q exec\n-- in: a int, a text\nSELECT $1, $2\n",
		    "listed twice" },
		{ "-- sql: q exec\n-- in: int int\nSELECT $1\n", "word of C" },
		{ "-- sql: q exec\n-- in: a-b int\nSELECT $1\n", "no type" },
		{ "-- sql: q exec\n-- in: a int(x)\nSELECT $1\n",
		    "nothing in ( )" },
	};
	char many[4096] = "-- sql: q exec\n-- in: ";
	size_t n = strlen(many);
	int i;

	(void)state;
	refuse_all(wrong, sizeof(wrong) / sizeof(wrong[0]));
	for (i = 0; i < 65; i++)
		n += (size_t)snprintf(many + n, sizeof(many) - n, "a%d int%s",
		    i, i < 64 ? ", " : "\nSELECT 1\n");
	refused(many, "more than 64 items");
	snprintf(many, sizeof(many), "-- sql: q%070d one\n", 0);
	refused(many, "longer than 63");
}

/*= EN-04: what is sealed is bound to its row and key, or not generated */
static void
bad_sealing_is_refused(void **state)
{
	static const struct wrong wrong[] = {
		{ "-- sql: q exec\n-- in: id uuid, key record_key, a sealed\n"
		  "SELECT $1, $2\n",
		    "sealed(field) expected" },
		{ "-- sql: q exec\n-- in: id uuid, key record_key, a "
		  "sealed(no)\n"
		  "SELECT $1, $2\n",
		    "no field \"no\" in fields.def" },
		{ "-- sql: q exec\n-- in: key record_key, a sealed(name_one)\n"
		  "SELECT $1\n",
		    "names its row" },
		{ "-- sql: q exec\n-- in: id text, key record_key, "
		  "a sealed(name_one)\nSELECT $1, $2\n",
		    "names its row" },
		{ "-- sql: q exec\n-- in: id uuid, a sealed(name_one)\n"
		  "SELECT $1, $2\n",
		    "no \"key record_key\"" },
		{ "-- sql: q exec\n-- in: id uuid, key record_key, "
		  "a sealed(name_one, row)\nSELECT $1, $2\n",
		    "no \"row uuid\"" },
		{ "-- sql: q exec\n-- in: id uuid, key record_key, "
		  "a sealed(name_one, id, k)\nSELECT $1, $2\n",
		    "no \"k record_key\"" },
		{ "-- sql: q exec\n-- in: id uuid, key record_key, "
		  "a sealed(name_one, id, key, x)\nSELECT $1, $2\n",
		    "too many" },
		{ "-- sql: q exec\n-- in: id uuid, key record_key, "
		  "a sealed(name_one\nSELECT $1, $2\n",
		    ") expected" },
		{ "-- sql: q exec\n-- in: id uuid, key record_key, "
		  "a sealed(name_one), b sealed(login)\nSELECT $1, $2, $3\n",
		    "two classes: patient and account" },
		{ "-- sql: q one\n-- out: key record_key\nSELECT 1\n",
		    "say record_key(class)" },
	};

	(void)state;
	refuse_all(wrong, sizeof(wrong) / sizeof(wrong[0]));
}

static void
bad_rows_are_refused(void **state)
{
	static const struct wrong wrong[] = {
		{ "-- row:\n" Q "SELECT 1\n", "name of the row expected" },
		{ "-- row: r one\n" Q "SELECT 1\n", "nothing may follow" },
		{ R Q "SELECT 1\n", "q.sql:1: \"r\": no query uses it" },
		{ "-- row: r\nn\n" Q "SELECT {r}\n", "a row needs" },
		{ "-- row: r\n-- in: n int\n", "a row has no \"in:\"" },
		{ R R, "q.sql:3: \"r\" is defined at q.sql:1" },
		{ Q "SELECT 1\n-- row: q\n-- out: n int\n", "is defined at" },
		{ R "-- sql: r one\n-- out: row r\nSELECT 1\n",
		    "\"r\" is defined at" },
		{ "-- sql: q one\n-- out: row r\nSELECT 1\n" R,
		    "no \"-- row: r\" nor such a text" },
		{ R "-- sql: q one\n-- out: row r, n int\nSELECT 1\n",
		    "listed twice" },
		{ "-- row: r\n-- out: row r\n", "in its own list" },
		{ "-- row: r\n-- out: id uuid, k record_key\n"
		  "-- sql: q one\n-- out: row r\nSELECT {r: %}\n",
		    "say record_key(class)" },
		{ "-- row: r\n-- out: id uuid, key record_key(account)\n"
		  "-- sql: q one\n-- out: row r\nSELECT {r: %}\n",
		    "is no single column" },
		{ R Q "SELECT {r}\n", "q\": \"r\" has no text" },
		{ R Q "SELECT {r: $%}\n", "no parameter \"n\"" },
		{ R Q "SELECT {r: %\n", "{row: piece} expected" },
		{ R Q "SELECT {r %}\n", "{row: piece} expected" },
		{ R Q "SELECT {s}\n", "no \"-- row: s\" nor such a text" },
		{ R Q "SELECT {}\n", "name of a row expected" },
		{ R "{r}\n" Q "SELECT {r}\n", "{ in the text of a row" },
		{ "-- text: t\n-- out: n int\n", "a text has no lists" },
		{ "-- text: t x\n" Q "SELECT 1\n", "nothing may follow" },
		{ "-- text: t\nx\n" Q "SELECT 1\n", "no query uses it" },
		{ "-- text: t\n" Q "SELECT {t}\n", "\"t\" has no text" },
		{ "-- text: t\nx\n" Q "SELECT {t: %}\n", "has no items" },
		{ "-- text: t\nx\n-- sql: q one\n-- out: row t\n",
		    "\"t\" is a text" },
		{ "-- sql: q exec\n-- in: fields(no)\nSELECT 1\n",
		    "no fields of \"no\"" },
		{ "-- sql: q exec\n-- in: fields(t\nSELECT 1\n", ") expected" },
		{ "-- sql: q exec\n-- in: id uuid, fields(t)\nSELECT $1\n",
		    "no \"key record_key\"" },
	};

	(void)state;
	refuse_all(wrong, sizeof(wrong) / sizeof(wrong[0]));
}

static void
bad_texts_are_refused(void **state)
{
	static const struct wrong wrong[] = {
		{ Q, "\"q\" has no text" },
		{ Q "  ;\n", "\"q\" has no text" },
		{ Q "-- only a comment\n", "\"q\" has no text" },
		{ Q "SELECT 1; SELECT 2\n", "more than one statement" },
		{ Q "SELECT $1\n", "$1 is not listed" },
		{ Q "SELECT $99\n", "$99 is not listed" },
		{ Q "SELECT $0\n", "out of range" },
		{ Q "SELECT $100\n", "out of range" },
		{ Q "SELECT $18446744073709551617\n", "out of range" },
		{ Q "SELECT $$x$$\n", "dollar quotes" },
		{ Q "SELECT $a$x$a$\n", "dollar quotes" },
		{ Q "SELECT 'x\n", "' is not closed" },
		{ Q "SELECT \"x\n", "\" is not closed" },
		{ Q "SELECT 'x''\n", "' is not closed" },
		{ Q "SELECT /* x */ 1\n", "comments are written --" },
		{ "-- sql: q exec\n-- in: a int, b int\nSELECT $1\n",
		    "$2 is not used" },
		{ "-- sql: q exec\n-- in: a int\nSELECT '$1'\n",
		    "$1 is not used" },
	};

	(void)state;
	refuse_all(wrong, sizeof(wrong) / sizeof(wrong[0]));
}

static void
files_and_arguments(void **state)
{
	(void)state;
	put("q.sql", Q "SELECT 1\n");
	put("r.sql", "-- sql: r one\n-- out: n int\nSELECT 1\n");
	put("twice.sql", Q "SELECT 1\n");
	put("empty.def", "/* nothing */\n");
	put("bad.def", "FIELD( name_one )\n");
	put("other.sql", "-- sql: o one\n-- out: row r\nSELECT 1\n");
	put("row.sql", R "-- sql: p one\n-- out: row r\nSELECT 1\n");
	assert_int_equal(run(""), 2);
	assert_int_equal(run("-o . fields.def"), 2);
	assert_int_equal(run("-x . fields.def q.sql"), 2);
	assert_int_equal(run("-o . missing.def q.sql"), 1);
	has(said, "missing.def:0: cannot open: No such file");
	assert_int_equal(run("-o . fields.def missing.sql"), 1);
	assert_int_equal(run("-o nowhere fields.def q.sql"), 1);
	assert_int_equal(run("-o . empty.def q.sql"), 1);
	has(said, "no FIELD( )");
	assert_int_equal(run("-o . bad.def q.sql"), 1);
	has(said, "bad.def:1:");
	assert_int_equal(run("-o . fields.def q.sql twice.sql"), 1);
	has(said, "twice.sql:1: \"q\" is defined at q.sql:1");
	assert_int_equal(run("-o . fields.def row.sql other.sql"), 1);
	has(said,
	    "other.sql:2: no \"-- row: r\" nor such a text before it in this "
	    "file");
	put("bad.def", "FIELD( name_one, \"one\", 10, patient, NONE )\n");
	assert_int_equal(run("-o . bad.def q.sql"), 1);
	has(said, "bad.def:1: FIELD(");
	assert_int_equal(run("-o . fields.def q.sql r.sql"), 0);
	assert_string_equal(said, "");
}

static void
a_nul_byte_is_refused(void **state)
{
	char path[600];
	FILE *f;

	(void)state;
	snprintf(path, sizeof(path), "%s/nul.sql", folder);
	f = fopen(path, "w");
	fwrite(Q "SELECT 1\0, 2\n", 1, sizeof(Q "SELECT 1\0, 2\n") - 1, f);
	fclose(f);
	assert_int_equal(run("-o . fields.def nul.sql"), 1);
	has(said, "NUL byte");
}

#define REPORT                                                                 \
	"-- report: told\n-- title: What was told\n-- question: What?\n"       \
	"-- rule: 45 CFR 164.312(b)\n-- permission: report_read\n"
#define TOLD                                                                   \
	"-- column: at time, Time\n-- column: who account, Id\n"               \
	"-- column: name name(who), Who\n-- order: at_us int, id uuid\n"

static void
a_report_is_its_file(void **state)
{
	static char reports[65536], routes[4096];

	(void)state;
	generated(REPORT
	    "-- period: 100\n-- parameter: days int 1..9 = 3, Days\n"
	    "-- parameter: kind choice a|b, Kind\n"
	    "-- parameter: of patient required, Patient\n" TOLD
	    "SELECT at, who, us, id FROM t WHERE at > $from AND at < $to AND "
	    "n > $days AND k = $kind AND p = $of AND s <> '$none' "
	    "AND (us, id) > ($after_at_us, $after_id) LIMIT $limit\n");
	get("reports.c", reports, sizeof(reports));
	get("reports.def", routes, sizeof(routes));
	has(source,
	    "at > $1 AND at < $2 AND n > $3 AND k = $4 AND p = $5 AND "
	    "s <> '$none' AND (us, id) > ($6, $7) LIMIT $8");
	has(source, ".n_out = 4"); /* a name is no column */
	has(header,
	    "struct report_told_row {\n\tint64_t at;\n\tstruct uuid "
	    "who;\n\tconst char *name;\n\tint64_t at_us;");
	hasnt(header, "sql_report_told(");
	has(routes,
	    "ROUTE( GET, \"/v1/reports/told\", report_told, ACTIVE, "
	    "report_read, NOBODY, report_run, LISTS | SEARCHES | TABLE )");
	has(reports, ".name = \"days\", .kind = SH_INT, .min = 1, .max = 9");
	has(reports, ".name = \"of\", .kind = SH_UUID, .flags = SH_REQUIRED");
	has(reports,
	    "{ \"Who\", \"name\", true, offsetof(struct "
	    "report_told_row, who) }");
	has(reports, "sizeof(struct report_told_in)");
}

static void
of_several_parameters_one_is_given(void **state)
{
	static char reports[65536];

	(void)state;
	generated(REPORT "-- parameter: who account one, Person\n"
			 "-- parameter: n int 1..9 one, Number\n"
			 "-- parameter: at instant, At\n"
			 "-- parameter: of session one, Session\n"
			 "-- parameter: net network one, Network\n" TOLD
			 "SELECT $who, $n, $at, $of, $net, $after_at_us, "
			 "$after_id LIMIT $limit\n");
	get("reports.c", reports, sizeof(reports));
	has(reports, "offsetof(struct report_told_in, who), 0, NULL, true }");
	has(reports,
	    "offsetof(struct report_told_in, n), INT64_MIN, NULL, true }");
	has(reports, "offsetof(struct report_told_in, at), 0, NULL, false }");
	has(reports, ".name = \"at\", .kind = SH_TIME");
	has(reports, ".name = \"of\", .kind = SH_TEXT, .min = 16, .max = 16");
	has(reports, ".name = \"net\", .kind = SH_TEXT");
}

static void
bad_reports_are_refused(void **state)
{
	static const struct wrong wrong[] = {
		{ REPORT TOLD "SELECT 1\n", "$1 is not used" },
		{ REPORT TOLD "SELECT $no\n", "no parameter \"no\"" },
		{ "-- report: told\n" TOLD "SELECT $limit\n",
		    "title, question, rule" },
		{ REPORT "SELECT $limit\n", "title, question, rule" },
		{ REPORT "-- period: 9\n", "30 days or more" },
		{ REPORT "-- column: at time\n", "a comma and its title" },
		{ REPORT "-- column: at nothing, At\n", "no type" },
		{ REPORT "-- parameter: a text, A\n", "int or choice" },
		{ REPORT "-- parameter: a int, A\n", "bounds such as" },
		{ REPORT "-- parameter: a int 9..1 = 1, A\n", "bounds such" },
		{ REPORT "-- parameter: a int 1..9, A\n", "a default such" },
		{ REPORT "-- order: at time\n", "int or uuid expected" },
		{ REPORT "-- column: n name(who), N\n-- order: i int\n"
			 "SELECT $after_i, $limit\n",
		    "name(column of an account)" },
		{ REPORT "-- title: Say \"it\"\n", "without quotes" },
		{ REPORT TOLD "SELECT $after_at_us, $after_id, $limit\n" REPORT,
		    "is defined at" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		refused(wrong[i].query, wrong[i].why);
}

static int
setup(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return 1;
	put("fields.def", "/* a comment */\n" FIELDS);
	return 0;
}

static int
teardown(void **state)
{
	char line[64];

	(void)state;
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	return system(line);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_kind_each),
		cmocka_unit_test(every_type_has_its_structure),
		cmocka_unit_test(lists_go_on_after_a_comma),
		cmocka_unit_test(text_survives_the_way_into_c),
		cmocka_unit_test(sealed_columns_find_row_and_key),
		cmocka_unit_test(a_row_is_one_structure_for_all_who_name_it),
		cmocka_unit_test(a_piece_is_said_for_each_item_of_a_row),
		cmocka_unit_test(a_text_is_said_once_for_all_who_name_it),
		cmocka_unit_test(bad_headers_are_refused),
		cmocka_unit_test(bad_lists_are_refused),
		cmocka_unit_test(bad_sealing_is_refused),
		cmocka_unit_test(bad_rows_are_refused),
		cmocka_unit_test(bad_texts_are_refused),
		cmocka_unit_test(a_report_is_its_file),
		cmocka_unit_test(of_several_parameters_one_is_given),
		cmocka_unit_test(bad_reports_are_refused),
		cmocka_unit_test(files_and_arguments),
		cmocka_unit_test(a_nul_byte_is_refused),
	};
	char self[256];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)argc;
	(void)argv;
	if (n < 0)
		return 1;
	self[n] = '\0'; /* build/unit/sqlgen_test: sqlgen lies in build */
	*strrchr(self, '/') = '\0';
	snprintf(sqlgen, sizeof(sqlgen), "%s/../sqlgen", self);
	return cmocka_run_group_tests(tests, setup, teardown);
}
