#include "sqlgen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Reports: a file each, whose header says all that a page, a client and an
 * auditor have to know of it. Its name is report_ and what the header calls it.
 *
 *   -- report: refusals
 *   -- title: Refused attempts
 *   -- question: Who was refused what, and when?
 *   -- rule: 45 CFR 164.308(a)(5)(ii)(C)
 *   -- permission: report_read
 *   -- period: 400
 *   -- parameter: actor_id account, Person
 *   -- column: at time, Time
 *   -- column: actor_id account, Person's id
 *   -- column: actor_name name(actor_id), Person
 *   -- order: at_us int, seq int
 *   SELECT ...
 *
 * period gives it the parameters from and to, at most so many days apart. A
 * parameter is an account or a patient, perhaps `required`, an instant, a session
 * or a network (one address is one), or has bounds and a default: "days int 1..3650
 * = 90", "who choice staff|patients = staff". Of those that are marked `one` exactly
 * one is given, and none of them has a default.
 * Columns are of the types of other queries, of those here, or the `name` of an
 * account: no column of the answer, but opened by the rights of who reads.
 * After them the answer has the columns of `order`, which the next page begins
 * behind: int or uuid. The text names parameters as $actor_id, the last row of
 * the page before as $after_at_us and so on (NULL: there is none), and $limit.
 */
#define PARAMETERS_MAX 12
#define TEXT_SIZE      400
#define PERIOD_DEFAULT 30

struct parameter {
	char name[NAME_SIZE], kind[NAME_SIZE], title[TEXT_SIZE];
	char choices[TEXT_SIZE], otherwise[NAME_SIZE];
	long long min, max;
	bool required, one;
};

/* What a parameter is in the statement, and what a client sends for it. */
static const struct parameter_kind {
	const char *name, *type, *shape;
} parameter_kinds[] = {
	{ "account", "uuid", ".kind = SH_UUID" },
	{ "patient", "uuid", ".kind = SH_UUID" },
	{ "instant", "time", ".kind = SH_TIME" },
	{ "session", "text", ".kind = SH_TEXT, .min = 16, .max = 16" },
	{ "network", "text", ".kind = SH_TEXT, .min = 2, .max = 49" },
	{ "choice", "text", "" },
	{ "int", "int", "" },
	{ NULL, NULL, NULL },
};

static const struct parameter_kind *
kind_of(const char *name)
{
	const struct parameter_kind *k = parameter_kinds;

	while (k->name != NULL && strcmp(k->name, name) != 0)
		k++;
	return k;
}

struct report {
	char title[TEXT_SIZE], question[TEXT_SIZE], rule[TEXT_SIZE];
	char permission[NAME_SIZE];
	char titles[ITEMS_MAX][TEXT_SIZE]; /* of its columns */
	int columns;
	long period; /* days; 0: none */
	struct parameter v[PARAMETERS_MAX];
	int n;
	struct list order;
};

static struct report *
last(void)
{
	return queries[queries_n - 1]->report;
}

/* All of a line; it is put into C as it is. */
static void
take_text(char out[TEXT_SIZE], const char *s, const char *what)
{
	while (*s == ' ')
		s++;
	if (*s == '\0' || strlen(s) >= TEXT_SIZE || strpbrk(s, "\"\\") != NULL)
		die("%s: 1 to %d characters without quotes expected", what,
		    TEXT_SIZE - 1);
	memcpy(out, s, strlen(s) + 1);
}

static void
take_title(char out[TEXT_SIZE], char *s, const char *name)
{
	s = skip_space(s);
	if (*s != ',')
		die("\"%s\": a comma and its title expected", name);
	take_text(out, s + 1, name);
}

/* What stands up to the next space or comma. */
static void
take_word(char **s, char *out, size_t size)
{
	size_t n;

	*s = skip_space(*s);
	n = strcspn(*s, " ,");
	if (n == 0 || n >= size)
		die("a word expected at \"%.20s\"", *s);
	memcpy(out, *s, n);
	out[n] = '\0';
	*s += n;
}

