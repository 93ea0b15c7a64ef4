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

/* By day an item is its last event, with what goes for all of them. */
const struct shape patient_accesses_out[] = {
	{ "seq", SH_INT, 1, INT64_MAX, .flags = SH_REQUIRED },
	{ "at", SH_TIME, .flags = SH_REQUIRED },
	{ "event", SH_TEXT, 1, 60, .flags = SH_REQUIRED },
	{ "action", SH_CHOICE, .flags = SH_REQUIRED, .choices = "C|R|U|D|E" },
	{ "actor_id", SH_UUID, .flags = SH_REQUIRED | SH_NULLABLE },
	{ "actor_role", SH_TEXT, 1, 20, .flags = SH_REQUIRED | SH_NULLABLE },
	{ "actor_name", SH_TEXT, 1, 200, .flags = SH_REQUIRED | SH_NULLABLE },
	{ "purpose", SH_TEXT, 1, 20, .flags = SH_REQUIRED },
	{ "count", SH_INT, 1, INT32_MAX, .flags = SH_REQUIRED },
	{ "day", SH_DATE, .flags = 0 },
	{ "first_at", SH_TIME, .flags = 0 },
	{ "events", SH_LIST, 1, 100, .flags = 0 },
	{ 0 },
};

static json_t *
access_json(const struct patient_accesses_row *e)
{
	return json_pack("{s:I, s:o, s:s, s:s, s:o, s:o, s:o, s:s, s:I}", "seq",
	    (json_int_t)e->seq, "at", time_json(e->at), "event", e->event,
	    "action", e->action, "actor_id", uuid_json(&e->actor_id),
	    "actor_role", text_json(e->actor_role), "actor_name",
	    text_json(e->actor_name), "purpose", e->purpose, "count",
	    (json_int_t)e->count);
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
	json_t *items, *next = NULL;
	size_t i, n, page;
	enum err r;

	if ((r = sql_patient_accesses(op->tx, &in, &rows, &n)) != ERR_OK)
		return r;
	items = json_array();
	page = page_size(op, n);
	for (i = 0; i < page; i++)
		json_array_append_new(items, access_json(&rows[i]));
	if (n > page)
		next = json_pack("{s:I, s:I}", "before_us",
		    (json_int_t)rows[page - 1].at_us, "before",
		    (json_int_t)rows[page - 1].seq);
	return op_list(op, items, next);
}

static json_t *
texts_json(const struct text_list *texts)
{
	json_t *out = json_array();
	size_t i;

	for (i = 0; i < texts->n; i++)
		json_array_append_new(out, json_string(texts->v[i]));
	return out;
}

static json_t *
day_json(const struct patient_access_days_row *e)
{
	return json_pack("{s:I, s:o, s:s, s:s, s:o, s:o, s:o, s:s, s:I, s:s,"
			 " s:o, s:o}",
	    "seq", (json_int_t)e->seq, "at", time_json(e->at), "event",
	    e->event, "action", e->action, "actor_id", uuid_json(&e->actor_id),
	    "actor_role", text_json(e->actor_role), "actor_name",
	    text_json(e->actor_name), "purpose", e->purpose, "count",
	    (json_int_t)e->count, "day", e->day, "first_at",
	    time_json(e->first_at), "events", texts_json(&e->events));
}

/* The cursor keeps the moment of the first page: what happens since is not
 * counted on the next ones, where it would move a line that was shown. */
static json_t *
next_days(const struct patient_access_days_row *last)
{
	return json_pack("{s:I, s:I, s:I}", "seen_us",
	    (json_int_t)last->seen_us, "before_us", (json_int_t)last->at_us,
	    "before", (json_int_t)last->seq);
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
	json_t *items, *next = NULL;
	size_t i, n, page;
	enum err r;

	if ((r = sql_zone_choose(op->tx, &zone, &found)) != ERR_OK)
		return r;
	if ((in.zone = found.zone) == NULL)
		return op_refuse(op, ERR_INVALID_FIELD, "zone");
	if ((r = sql_patient_access_days(op->tx, &in, &rows, &n)) != ERR_OK)
		return r;
	items = json_array();
	page = page_size(op, n);
	for (i = 0; i < page; i++)
		json_array_append_new(items, day_json(&rows[i]));
	if (n > page)
		next = next_days(&rows[page - 1]);
	return op_list(op, items, next);
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
