/* Who is found by a name: candidates from the tokens, opened and compared. */
#include "care/patient_found.h"

#include "base/text.h"
#include "care/page.h"
#include "data/field.h"
#include "sql.h"

#include <string.h>

/* Enough to tell two people apart, and to call them. */
#define OVERVIEW                                                               \
	(1u << PATIENT_family_name | 1u << PATIENT_given_name |                \
	    1u << PATIENT_birth_date | 1u << PATIENT_sex | 1u << PATIENT_mrn | \
	    1u << PATIENT_phone)

static const struct {
	const char *name;
	enum patient_name part;
} names[NAMES_ASKED_MAX] = {
	{ "name", NAME_ANY },
	{ "family_name", NAME_FAMILY },
	{ "given_name", NAME_GIVEN },
};

static void
word_ask(
    struct search *s, const struct field_sought *word, enum patient_name part)
{
	size_t i;

	for (i = 0; i < word->alternatives_n; i++) {
		s->beginnings[s->beginnings_n] = word->alternatives[i];
		s->groups[s->beginnings_n] = (int64_t)s->words_n;
		s->words[s->beginnings_n] = word->text;
		s->names[s->beginnings_n++] = part;
	}
	s->words_n++;
}

static enum err
exact_add(struct op *op, struct search *s, const struct exact *e)
{
	struct bytes_list x, y = { NULL, 0 };
	size_t i, at;
	enum err r;

	if (s->exact_n == EXACT_MAX)
		return ERR_OK;
	r = field_name_whole(op->arena, &op->who.clinic, e->text[0], &x);
	if (r == ERR_OK && e->text[1] != NULL)
		r = field_name_whole(
		    op->arena, &op->who.clinic, e->text[1], &y);
	if (r != ERR_OK)
		return r;
	s->exact[s->exact_n++] = *e;
	for (i = 0; i < x.n; i++) {
		at = s->exact_tokens_n++;
		s->exact_a[at] = x.v[i];
		s->exact_b[at] = i < y.n ? y.v[i] : (struct bytes){ NULL, 0 };
		s->exact_a_part[at] = e->part[0] + PART_WHOLE;
		s->exact_b_part[at] = e->part[1] + PART_WHOLE;
	}
	return ERR_OK;
}

/* Where a person may have both names in either order, each place between two
 * words may be that between the names. */
static enum err
exact_splits(struct op *op, struct search *s, const char *folded)
{
	char *left = arena_text(op->arena, folded), *at = left;
	struct exact e;
	enum err r = ERR_OK;

	e = (struct exact){ { folded, NULL }, { NAME_FAMILY, NAME_GIVEN } };
	if ((r = exact_add(op, s, &e)) == ERR_OK) {
		e.part[0] = NAME_GIVEN;
		r = exact_add(op, s, &e);
	}
	while (r == ERR_OK && (at = strchr(at, ' ')) != NULL) {
		*at = '\0';
		e.text[0] = arena_text(op->arena, left);
		e.text[1] = arena_text(op->arena, at + 1);
		e.part[0] = NAME_GIVEN;
		e.part[1] = NAME_FAMILY;
		if ((r = exact_add(op, s, &e)) == ERR_OK) {
			e.part[0] = NAME_FAMILY;
			e.part[1] = NAME_GIVEN;
			r = exact_add(op, s, &e);
		}
		*at++ = ' ';
	}
	return r;
}

static enum err
exact_read(struct op *op, struct search *s)
{
	const char *text[NAMES_ASKED_MAX], *asked;
	struct exact e = { { NULL, NULL }, { NAME_FAMILY, NAME_GIVEN } };
	char *folded;
	size_t i;
	enum err r;

	for (i = 0; i < NAMES_ASKED_MAX; i++) {
		text[i] = NULL;
		if ((asked = in_text(op, names[i].name)) == NULL)
			continue;
		if ((r = text_fold(op->arena, asked, &folded)) != ERR_OK)
			return r;
		text[i] = folded;
	}
	if (text[0] != NULL)
		return s->names_n > 1 ? ERR_OK : exact_splits(op, s, text[0]);
	if (s->names_n == 0)
		return ERR_OK;
	e.text[0] = text[1] != NULL ? text[1] : text[2];
	e.part[0] = text[1] != NULL ? NAME_FAMILY : NAME_GIVEN;
	e.text[1] = text[1] != NULL ? text[2] : NULL;
	return exact_add(op, s, &e);
}

