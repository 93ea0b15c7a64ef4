#include "base/instant.h"
#include "care/fee.h"
#include "care/operations.h"
#include "care/page.h"
#include "care/patient_view.h"
#include "care/store.h"
#include "care/visit.h"
#include "gate/right.h"
#include "gate/tell.h"
#include "sql.h"

#include <string.h>

#define LATE_S	      (15 * 60) /* a visit may be entered when it has just begun */
#define LONGEST	      480	/* minutes */
#define LONGEST_S     (LONGEST * 60)
#define SPAN_BEFORE_S (INT64_C(31) * 86400)  /* of a list whose dates are not */
#define SPAN_AFTER_S  (INT64_C(400) * 86400) /* said, around now */
#define EARLIEST      INT64_C(-2208988800)   /* 1900-01-01 */
#define LATEST	      INT64_C(253402300799) /* 9999-12-31: what instants go to */

/* What of a visit is made of its row. */

static json_t *
patient_name(const struct op *op, const void *row)
{
	const struct visit_row *v = row;

	return text_json(name_whole(op->arena, v->given_name, v->family_name));
}

static int64_t
minutes_of(const struct visit_row *v)
{
	return (v->ends_at - v->starts_at) / 60;
}

static json_t *
duration_minutes(const struct op *op, const void *row)
{
	(void)op;
	return json_integer(minutes_of(row));
}

static json_t *
opens_at(const struct op *op, const void *row)
{
	const struct visit_row *v = row;

	(void)op;
	return time_json(visit_window(v->starts_at, v->ends_at).from);
}

static json_t *
closes_at(const struct op *op, const void *row)
{
	const struct visit_row *v = row;

	(void)op;
	return time_json(visit_window(v->starts_at, v->ends_at).until);
}

/* What it cost when it was booked. */
static const struct shape fee_members[] = {
	{ "code", SH_TEXT, 1, 40, .flags = SH_REQUIRED,
	    COLUMN(visit_row, fee_code) },
	{ "title", SH_TEXT, 1, 100, .flags = SH_REQUIRED,
	    COLUMN(visit_row, fee_title) },
	{ "amount_minor", SH_INT, 1, FEE_MOST, .flags = SH_REQUIRED,
	    COLUMN(visit_row, fee_amount_minor) },
	{ "currency", SH_TEXT, 3, 3, .flags = SH_REQUIRED,
	    COLUMN(visit_row, fee_currency) },
	{ 0 },
};

static json_t *
fee(const struct op *op, const void *row)
{
	const struct visit_row *v = row;

	return v->fee_code == NULL ? json_null()
				   : members_json(op, fee_members, row);
}

