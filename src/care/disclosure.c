/* To whom a record was disclosed: what an accounting of 45 CFR 164.528 says. */
#include "care/disclosure.h"

#include "base/instant.h"
#include "care/operations.h"
#include "care/page.h"
#include "sql.h"

#include <string.h>

#define GROUNDS                                                                \
	"law|public_health|abuse|oversight|court|police|deceased|research|"    \
	"danger|government|compensation|breach|other"

#define WORDS(name, most)                                                      \
	{                                                                      \
#name, SH_LINES, 1, most,                                      \
		    .flags = SH_REQUIRED | SH_NULLABLE | SH_PHI,               \
		    COLUMN(disclosure_list_row, name)                          \
	}

static const struct shape actor_members[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED,
	    COLUMN(disclosure_list_row, created_by) },
	{ "display_name", SH_TEXT, 1, NAME_WHOLE_MAX,
	    .flags = SH_REQUIRED | SH_NULLABLE,
	    COLUMN(disclosure_list_row, actor_name) },
	{ 0 },
};

/* Until when a patient is not told is not told to them, either. */
const struct shape disclosure_list_out[] = {
	SHOWN(disclosure_list_row, id, SH_UUID),
	SHOWN(disclosure_list_row, at, SH_TIME),
	SHOWN(
	    disclosure_list_row, basis, SH_CHOICE, .choices = GROUNDS "|copy"),
	WORDS(recipient, 300),
	WORDS(data, 1000),
	WORDS(purpose, 500),
	SHOWN_OR_NULL(disclosure_list_row, suspended_until, SH_TIME),
	SHOWN(disclosure_list_row, created_at, SH_TIME),
	{ "actor", SH_OBJECT, .flags = SH_REQUIRED, .inner = actor_members },
	{ 0 },
};

const struct shape disclosure_add_in[] = {
	{ "basis", SH_CHOICE, .flags = SH_REQUIRED, .choices = GROUNDS },
	{ "recipient", SH_LINES, 1, 300, .flags = SH_REQUIRED | SH_PHI },
	{ "data", SH_LINES, 1, 1000, .flags = SH_REQUIRED | SH_PHI },
	{ "purpose", SH_LINES, 1, 500, .flags = SH_REQUIRED | SH_PHI },
	{ "at", SH_TIME, .flags = SH_REQUIRED },
	{ "suspended_until", SH_TIME, .flags = 0 },
	{ 0 },
};
const struct shape disclosure_add_out[] = {
	SHOWN(disclosure_list_row, id, SH_UUID),
	{ 0 },
};

const struct shape disclosure_list_in[] = {
	{ "from", SH_TIME, .flags = 0 },
	{ "to", SH_TIME, .flags = 0 },
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "before_us", SH_INT, COLUMN(disclosure_list_row, at_us) },
	{ "before", SH_UUID, COLUMN(disclosure_list_row, id) },
	{ 0 },
};

enum err
disclosure_list(struct op *op)
{
	const struct disclosure_list_in in = { op->id, op->scope == SCOPE_SELF,
		op->now, page_int(op, "before_us", INT64_MIN),
		page_uuid(op, "before"), page_fetch(op), in_time(op, "from"),
		in_time(op, "to") };
	struct disclosure_list_row *rows;
	struct page page = { .size = sizeof(*rows), .cursor = cursor_members };
	enum err r;

	if ((r = sql_disclosure_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

/* Only the police and who oversees may ask for silence. */
static enum err
disclosure_check(struct op *op, const struct disclosure_insert_in *d)
{
	const char *asks = "oversight|police";

	if (d->at > op->now)
		return op_refuse(op, ERR_INVALID_FIELD, "at");
	return d->suspended_until == INSTANT_NONE ||
		strstr(asks, d->basis) != NULL
	    ? ERR_OK
	    : op_refuse(op, ERR_INVALID_FIELD, "suspended_until");
}

/*= AU-09 */
enum err
disclosure_add(struct op *op)
{
	const struct disclosure_prepare_in prepare = { op->id };
	struct disclosure_prepare_row row;
	struct disclosure_insert_in in = { .id = uuid_new(),
		.patient_id = op->id,
		.at = in_time(op, "at"),
		.basis = in_text(op, "basis"),
		.recipient = in_text(op, "recipient"),
		.data = in_text(op, "data"),
		.purpose = in_text(op, "purpose"),
		.suspended_until = in_time(op, "suspended_until"),
		.created_by = op->who.account,
		.now = op->now };
	const struct disclosure_list_row made = { .id = in.id };
	enum err r;

	op->note.record = in.id;
	if ((r = disclosure_check(op, &in)) != ERR_OK ||
	    (r = sql_disclosure_prepare(op->tx, &prepare, &row)) != ERR_OK)
		return r;
	in.key = row.key;
	r = sql_disclosure_insert(op->tx, &in);
	return r == ERR_OK ? op_answer(op, &made) : r;
}

enum err
disclosure_note_copy(struct op *op)
{
	const struct disclosure_copy_in in = { uuid_new(), op->id,
		op->who.account, op->now };

	return op->scope == SCOPE_SELF ? ERR_OK
				       : sql_disclosure_copy(op->tx, &in);
}
