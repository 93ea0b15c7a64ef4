/* A copy of what the clinic has of a patient (the designated record set), as a
 * bundle of FHIR R4. It is made while it is taken: no copy of it lies here. */
#include "base/instant.h"
#include "care/disclosure.h"
#include "care/fhir.h"
#include "care/operations.h"
#include "care/payment.h"
#include "care/visit.h"
#include "gate/member.h"
#include "gate/right.h"

#include <string.h>

#define KEPT_S	 86400 /* how long it may be taken */
#define ROWS	 100   /* in one part */
#define EARLIEST PAYMENT_EARLIEST
#define LATEST	 PAYMENT_LATEST

const struct shape export_create_in[] = {
	{ "format", SH_CHOICE, .flags = SH_REQUIRED, .choices = "fhir" },
	{ 0 },
};

static json_t *
export_state(const struct op *op, const void *row)
{
	const struct export_get_row *e = row;

	return json_string(op->now < e->expires_at ? "ready" : "expired");
}

#define MEMBERS                                                                \
	SHOWN(export_get_row, id, SH_UUID),                                    \
	    { "state", SH_CHOICE, .flags = SH_REQUIRED,                        \
		    .choices = "ready|expired", .made = export_state },        \
	    SHOWN(export_get_row, format, SH_CHOICE, .choices = "fhir"),       \
	    SHOWN(export_get_row, created_at, SH_TIME),                        \
	    SHOWN(export_get_row, expires_at, SH_TIME)

const struct shape export_create_out[] = { MEMBERS, { 0 } };
const struct shape export_read_out[] = { MEMBERS, { 0 } };

enum err
export_create(struct op *op)
{
	const struct export_get_row e = {
		.id = uuid_new(),
		.format = in_text(op, "format"),
		.created_at = op->now,
		.expires_at = op->now + KEPT_S,
	};
	const struct export_insert_in in = { e.id, op->id, op->who.account,
		e.format, e.created_at, e.expires_at };
	enum err r;

	op->note.record = e.id;
	if ((r = sql_export_insert(op->tx, &in)) != ERR_OK)
		return r;
	return op_answer(op, &e);
}

/* Theirs alone who asked for it: what it holds is by the right of who takes it. */
static enum err
export_find(struct op *op, struct export_get_row *e)
{
	const struct export_get_in in = { op->user_id, op->id };

	op->note.record = op->user_id;
	return sql_export_get(op->tx, &in, e);
}

enum err
export_read(struct op *op)
{
	struct export_get_row e;
	enum err r = export_find(op, &e);

	return r == ERR_OK ? op_answer(op, &e) : r;
}

/* What follows what in the bundle. */
enum stage { PATIENT, PEOPLE, VISITS, RECORDINGS, PAYMENTS, ENDED };

/* Where it is: what to ask for next. */
struct copy {
	enum stage stage;
	bool begun;
	struct export_people_in people;
	struct visit_list_in visits;
	struct recording_list_in recordings;
	struct payment_list_in payments;
};

static enum err
add(struct op *op, json_t *entries, json_t *resource)
{
	return json_array_append_new(entries, fhir_entry(op, resource)) == 0
	    ? ERR_OK
	    : ERR_INTERNAL;
}

static bool
may_see(const struct op *op, enum perm perm)
{
	return perm_scope(perm, op->who.role) != SCOPE_NONE;
}

static enum err
add_patient(struct op *op, struct copy *c, json_t *entries)
{
	struct patient_values values;
	json_t *coverage;
	enum err r;

	if ((r = patient_values_get(op, &values)) != ERR_OK ||
	    (r = add(op, entries, fhir_patient(op, &values))) != ERR_OK)
		return r;
	c->stage = PEOPLE;
	coverage = fhir_coverage(op, &values);
	return coverage == NULL ? ERR_OK : add(op, entries, coverage);
}

static enum err
add_people(struct op *op, struct copy *c, json_t *entries)
{
	struct export_people_row *rows;
	size_t i, n;
	enum err r = sql_export_people(op->tx, &c->people, &rows, &n);

	for (i = 0; r == ERR_OK && i < n; i++)
		r = add(op, entries, fhir_practitioner(op, &rows[i]));
	if (r != ERR_OK)
		return r;
	if (n < ROWS)
		c->stage = VISITS;
	else
		c->people.after = rows[n - 1].id;
	return ERR_OK;
}

static enum err
add_visit(struct op *op, json_t *entries, const struct visit_row *v)
{
	enum err r = add(op, entries, fhir_appointment(op, v));

	if (r != ERR_OK || !fhir_took_place(v))
		return r;
	return add(op, entries, fhir_encounter(op, v));
}

static enum err
add_visits(struct op *op, struct copy *c, json_t *entries)
{
	struct visit_row *rows;
	size_t i, n;
	enum err r = sql_visit_list(op->tx, &c->visits, &rows, &n);

	for (i = 0; r == ERR_OK && i < n; i++)
		r = add_visit(op, entries, &rows[i]);
	if (r != ERR_OK)
		return r;
	if (n < ROWS) {
		c->stage = RECORDINGS;
	} else {
		c->visits.reach_at = c->visits.after_at = rows[n - 1].starts_at;
		c->visits.after_id = rows[n - 1].id;
	}
	return ERR_OK;
}