#define MEMBER(name, kind, from, to, flag, taken, ...)                         \
	{ #name, kind, from, to, .flags = SH_REQUIRED | (flag), __VA_ARGS__ },
const struct shape visit_read_out[] = {
#include "tables/visit_members.def"
	{ 0 },
};
#undef MEMBER

#define MEMBER(name, kind, from, to, flag, taken, ...)                         \
	IF_MADE_##taken(                                                       \
	    { #name, kind, from, to, .flags = SH_REQUIRED | (flag) }, )
const struct shape visit_book_in[] = {
#include "tables/visit_members.def"
	{ "fee_code", SH_TEXT, 1, 40, .flags = SH_NULLABLE },
	{ 0 },
};
#undef MEMBER

#define MEMBER(name, kind, from, to, flag, taken, ...)                         \
	IF_CHANGED_##taken({ #name, kind, from, to, .flags = (flag) }, )
const struct shape visit_patch_in[] = {
#include "tables/visit_members.def"
	{ 0 },
};
#undef MEMBER

const struct shape visit_book_out[] = {
	SHOWN(visit_row, id, SH_UUID),
	SHOWN(visit_row, status, SH_TEXT, 1, 20),
	SHOWN(visit_row, version, SH_INT, 1, INT64_MAX),
	{ 0 },
};

const struct shape visit_list_in[] = {
	{ "from", SH_TIME, .flags = 0 },
	{ "to", SH_TIME, .flags = 0 },
	{ "patient_id", SH_UUID, .flags = 0 },
	{ "clinician_id", SH_UUID, .flags = 0 },
	{ "status", SH_CHOICE,
	    .choices = "booked|arrived|in_call|ended|cancelled|no_show" },
	{ 0 },
};

static const struct shape cursor_members[] = {
	{ "at", SH_INT, COLUMN(visit_row, starts_at) },
	{ "id", SH_UUID, COLUMN(visit_row, id) },
	{ 0 },
};

/* Locks both sides of a booking and gives the patient's key. */
static enum err
sides_lock(struct op *op, const struct uuid *patient,
    const struct uuid *clinician, const struct record_key **key)
{
	struct visit_prepare_in in = { *patient, *clinician };
	struct visit_prepare_row row;
	enum err r = sql_visit_prepare(op->tx, &in, &row);

	if (r == ERR_NOT_FOUND)
		return op_refuse(op, ERR_INVALID_FIELD, "clinician_id");
	*key = row.key;
	return r;
}

static enum err
start_check(struct op *op, int64_t starts_at)
{
	return starts_at >= op->now - LATE_S
	    ? ERR_OK
	    : op_refuse(op, ERR_INVALID_FIELD, "starts_at");
}

/* What the clinic charges for it, if anything. */
static enum err
fee_find(struct op *op, struct uuid *fee)
{
	struct fee_find_in in = { .code = in_text(op, "fee_code") };
	struct fee_find_row row;
	enum err r;

	if (in.code == NULL)
		return ERR_OK;
	if ((r = sql_fee_find(op->tx, &in, &row)) == ERR_NOT_FOUND)
		return op_refuse(op, ERR_INVALID_FIELD, "fee_code");
	if (r == ERR_OK)
		*fee = row.id;
	return r;
}

/* Overlaps are refused by the table's exclusion constraints, not looked for
 * here: two bookings that arrive together cannot both pass a look. */
enum err
visit_book(struct op *op)
{
	struct visit_insert_in v = {
		.id = uuid_new(),
		.patient_id = op->patient,
		.clinician_id = in_uuid(op, "clinician_id"),
		.starts_at = in_time(op, "starts_at"),
		.reason = in_text(op, "reason"),
		.created_by = op->who.account,
		.now = op->now,
	};
	struct visit_row booked;
	enum err r;

	v.ends_at = v.starts_at + in_int(op, "duration_minutes", 0) * 60;
	op->note.record = v.id;
	if ((r = start_check(op, v.starts_at)) != ERR_OK ||
	    (r = sides_lock(op, &v.patient_id, &v.clinician_id, &v.key)) !=
		ERR_OK ||
	    (r = fee_find(op, &v.fee_id)) != ERR_OK ||
	    (r = sql_visit_insert(op->tx, &v)) != ERR_OK)
		return r;
	op_returned(op, &v.clinician_id); /* who comes to the care team by it */
	booked = (struct visit_row){
		.id = v.id, .status = "booked", .version = 1
	};
	op->version = booked.version;
	return op_answer(op, &booked);
}

/* May one still come to it? */
static bool
is_coming(const struct op *op, const struct visit_row *v)
{
	return (visit_step_possible("visit_cancel", v->status) ||
		   strcmp(v->status, "in_call") == 0) &&
	    op->now < visit_window(v->starts_at, v->ends_at).until;
}

/* Does the visit's state allow it now? */
static bool
is_possible(const struct op *op, const char *operation, const void *row)
{
	const struct visit_row *v = row;

	if (strcmp(operation, "visit_patch") == 0)
		return strcmp(v->status, "booked") == 0;
	if (strcmp(operation, "guest_invite") == 0)
		return is_coming(op, v);
	if (strcmp(operation, "recording_create") == 0)
		return v->records && store_configured() &&
		    strcmp(v->status, "in_call") == 0;
	if (strcmp(operation, "visit_check_in") == 0 ||
	    strcmp(operation, "visit_ice_servers") == 0 ||
	    strcmp(operation, "visit_signal") == 0)
		return is_coming(op, v) &&
		    op->now >= visit_window(v->starts_at, v->ends_at).from &&
		    visit_step_possible(operation, v->status);
	return visit_step_possible(operation, v->status);
}

/* A list holds what its actor has a right to see: who sees those alone whose
 * care team they are on, is on it. */
static json_t *
visit_may(const struct op *op, const struct visit_row *v)
{
	const struct resource visit = right_resource(op->route);
	struct standing s = { .care = op->standing.care };

	s.self = uuid_equal(&v->patient_id, &op->who.patient);
	s.part = s.self || uuid_equal(&v->clinician_id, &op->who.account);
	s.care = s.care || op->scope == SCOPE_CARE;
	return right_may(op, &visit, &s, is_possible, v);
}

static json_t *
visit_json(const struct op *op, const struct visit_row *v)
{
	json_t *o = members_json(op, visit_read_out, v);

	json_object_set_new(o, "may", visit_may(op, v));
	return o;
}

/* The audit row of a list names the visits, and the patients whose names and
 * reasons it showed, once each. */
static json_t *
visit_item(struct op *op, const void *row)
{
	const struct visit_row *v = row;

	if (v->key == NULL)
		return json_null(); /* the record was destroyed */
	op_returned(op, &v->id);
	op_returned_once(op, &v->patient_id);
	return visit_json(op, v);
}

/* One patient's visits are few, so all of them may be asked for. */
static void
list_span(const struct op *op, struct visit_list_in *in)
{
	bool few = !uuid_is_nil(&in->patient_id);
	int64_t from = in_int(op, "from", INSTANT_NONE),
		to = in_int(op, "to", INSTANT_NONE);

	in->from_at = from;
	if (from == INSTANT_NONE)
		in->from_at = few
		    ? EARLIEST
		    : (to != INSTANT_NONE && to < op->now ? to : op->now) -
			SPAN_BEFORE_S;
	in->to_at = to;
	if (to == INSTANT_NONE)
		in->to_at = few
		    ? LATEST
		    : (from > op->now ? from : op->now) + SPAN_AFTER_S;
}

/* The span and place of this page: a next one goes on from its last visit. */
static struct visit_list_in
list_page(const struct op *op, struct visit_list_in in)
{
	list_span(op, &in);
	in.closed_at = visit_closed_at(op->now);
	in.today = in.from_at <= op->now && op->now < in.to_at;
	in.reach_at = in.from_at - LONGEST_S - (op->now - in.closed_at);
	in.after_id = page_uuid(op, "id");
	in.after_at = INSTANT_NONE;
	in.limit = page_fetch(op);
	if (!uuid_is_nil(&in.after_id))
		in.reach_at = in.after_at = page_int(op, "at", EARLIEST);
	return in;
}

/*= AZ-01: the scope is part of the query, not a filter after it. False if
 * nothing can be in it. */
static bool
list_scope(const struct op *op, struct visit_list_in *in)
{
	if (op->scope == SCOPE_CARE)
		in->care_of = op->who.account;
	if (op->scope != SCOPE_SELF)
		return true;
	if (!uuid_is_nil(&in->patient_id) &&
	    !uuid_equal(&in->patient_id, &op->who.patient))
		return false;
	in->patient_id = op->who.patient;
	return true;
}

enum err
visit_list(struct op *op)
{
	struct visit_list_in in = {
		.patient_id = in_uuid(op, "patient_id"),
		.clinician_id = in_uuid(op, "clinician_id"),
		.status = in_text(op, "status"),
	};
	struct visit_row *rows;
	struct page page = {
		.size = sizeof(*rows),
		.cursor = cursor_members,
		.item = visit_item,
	};
	enum err r;

	if (!list_scope(op, &in))
		return page_show(op, &page);
	in = list_page(op, in);
	if ((r = sql_visit_list(op->tx, &in, &rows, &page.n)) != ERR_OK)
		return r;
	page.rows = rows;
	return page_show(op, &page);
}

/* A visit of a record whose key was destroyed is gone with it. */
static enum err
visit_find(struct op *op, struct visit_row *v)
{
	struct visit_get_in in = {
		.id = op->id,
		.closed_at = visit_closed_at(op->now),
	};
	enum err r;

	if ((r = sql_visit_get(op->tx, &in, v)) != ERR_OK)
		return r;
	return v->key != NULL ? ERR_OK : ERR_NOT_FOUND;
}

enum err
visit_read(struct op *op)
{
	struct visit_row v;
	enum err r;

	if ((r = visit_find(op, &v)) != ERR_OK)
		return r;
	op->version = v.version;
	op->out = visit_json(op, &v);
	return op->out != NULL ? ERR_OK : ERR_INTERNAL;
}

/* What the visit becomes; a NULL reason stays as it is. */
static struct visit_update_in
visit_merge(const struct op *op, const struct visit_row *v)
{
	struct visit_update_in u = {
		.id = v->id,
		.key = v->key,
		.clinician_id = v->clinician_id,
		.starts_at = v->starts_at,
		.reason = in_text(op, "reason"),
		.version = op->if_match,
	};

	if (in_has(op, "clinician_id"))
		u.clinician_id = in_uuid(op, "clinician_id");
	if (in_has(op, "starts_at"))
		u.starts_at = in_time(op, "starts_at");
	u.ends_at = u.starts_at +
	    in_int(op, "duration_minutes", minutes_of(v)) * 60;
	return u;
}

/* Moves the visit in time or to another clinician: as a booking does. */
static enum err
visit_move(
    struct op *op, const struct visit_row *v, const struct visit_update_in *u)
{
	const struct record_key *key;
	enum err r;

	if (u->starts_at == v->starts_at && u->ends_at == v->ends_at &&
	    uuid_equal(&u->clinician_id, &v->clinician_id))
		return ERR_OK;
	if (u->starts_at != v->starts_at &&
	    (r = start_check(op, u->starts_at)) != ERR_OK)
		return r;
	if ((r = sides_lock(op, &v->patient_id, &u->clinician_id, &key)) !=
	    ERR_OK)
		return r;
	/*= TR-11: a clinician who was in the room is its participant no more */
	op_returned(op, &u->clinician_id);
	return op_tell(op, TELL_VISIT, &op->id,
	    uuid_equal(&u->clinician_id, &v->clinician_id) ? "booked"
							   : "handed_over");
}

/* Every change of a visit counts its version up, its steps too: the version
 * that the client saw is the only thing to compare. */
enum err
visit_patch(struct op *op)
{
	struct visit_update_in u;
	struct visit_row v;
	int64_t n;
	enum err r;

	if ((r = visit_find(op, &v)) != ERR_OK)
		return r;
	if (v.version != op->if_match)
		return ERR_STALE;
	if (json_object_size(op->in) == 0)
		return visit_read(op);
	if (strcmp(v.status, "booked") != 0)
		return ERR_WRONG_STATUS;
	u = visit_merge(op, &v);
	if ((r = visit_move(op, &v, &u)) != ERR_OK ||
	    (r = sql_visit_update(op->tx, &u, &n)) != ERR_OK)
		return r;
	return n == 1 ? visit_read(op) : ERR_STALE;
}