enum err
search_names_read(struct op *op, struct search *s)
{
	struct field_sought *words;
	const char *text;
	size_t i, k, n;
	enum err r;

	for (i = 0; i < NAMES_ASKED_MAX; i++) {
		if ((text = in_text(op, names[i].name)) == NULL)
			continue;
		r = field_name_sought(
		    op->arena, &op->who.clinic, text, &words, &n);
		if (r == ERR_OK && s->words_n + n > WORDS_MAX)
			r = ERR_INVALID_FIELD;
		if (r != ERR_OK)
			return op_refuse(op, r,
			    r == ERR_INVALID_FIELD ? names[i].name : NULL);
		for (k = 0; k < n; k++)
			word_ask(s, &words[k], names[i].part);
		s->asked[s->asked_n++] = names[i].name;
		s->names_n++;
	}
	return exact_read(op, s);
}

/* Is this exactly who was asked for? */
static enum err
is_exact(struct op *op, const struct search *s,
    const struct patient_found_row *f, bool *exact)
{
	char *have[NAME_ANY] = { NULL, NULL, NULL };
	const struct exact *e;
	size_t i;
	enum err r;

	*exact = false;
	if ((r = text_fold(op->arena, f->family_name, &have[NAME_FAMILY])) !=
	    ERR_OK)
		return r;
	if (f->given_name != NULL &&
	    (r = text_fold(op->arena, f->given_name, &have[NAME_GIVEN])) !=
		ERR_OK)
		return r;
	for (i = 0; i < s->exact_n && !*exact; i++) {
		e = &s->exact[i];
		*exact = have[e->part[0]] != NULL &&
		    strcmp(have[e->part[0]], e->text[0]) == 0 &&
		    (e->text[1] == NULL ||
			(have[e->part[1]] != NULL &&
			    strcmp(have[e->part[1]], e->text[1]) == 0));
	}
	return ERR_OK;
}

static enum err
member_matches(struct op *op, const char *name, enum field field,
    const char *value, int *matches)
{
	const char *searched = in_text(op, name);

	if (searched == NULL || !*matches)
		return ERR_OK;
	*matches = 0;
	return value == NULL
	    ? ERR_OK
	    : field_matches(op->arena, field, value, searched, matches);
}

/* Equal tokens make a candidate; the opened value decides. */
static enum err
really_matches(struct op *op, const struct patient_found_row *f, int *matches)
{
	const char *const both[] = { f->family_name, f->given_name };
	const char *name = in_text(op, "name");
	enum err r;

	*matches = 1;
	if (name != NULL &&
	    (r = field_names_match(op->arena, both, 2, name, matches)) !=
		ERR_OK)
		return r;
	if ((r = member_matches(op, "family_name", FIELD_patient_family_name,
		 f->family_name, matches)) != ERR_OK ||
	    (r = member_matches(op, "given_name", FIELD_patient_given_name,
		 f->given_name, matches)) != ERR_OK ||
	    (r = member_matches(op, "birth_date", FIELD_patient_birth_date,
		 f->birth_date, matches)) != ERR_OK ||
	    (r = member_matches(
		 op, "mrn", FIELD_patient_mrn, f->mrn, matches)) != ERR_OK ||
	    (r = member_matches(
		 op, "ssn", FIELD_patient_ssn, f->ssn, matches)) != ERR_OK ||
	    (r = member_matches(op, "phone", FIELD_patient_phone, f->phone,
		 matches)) != ERR_OK)
		return r;
	return member_matches(
	    op, "email", FIELD_patient_email, f->email, matches);
}

static void
found_show(struct op *op, const struct patient_found_row *f, json_t *items)
{
	struct patient_values
	    values = { .text = {
			   [PATIENT_family_name] = f->family_name,
			   [PATIENT_given_name] = f->given_name,
			   [PATIENT_birth_date] = f->birth_date,
			   [PATIENT_sex] = f->sex,
			   [PATIENT_mrn] = f->mrn,
			   [PATIENT_phone] = f->phone,
		       } };

	json_array_append_new(
	    items, patient_view(op, &f->id, &values, OVERVIEW));
	op_returned(op, &f->id);
}

static enum err
found_add(struct op *op, const struct patient_found_row *f, json_t *items)
{
	int matches;
	enum err r;

	if ((r = really_matches(op, f, &matches)) == ERR_OK && matches)
		found_show(op, f, items);
	return r;
}

static const struct shape after_members[] = {
	{ "after", SH_UUID, COLUMN(patient_found_row, id) },
	{ 0 },
};

static const struct shape exact_members[] = {
	{ "exact", SH_INT, COLUMN(patient_found_row, part) },
	{ "after", SH_UUID, COLUMN(patient_found_row, id) },
	{ 0 },
};

