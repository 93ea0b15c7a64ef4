/* The people in the log: those who act in it and those whose records they act
 * on, found by name. The officer sees of a patient what says who it is. */
#include "care/operations.h"
#include "care/page.h"
#include "care/patient_found.h"
#include "data/field.h"
#include "data/keys.h"
#include "gate/member.h"
#include "gate/role.h"
#include "sql.h"

#include <string.h>

#define STAFF_LOOKED_AT 2000 /* accounts opened for one page */

const struct shape audit_people_in[] = {
	{ "kind", SH_CHOICE, .flags = SH_REQUIRED, .choices = "staff|patient" },
	{ "name", SH_TEXT, 1, NAME_WHOLE_MAX, .flags = SH_PHI },
	{ "patient_id", SH_UUID, .flags = 0 },
	{ 0 },
};

struct audit_person {
	const char *kind, *role, *name;
	const char *birth_date, *mrn; /* of a patient */
	struct uuid actor_id, patient_id;
};

/* Members of a patient alone: left out for staff. */
static json_t *
patient_text(const struct audit_person *p, const char *text)
{
	return uuid_is_nil(&p->patient_id) ? NULL : text_json(text);
}

static json_t *
birth_date(const struct op *op, const void *row)
{
	const struct audit_person *p = row;

	(void)op;
	return patient_text(p, p->birth_date);
}

static json_t *
mrn(const struct op *op, const void *row)
{
	const struct audit_person *p = row;

	(void)op;
	return patient_text(p, p->mrn);
}

const struct shape audit_people_out[] = {
	SHOWN(audit_person, kind, SH_CHOICE, .choices = "staff|patient"),
	SHOWN_OR_NULL(audit_person, actor_id, SH_UUID),
	SHOWN_OR_NULL(audit_person, patient_id, SH_UUID),
	SHOWN(audit_person, role, SH_CHOICE, .choices = ROLES),
	{ "name", SH_TEXT, 1, NAME_WHOLE_MAX, .flags = SH_REQUIRED | SH_PHI,
	    COLUMN(audit_person, name) },
	{ "birth_date", SH_DATE_PART, .flags = SH_PHI | SH_NULLABLE,
	    .made = birth_date },
	{ "mrn", SH_TEXT, 1, 40, .flags = SH_PHI | SH_NULLABLE, .made = mrn },
	{ 0 },
};

/* Wipes what names people when it cannot be told. */
static enum err
people_tell(struct op *op, json_t *items, json_t *next, enum err r)
{
	if (r == ERR_OK)
		return op_list(op, items, next);
	json_wipe(items);
	json_decref(items);
	json_decref(next);
	return r;
}

static json_t *
staff_json(const struct op *op, const struct audit_staff_row *a)
{
	const struct audit_person p = {
		.kind = "staff",
		.actor_id = a->id,
		.role = a->role,
		.name = a->display_name,
	};

	return members_json(op, audit_people_out, &p);
}

/* Names of accounts have no index: those who work here are few. A page ends
 * when it is full or enough were looked at, and may be short. */
static enum err
staff_find(struct op *op, const char *name)
{
	struct audit_staff_in in = { page_uuid(op, "after"), STAFF_LOOKED_AT };
	struct audit_staff_row *rows;
	json_t *items = json_array(), *next = NULL;
	size_t i, n = 0;
	int matches;
	enum err r;

	r = sql_audit_staff(op->tx, &in, &rows, &n);
	for (i = 0; i < n && r == ERR_OK; i++) {
		if (json_array_size(items) == (size_t)op->limit)
			break;
		r = field_names_match(
		    op->arena, &rows[i].display_name, 1, name, &matches);
		if (r != ERR_OK || !matches)
			continue;
		json_array_append_new(items, staff_json(op, &rows[i]));
		op_returned(op, &rows[i].id);
	}
	if (r == ERR_OK && (i < n || n == STAFF_LOOKED_AT))
		next = json_pack("{s:o}", "after", uuid_json(&rows[i - 1].id));
	return people_tell(op, items, next, r);
}

static json_t *
patient_json(const struct op *op, const struct audit_patients_row *row)
{
	const struct audit_person p = {
		.kind = "patient",
		.actor_id = row->account_id,
		.patient_id = row->id,
		.role = "patient",
		.name = name_whole(
		    op->arena, row->given_name, row->family_name),
		.birth_date = row->birth_date,
		.mrn = row->mrn,
	};

	return members_json(op, audit_people_out, &p);
}

static enum err
patients_show(struct op *op, const struct uuid *ids, size_t n, json_t *items)
{
	struct audit_patients_in in = { { ids, n } };
	struct audit_patients_row *rows;
	size_t i, rows_n = 0;
	enum err r;

	r = sql_audit_patients(op->tx, &in, &rows, &rows_n);
	for (i = 0; i < rows_n && r == ERR_OK; i++)
		json_array_append_new(items, patient_json(op, &rows[i]));
	return r;
}

/* As the desk finds patients. Whoever is found is in the note already. */
static enum err
patients_find(struct op *op)
{
	struct search *s = arena_calloc(op->arena, 1, sizeof(*s));
	json_t *found = json_array(), *items = json_array(), *next = NULL;
	enum err r;

	if ((r = keys_index_load(op->tx, &op->who.clinic)) == ERR_OK &&
	    (r = search_names_read(op, s)) == ERR_OK &&
	    (r = search_names(op, s, found, &next)) == ERR_OK)
		r = patients_show(
		    op, op->note.returned, op->note.returned_n, items);
	json_decref(found);
	return people_tell(op, items, next, r);
}

/* Finds the patient whose record an event names. */
static enum err
patient_name(struct op *op, const struct uuid *id)
{
	json_t *items = json_array();
	enum err r;

	op_returned(op, id);
	if ((r = patients_show(op, id, 1, items)) == ERR_OK &&
	    json_array_size(items) == 0)
		r = ERR_NOT_FOUND;
	return people_tell(op, items, NULL, r);
}

/*= AU-12, AZ-02: each patient who was named can follow it */
enum err
audit_people(struct op *op)
{
	const char *name = in_text(op, "name");
	struct uuid patient = in_uuid(op, "patient_id");
	bool staff = strcmp(in_text(op, "kind"), "staff") == 0;

	if (name != NULL && !uuid_is_nil(&patient))
		return op_refuse(op, ERR_INVALID_FIELD, "patient_id");
	if (staff && name != NULL)
		return staff_find(op, name);
	if (!staff && !uuid_is_nil(&patient))
		return patient_name(op, &patient);
	return name == NULL ? op_refuse(op, ERR_MISSING_FIELD, "name")
			    : patients_find(op);
}
