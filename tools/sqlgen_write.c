#include "sqlgen.h"

#include <string.h>

/* What is written */

/* Whose structure a query's row is: its own, or one that is shared. */
static const char *
row_name(const struct query *q)
{
	return q->out.row != NULL ? q->out.row->name : q->name;
}

int
columns_of(const struct list *l)
{
	int i, n = 0;

	for (i = 0; i < l->n; i++)
		n += !is_type(&l->v[i], "name");
	return n;
}

static void
write_struct(
    struct buf *b, const char *name, const struct list *l, const char *suffix)
{
	int i;

	if (l->n == 0)
		return;
	say(b, "struct %s_%s {\n", name, suffix);
	for (i = 0; i < l->n; i++)
		say(b, "\t%s%s;\n", l->v[i].type->decl, l->v[i].name);
	say(b, "};\n");
}

/* Is the row the whole of any query's? */
static bool
is_shared(const struct query *row)
{
	size_t i;

	for (i = 0; i < queries_n; i++)
		if (queries[i]->out.row == row)
			return true;
	return false;
}

static void
write_signature(struct buf *b, const struct query *q)
{
	say(b, "sql_%s(struct tx *tx", q->name);
	if (q->in.n > 0)
		say(b, ",\n    const struct %s_in *in", q->name);
	if (q->kind == ONE)
		say(b, ",\n    struct %s_row *row", row_name(q));
	if (q->kind == MANY)
		say(b, ",\n    struct %s_row **rows, size_t *n", row_name(q));
	if (q->kind == EXEC)
		say(b, ",\n    int64_t *affected");
	say(b, ")");
}

/* What takes one row may be sent now and its row be taken later. */
static void
write_send_signature(struct buf *b, const struct query *q)
{
	say(b, "sql_%s_send(struct tx *tx", q->name);
	if (q->in.n > 0)
		say(b, ",\n    const struct %s_in *in", q->name);
	say(b, ",\n    struct tx_call **call)");
}

static void
write_take_signature(struct buf *b, const struct query *q)
{
	say(b,
	    "sql_%s_take(struct tx *tx, struct tx_call *call,\n"
	    "    struct %s_row *row)",
	    q->name, row_name(q));
}

void
write_header(struct buf *b)
{
	size_t i;

	say(b,
	    "/* Made by tools/sqlgen from sql/queries. */\n"
	    "#ifndef GEN_SQL_H\n#define GEN_SQL_H\n\n"
	    "#include \"base/bytes.h\"\n#include \"base/err.h\"\n"
	    "#include \"base/keyring.h\"\n#include \"base/uuid.h\"\n"
	    "#include \"data/list.h\"\n#include \"data/tx.h\"\n\n"
	    "#include <stdbool.h>\n#include <stddef.h>\n#include <stdint.h>\n");
	for (i = 0; i < rows_n; i++) {
		if (!is_shared(rows[i]))
			continue;
		say(b, "\n/* %s:%d */\n", rows[i]->file, rows[i]->line);
		write_struct(b, rows[i]->name, &rows[i]->out, "row");
	}
	for (i = 0; i < queries_n; i++) {
		say(b, "\n/* %s:%d */\n", queries[i]->file, queries[i]->line);
		write_struct(b, queries[i]->name, &queries[i]->in, "in");
		if (queries[i]->out.row == NULL)
			write_struct(
			    b, queries[i]->name, &queries[i]->out, "row");
		if (queries[i]->report != NULL)
			continue; /* care/report.c runs them, all alike */
		say(b, "NODISCARD enum err ");
		write_signature(b, queries[i]);
		say(b, ";\n");
		if (queries[i]->kind != ONE)
			continue;
		say(b, "NODISCARD enum err ");
		write_send_signature(b, queries[i]);
		say(b, ";\nNODISCARD enum err ");
		write_take_signature(b, queries[i]);
		say(b, ";\n");
	}
	say(b, "\n#endif\n");
}

static void
write_item(
    struct buf *b, const char *name, const struct item *it, const char *suffix)
{
	say(b,
	    "\t{ .name = \"%s\", .type = %s, .at = offsetof(struct %s_%s, %s)",
	    it->name, it->type->tag, name, suffix, it->name);
	if (is_sealed(it)) {
		say(b, ",\n\t  .field = FIELD_%s", it->arg[0]);
		say(b, ", .row = offsetof(struct %s_%s, %s)", name, suffix,
		    it->arg[1]);
		say(b, ",\n\t  .key = offsetof(struct %s_%s, %s)", name, suffix,
		    it->arg[2]);
	}
	if (is_key(it))
		say(b, ", .class = KEY_CLASS_%s%s", it->class,
		    is_type(it, "record_key?") ? ", .spare = true" : "");
	say(b, " },\n");
}