static enum err
add_recording(struct op *op, json_t *entries, const struct recording_row *g)
{
	const struct recording_people_in in = { g->id };
	struct recording_people_row *people;
	size_t i, n;
	enum err r = sql_recording_people(op->tx, &in, &people, &n);

	if (r == ERR_OK && g->started_at != INSTANT_NONE)
		r = add(op, entries, fhir_recording(op, g));
	for (i = 0; r == ERR_OK && i < n; i++)
		r = add(op, entries, fhir_consent(op, g, &people[i], i));
	return r;
}

/*= RC-08 */
static enum err
add_recordings(struct op *op, struct copy *c, json_t *entries)
{
	struct recording_row *rows = NULL;
	size_t i, n = 0;
	enum err r = ERR_OK;

	if (may_see(op, PERM_recording_list))
		r = sql_recording_list(op->tx, &c->recordings, &rows, &n);
	for (i = 0; r == ERR_OK && i < n; i++)
		r = add_recording(op, entries, &rows[i]);
	if (r != ERR_OK)
		return r;
	if (n < ROWS)
		c->stage = PAYMENTS;
	else
		c->recordings.before = rows[n - 1].id;
	return ERR_OK;
}

static enum err
add_payments(struct op *op, struct copy *c, json_t *entries)
{
	struct payment_row *rows = NULL;
	size_t i, n = 0;
	enum err r = ERR_OK;

	if (may_see(op, PERM_payment_read))
		r = sql_payment_list(op->tx, &c->payments, &rows, &n);
	for (i = 0; r == ERR_OK && i < n; i++)
		r = add(op, entries, fhir_invoice(op, &rows[i]));
	if (r != ERR_OK)
		return r;
	if (n < ROWS) {
		c->stage = ENDED;
	} else {
		c->payments.after_us = rows[n - 1].created_us;
		c->payments.after_id = rows[n - 1].id;
	}
	return ERR_OK;
}

static enum err (*const stages[ENDED])(
    struct op *, struct copy *, json_t *entries) = {
	[PATIENT] = add_patient,
	[PEOPLE] = add_people,
	[VISITS] = add_visits,
	[RECORDINGS] = add_recordings,
	[PAYMENTS] = add_payments,
};

/* What stands before the first entry. */
static const char *
opening(struct op *op)
{
	char id[UUID_TEXT_SIZE], now[INSTANT_TEXT_SIZE];

	uuid_text(&op->user_id, id);
	instant_text(op->now, now);
	return arena_format(op->arena,
	    "{\"resourceType\":\"Bundle\",\"id\":\"%s\",\"type\":"
	    "\"collection\","
	    "\"timestamp\":\"%s\",\"entry\":[",
	    id, now);
}

/* The entries without the brackets of their list, which goes on in other parts. */
static struct bytes
part_of(struct op *op, const struct copy *c, const json_t *entries)
{
	const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(15),
		     n = json_dumpb(entries, NULL, 0, flags);
	const char *between = json_array_size(entries) > 0 ? "," : "", *text;
	char *list = arena_alloc(op->arena, n);

	json_dumpb(entries, list, n, flags);
	text = arena_format(op->arena, "%s%.*s%s",
	    c->begun ? between : opening(op), (int)n - 2, list + 1,
	    c->stage == ENDED ? "]}" : "");
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

/* A part without bytes would be the end: stages that have nothing are passed. */
static enum err
copy_next(struct op *op, void *state, struct bytes *part)
{
	struct copy *c = state;
	json_t *entries;
	enum err r = ERR_OK;

	if (c->stage == ENDED)
		return ERR_OK;
	entries = json_array();
	while (
	    r == ERR_OK && c->stage != ENDED && json_array_size(entries) == 0)
		r = stages[c->stage](op, c, entries);
	if (r == ERR_OK)
		*part = part_of(op, c, entries);
	c->begun = true;
	json_wipe(entries);
	json_decref(entries);
	return r;
}

enum err
export_content(struct op *op)
{
	struct copy *c = arena_calloc(op->arena, 1, sizeof(*c));
	struct export_get_row e;
	enum err r;

	if ((r = export_find(op, &e)) != ERR_OK)
		return r;
	if (op->now >= e.expires_at)
		return ERR_EXPORT_EXPIRED;
	if ((r = disclosure_note_copy(op)) != ERR_OK)
		return r;
	c->people = (struct export_people_in){ .patient_id = op->id,
		.limit = ROWS };
	c->visits = (struct visit_list_in){
		.closed_at = visit_closed_at(op->now),
		.from_at = EARLIEST,
		.to_at = LATEST,
		.reach_at = EARLIEST,
		.today = true,
		.patient_id = op->id,
		.after_at = INSTANT_NONE,
		.limit = ROWS,
	};
	c->recordings = (struct recording_list_in){ .patient_id = op->id,
		.limit = ROWS };
	c->payments = (struct payment_list_in){
		.patient_id = op->id,
		.from_at = EARLIEST,
		.to_at = LATEST,
		.after_us = LATEST * 1000000,
		.limit = ROWS,
	};
	op->table = (struct table){ .next = copy_next,
		.state = c,
		.state_bytes = sizeof(*c),
		.file = "record.json" };
	return ERR_OK;
}
