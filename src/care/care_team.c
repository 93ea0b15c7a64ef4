#include "care/operations.h"
#include "care/page.h"
#include "gate/route.h"
#include "gate/tell.h"
#include "sql.h"

const struct shape care_team_list_out[] = {
	{ "user_id", SH_UUID, .flags = SH_REQUIRED,
	    COLUMN(care_team_list_row, account_id) },
	SHOWN(care_team_list_row, display_name, SH_TEXT, 1, 200),
	SHOWN(care_team_list_row, since, SH_TIME),
	SHOWN(
	    care_team_list_row, source, SH_CHOICE, .choices = "explicit|visit"),
	SHOWN_OR_NULL(care_team_list_row, until, SH_TIME),
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "after", SH_UUID, COLUMN(care_team_list_row, account_id) },
	{ 0 },
};

static json_t *
team_item(struct op *op, const void *row)
{
	const struct care_team_list_row *a = row;

	op_returned(op, &a->account_id);
	return members_json(op, op->route->out, a);
}

enum err
care_team_list(struct op *op)
{
	struct care_team_list_in in = { op->id, page_uuid(op, "after"),
		page_fetch(op) };
	struct care_team_list_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = cursor_members,
		.item = team_item,
	};
	enum err r;

	if ((r = sql_care_team_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
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
