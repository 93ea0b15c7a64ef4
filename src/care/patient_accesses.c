/* Who opened a patient's record, for the patient and the compliance officer. */
#include "care/operations.h"
#include "care/page.h"
#include "sql.h"

#include <string.h>

const struct shape patient_accesses_in[] = {
	{ "by", SH_CHOICE, .choices = "event|day" },
	{ "zone", SH_TEXT, 1, 64, .flags = 0 },
	{ 0 },
};

#define EVENT(row)                                                             \
	SHOWN(row, seq, SH_INT, 1, INT64_MAX), SHOWN(row, at, SH_TIME),        \
	    SHOWN(row, event, SH_TEXT, 1, 60),                                 \
	    SHOWN(row, action, SH_CHOICE, .choices = "C|R|U|D|E"),             \
	    SHOWN_OR_NULL(row, actor_id, SH_UUID),                             \
	    SHOWN_OR_NULL(row, actor_role, SH_TEXT, 1, 20),                    \
	    SHOWN_OR_NULL(row, actor_name, SH_TEXT, 1, 200),                   \
	    SHOWN(row, purpose, SH_TEXT, 1, 20),                               \
	    SHOWN(row, count, SH_INT, 1, INT32_MAX)

/* By day an item is its last event, with what goes for all of them. */
const struct shape patient_accesses_out[] = {
	EVENT(patient_access_days_row),
	{ "day", SH_DATE, COLUMN(patient_access_days_row, day) },
	{ "first_at", SH_TIME, COLUMN(patient_access_days_row, first_at) },
	{ "events", SH_LIST, 1, 100, COLUMN(patient_access_days_row, events) },
	{ 0 },
};

static const struct shape event_members[] = {
	EVENT(patient_accesses_row),
	{ 0 },
};

static const struct shape event_cursor[] = {
	{ "before_us", SH_INT, COLUMN(patient_accesses_row, at_us) },
	{ "before", SH_INT, COLUMN(patient_accesses_row, seq) },
	{ 0 },
};

/* It keeps the moment of the first page: what happens since is not counted on
 * the next ones, where it would move a line that was shown. */
static const struct shape day_cursor[] = {
	{ "seen_us", SH_INT, COLUMN(patient_access_days_row, seen_us) },
	{ "before_us", SH_INT, COLUMN(patient_access_days_row, at_us) },
	{ "before", SH_INT, COLUMN(patient_access_days_row, seq) },
	{ 0 },
};

static json_t *
event_item(struct op *op, const void *row)
{
	return members_json(op, event_members, row);
}

static enum err
by_event(struct op *op, const struct uuid *besides)
{
	struct patient_accesses_in in = {
		.patient_id = op->id,
		.besides = *besides,
		.before_us = page_int(op, "before_us", INT64_MIN),
		.before = page_int(op, "before", INT64_MIN),
		.limit = page_fetch(op),
	};
	struct patient_accesses_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = event_cursor,
		.item = event_item,
	};
	enum err r;

	if ((r = sql_patient_accesses(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

/*= AU-12: a page that looks every few seconds is one line of the day */
static enum err
by_day(struct op *op, const struct uuid *besides)
{
	struct zone_choose_in zone = { in_text(op, "zone") };
	struct patient_access_days_in in = {
		.patient_id = op->id,
		.besides = *besides,
		.seen_us = page_int(op, "seen_us", INT64_MIN),
		.before_us = page_int(op, "before_us", INT64_MIN),
		.before = page_int(op, "before", INT64_MIN),
		.limit = page_fetch(op),
	};
	struct patient_access_days_row *rows;
	struct zone_choose_row found;
	struct page page = { .size = sizeof(*rows), .cursor = day_cursor };
	enum err r;

	if ((r = sql_zone_choose(op->tx, &zone, &found)) != ERR_OK)
		return r;
	if ((in.zone = found.zone) == NULL)
		return op_refuse(op, ERR_INVALID_FIELD, "zone");
	r = sql_patient_access_days(op->tx, &in, &rows, &page.n);
	if (r != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

/* Newest first. Patients know when they looked themselves. */
enum err
patient_accesses(struct op *op)
{
	const struct uuid nobody = { { 0 } };
	const struct uuid *besides = op->scope == SCOPE_SELF ? &op->who.account
							     : &nobody;
	const char *by = in_text(op, "by");

	return by != NULL && strcmp(by, "day") == 0 ? by_day(op, besides)
						    : by_event(op, besides);
}
