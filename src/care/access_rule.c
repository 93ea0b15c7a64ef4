/* What counts as unusual access: the rules, what a clinic's officer decides of each,
 * and the job that looks for it. */
#include "care/access_rule.h"

#include "care/jobs.h"
#include "care/operations.h"
#include "gate/member.h"
#include "sql.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define BATCH	 5000 /* events: a second or two where many are by staff */
#define SETTLE_S 3600 /* a look is judged by what was done after it */
#define WEEKS	 12   /* that a rule's rate is counted over */

enum {
#define RULE(name, ...) RULE_##name,
#include "tables/access_rules.def"
#undef RULE
	RULES
};

struct rule {
	const char *name, *title, *unit, *words;
	int64_t enabled, threshold, least, most;
};

static const struct rule rules[RULES] = {
#define RULE(name, on, threshold, least, most, title, unit, words)             \
	{ #name, title, unit, words, on, threshold, least, most },
#include "tables/access_rules.def"
#undef RULE
};

#define RULE(name, ...) "|" #name
static const char CHOICES[] =
#include "tables/access_rules.def"
    ;
#undef RULE
const char *const access_rule_choices = &CHOICES[1];

/* What is answered and taken */

struct shown {
	struct row_list items;
	int64_t weeks;
};

struct rule_shown {
	const char *name, *title, *unit;
	bool enabled;
	int64_t threshold, least, most, found, reviewed, justified;
};

static const struct shape rule_out[] = {
	SHOWN(rule_shown, name, SH_CHOICE, .choices = &CHOICES[1]),
	SHOWN(rule_shown, title, SH_TEXT, 1, 100),
	SHOWN(rule_shown, enabled, SH_BOOL),
	SHOWN(rule_shown, threshold, SH_INT, 0, INT32_MAX),
	SHOWN(rule_shown, least, SH_INT, 0, INT32_MAX),
	SHOWN(rule_shown, most, SH_INT, 0, INT32_MAX),
	SHOWN(rule_shown, unit, SH_TEXT, 1, 100),
	SHOWN(rule_shown, found, SH_INT, 0, INT64_MAX),
	SHOWN(rule_shown, reviewed, SH_INT, 0, INT64_MAX),
	SHOWN(rule_shown, justified, SH_INT, 0, INT64_MAX),
	{ 0 },
};

const struct shape access_rules_read_out[] = {
	SHOWN(shown, items, SH_LIST, 0, RULES, .inner = rule_out),
	NO_NEXT_PAGE,
	SHOWN(shown, weeks, SH_INT, 1, 52),
	{ 0 },
};

#define RULE(name, on, threshold, least, most, ...)                            \
	static const struct shape name##_in[] = {                              \
		{ "enabled", SH_BOOL, .flags = 0 },                            \
		{ "threshold", SH_INT, least, most, .flags = 0 },              \
		{ 0 },                                                         \
	};
#include "tables/access_rules.def"
#undef RULE

#define RULE(name, ...) { #name, SH_OBJECT, .inner = name##_in },
const struct shape access_rules_patch_in[] = {
#include "tables/access_rules.def"
	{ 0 },
};
#undef RULE

/* Every rule, with what holds unless a clinic decided otherwise. */
struct rule_lists {
	const char *names[RULES];
	int64_t enabled[RULES], thresholds[RULES];
};

static void
rules_list(struct rule_lists *l)
{
	size_t i;

	for (i = 0; i < RULES; i++) {
		l->names[i] = rules[i].name;
		l->enabled[i] = rules[i].enabled;
		l->thresholds[i] = rules[i].threshold;
	}
}

static enum err
rules_get(struct op *op, struct access_rule_list_row **rows)
{
	struct rule_lists l;
	const struct access_rule_list_in in = { { l.names, RULES },
		{ l.enabled, RULES }, { l.thresholds, RULES }, WEEKS };
	size_t n;
	enum err r;

	rules_list(&l);
	r = sql_access_rule_list(op->tx, &in, rows, &n);
	return r == ERR_OK && n != RULES ? ERR_INTERNAL : r;
}

