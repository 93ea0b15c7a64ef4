#include "care/patient_index.h"

#include "base/instant.h"
#include "base/text.h"
#include "care/operations.h"
#include "data/field.h"
#include "data/keys.h"

#include <string.h>

/* What a role may do with a member. */
enum may { NO = 0, SEE = 1, SET = 2, BOTH = SEE | SET };

struct member {
	const char *name;
	enum field field;
	enum may may[ROLE_COUNT];
};

#define MEMBER(                                                                \
    name, kind, from, to, flags, patient, clinician, scheduler, ...)           \
	[PATIENT_##name] = { #name, FIELD_patient_##name,                      \
		{ [ROLE_PATIENT] = (patient),                                  \
		    [ROLE_CLINICIAN] = (clinician),                            \
		    [ROLE_SCHEDULER] = (scheduler) } },
static const struct member members[PATIENT_MEMBERS] = {
#include "tables/patient_members.def"
};
#undef MEMBER

static const struct shape address_members[] = {
	{ "line1", SH_TEXT, 1, 200, .flags = SH_NULLABLE | SH_PHI },
	{ "line2", SH_TEXT, 1, 200, .flags = SH_NULLABLE | SH_PHI },
	{ "city", SH_TEXT, 1, 100, .flags = SH_NULLABLE | SH_PHI },
	{ "state", SH_TEXT, 1, 100, .flags = SH_NULLABLE | SH_PHI },
	{ "postal_code", SH_TEXT, 1, 20, .flags = SH_NULLABLE | SH_PHI },
	{ "country", SH_TEXT, 2, 100, .flags = SH_NULLABLE | SH_PHI },
	{ 0 },
};

static const struct shape emergency_contact_members[] = {
	{ "name", SH_TEXT, 1, 200, .flags = SH_REQUIRED | SH_PHI },
	{ "phone", SH_PHONE, 3, 40, .flags = SH_REQUIRED | SH_PHI },
	{ 0 },
};

static const struct shape insurance_members[] = {
	{ "payer", SH_TEXT, 1, 200, .flags = SH_REQUIRED | SH_PHI },
	{ "member_id", SH_TEXT, 1, 100,
	    .flags = SH_REQUIRED | SH_PHI | SH_IDENTIFIER },
	{ 0 },
};

#define MEMBER(name, kind, from, to, flag, patient, clinician, scheduler, ...) \
	{ #name, kind, from, to, .flags = (flag) | SH_PHI, __VA_ARGS__ },
const struct shape patient_create_in[] = {
#include "tables/patient_members.def"
	{ "if_duplicate", SH_CHOICE, .choices = "ask|create" },
	{ 0 },
};

const struct shape patient_patch_in[] = {
#include "tables/patient_members.def"
	{ 0 },
};
#undef MEMBER

/* Which members are there depends on the role: none is promised. One that has
 * to be said is there with null when there is none. */
#define MAY_SAY_NULL(flags)                                                    \
	(((flags)&SH_REQUIRED) != 0 ? (flags)&SH_NULLABLE : 0)
#define MEMBER(name, kind, from, to, flag, patient, clinician, scheduler, ...) \
	{ #name, kind, from, to, .flags = SH_PHI | MAY_SAY_NULL(flag),         \
		__VA_ARGS__ },
const struct shape patient_read_out[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED },
	{ "version", SH_INT, 1, INT64_MAX, .flags = SH_REQUIRED },
#include "tables/patient_members.def"
	{ 0 },
};

#undef MEMBER

const char *
patient_member_name(enum patient_member m)
{
	return members[m].name;
}

/*= AZ-02: a role sees what the table grants it, and nothing else */
static bool
member_may(const struct op *op, enum patient_member m, enum may what)
{
	return (members[m].may[op->who.role] & what) != 0;
}

static char *
json_compact(struct arena *a, const json_t *value)
{
	const size_t flags = JSON_COMPACT | JSON_SORT_KEYS;
	size_t n = json_dumpb(value, NULL, 0, flags);
	char *text = arena_alloc(a, n + 1);

	json_dumpb(value, text, n, flags);
	return text;
}

/* The text of a stored object as JSON; an empty one for none. */
static json_t *
object_open(const char *text)
{
	json_t *o = text == NULL ? NULL : json_loads(text, 0, NULL);

	return o != NULL ? o : json_object();
}

/* RFC 7396 for an object without inner objects. Copies, because the check may
 * wipe and replace what it normalises. */
static void
object_merge(json_t *into, json_t *patch)
{
	const char *name;
	json_t *value;

	json_object_foreach (patch, name, value) {
		if (json_is_null(value))
			json_object_del(into, name);
		else
			json_object_set_new(into, name, json_deep_copy(value));
	}
}

/* Checks the merged object as a whole: what a patch left out may be what the
 * shape requires. */
static enum err
object_check(struct op *op, enum patient_member m, json_t *merged)
{
	const struct shape one[] = { patient_create_in[m], { 0 } };
	json_t *outer = json_pack("{s:O}", members[m].name, merged);
	enum err r;

	if (outer == NULL)
		return ERR_INTERNAL;
	r = shape_check(op->arena, one, outer, false, &op->culprit);
	json_decref(outer);
	return r;
}

