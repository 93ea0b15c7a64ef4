#include "care/fhir.h"

#include "base/conf.h"
#include "base/instant.h"
#include "base/shape.h"
#include "care/fee.h"
#include "care/recording.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TERMINOLOGY "http://terminology.hl7.org/CodeSystem/"

static const char *
id_text(struct op *op, const struct uuid *id)
{
	char *text = arena_alloc(op->arena, UUID_TEXT_SIZE);

	uuid_text(id, text);
	return text;
}

static const char *
member(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

/* NULL for none: what json_pack leaves out ("*"). */
static json_t *
time_or_none(int64_t at)
{
	return at == INSTANT_NONE ? NULL : time_json(at);
}

static json_t *
list_of(json_t *one)
{
	return one == NULL ? NULL : json_pack("[o]", one);
}

static json_t *
reference(struct op *op, const char *type, const struct uuid *id)
{
	return json_pack("{s:s}", "reference",
	    arena_format(op->arena, "%s/%s", type, id_text(op, id)));
}

static json_t *
coded(const char *system, const char *code, const char *display)
{
	return json_pack("{s:[{s:s, s:s, s:s}]}", "coding", "system", system,
	    "code", code, "display", display);
}

json_t *
fhir_entry(struct op *op, json_t *resource)
{
	if (resource == NULL)
		return NULL;
	return json_pack("{s:s, s:o}", "fullUrl",
	    arena_format(op->arena, "%s/fhir/r4/%s/%s", conf()->origin,
		member(resource, "resourceType"), member(resource, "id")),
	    "resource", resource);
}

/* A list is left out if nothing is in it. */
static void
list_set(json_t *resource, const char *name, json_t *list)
{
	if (json_array_size(list) > 0)
		json_object_set_new(resource, name, list);
	else
		json_decref(list);
}

static json_t *
identifiers(const json_t *p)
{
	json_t *list = json_array();

	if (member(p, "mrn") != NULL)
		json_array_append_new(list,
		    json_pack("{s:o, s:s}", "type",
			coded(TERMINOLOGY "v2-0203", "MR",
			    "Medical record number"),
			"value", member(p, "mrn")));
	if (member(p, "ssn") != NULL)
		json_array_append_new(list,
		    json_pack("{s:s, s:s}", "system",
			"http://hl7.org/fhir/sid/us-ssn", "value",
			member(p, "ssn")));
	return list;
}

static json_t *
names(const json_t *p)
{
	const char *given = member(p, "given_name"),
		   *usual = member(p, "preferred_name");
	json_t *list = json_pack("[{s:s, s:s*, s:o*}]", "use", "official",
	    "family", member(p, "family_name"), "given",
	    given == NULL ? NULL : json_pack("[s]", given));

	if (usual != NULL)
		json_array_append_new(list,
		    json_pack("{s:s, s:s}", "use", "usual", "text", usual));
	return list;
}

static json_t *
contact_point(const char *system, const char *value)
{
	return json_pack("{s:s, s:s}", "system", system, "value", value);
}

static json_t *
telecom(const json_t *p)
{
	json_t *list = json_array();

	if (member(p, "phone") != NULL)
		json_array_append_new(
		    list, contact_point("phone", member(p, "phone")));
	if (member(p, "email") != NULL)
		json_array_append_new(
		    list, contact_point("email", member(p, "email")));
	return list;
}

static json_t *
address(const json_t *a)
{
	json_t *lines = json_array(), *out;

	if (member(a, "line1") != NULL)
		json_array_append_new(lines, json_string(member(a, "line1")));
	if (member(a, "line2") != NULL)
		json_array_append_new(lines, json_string(member(a, "line2")));
	out = json_pack("{s:s*, s:s*, s:s*, s:s*}", "city", member(a, "city"),
	    "state", member(a, "state"), "postalCode", member(a, "postal_code"),
	    "country", member(a, "country"));
	list_set(out, "line", lines);
	return list_of(out);
}

static json_t *
emergency_contact(const json_t *c)
{
	return json_pack("[{s:[o], s:{s:s}, s:[o]}]", "relationship",
	    coded(TERMINOLOGY "v2-0131", "C", "Emergency Contact"), "name",
	    "text", member(c, "name"), "telecom",
	    contact_point("phone", member(c, "phone")));
}

static json_t *
patient_json(struct op *op, const json_t *p)
{
	const json_t *home = json_object_get(p, "address"),
		     *contact = json_object_get(p, "emergency_contact");
	const char *language = member(p, "language");
	json_t *out = json_pack("{s:s, s:s, s:o, s:s*, s:s*, s:o*, s:o*, s:o*}",
	    "resourceType", "Patient", "id", id_text(op, &op->id), "name",
	    names(p), "gender", member(p, "sex"), "birthDate",
	    member(p, "birth_date"), "address",
	    home == NULL ? NULL : address(home), "contact",
	    contact == NULL ? NULL : emergency_contact(contact),
	    "communication",
	    language == NULL
		? NULL
		: json_pack("[{s:{s:s}}]", "language", "text", language));

	if (out == NULL)
		return NULL;
	list_set(out, "identifier", identifiers(p));
	list_set(out, "telecom", telecom(p));
	return out;
}

/*= AZ-02: of what the role sees, as everywhere */
json_t *
fhir_patient(struct op *op, const struct patient_values *values)
{
	json_t *p = patient_view(op, &op->id, values, PATIENT_ALL);
	json_t *out = patient_json(op, p);

	json_wipe(p);
	json_decref(p);
	return out;
}

json_t *
fhir_coverage(struct op *op, const struct patient_values *values)
{
	json_t *p = patient_view(op, &op->id, values, 1U << PATIENT_insurance);
	const json_t *insurance = json_object_get(p, "insurance");
	json_t *out = NULL;

	if (insurance != NULL)
		out = json_pack("{s:s, s:s, s:s, s:s, s:o, s:[{s:s}]}",
		    "resourceType", "Coverage", "id", id_text(op, &op->id),
		    "status", "active", "subscriberId",
		    member(insurance, "member_id"), "beneficiary",
		    reference(op, "Patient", &op->id), "payor", "display",
		    member(insurance, "payer"));
	json_wipe(p);
	json_decref(p);
	return out;
}

json_t *
fhir_practitioner(struct op *op, const struct export_people_row *a)
{
	return json_pack("{s:s, s:s, s:[{s:s}]}", "resourceType",
	    "Practitioner", "id", id_text(op, &a->id), "name", "text",
	    a->display_name != NULL ? a->display_name : "Not known");
}

/* How FHIR calls the status of a visit; encounter NULL: there was none. */
static const struct status {
	const char *ours, *appointment, *encounter;
} statuses[] = {
	{ "booked", "booked", NULL },
	{ "arrived", "arrived", "arrived" },
	{ "in_call", "arrived", "in-progress" },
	{ "ended", "fulfilled", "finished" },
	{ "cancelled", "cancelled", NULL },
	{ "no_show", "noshow", NULL },
};

static const struct status *
status_of(const struct visit_row *v)
{
	size_t i;

	for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]) - 1; i++)
		if (strcmp(statuses[i].ours, v->status) == 0)
			break;
	return &statuses[i];
}