static struct rule_shown
rule_shown(const struct rule *rule, const struct access_rule_list_row *row)
{
	return (struct rule_shown){
		.name = rule->name,
		.title = rule->title,
		.unit = rule->unit,
		.enabled = row->enabled,
		.threshold = row->threshold,
		.least = rule->least,
		.most = rule->most,
		.found = row->found,
		.reviewed = row->reviewed,
		.justified = row->justified,
	};
}

enum err
access_rules_read(struct op *op)
{
	struct rule_shown items[RULES];
	const struct shown all = { { items, RULES, sizeof(items[0]) }, WEEKS };
	struct access_rules_version_row clinic;
	struct access_rule_list_row *rows;
	size_t i;
	enum err r;

	if ((r = sql_access_rules_version(op->tx, &clinic)) != ERR_OK ||
	    (r = rules_get(op, &rows)) != ERR_OK)
		return r;
	for (i = 0; i < RULES; i++)
		items[i] = rule_shown(&rules[i], &rows[i]);
	op->version = clinic.version;
	op->note.record = op->who.clinic;
	return op_answer(op, &all);
}

/* What the input does not name stays as it was. */
static enum err
rule_set(struct op *op, const struct rule *rule,
    const struct access_rule_list_row *was)
{
	const json_t *in = json_object_get(op->in, rule->name);
	const json_t *enabled = json_object_get(in, "enabled");
	const json_t *threshold = json_object_get(in, "threshold");
	const struct access_rule_set_in set = { rule->name,
		enabled != NULL ? json_is_true(enabled) : was->enabled,
		threshold != NULL ? json_integer_value(threshold)
				  : was->threshold };

	return in == NULL ? ERR_OK : sql_access_rule_set(op->tx, &set);
}

/*= AU-07: the officer's to decide, and each change is in the log */
enum err
access_rules_patch(struct op *op)
{
	const struct access_rules_step_in step = { op->if_match };
	struct access_rule_list_row *rows;
	int64_t n;
	size_t i;
	enum err r;

	if ((r = sql_access_rules_step(op->tx, &step, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_STALE;
	r = rules_get(op, &rows);
	for (i = 0; r == ERR_OK && i < RULES; i++)
		r = rule_set(op, &rules[i], &rows[i]);
	return r == ERR_OK ? access_rules_read(op) : r;
}

/* Words */

static const char *
day_words(struct arena *a, const char *day)
{
	static const char *const months[] = { "January", "February", "March",
		"April", "May", "June", "July", "August", "September",
		"October", "November", "December" };
	const long month = strtol(day + 5, NULL, 10);

	if (month < 1 || month > 12)
		return day;
	return arena_format(a, "%ld %s %.4s", strtol(day + 8, NULL, 10),
	    months[month - 1], day);
}

/* Puts `value` in place of the first `mark` in the words. */
static const char *
words_fill(
    struct arena *a, const char *words, const char *mark, const char *value)
{
	const char *at = strstr(words, mark);

	if (at == NULL)
		return words;
	return arena_format(
	    a, "%.*s%s%s", (int)(at - words), words, value, at + strlen(mark));
}

const char *
access_rule_words(struct arena *a, const char *rule, const char *day,
    int64_t found, int64_t usual)
{
	const char *words;
	size_t i;

	for (i = 0; i < RULES; i++)
		if (strcmp(rules[i].name, rule) == 0)
			break;
	if (i == RULES)
		return NULL;
	words = words_fill(a, rules[i].words, "{day}", day_words(a, day));
	words = words_fill(
	    a, words, "{found}", arena_format(a, "%" PRId64, found));
	return words_fill(
	    a, words, "{usual}", arena_format(a, "%" PRId64, usual));
}

/* The job */

/*= AU-07: how far it is stands in the database: killed at any point, it goes on
 * from there, and what was found is there once */
enum err
access_watch(struct op *op)
{
	struct rule_lists l;
	const struct access_watch_in in = { { l.names, RULES },
		{ l.enabled, RULES }, { l.thresholds, RULES }, SETTLE_S,
		BATCH };
	struct access_watch_row row = { 0 };
	enum err r;

	rules_list(&l);
	r = sql_access_watch(op->tx, &in, &row);
	op->job->again = row.events >= BATCH;
	return r;
}