/* The rows of a page that do match, and the cursor of the next one. */
static enum err
found_page(struct op *op, const struct patient_found_row *rows, size_t n,
    const struct shape *cursor, json_t *items, json_t **next)
{
	size_t i, page = page_size(op, n);
	enum err r = ERR_OK;

	for (i = 0; i < page && r == ERR_OK; i++)
		r = found_add(op, &rows[i], items);
	if (r == ERR_OK && n > page)
		*next = members_json(op, cursor, &rows[page - 1]);
	return r;
}

enum err
search_numbers(
    struct op *op, const struct search *s, json_t *items, json_t **next)
{
	struct patient_search_number_in in = {
		.asked = { s->asked, s->asked_n },
		.after = page_uuid(op, "after"),
		.limit = page_fetch(op),
		.beginnings = { s->beginnings, s->beginnings_n },
		.groups = { s->groups, s->beginnings_n },
		.names = { s->names, s->beginnings_n },
		.group_count = (int64_t)s->words_n,
		.mrn = s->number.mrn,
		.ssn = s->number.ssn,
		.phone = s->number.phone,
		.email = s->number.email,
		.year = s->number.birth_year,
		.month = s->number.birth_month,
		.day = s->number.birth_day,
	};
	struct patient_found_row *rows;
	size_t n;
	enum err r;

	if (op->scope == SCOPE_CARE)
		in.care_of = op->who.account;
	r = sql_patient_search_number(op->tx, &in, &rows, &n);
	return r != ERR_OK
	    ? r
	    : found_page(op, rows, n, after_members, items, next);
}

enum err
search_team(struct op *op, const struct search *s, json_t *items, json_t **next)
{
	struct patient_search_team_in in = {
		.asked = { s->asked, s->asked_n },
		.after_exact = page_int(op, "exact", 1),
		.after = page_uuid(op, "after"),
		.limit = page_fetch(op),
		.care_of = op->who.account,
		.beginnings = { s->beginnings, s->beginnings_n },
		.groups = { s->groups, s->beginnings_n },
		.names = { s->names, s->beginnings_n },
		.group_count = (int64_t)s->words_n,
		.tokens = { s->exact_a, s->exact_tokens_n },
		.parts = { s->exact_a_part, s->exact_tokens_n },
		.other_tokens = { s->exact_b, s->exact_tokens_n },
		.other_parts = { s->exact_b_part, s->exact_tokens_n },
		.year = s->number.birth_year,
	};
	struct patient_found_row *rows;
	size_t n;
	enum err r;

	r = sql_patient_search_team(op->tx, &in, &rows, &n);
	return r != ERR_OK
	    ? r
	    : found_page(op, rows, n, exact_members, items, next);
}

/* Those who are exactly the one; *left is what the page has still room for, 0
 * when it is full and has a next one. */
static enum err
exact_page(struct op *op, const struct search *s, json_t *items, json_t **next,
    int64_t *left)
{
	struct patient_search_exact_in in = {
		.asked = { s->asked, s->asked_n },
		.after = page_uuid(op, "after"),
		.limit = page_fetch(op),
		.tokens = { s->exact_a, s->exact_tokens_n },
		.parts = { s->exact_a_part, s->exact_tokens_n },
		.other_tokens = { s->exact_b, s->exact_tokens_n },
		.other_parts = { s->exact_b_part, s->exact_tokens_n },
		.year = s->number.birth_year,
	};
	struct patient_found_row *rows;
	size_t n;
	enum err r;

	r = sql_patient_search_exact(op->tx, &in, &rows, &n);
	if (r != ERR_OK)
		return r;
	*left = (int64_t)n > op->limit ? -1 : op->limit - (int64_t)n;
	return found_page(op, rows, n, after_members, items, next);
}

/* Where the walk over words begins or goes on. */
struct walk {
	int64_t group;
	struct bytes_list exact; /* rows of it were shown before */
	int64_t exact_name;
};

static bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

static bool
word_is_walked(const struct search *s, const struct walk *w,
    const struct field_word *word, enum patient_name name)
{
	size_t i, k;

	for (i = 0; i < s->beginnings_n; i++) {
		if (s->groups[i] != w->group || (s->names[i] & name) == 0)
			continue;
		for (k = 0; k < word->beginnings_n; k++)
			if (bytes_equal(s->beginnings[i], word->beginnings[k]))
				return true;
	}
	return false;
}

/* Is there a walked word of this name before the row's in the order? The words of
 * a person are under one version of the index key. */
static enum err
name_comes_before(struct op *op, const struct search *s, const struct walk *w,
    const struct patient_found_row *f, const char *text, enum patient_name name,
    bool *before)
{
	struct field_word *words;
	int64_t part;
	size_t i, n;
	int order;
	enum err r;

	if (text == NULL)
		return ERR_OK;
	r = field_name_words(op->arena, &op->who.clinic,
	    field_token_version(f->via), text, &words, &n);
	if (r != ERR_OK)
		return r;
	for (i = 0; i < n; i++) {
		order = memcmp(words[i].token.p, f->via.p, FIELD_TOKEN_SIZE);
		part = name + (words[i].whole ? PART_WHOLE : 0);
		if (order > 0 || (order == 0 && part >= f->part))
			continue;
		*before = *before || word_is_walked(s, w, &words[i], name);
	}
	return ERR_OK;
}