static json_t *
participant(struct op *op, const char *type, const struct uuid *id)
{
	return json_pack("{s:o, s:s}", "actor", reference(op, type, id),
	    "status", "accepted");
}

static json_t *
reason(const struct visit_row *v)
{
	return v->reason == NULL ? NULL
				 : json_pack("[{s:s}]", "text", v->reason);
}

json_t *
fhir_appointment(struct op *op, const struct visit_row *v)
{
	return json_pack("{s:s, s:s, s:s, s:o*, s:o, s:o, s:[o, o]}",
	    "resourceType", "Appointment", "id", id_text(op, &v->id), "status",
	    status_of(v)->appointment, "reasonCode", reason(v), "start",
	    time_json(v->starts_at), "end", time_json(v->ends_at),
	    "participant", participant(op, "Patient", &v->patient_id),
	    participant(op, "Practitioner", &v->clinician_id));
}

bool
fhir_took_place(const struct visit_row *v)
{
	return status_of(v)->encounter != NULL;
}

json_t *
fhir_encounter(struct op *op, const struct visit_row *v)
{
	json_t *arrived = time_or_none(v->arrived_at);

	return json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:o*, s:o, s:[o], "
			 "s:[{s:o}], s:o*}",
	    "resourceType", "Encounter", "id", id_text(op, &v->id), "status",
	    status_of(v)->encounter, "class", "system",
	    TERMINOLOGY "v3-ActCode", "code", "VR", "display", "virtual",
	    "reasonCode", reason(v), "subject",
	    reference(op, "Patient", &v->patient_id), "appointment",
	    reference(op, "Appointment", &v->id), "participant", "individual",
	    reference(op, "Practitioner", &v->clinician_id), "period",
	    arrived == NULL ? NULL : json_pack("{s:o}", "start", arrived));
}

/* May whoever takes the copy play it, and is it there? */
static bool
plays(const struct op *op, const struct recording_row *g)
{
	return recording_is(g, "stored") &&
	    (op->who.role != ROLE_PATIENT || g->patient_plays);
}