static void
write_items(
    struct buf *b, const char *name, const struct list *l, const char *suffix)
{
	int i;

	if (l->n == 0)
		return;
	say(b, "\nstatic const struct sql_item %s_%s_items[] = {\n", name,
	    suffix);
	for (i = 0; i < l->n; i++)
		if (!is_type(&l->v[i], "name"))
			write_item(b, name, &l->v[i], suffix);
	say(b, "};\n");
}

static void
write_text(struct buf *b, const struct query *q)
{
	const char *s;

	say(b, "\t  .text = \"");
	for (s = q->text.p; *s != '\0'; s++) {
		if (*s == '\n') {
			say(b, "\\n\"\n\t\t\"");
			continue;
		}
		if (*s == '"' || *s == '\\')
			buf_add(b, "\\", 1);
		buf_add(b, s, 1);
	}
	say(b, "\"");
}

static void
write_statement(struct buf *b, const struct query *q)
{
	say(b, "\t{ .name = \"%s\",\n", q->name);
	write_text(b, q);
	if (q->in.n > 0)
		say(b, ",\n\t  .in = %s_in_items, .n_in = %d", q->name,
		    q->in.n);
	if (q->out.n > 0)
		say(b,
		    ",\n\t  .out = %s_row_items, .n_out = %d,\n"
		    "\t  .row_size = sizeof(struct %s_row)",
		    row_name(q), columns_of(&q->out), row_name(q));
	say(b, " },\n");
}

static void
write_halves(struct buf *b, const struct query *q, size_t index)
{
	say(b, "\nenum err\n");
	write_send_signature(b, q);
	say(b,
	    "\n{\n\treturn sql_send(tx, &sql_statements[%zu], %s, call);\n"
	    "}\n\nenum err\n",
	    index, q->in.n > 0 ? "in" : "NULL");
	write_take_signature(b, q);
	say(b,
	    "\n{\n\treturn sql_take_one(tx, &sql_statements[%zu], call, "
	    "row);\n}\n",
	    index);
}

static void
write_call(struct buf *b, const struct query *q, size_t index)
{
	const char *in = q->in.n > 0 ? "in" : "NULL";

	say(b, "\nenum err\n");
	write_signature(b, q);
	say(b, "\n{\n");
	if (q->kind == MANY)
		say(b,
		    "\tvoid *all = NULL;\n\tenum err r;\n\n"
		    "\tr = sql_many(tx, &sql_statements[%zu], %s, &all, n);\n"
		    "\t*rows = all;\n\treturn r;\n}\n",
		    index, in);
	else if (q->kind == LATER)
		say(b, "\treturn sql_later(tx, &sql_statements[%zu], %s);\n}\n",
		    index, in);
	else
		say(b,
		    "\treturn sql_%s(tx, &sql_statements[%zu], %s, %s);\n}\n",
		    kinds[q->kind], index, in,
		    q->kind == ONE ? "row" : "affected");
	if (q->kind == ONE)
		write_halves(b, q, index);
}

void
write_source(struct buf *b)
{
	size_t i;

	say(b,
	    "/* Made by tools/sqlgen from sql/queries. */\n"
	    "#include \"sql.h\"\n\n#include \"data/statement.h\"\n\n"
	    "#include <stddef.h>\n");
	for (i = 0; i < rows_n; i++)
		if (is_shared(rows[i]))
			write_items(b, rows[i]->name, &rows[i]->out, "row");
	for (i = 0; i < queries_n; i++) {
		write_items(b, queries[i]->name, &queries[i]->in, "in");
		if (queries[i]->out.row == NULL)
			write_items(
			    b, queries[i]->name, &queries[i]->out, "row");
	}
	say(b,
	    "\nconst size_t sql_statements_n = %zu;\n"
	    "const struct statement sql_statements[] = {\n",
	    queries_n);
	for (i = 0; i < queries_n; i++)
		write_statement(b, queries[i]);
	say(b, "};\n");
	for (i = 0; i < queries_n; i++)
		if (queries[i]->report == NULL)
			write_call(b, queries[i], i);
}
