/* Which reports there are, what each answers, takes and shows. */
#include "care/operations.h"
#include "care/report.h"
#include "gate/member.h"

#include <string.h>

#define REPORTS_MAX 100

static json_t *
bound(const struct shape *s, int64_t n)
{
	return s->kind == SH_INT ? json_integer(n) : json_null();
}

static json_t *
choices(const struct shape *s)
{
	json_t *list = json_array();
	const char *p = s->choices;
	size_t n;

	for (; p != NULL && *p != '\0'; p += n + (p[n] == '|')) {
		n = strcspn(p, "|");
		json_array_append_new(list, json_stringn(p, n));
	}
	return list;
}

/* What stands for one that is not given; null where that is none, or now. */
static json_t *
otherwise(const struct report_parameter *p, const struct shape *s)
{
	return s->kind == SH_INT && !p->one
	    ? json_sprintf("%lld", (long long)p->otherwise)
	    : text_json(p->choice);
}

static json_t *
parameter_shown(const struct report_parameter *p, const struct shape *s)
{
	return json_pack("{s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o}",
	    "name", p->name, "title", p->title, "kind", p->kind, "required",
	    (s->flags & SH_REQUIRED) != 0, "one", p->one, "min",
	    bound(s, s->min), "max", bound(s, s->max), "choices", choices(s),
	    "default", otherwise(p, s));
}

static json_t *
parameters(const struct op *op, const void *row)
{
	const struct report *rep = row;
	const struct shape *in = report_takes(rep);
	json_t *list = json_array();
	const struct report_parameter *p;

	(void)op;
	for (p = rep->parameters; p->name != NULL; p++)
		json_array_append_new(
		    list, parameter_shown(p, shape_find(in, p->name)));
	return list;
}

static json_t *
columns(const struct op *op, const void *row)
{
	const struct report *rep = row;
	const struct shape *s = report_shows(rep);
	const struct report_column *c = rep->columns;
	json_t *list = json_array();

	(void)op;
	for (; !shape_empty(s); s++, c++)
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:b}", "name", s->name, "title",
			c->title, "kind", c->kind, "sealed", c->sealed));
	return list;
}

static const struct shape parameter_out[] = {
	{ "name", SH_TEXT, 1, 40, .flags = SH_REQUIRED },
	{ "title", SH_TEXT, 1, 400, .flags = SH_REQUIRED },
	{ "kind", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "time|account|patient|instant|session|network|int|"
		       "choice" },
	{ "required", SH_BOOL, .flags = SH_REQUIRED },
	{ "one", SH_BOOL, .flags = SH_REQUIRED },
	{ "min", SH_INT, INT64_MIN, INT64_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE },
	{ "max", SH_INT, INT64_MIN, INT64_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE },
	{ "choices", SH_LIST, 0, 20, .flags = SH_REQUIRED },
	{ "default", SH_TEXT, 0, 40, .flags = SH_REQUIRED | SH_NULLABLE },
	{ 0 },
};

static const struct shape column_out[] = {
	{ "name", SH_TEXT, 1, 40, .flags = SH_REQUIRED },
	{ "title", SH_TEXT, 1, 400, .flags = SH_REQUIRED },
	{ "kind", SH_TEXT, 1, 20, .flags = SH_REQUIRED },
	{ "sealed", SH_BOOL, .flags = SH_REQUIRED },
	{ 0 },
};

static const struct shape report_shown[] = {
	SHOWN(report, name, SH_TEXT, 1, 40),
	SHOWN(report, title, SH_TEXT, 1, 400),
	{ "description", SH_TEXT, 1, 400, .flags = SH_REQUIRED,
	    COLUMN(report, question) },
	{ "safeguards", SH_TEXT, 1, 400, .flags = SH_REQUIRED,
	    COLUMN(report, rule) },
	{ "period_days", SH_INT, 0, 100000, .flags = SH_REQUIRED,
	    COLUMN(report, period_days) },
	{ "parameters", SH_LIST, 0, 20, .flags = SH_REQUIRED,
	    .inner = parameter_out, .made = parameters },
	{ "columns", SH_LIST, 1, 64, .flags = SH_REQUIRED, .inner = column_out,
	    .made = columns },
	{ 0 },
};

static json_t *
items(const struct op *op, const void *row)
{
	const struct report *rep = row;
	json_t *list = json_array();

	for (; rep->name != NULL; rep++)
		if (report_is_open(rep, op->who.role))
			json_array_append_new(
			    list, members_json(op, report_shown, rep));
	return list;
}

const struct shape report_list_out[] = {
	{ "items", SH_LIST, 0, REPORTS_MAX, .flags = SH_REQUIRED,
	    .inner = report_shown, .made = items },
	NO_NEXT_PAGE,
	{ 0 },
};

enum err
report_list(struct op *op)
{
	return op_answer(op, reports);
}
