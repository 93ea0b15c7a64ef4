#include "sqlgen.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Checks: headers */

static void
class_set(struct item *key, const char *class)
{
	if (key->class[0] != '\0' && strcmp(key->class, class) != 0)
		die("\"%s\" would be of two classes: %s and %s", key->name,
		    key->class, class);
	memcpy(key->class, class, NAME_SIZE);
}

bool
is_sealed(const struct item *it)
{
	return is_type(it, "sealed") || is_type(it, "sealed_bytes");
}

static void
check_sealed(struct list *l, struct item *it)
{
	const struct field_row *f;
	const char *row = it->args > 1 ? it->arg[1] : "id";
	const char *key = it->args > 2 ? it->arg[2] : "key";

	if (it->args == 0)
		die("\"%s\": sealed(field) expected", it->name);
	if ((f = field_find(it->arg[0])) == NULL)
		die("\"%s\": no field \"%s\" in fields.def", it->name,
		    it->arg[0]);
	if (!is_type(item_find(l, row), "uuid"))
		die("\"%s\": no \"%s uuid\" in the list names its row",
		    it->name, row);
	if (!is_key(item_find(l, key)))
		die("\"%s\": no \"%s record_key\" in the list", it->name, key);
	class_set(item_find(l, key), f->class);
	memcpy(it->arg[1], row, strlen(row) + 1);
	memcpy(it->arg[2], key, strlen(key) + 1);
}

static void
check_list(struct list *l)
{
	struct item *it;

	for (it = l->v; it < l->v + l->n; it++) {
		at_line = it->line;
		if (is_key(it) && it->args == 1)
			class_set(it, it->arg[0]);
		else if (it->args > 0 && !is_sealed(it) && !is_type(it, "name"))
			die("\"%s\": nothing in ( ) is expected", it->name);
	}
	for (it = l->v; it < l->v + l->n; it++) {
		at_line = it->line;
		if (is_sealed(it))
			check_sealed(l, it);
	}
	for (it = l->v; it < l->v + l->n; it++) {
		at_line = it->line;
		if (is_key(it) && it->class[0] == '\0')
			die("\"%s\": no sealed column uses it: say "
			    "record_key(class)",
			    it->name);
	}
}

void
check_headers(struct query *q)
{
	bool answers = q->kind == ONE || q->kind == MANY;

	at_line = q->line;
	if (answers && !q->out.given)
		die("\"%s\": kind %s needs \"-- out:\"", q->name,
		    kinds[q->kind]);
	if (!answers && q->out.given)
		die("\"%s\": kind %s has no \"-- out:\"", q->name,
		    kinds[q->kind]);
	check_list(&q->in);
	check_list(q->out.row != NULL ? &q->out.row->out : &q->out);
}

/* Checks: text */

const char *
skip_quoted(const struct query *q, const char *s)
{
	const char quote = *s;

	for (s++; *s != '\0'; s++)
		if (*s == quote) {
			if (s[1] != quote)
				return s + 1;
			s++;
		}
	die("\"%s\": %c is not closed", q->name, quote);
}

/* Reads $n; notes that it is there. */
static const char *
take_param(const struct query *q, const char *s, bool seen[PARAMS_MAX + 1])
{
	unsigned n = 0;

	if (!isdigit((unsigned char)s[1]))
		die("\"%s\": $ that is no parameter (dollar quotes are not "
		    "taken)",
		    q->name);
	for (s++; isdigit((unsigned char)*s); s++)
		if ((n = n * 10 + (unsigned)(*s - '0')) > PARAMS_MAX)
			break;
	if (n == 0 || n > PARAMS_MAX)
		die("\"%s\": parameter out of range", q->name);
	seen[n] = true;
	return s;
}

static int
params_of(const struct list *l)
{
	int i, n = 0;

	for (i = 0; i < l->n; i++)
		n += !is_key(&l->v[i]);
	return n;
}

static void
check_params(const struct query *q, const bool seen[PARAMS_MAX + 1])
{
	int i, n = params_of(&q->in);

	for (i = 1; i <= n; i++)
		if (!seen[i])
			die("\"%s\": $%d is not used", q->name, i);
	for (; i <= PARAMS_MAX; i++)
		if (seen[i])
			die("\"%s\": $%d is not listed in \"-- in:\"", q->name,
			    i);
}

/* Start of what follows the text's end: only white space and one semicolon. */
static void
check_end(const struct query *q, const char *s)
{
	for (s++; *s != '\0'; s++)
		if (!isspace((unsigned char)*s))
			die("\"%s\": more than one statement", q->name);
}

/* Copies what is not a comment, and looks at parameters and the end. */
void
check_text(struct query *q)
{
	struct buf to = { NULL, 0, 0 };
	bool seen[PARAMS_MAX + 1] = { false };
	const char *s = q->text.p, *end;

	at_line = q->line;
	buf_add(&to, "", 0);
	for (; *s != '\0'; s = end) {
		end = s + 1;
		if (*s == '\'' || *s == '"')
			end = skip_quoted(q, s);
		else if (strncmp(s, "--", 2) == 0) {
			s = end = s + strcspn(s, "\n");
		} else if (strncmp(s, "/*", 2) == 0)
			die("\"%s\": comments are written --", q->name);
		else if (*s == '{')
			die("\"%s\": { in the text of a row", q->name);
		else if (*s == '$')
			end = take_param(q, s, seen);
		else if (*s == ';') {
			check_end(q, s);
			break;
		}
		buf_add(&to, s, (size_t)(end - s));
	}
	while (to.n > 0 && isspace((unsigned char)to.p[to.n - 1]))
		to.p[--to.n] = '\0';
	if (to.n == 0)
		die("\"%s\" has no text", q->name);
	check_params(q, seen);
	free(q->text.p);
	q->text = to;
}