static void
take_otherwise(struct parameter *p, char **s)
{
	*s = skip_space(*s);
	if (**s != '=')
		return;
	(*s)++;
	take_word(s, p->otherwise, sizeof(p->otherwise));
}

static void
take_bounds(struct parameter *p, char **s)
{
	char *end;

	p->min = strtoll(*s, &end, 10);
	if (end == *s || strncmp(end, "..", 2) != 0)
		die("\"%s\": bounds such as 1..90 expected", p->name);
	*s = end + 2;
	p->max = strtoll(*s, &end, 10);
	if (end == *s || p->max < p->min)
		die("\"%s\": bounds such as 1..90 expected", p->name);
	*s = end;
	take_otherwise(p, s);
}

static bool
take_mark(char **s, const char *mark)
{
	const size_t n = strlen(mark);

	*s = skip_space(*s);
	if (strncmp(*s, mark, n) != 0 || ((*s)[n] != ' ' && (*s)[n] != ','))
		return false;
	*s += n;
	return true;
}

static void
parameter_parse(struct report *r, char *s)
{
	struct parameter *p;

	if (r->n == PARAMETERS_MAX)
		die("more than %d parameters", PARAMETERS_MAX);
	p = &r->v[r->n++];
	take_name(&s, p->name, "name of the parameter");
	take_word(&s, p->kind, sizeof(p->kind));
	if (strcmp(p->kind, "int") == 0)
		take_bounds(p, &s);
	else if (strcmp(p->kind, "choice") == 0) {
		take_word(&s, p->choices, sizeof(p->choices));
		take_otherwise(p, &s);
	} else if (kind_of(p->kind)->name == NULL)
		die("\"%s\": account, patient, instant, session, network, int "
		    "or choice expected",
		    p->name);
	p->required = take_mark(&s, "required");
	p->one = take_mark(&s, "one");
	if (strcmp(p->kind, "int") == 0 && !p->one && p->otherwise[0] == '\0')
		die("\"%s\": a default such as = 30 expected", p->name);
	take_title(p->title, s, p->name);
}

static void
column_parse(struct query *q, char *s)
{
	struct report *r = q->report;
	char name[NAME_SIZE];
	struct item *it;

	take_name(&s, name, "name of the column");
	it = item_new(&q->out, name);
	take_type(&s, it);
	take_arguments(&s, it);
	take_title(r->titles[r->columns++], s, name);
	q->out.given = true;
}

static void
order_parse(struct report *r, char *s)
{
	char name[NAME_SIZE];
	struct item *it;

	do {
		take_name(&s, name, "name of the column");
		it = item_new(&r->order, name);
		take_type(&s, it);
		if (!is_type(it, "int") && !is_type(it, "uuid"))
			die("\"%s\": int or uuid expected", name);
		s = skip_space(s);
	} while (*s++ == ',');
}

static void
report_new(char *s)
{
	char name[2 * NAME_SIZE], *p = name;

	snprintf(name, sizeof(name), "report_%s", skip_space(s));
	named_query(&p)->report = grow(NULL, 1, sizeof(struct report));
	memset(last(), 0, sizeof(struct report));
	queries[queries_n - 1]->kind = MANY;
	if (*skip_space(p) != '\0')
		die("\"%s\": nothing may follow the name", name);
}

static void
period_parse(struct report *r, const char *s)
{
	char *end;

	r->period = strtol(s, &end, 10);
	if (r->period < PERIOD_DEFAULT || *skip_space(end) != '\0')
		die("period: %d days or more expected", PERIOD_DEFAULT);
}

static void
part_parse(struct query *q, const char *word, char *s)
{
	struct report *r = q->report;

	if (strcmp(word, "title") == 0)
		take_text(r->title, s, word);
	else if (strcmp(word, "question") == 0)
		take_text(r->question, s, word);
	else if (strcmp(word, "rule") == 0)
		take_text(r->rule, s, word);
	else if (strcmp(word, "permission") == 0)
		take_name(&s, r->permission, word);
	else if (strcmp(word, "period") == 0)
		period_parse(r, s);
	else if (strcmp(word, "parameter") == 0)
		parameter_parse(r, s);
	else if (strcmp(word, "column") == 0)
		column_parse(q, s);
	else
		order_parse(r, s);
}