/* A patient with several words that begin so stands in the walk several times,
 * and an exact match was shown before. */
static enum err
is_repeated(struct op *op, const struct search *s, const struct walk *w,
    const struct patient_found_row *f, bool *repeated)
{
	enum err r;

	if ((r = is_exact(op, s, f, repeated)) != ERR_OK || *repeated)
		return r;
	r = name_comes_before(
	    op, s, w, f, f->family_name, NAME_FAMILY, repeated);
	return r != ERR_OK ? r
			   : name_comes_before(op, s, w, f, f->given_name,
				 NAME_GIVEN, repeated);
}

static enum err
walk_begin(struct op *op, const struct search *s, struct walk *w)
{
	struct patient_search_rarest_in in = {
		.beginnings = { s->beginnings, s->beginnings_n },
		.groups = { s->groups, s->beginnings_n },
		.names = { s->names, s->beginnings_n },
	};
	struct patient_search_rarest_row row;
	enum err r;

	*w = (struct walk){ .group = page_int(op, "group", -1) };
	if (s->words_n == 1) {
		w->group = 0;
		/* of the first, which is all that was asked for */
		if (s->exact_n > 0)
			w->exact = (struct bytes_list){ s->exact_a,
				s->exact_tokens_n / s->exact_n };
		w->exact_name = s->names[0];
	}
	if (w->group >= 0)
		return ERR_OK;
	r = sql_patient_search_rarest(op->tx, &in, &row);
	w->group = row.grp;
	return r;
}

static struct bytes
page_word(struct op *op)
{
	const char *text = json_string_value(
	    json_object_get(op->cursor, "word"));
	struct bytes word = { NULL, 0 };
	uint8_t *p;

	if (text != NULL &&
	    text_base64url_decode(op->arena, text, &p, &word.n) == ERR_OK)
		word.p = p;
	return word;
}

static json_t *
walk_next(
    struct op *op, const struct walk *w, const struct patient_found_row *last)
{
	return json_pack("{s:I, s:s, s:I, s:o}", "group", (json_int_t)w->group,
	    "word", text_base64url(op->arena, last->via.p, last->via.n), "part",
	    (json_int_t)last->part, "after", uuid_json(&last->id));
}

static enum err
walk_page(struct op *op, const struct search *s, int64_t left, json_t *items,
    json_t **next)
{
	struct patient_search_beginning_in in = {
		.asked = { s->asked, s->asked_n },
		.after_word = page_word(op),
		.after_part = page_int(op, "part", 0),
		.after = page_uuid(op, "after"),
		.limit = left + 1,
		.beginnings = { s->beginnings, s->beginnings_n },
		.groups = { s->groups, s->beginnings_n },
		.names = { s->names, s->beginnings_n },
		.group_count = (int64_t)s->words_n,
		.year = s->number.birth_year,
	};
	struct patient_found_row *rows;
	struct walk w;
	bool repeated;
	size_t i, n = 0;
	enum err r;

	if ((r = walk_begin(op, s, &w)) != ERR_OK)
		return r;
	in.walked = w.group;
	in.exact = w.exact;
	in.exact_name = w.exact_name;
	r = sql_patient_search_beginning(op->tx, &in, &rows, &n);
	for (i = 0; i < n && (int64_t)i < left && r == ERR_OK; i++) {
		r = is_repeated(op, s, &w, &rows[i], &repeated);
		if (r == ERR_OK && !repeated)
			r = found_add(op, &rows[i], items);
	}
	if (r == ERR_OK && (int64_t)n > left)
		*next = left == 0
		    ? json_pack("{s:I}", "group", (json_int_t)w.group)
		    : walk_next(op, &w, &rows[left - 1]);
	return r;
}

/* Exact matches come first, then names that begin so: a cursor with a group is
 * in the second part. */
enum err
search_names(
    struct op *op, const struct search *s, json_t *items, json_t **next)
{
	int64_t left = op->limit;
	enum err r;

	if (s->exact_n > 0 && page_int(op, "group", -1) < 0) {
		r = exact_page(op, s, items, next, &left);
		if (r != ERR_OK || left < 0)
			return r;
		/* the second way begins at its beginning */
		json_decref(op->cursor);
		op->cursor = NULL;
	}
	return walk_page(op, s, left, items, next);
}
