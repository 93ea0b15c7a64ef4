#include "base/text.h"
#include "care/operations.h"
#include "care/page.h"
#include "care/patient_view.h"
#include "data/field.h"
#include "data/keys.h"
#include "sql.h"

/* Names by prefix of two letters or more, the rest by equality. */
const struct shape patient_search_in[] = {
	{ "family_name", SH_TEXT, FIELD_PREFIX_MIN, 100, SH_PHI, NULL, NULL },
	{ "given_name", SH_TEXT, FIELD_PREFIX_MIN, 100, SH_PHI, NULL, NULL },
	{ "birth_date", SH_DATE, 0, 0, SH_PHI, NULL, NULL },
	{ "mrn", SH_TEXT, 1, 40, SH_PHI, NULL, NULL },
	{ "ssn", SH_TEXT, 9, 20, SH_PHI, NULL, NULL },
	{ "phone", SH_TEXT, 3, 40, SH_PHI, NULL, NULL },
	{ "email", SH_EMAIL, 3, 254, SH_PHI, NULL, NULL },
	{ 0 },
};

const struct shape patient_search_out[] = {
	{ "id", SH_UUID, 0, 0, SH_REQUIRED, NULL, NULL },
	{ "family_name", SH_TEXT, 1, 100, SH_PHI, NULL, NULL },
	{ "given_name", SH_TEXT, 1, 100, SH_PHI, NULL, NULL },
	{ "birth_date", SH_DATE, 0, 0, SH_PHI, NULL, NULL },
	{ "sex", SH_TEXT, 1, 20, SH_PHI, NULL, NULL },
	{ "mrn", SH_TEXT, 1, 40, SH_PHI, NULL, NULL },
	{ "phone", SH_TEXT, 3, 40, SH_PHI, NULL, NULL },
	{ 0 },
};

/* Enough to tell two people apart, and to call them. */
#define SHOWN                                                                  \
	(1u << PATIENT_family_name | 1u << PATIENT_given_name |                \
	    1u << PATIENT_birth_date | 1u << PATIENT_sex | 1u << PATIENT_mrn | \
	    1u << PATIENT_phone)

static const struct criterion {
	enum patient_member member;
	enum field field;
} criteria[] = {
	{ PATIENT_family_name, FIELD_patient_family_name },
	{ PATIENT_given_name, FIELD_patient_given_name },
	{ PATIENT_birth_date, FIELD_patient_birth_date },
	{ PATIENT_mrn, FIELD_patient_mrn },
	{ PATIENT_ssn, FIELD_patient_ssn },
	{ PATIENT_phone, FIELD_patient_phone },
	{ PATIENT_email, FIELD_patient_email },
};
#define CRITERIA  (sizeof(criteria) / sizeof(criteria[0]))
#define WORDS_MAX 64 /* of a name of 100 letters, and the exact ones */

struct search {
	const char *asked[CRITERIA]; /* names of the members asked for */
	size_t asked_n;
	const char *fields[WORDS_MAX];
	struct bytes tokens[WORDS_MAX];
	size_t tokens_n;
};

static enum err
criterion_read(struct op *op, const struct criterion *c, struct search *s)
{
	const char *name = patient_member_name(c->member);
	const char *text = in_text(op, name);
	struct bytes *tokens;
	size_t i, n;
	enum err r;

	if (text == NULL)
		return ERR_OK;
	r = field_search_tokens(
	    op->arena, &op->who.clinic, c->field, text, &tokens, &n);
	if (r == ERR_OK && (n == 0 || s->tokens_n + n > WORDS_MAX))
		r = ERR_INVALID_FIELD;
	if (r != ERR_OK)
		return op_refuse(op, r, r == ERR_INVALID_FIELD ? name : NULL);
	s->asked[s->asked_n++] = name;
	for (i = 0; i < n; i++) {
		s->fields[s->tokens_n] = name;
		s->tokens[s->tokens_n++] = tokens[i];
	}
	return ERR_OK;
}

static enum err
search_read(struct op *op, struct search *s)
{
	size_t i;
	enum err r;

	if ((r = keys_index_load(op->tx, &op->who.clinic)) != ERR_OK)
		return r;
	for (i = 0; i < CRITERIA; i++)
		if ((r = criterion_read(op, &criteria[i], s)) != ERR_OK)
			return r;
	/* everyone at once is no search */
	return s->asked_n > 0 ? ERR_OK : ERR_MISSING_FIELD;
}

static struct patient_values
found_values(const struct patient_search_row *row)
{
	return (
	    struct patient_values){ .text = {
					[PATIENT_family_name] =
					    row->family_name,
					[PATIENT_given_name] = row->given_name,
					[PATIENT_birth_date] = row->birth_date,
					[PATIENT_sex] = row->sex,
					[PATIENT_mrn] = row->mrn,
					[PATIENT_ssn] = row->ssn,
					[PATIENT_phone] = row->phone,
					[PATIENT_email] = row->email,
				    } };
}

/* Equal tokens make a candidate; the opened value decides. */
static enum err
really_matches(struct op *op, const struct patient_values *v, int *matches)
{
	const char *searched, *value;
	size_t i;
	enum err r;

	*matches = 1;
	for (i = 0; i < CRITERIA && *matches; i++) {
		searched = in_text(op, patient_member_name(criteria[i].member));
		value = v->text[criteria[i].member];
		if (searched == NULL)
			continue;
		if (value == NULL)
			*matches = 0;
		else if ((r = field_matches(op->arena, criteria[i].field, value,
			      searched, matches)) != ERR_OK)
			return r;
	}
	return ERR_OK;
}

static enum err
found_add(struct op *op, const struct patient_search_row *row, json_t *items)
{
	struct patient_values values = found_values(row);
	int matches;
	enum err r;

	if ((r = really_matches(op, &values, &matches)) != ERR_OK || !matches)
		return r;
	json_array_append_new(
	    items, patient_view(op, &row->id, &values, SHOWN));
	op_returned(op, &row->id);
	return ERR_OK;
}

/* The page ends where the looking ended, not at the last match: a page may be
 * short, even empty, and still have a next one. */
enum err
patient_search(struct op *op)
{
	struct search s = { .asked_n = 0 };
	struct patient_search_row *rows;
	struct patient_search_in in;
	json_t *items, *next = NULL;
	size_t i, n, page;
	enum err r;

	if ((r = search_read(op, &s)) != ERR_OK)
		return r;
	in = (struct patient_search_in){
		.fields = { s.fields, s.tokens_n },
		.tokens = { s.tokens, s.tokens_n },
		.asked = { s.asked, s.asked_n },
		.after = page_uuid(op, "after"),
		.limit = page_fetch(op),
	};
	if (op->scope == SCOPE_CARE)
		in.care_of = op->who.account;
	if ((r = sql_patient_search(op->tx, &in, &rows, &n)) != ERR_OK)
		return r;
	items = json_array();
	page = page_size(op, n);
	for (i = 0; i < page && r == ERR_OK; i++)
		r = found_add(op, &rows[i], items);
	if (r != ERR_OK) {
		json_wipe(items);
		json_decref(items);
		return r;
	}
	if (n > page)
		next = json_pack(
		    "{s:o}", "after", uuid_json(&rows[page - 1].id));
	return op_list(op, items, next);
}
