#include "base/conf.h"
#include "base/text.h"
#include "care/operations.h"
#include "care/page.h"
#include "care/patient_found.h"
#include "data/field.h"
#include "data/keys.h"
#include "gate/limit.h"
#include "sql.h"

#include <string.h>

/* Names by their beginnings, the rest by equality. */
const struct shape patient_search_in[] = {
	{ "name", SH_TEXT, 1, NAME_WHOLE_MAX, .flags = SH_PHI },
	{ "family_name", SH_TEXT, 1, 100, .flags = SH_PHI },
	{ "given_name", SH_TEXT, 1, 100, .flags = SH_PHI },
	{ "birth_date", SH_DATE_PART, .flags = SH_PHI },
	{ "mrn", SH_TEXT, 1, 40, .flags = SH_PHI | SH_IDENTIFIER },
	{ "ssn", SH_TEXT, 9, 20, .flags = SH_PHI | SH_IDENTIFIER },
	{ "phone", SH_PHONE, 3, 40, .flags = SH_PHI },
	{ "email", SH_EMAIL, 3, 254, .flags = SH_PHI },
	{ 0 },
};

const struct shape patient_search_out[] = {
	{ "id", SH_UUID, .flags = SH_REQUIRED },
	{ "family_name", SH_TEXT, 1, 100, .flags = SH_PHI },
	{ "given_name", SH_TEXT, 1, 100, .flags = SH_PHI | SH_NULLABLE },
	{ "birth_date", SH_DATE_PART, .flags = SH_PHI | SH_NULLABLE },
	{ "sex", SH_TEXT, 1, 20, .flags = SH_PHI },
	{ "mrn", SH_TEXT, 1, 40, .flags = SH_PHI | SH_IDENTIFIER },
	{ "phone", SH_PHONE, 3, 40, .flags = SH_PHI },
	{ 0 },
};

/* A number that many records have in common is no key to walk by: these are
 * taken in this order, and the others compared when a record is open. */
static const struct {
	enum patient_member member;
	enum field field;
} numbers[] = {
	{ PATIENT_mrn, FIELD_patient_mrn },
	{ PATIENT_ssn, FIELD_patient_ssn },
	{ PATIENT_email, FIELD_patient_email },
	{ PATIENT_phone, FIELD_patient_phone },
};
#define NUMBERS (sizeof(numbers) / sizeof(numbers[0]))

/*= AZ-02: nobody finds out a number that they may neither see nor write. And
 * whether a number is anybody's is an answer in itself: few a minute (TR-24). */
static enum err
ssn_check(struct op *op)
{
	const struct {
		struct uuid account;
		char what[4];
	} key = { op->who.account, "ssn" };
	const char *ssn = in_text(op, "ssn");
	char *digits;
	enum err r;

	if (ssn == NULL)
		return ERR_OK;
	if (!patient_may_use(op, PATIENT_ssn))
		return op_refuse(op, ERR_UNKNOWN_FIELD, "ssn");
	if ((r = text_alnum(op->arena, ssn, &digits)) != ERR_OK)
		return r;
	if (strspn(digits, "0123456789") != 9 || digits[9] != '\0')
		return op_refuse(op, ERR_INVALID_FIELD, "ssn");
	return limit_take(&key, sizeof(key), conf()->ssn_searches_per_minute,
	    &op->retry_after_s);
}

static enum err
number_read(struct op *op, struct search *s)
{
	struct bytes_list *const place[NUMBERS] = { &s->number.mrn,
		&s->number.ssn, &s->number.email, &s->number.phone };
	struct bytes_list tokens[FIELD_PARTS_MAX];
	const char *name, *text;
	size_t i;
	enum err r;

	for (i = 0; i < NUMBERS; i++) {
		name = patient_member_name(numbers[i].member);
		if ((text = in_text(op, name)) == NULL)
			continue;
		s->asked[s->asked_n++] = name;
		r = field_index_sought(
		    op->arena, &op->who.clinic, numbers[i].field, text, tokens);
		if (r == ERR_OK && tokens[0].n == 0)
			r = op_refuse(op, ERR_INVALID_FIELD, name);
		if (r != ERR_OK)
			return r;
		if (!s->by_number)
			*place[i] = tokens[0];
		s->by_number = true;
	}
	return ERR_OK;
}

/* A month or a day is few people: they are walked. A year is many, and is looked
 * up for those who have the name; without a name there is nothing else. */
static enum err
birth_read(struct op *op, struct search *s)
{
	const char *text = in_text(op, "birth_date");
	struct bytes_list tokens[FIELD_PARTS_MAX];
	enum err r;

	if (text == NULL)
		return ERR_OK;
	s->asked[s->asked_n++] = "birth_date";
	r = field_index_sought(
	    op->arena, &op->who.clinic, FIELD_patient_birth_date, text, tokens);
	if (r != ERR_OK || s->by_number)
		return r;
	s->number.birth_year = tokens[0];
	s->number.birth_month = tokens[1];
	s->number.birth_day = tokens[2];
	s->by_number = tokens[1].n > 0 || s->words_n == 0;
	return ERR_OK;
}

static enum err
search_read(struct op *op, struct search *s)
{
	enum err r;

	if ((r = ssn_check(op)) != ERR_OK ||
	    (r = keys_index_load(op->tx, &op->who.clinic)) != ERR_OK ||
	    (r = search_names_read(op, s)) != ERR_OK ||
	    (r = number_read(op, s)) != ERR_OK ||
	    (r = birth_read(op, s)) != ERR_OK)
		return r;
	/* everyone at once is no search */
	return s->asked_n > 0 ? ERR_OK : ERR_MISSING_FIELD;
}

/* The page ends where the looking ended, not at the last match: a page may be
 * short, even empty, and still have a next one. */
enum err
patient_search(struct op *op)
{
	struct search *s = arena_calloc(op->arena, 1, sizeof(*s));
	json_t *items, *next = NULL;
	enum err r;

	if ((r = search_read(op, s)) != ERR_OK)
		return r;
	items = json_array();
	if (s->by_number)
		r = search_numbers(op, s, items, &next);
	else if (op->scope == SCOPE_CARE)
		r = search_team(op, s, items, &next);
	else
		r = search_names(op, s, items, &next);
	if (r != ERR_OK) {
		json_wipe(items);
		json_decref(items);
		json_decref(next);
		return r;
	}
	return op_list(op, items, next);
}
