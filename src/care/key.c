/* What an officer sees of a clinic's keys: how old, how used, what is to turn. */
#include "base/conf.h"
#include "base/keyring.h"
#include "care/operations.h"
#include "gate/member.h"
#include "sql.h"

#define KEYS_MAX      1000 /* versions of all classes */
#define SECONDS_A_DAY INT64_C(86400)

struct keys {
	const struct key_list_row *rows;
	size_t n;
};

/* newest: what is new lies under it; old: something needs it; unused: nothing
 * does, and it can be retired. */
static json_t *
state(const struct op *op, const void *row)
{
	const struct key_list_row *k = row;
	enum key_class class;
	const bool counted = key_class_parse(k->class, &class) == ERR_OK &&
	    key_class_wraps(class);

	(void)op;
	if (k->newest)
		return text_json("newest");
	return text_json(k->rows_old > 0 || !counted ? "old" : "unused");
}

/* By itself (care/key_job.c); null where nothing is going to. */
static json_t *
due_at(const struct op *op, const void *row)
{
	const struct key_list_row *k = row;
	enum key_class class;

	(void)op;
	if (!k->newest || conf()->key_days == 0 ||
	    key_class_parse(k->class, &class) != ERR_OK ||
	    !key_class_wraps(class))
		return json_null();
	return time_json(k->created_at + conf()->key_days * SECONDS_A_DAY);
}

/*= EN-07: age and use of each key */
static const struct shape key_out[] = {
	SHOWN(key_list_row, class, SH_TEXT, 1, 8),
	SHOWN(key_list_row, version, SH_INT, 1, UINT32_MAX),
	SHOWN(key_list_row, created_at, SH_TIME),
	SHOWN_OR_NULL(key_list_row, seals, SH_INT, 0, INT64_MAX),
	SHOWN_OR_NULL(key_list_row, seals_most, SH_INT, 0, INT64_MAX),
	SHOWN_OR_NULL(key_list_row, counted_at, SH_TIME),
	SHOWN(key_list_row, rows_old, SH_INT, 0, 1000000),
	{ "state", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "newest|old|unused", .made = state },
	{ "due_at", SH_TIME, .flags = SH_REQUIRED | SH_NULLABLE,
	    .made = due_at },
	{ 0 },
};

static json_t *
items(const struct op *op, const void *row)
{
	const struct keys *k = row;
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < k->n; i++)
		json_array_append_new(
		    list, members_json(op, key_out, &k->rows[i]));
	return list;
}

static json_t *
no_next(const struct op *op, const void *row)
{
	(void)op;
	(void)row;
	return json_null();
}

const struct shape key_list_out[] = {
	{ "items", SH_LIST, 0, KEYS_MAX, .flags = SH_REQUIRED, .inner = key_out,
	    .made = items },
	{ "next_cursor", SH_TEXT, .flags = SH_REQUIRED | SH_NULLABLE,
	    .made = no_next },
	{ 0 },
};

enum err
key_list(struct op *op)
{
	struct key_list_row *rows;
	struct keys keys;
	enum err r;

	if ((r = sql_key_list(op->tx, &rows, &keys.n)) != ERR_OK)
		return r;
	keys.rows = rows;
	return op_answer(op, &keys);
}
