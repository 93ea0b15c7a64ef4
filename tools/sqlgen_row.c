#include "sqlgen.h"

#include <stdlib.h>
#include <string.h>

/* Rows: columns that several queries of a file have in common. */

static struct query *
row_find(const char *name)
{
	const char *file = strrchr(at_file, '/');
	size_t i;

	file = file == NULL ? at_file : file + 1;
	for (i = 0; i < rows_n; i++)
		if (strcmp(rows[i]->name, name) == 0 &&
		    strcmp(rows[i]->file, file) == 0) {
			rows[i]->used = true;
			return rows[i];
		}
	die("no \"-- row: %s\" nor such a text before it in this file", name);
}

void
row_take(struct list *l, char **s)
{
	char name[NAME_SIZE];
	bool first = l->n == 0;
	struct query *row;
	struct item *it;
	int i;

	take_name(s, name, "name of the row");
	row = row_find(name);
	if (row->plain)
		die("\"%s\" is a text: it has no columns", name);
	if (&row->out == l)
		die("\"%s\" stands in its own list", name);
	for (i = 0; i < row->out.n; i++) {
		it = item_new(l, row->out.v[i].name);
		*it = row->out.v[i];
	}
	l->row = first ? row : NULL;
}

void
fields_take(struct list *l, char **s)
{
	char table[NAME_SIZE], *p = skip_space(*s) + 1;
	struct item *it;
	size_t i;
	int before = l->n;

	take_name(&p, table, "table");
	p = skip_space(p);
	if (*p != ')')
		die("fields: ) expected");
	for (i = 0; i < fields_n; i++) {
		if (strcmp(fields[i].table, table) != 0)
			continue;
		it = item_new(l, fields[i].column);
		it->type = type_find("sealed", 6);
		memcpy(it->arg[0], fields[i].name, NAME_SIZE);
		it->args = 1;
	}
	if (l->n == before)
		die("no fields of \"%s\" in fields.def", table);
	*s = p + 1;
}

/* Number of a parameter; 0 if there is none of that name. */
static int
param_of(const struct list *l, const char *name)
{
	int i, n = 0;

	for (i = 0; i < l->n; i++) {
		n += !is_key(&l->v[i]);
		if (strcmp(l->v[i].name, name) == 0)
			return n;
	}
	return 0;
}

/* The piece [s, end) for one item. */
static void
piece_add(struct buf *to, const struct query *q, const struct item *it,
    const char *s, const char *end)
{
	int n;

	for (; s < end; s++) {
		if (*s == '%') {
			say(to, "%s", it->name);
		} else if (*s == '$' && s + 1 < end && s[1] == '%') {
			if ((n = param_of(&q->in, it->name)) == 0)
				die("\"%s\": no parameter \"%s\"", q->name,
				    it->name);
			say(to, "$%d", n);
			s++;
		} else
			buf_add(to, s, 1);
	}
}

static void
pieces_add(struct buf *to, const struct query *q, const struct query *row,
    const char *s, const char *end)
{
	const struct item *it;
	int i;

	for (i = 0; i < row->out.n; i++) {
		it = &row->out.v[i];
		if (is_key(it))
			die("\"%s\": the key of \"%s\" is no single column",
			    q->name, row->name);
		if (i > 0)
			say(to, ", ");
		piece_add(to, q, it, s, end);
	}
}

/* At "{"; what follows the "}". */
static char *
row_put(struct buf *to, const struct query *q, char *s)
{
	char name[NAME_SIZE], *end;
	const struct query *row;

	s++;
	take_name(&s, name, "name of a row");
	row = row_find(name);
	s = skip_space(s);
	if ((end = strchr(s, '}')) == NULL || (*s != ':' && end != s))
		die("\"%s\": {row} or {row: piece} expected", q->name);
	if (*s == ':') {
		if (row->plain)
			die("\"%s\": the text \"%s\" has no items", q->name,
			    name);
		pieces_add(to, q, row, skip_space(s + 1), end);
	} else {
		if (row->text.n == 0)
			die("\"%s\": \"%s\" has no text", q->name, name);
		buf_add(to, row->text.p, row->text.n);
	}
	return end + 1;
}

void
rows_expand(struct query *q)
{
	struct buf to = { NULL, 0, 0 };
	char *s = q->text.p, *end;

	at_line = q->line;
	buf_add(&to, "", 0);
	for (; *s != '\0'; s = end) {
		end = s + 1;
		if (*s == '{') {
			end = row_put(&to, q, s);
			continue;
		}
		if (*s == '\'' || *s == '"')
			end = s + (skip_quoted(q, s) - s);
		else if (strncmp(s, "--", 2) == 0)
			end = s + strcspn(s, "\n");
		buf_add(&to, s, (size_t)(end - s));
	}
	free(q->text.p);
	q->text = to;
}

void
check_rows(void)
{
	size_t i;

	for (i = 0; i < rows_n; i++) {
		at_line = rows[i]->line;
		if (!rows[i]->plain && !rows[i]->out.given)
			die("\"%s\": a row needs \"-- out:\"", rows[i]->name);
		if (!rows[i]->used)
			die("\"%s\": no query uses it", rows[i]->name);
	}
}