/*= RC-08: what the copy cannot hold it says */
static const char *
description(struct op *op, const struct recording_row *g)
{
	const char *length = g->duration_s == INT64_MAX
	    ? ""
	    : arena_format(
		  op->arena, "Length: %" PRId64 " seconds. ", g->duration_s);

	if (recording_is(g, "deleting|deleted"))
		return arena_format(op->arena,
		    "%sIt was deleted; this is the note that there was one.",
		    length);
	return arena_format(op->arena,
	    "%sIts sound and picture are not in this copy: they are sealed "
	    "by the browser that recorded them. %s",
	    length,
	    plays(op, g) ? "They are played at the address of the attachment, "
			   "after signing in."
			 : "Ask the clinic how to see them.");
}

static json_t *
attachment(struct op *op, const struct recording_row *g)
{
	const char *url = plays(op, g)
	    ? arena_format(op->arena, "%s/recording?id=%s", conf()->origin,
		  id_text(op, &g->id))
	    : NULL;

	return json_pack("{s:s*, s:s*, s:s}", "contentType", g->media_type,
	    "url", url, "title", "Recording of a video visit");
}

json_t *
fhir_recording(struct op *op, const struct recording_row *g)
{
	return json_pack("{s:s, s:s, s:s, s:{s:s}, s:o, s:o, s:[o], s:s, "
			 "s:[{s:o}], s:{s:[o], s:{s:o, s:o*}}}",
	    "resourceType", "DocumentReference", "id", id_text(op, &g->id),
	    "status", "current", "type", "text", "Recording of a video visit",
	    "subject", reference(op, "Patient", &g->patient_id), "date",
	    time_json(g->created_at), "author",
	    reference(op, "Practitioner", &g->clinician_id), "description",
	    description(op, g), "content", "attachment", attachment(op, g),
	    "context", "encounter", reference(op, "Encounter", &g->visit_id),
	    "period", "start", time_json(g->started_at), "end",
	    time_or_none(g->stopped_at));
}

static json_t *
who_answered(struct op *op, const struct recording_row *g,
    const struct recording_people_row *p)
{
	return strcmp(p->role, "patient") == 0
	    ? reference(op, "Patient", &g->patient_id)
	    : reference(op, "Practitioner", &p->account_id);
}

/* What it is about; of what never began there is no document. */
static json_t *
consent_data(struct op *op, const struct recording_row *g)
{
	if (g->started_at == INSTANT_NONE)
		return NULL;
	return json_pack("[{s:s, s:o}]", "meaning", "instance", "reference",
	    reference(op, "DocumentReference", &g->id));
}

json_t *
fhir_consent(struct op *op, const struct recording_row *g,
    const struct recording_people_row *p, size_t n)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:[{s:s}], s:o, s:o, s:[o], "
			 "s:{s:s}, s:{s:s, s:o*}}",
	    "resourceType", "Consent", "id",
	    arena_format(op->arena, "%s-%zu", id_text(op, &g->id), n), "status",
	    p->given ? "active" : "rejected", "scope",
	    coded(TERMINOLOGY "consentscope", "patient-privacy",
		"Privacy Consent"),
	    "category", "text", "Recording of a video visit", "patient",
	    reference(op, "Patient", &g->patient_id), "dateTime",
	    time_json(p->at), "performer", who_answered(op, g, p), "policyRule",
	    "text",
	    arena_format(op->arena,
		"What people are asked in the call, wording %" PRId64,
		p->wording),
	    "provision", "type", p->given ? "permit" : "deny", "data",
	    consent_data(op, g));
}

static const char *
invoice_status(const char *state)
{
	if (strcmp(state, "opening") == 0 || strcmp(state, "open") == 0)
		return "issued";
	if (strcmp(state, "failed") == 0 || strcmp(state, "expired") == 0)
		return "cancelled";
	return "balanced";
}

/* FHIR's amounts are decimal numbers, in whole units of the currency. */
static json_t *
amount(struct op *op, int64_t minor, const char *currency)
{
	const double value = strtod(
	    money_text(op->arena, minor, currency), NULL);

	return json_pack("{s:f, s:s}", "value", value, "currency", currency);
}

static json_t *
refunded(struct op *op, const struct payment_row *p)
{
	if (p->refunded_minor == 0)
		return NULL;
	return json_pack("[{s:s}]", "text",
	    arena_format(op->arena, "Paid back: %s",
		money_text(op->arena, p->refunded_minor, p->currency)));
}

json_t *
fhir_invoice(struct op *op, const struct payment_row *p)
{
	const int64_t at = p->paid_at == INSTANT_NONE ? p->created_at
						      : p->paid_at;

	return json_pack("{s:s, s:s, s:s, s:{s:s}, s:o, s:o, s:o, s:o*}",
	    "resourceType", "Invoice", "id", id_text(op, &p->id), "status",
	    invoice_status(p->state), "type", "text", p->title, "subject",
	    reference(op, "Patient", &p->patient_id), "date", time_json(at),
	    "totalGross", amount(op, p->amount_minor, p->currency), "note",
	    refunded(op, p));
}
