#include "care/operations.h"
#include "care/page.h"
#include "gate/tell.h"
#include "sql.h"

const struct shape care_team_list_in[] = { { 0 } };

const struct shape care_team_list_out[] = {
	{ "user_id", SH_UUID, .flags = SH_REQUIRED },
	{ "display_name", SH_TEXT, 1, 200, .flags = SH_REQUIRED },
	{ "since", SH_TIME, .flags = SH_REQUIRED },
	{ "source", SH_CHOICE, .flags = SH_REQUIRED,
	    .choices = "explicit|visit" },
	{ "until", SH_TIME, .flags = SH_REQUIRED | SH_NULLABLE },
	{ 0 },
};

const struct shape care_team_add_in[] = { { 0 } };
const struct shape care_team_add_out[] = { { 0 } };
const struct shape care_team_remove_in[] = { { 0 } };
const struct shape care_team_remove_out[] = { { 0 } };

enum err
care_team_list(struct op *op)
{
	struct care_team_list_in in = { op->id, page_uuid(op, "after"),
		page_fetch(op) };
	struct care_team_list_row *rows;
	json_t *items = json_array(), *next = NULL;
	size_t i, n, page;
	enum err r;

	if ((r = sql_care_team_list(op->tx, &in, &rows, &n)) != ERR_OK) {
		json_decref(items);
		return r;
	}
	page = page_size(op, n);
	for (i = 0; i < page; i++) {
		json_array_append_new(items,
		    json_pack("{s:o, s:o, s:o, s:s, s:o}", "user_id",
			uuid_json(&rows[i].account_id), "display_name",
			text_json(rows[i].display_name), "since",
			time_json(rows[i].since), "source", rows[i].source,
			"until", time_json(rows[i].until)));
		op_returned(op, &rows[i].account_id);
	}
	if (n > page)
		next = json_pack(
		    "{s:o}", "after", uuid_json(&rows[page - 1].account_id));
	return op_list(op, items, next);
}

/* A member who is on the team already stays on it: the answer is the same. */
enum err
care_team_add(struct op *op)
{
	struct care_team_add_in in = { op->id, op->user_id, op->who.account };
	int64_t n;
	enum err r;

	op->note.record = op->user_id;
	if ((r = sql_care_team_add(op->tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_NOT_FOUND;
}

/*= AZ-05: the next request of that clinician finds no right to the record, and
 * the rooms of their visits no participant; the audit row names the visits. */
enum err
care_team_remove(struct op *op)
{
	struct care_team_remove_in in = { op->id, op->user_id,
		op->who.account };
	struct care_team_rooms_in with = { op->id, op->user_id };
	struct care_team_rooms_row *rooms;
	size_t i, rooms_n;
	int64_t n;
	enum err r;

	op->note.record = op->user_id;
	if ((r = sql_care_team_remove(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_NOT_FOUND;
	r = sql_care_team_rooms(op->tx, &with, &rooms, &rooms_n);
	if (r != ERR_OK)
		return r;
	for (i = 0; i < rooms_n && r == ERR_OK; i++) {
		op_returned(op, &rooms[i].id);
		r = op_tell(op, TELL_VISIT, &rooms[i].id, "handed_over");
	}
	return r;
}