static enum err
object_text(struct op *op, enum patient_member m, const char *before,
    json_t *patch, const char **text)
{
	json_t *merged = object_open(before);
	enum err r = ERR_OK;

	object_merge(merged, patch);
	*text = NULL;
	if (json_object_size(merged) > 0 &&
	    (r = object_check(op, m, merged)) == ERR_OK)
		*text = json_compact(op->arena, merged);
	json_wipe(merged);
	json_decref(merged);
	return r;
}

static size_t
alnum_count(struct op *op, const char *text)
{
	char *folded;

	if (text_alnum(op->arena, text, &folded) != ERR_OK)
		return 0;
	return text_code_points(folded);
}

static bool
is_past_date(struct op *op, const char *text)
{
	char today[INSTANT_TEXT_SIZE];

	/* a birthday begins 14 hours before it does in UTC */
	instant_text(op->now + 14 * 3600, today);
	return strncmp(text, today, strlen(text)) <= 0;
}

static bool
is_ssn(struct op *op, const char *text)
{
	char *digits;

	return text_alnum(op->arena, text, &digits) == ERR_OK &&
	    strspn(digits, "0123456789") == 9 && digits[9] == '\0';
}

static bool
is_number(struct op *op, const char *text)
{
	return alnum_count(op, text) >= 1;
}

/* What a name is compared by must not be empty, or nobody could find it. */
static bool
is_name(struct op *op, const char *text)
{
	char *folded;

	return text_fold(op->arena, text, &folded) == ERR_OK && *folded != '\0';
}

static bool (*const rules[PATIENT_MEMBERS])(struct op *, const char *) = {
	[PATIENT_family_name] = is_name,
	[PATIENT_given_name] = is_name,
	[PATIENT_birth_date] = is_past_date,
	[PATIENT_mrn] = is_number,
	[PATIENT_ssn] = is_ssn,
};

static enum err
member_check(struct op *op, enum patient_member m, const char *text)
{
	if (text == NULL)
		return ERR_OK;
	if (strlen(text) > field_limit(members[m].field) ||
	    (rules[m] != NULL && !rules[m](op, text)))
		return op_refuse(op, ERR_INVALID_FIELD, members[m].name);
	return ERR_OK;
}

static enum err
member_text(struct op *op, enum patient_member m, const char *before,
    json_t *value, const char **text)
{
	enum err r = ERR_OK;

	/*= AZ-03: a member that the role may not write is no member for it */
	if (!member_may(op, m, SET))
		return op_refuse(op, ERR_UNKNOWN_FIELD, members[m].name);
	*text = json_string_value(value); /* NULL for null: cleared */
	if (json_is_object(value))
		r = object_text(op, m, before, value, text);
	return r != ERR_OK ? r : member_check(op, m, *text);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static enum err
member_read(struct op *op, enum patient_member m, struct patient_change *c)
{
	json_t *value = json_object_get(op->in, members[m].name);
	const char *before = c->values.text[m], *text = NULL;
	enum err r;

	if (value == NULL)
		return ERR_OK;
	if ((r = member_text(op, m, before, value, &text)) != ERR_OK ||
	    same_text(before, text))
		return r;
	c->values.text[m] = c->written.text[m] = text;
	c->changed[c->changed_n++] = members[m].name;
	return ERR_OK;
}

enum err
patient_change_read(struct op *op, const struct patient_values *before,
    struct patient_change *c)
{
	enum patient_member m;
	enum err r;

	*c = (struct patient_change){ .values = *before };
	if ((r = keys_index_load(op->tx, &op->who.clinic)) != ERR_OK)
		return r;
	for (m = 0; m < PATIENT_MEMBERS; m++)
		if ((r = member_read(op, m, c)) != ERR_OK)
			return r;
	return patient_index_make(op, c);
}

static json_t *
member_json(enum patient_member m, const char *text)
{
	if (patient_create_in[m].kind == SH_OBJECT)
		return json_loads(text, 0, NULL);
	return json_string(text);
}

json_t *
patient_view(const struct op *op, const struct uuid *id,
    const struct patient_values *values, unsigned mask)
{
	json_t *out = json_object();
	enum patient_member m;

	json_object_set_new(out, "id", uuid_json(id));
	for (m = 0; m < PATIENT_MEMBERS; m++) {
		if ((mask & (1u << m)) == 0 || !member_may(op, m, SEE))
			continue;
		if (values->text[m] != NULL)
			json_object_set_new(out, members[m].name,
			    member_json(m, values->text[m]));
		else if (MAY_SAY_NULL(patient_create_in[m].flags) != 0)
			json_object_set_new(out, members[m].name, json_null());
	}
	return out;
}

bool
patient_changes(const struct patient_change *c, enum patient_member m)
{
	size_t i;

	for (i = 0; i < c->changed_n; i++)
		if (c->changed[i] == members[m].name)
			return true;
	return false;
}

const char *
name_whole(struct arena *a, const char *given_name, const char *family_name)
{
	return given_name == NULL
	    ? family_name
	    : arena_format(a, "%s %s", given_name, family_name);
}

bool
patient_may_use(const struct op *op, enum patient_member m)
{
	return member_may(op, m, BOTH);
}