bool
report_line(const char *said)
{
	static const char *const words[] = { "report", "title", "question",
		"rule", "permission", "period", "parameter", "column",
		"order" };
	char line[1024], *colon;
	size_t i;

	if (strlen(said) >= sizeof(line))
		return false;
	memcpy(line, said, strlen(said) + 1);
	if ((colon = strchr(line, ':')) == NULL)
		return false;
	*colon = '\0';
	if (strcmp(line, words[0]) == 0) {
		report_new(colon + 1);
		return true;
	}
	if (queries_n == 0 || last() == NULL ||
	    queries[queries_n - 1]->text.n > 0)
		return false;
	for (i = 1; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(line, words[i]) == 0) {
			part_parse(queries[queries_n - 1], words[i], colon + 1);
			return true;
		}
	return false;
}

/* Lists and text */

static void
in_add(struct query *q, const char *name, const char *type)
{
	item_new(&q->in, name)->type = type_find(type, strlen(type));
	q->in.given = true;
}

static void
in_make(struct query *q)
{
	struct report *r = q->report;
	char name[2 * NAME_SIZE];
	const struct item *it;
	int i;

	if (r->period > 0) {
		in_add(q, "from", "time");
		in_add(q, "to", "time");
	}
	for (i = 0; i < r->n; i++)
		in_add(q, r->v[i].name,
		    strcmp(r->v[i].kind, "int") == 0 && r->v[i].one
			? "int?"
			: kind_of(r->v[i].kind)->type);
	for (i = 0; i < r->order.n; i++) {
		it = &r->order.v[i];
		snprintf(name, sizeof(name), "after_%s", it->name);
		if (strlen(name) >= NAME_SIZE)
			die("\"%s\" is too long", it->name);
		in_add(q, name, is_type(it, "int") ? "int?" : "uuid");
	}
	in_add(q, "limit", "int");
}

static void
names_check(struct query *q)
{
	const struct item *it;
	int i;

	for (i = 0; i < q->out.n; i++) {
		it = &q->out.v[i];
		if (is_type(it, "name") &&
		    (it->args != 1 ||
			!is_type(item_find(&q->out, it->arg[0]), "account")))
			die("\"%s\": name(column of an account) expected",
			    it->name);
	}
}

/* At "$": its number in the place of the name; what follows. */
static char *
parameter_put(struct buf *to, struct query *q, char *s)
{
	char name[NAME_SIZE];
	const struct item *it;

	s++;
	take_name(&s, name, "name of a parameter");
	if ((it = item_find(&q->in, name)) == NULL)
		die("\"%s\": no parameter \"%s\"", q->name, name);
	say(to, "$%d", (int)(it - q->in.v) + 1);
	return s;
}

static void
text_number(struct query *q)
{
	struct buf to = { NULL, 0, 0 };
	char *s = q->text.p, *end;

	buf_add(&to, "", 0);
	for (; *s != '\0'; s = end) {
		end = s + 1;
		if (*s == '$') {
			end = parameter_put(&to, q, s);
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
report_finish(struct query *q)
{
	struct report *r = q->report;
	int i;

	if (r == NULL)
		return;
	at_line = q->line;
	if (r->title[0] == '\0' || r->question[0] == '\0' ||
	    r->rule[0] == '\0' || r->permission[0] == '\0' || r->columns == 0 ||
	    r->order.n == 0)
		die("\"%s\": title, question, rule, permission, columns and "
		    "order expected",
		    q->name);
	names_check(q);
	in_make(q);
	for (i = 0; i < r->order.n; i++)
		item_new(&q->out, r->order.v[i].name)->type = r->order.v[i]
								  .type;
	text_number(q);
}

/* What is written */

static void
write_parameter_shapes(struct buf *b, const struct report *r)
{
	const struct parameter *p;

	if (r->period > 0)
		say(b,
		    "\t{ \"from\", SH_TIME, .flags = 0 },\n"
		    "\t{ \"to\", SH_TIME, .flags = 0 },\n");
	for (p = r->v; p < r->v + r->n; p++) {
		say(b, "\t{ .name = \"%s\", ", p->name);
		if (p->choices[0] != '\0')
			say(b, ".kind = SH_CHOICE, .choices = \"%s\"",
			    p->choices);
		else if (strcmp(p->kind, "int") == 0)
			say(b, ".kind = SH_INT, .min = %lld, .max = %lld",
			    p->min, p->max);
		else
			say(b, "%s", kind_of(p->kind)->shape);
		say(b, ", .flags = %s },\n", p->required ? "SH_REQUIRED" : "0");
	}
	say(b, "\t{ 0 },\n");
}

static void
write_parameters(struct buf *b, const char *name, const struct report *r)
{
	const struct parameter *p;
	bool number;

	if (r->period > 0)
		say(b,
		    "\t{ \"from\", \"From\", \"time\", offsetof(struct %s_in, "
		    "from), "
		    "%d, NULL, false },\n"
		    "\t{ \"to\", \"To\", \"time\", offsetof(struct %s_in, to), "
		    "0, "
		    "NULL, false },\n",
		    name, PERIOD_DEFAULT, name);
	for (p = r->v; p < r->v + r->n; p++) {
		number = strcmp(p->kind, "int") == 0;
		say(b,
		    "\t{ \"%s\", \"%s\", \"%s\", offsetof(struct %s_in, %s), ",
		    p->name, p->title, p->kind, name, p->name);
		if (number)
			say(b, "%s, NULL, ", p->one ? "INT64_MIN" : p->otherwise);
		else if (p->otherwise[0] == '\0')
			say(b, "0, NULL, ");
		else
			say(b, "0, \"%s\", ", p->otherwise);
		say(b, "%s },\n", p->one ? "true" : "false");
	}
	say(b, "\t{ NULL, NULL, NULL, 0, 0, NULL, false },\n");
}

/* The shape of a column, by its type. */
static const struct {
	const char *type, *shape;
} shapes[] = {
	{ "time", "SH_TIME, 0, 0" },
	{ "int", "SH_INT, INT64_MIN, INT64_MAX" },
	{ "int?", "SH_INT, INT64_MIN, INT64_MAX" },
	{ "bool", "SH_BOOL, 0, 0" },
	{ "date", "SH_DATE, 0, 0" },
	{ "uuid", "SH_UUID, 0, 0" },
	{ "patient", "SH_UUID, 0, 0" },
	{ "account", "SH_UUID, 0, 0" },
	{ "text", "SH_TEXT, 0, 2000" },
	{ "event", "SH_TEXT, 1, 60" },
	{ "outcome", "SH_TEXT, 1, 60" },
	{ "role", "SH_TEXT, 1, 20" },
	{ "name", "SH_TEXT, 1, NAME_WHOLE_MAX" },
};

static void
write_column_shape(struct buf *b, const char *name, const struct item *it)
{
	size_t i;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (is_type(it, shapes[i].type)) {
			say(b,
			    "\t{ \"%s\", %s, .flags = SH_REQUIRED | "
			    "SH_NULLABLE%s,\n\t  COLUMN(%s_row, %s) },\n",
			    it->name, shapes[i].shape,
			    is_type(it, "name") ? " | SH_PHI" : "", name,
			    it->name);
			return;
		}
	die("\"%s\": no report shows the type \"%s\"", it->name,
	    it->type->name);
}

static void
write_column(
    struct buf *b, const char *name, const struct item *it, const char *title)
{
	const bool sealed = is_type(it, "name");

	say(b, "\t{ \"%s\", \"%.*s\", %s, ", title,
	    (int)strcspn(it->type->name, "?"), it->type->name,
	    sealed ? "true" : "false");
	if (sealed)
		say(b, "offsetof(struct %s_row, %s) },\n", name, it->arg[0]);
	else
		say(b, "0 },\n");
}

static void
write_order(struct buf *b, const char *name, const struct report *r)
{
	const struct item *it;

	say(b, "static const struct shape %s_cursor[] = {\n", name);
	for (it = r->order.v; it < r->order.v + r->order.n; it++)
		say(b, "\t{ \"%s\", %s, COLUMN(%s_row, %s) },\n", it->name,
		    is_type(it, "int") ? "SH_INT" : "SH_UUID", name, it->name);
	say(b, "\t{ 0 },\n};\nstatic const size_t %s_after[] = {", name);
	for (it = r->order.v; it < r->order.v + r->order.n; it++)
		say(b, " offsetof(struct %s_in, after_%s),", name, it->name);
	say(b, " };\n");
}

static void
write_arrays(struct buf *b, const struct query *q)
{
	const struct report *r = q->report;
	int i;

	say(b, "\n/* %s */\nconst struct shape %s_in[] = {\n", q->file,
	    q->name);
	write_parameter_shapes(b, r);
	say(b, "};\nstatic const struct report_parameter %s_parameters[] = {\n",
	    q->name);
	write_parameters(b, q->name, r);
	say(b, "};\nconst struct shape %s_out[] = {\n", q->name);
	for (i = 0; i < r->columns; i++)
		write_column_shape(b, q->name, &q->out.v[i]);
	say(b,
	    "\t{ 0 },\n};\nstatic const struct report_column %s_columns[] "
	    "= {\n",
	    q->name);
	for (i = 0; i < r->columns; i++)
		write_column(b, q->name, &q->out.v[i], r->titles[i]);
	say(b, "};\n");
	write_order(b, q->name, r);
}

static void
write_row(struct buf *b, const struct query *q, size_t statement)
{
	const struct report *r = q->report;
	const char *name = q->name;

	say(b,
	    "\t{ \"%s\", \"%s\",\n\t  \"%s\",\n\t  \"%s\",\n"
	    "\t  ROUTE_%s, &sql_statements[%zu], %s_parameters,\n"
	    "\t  %s_columns, %s_cursor, %s_after, sizeof(struct %s_in),\n"
	    "\t  sizeof(struct %s_row), offsetof(struct %s_in, limit), %ld "
	    "},\n",
	    name + strlen("report_"), r->title, r->question, r->rule, name,
	    statement, name, name, name, name, name, name, name, r->period);
}

void
write_reports(struct buf *source, struct buf *rows_out)
{
	const char *made = "/* Made by tools/sqlgen from sql/reports. */\n";
	size_t i, n = 0;

	say(source, "%s", made);
	say(rows_out, "%s", made);
	say(source,
	    "#include \"care/report.h\"\n\n#include \"care/operations.h\"\n"
	    "#include \"data/statement.h\"\n#include \"gate/member.h\"\n"
	    "#include \"sql.h\"\n");
	for (i = 0; i < queries_n; i++)
		if (queries[i]->report != NULL)
			write_arrays(source, queries[i]);
	say(source, "\nconst struct report reports[] = {\n");
	for (i = 0; i < queries_n; i++)
		if (queries[i]->report != NULL)
			write_row(source, queries[i], i);
	say(source, "\t{ 0 },\n};\n");
	for (i = 0; i < queries_n; i++) {
		if (queries[i]->report == NULL)
			continue;
		say(source,
		    "\nenum err\n%s(struct op *op)\n{\n"
		    "\treturn report_run(op, &reports[%zu]);\n}\n",
		    queries[i]->name, n++);
		say(rows_out,
		    "ROUTE( GET, \"/v1/reports/%s\", %s, ACTIVE, %s, NOBODY, "
		    "report_run, LISTS | SEARCHES | TABLE )\n",
		    queries[i]->name + strlen("report_"), queries[i]->name,
		    queries[i]->report->permission);
	}
}
