#include "care/patient_alike.h"

#include "base/text.h"
#include "data/field.h"
#include "gate/limit.h"
#include "gate/route.h"
#include "sql.h"

#include <string.h>

#define UNSEEN_PER_MINUTE 10
#define BEGINNINGS_MAX	  (64 * FIELD_ALTERNATIVES_MAX)

/* The keys by which candidates are looked for, as in struct search. */
struct sought {
	struct bytes beginnings[BEGINNINGS_MAX];
	int64_t groups[BEGINNINGS_MAX], names[BEGINNINGS_MAX];
	size_t n;
	int64_t groups_n;
};

/* Two records are alike when each finds the other by a search: neither has a
 * word more, and letters that are written in two ways are one. */
static enum err
same_name(struct op *op, const char *x, const char *y, int *same)
{
	enum err r;

	*same = x == NULL && y == NULL;
	if (x == NULL || y == NULL)
		return ERR_OK;
	r = field_names_match(op->arena, &x, 1, y, same);
	if (r == ERR_OK && *same)
		r = field_names_match(op->arena, &y, 1, x, same);
	return r;
}

/* Equal tokens make a candidate; the opened values decide. */
static enum err
is_alike(struct op *op, const struct patient_change *c,
    const struct patient_alike_row *row, bool *alike)
{
	const char *const *text = c->values.text;
	int family, given, born;
	enum err r;

	*alike = false;
	if ((r = same_name(op, row->family_name, text[PATIENT_family_name],
		 &family)) != ERR_OK ||
	    (r = same_name(op, row->given_name, text[PATIENT_given_name],
		 &given)) != ERR_OK ||
	    (r = field_matches(op->arena, FIELD_patient_birth_date,
		 row->birth_date, text[PATIENT_birth_date], &born)) != ERR_OK)
		return r;
	*alike = family && given && born;
	return ERR_OK;
}

/* Words beyond the room here only narrow the search. */
static enum err
name_ask(
    struct op *op, const char *name, enum patient_name part, struct sought *s)
{
	struct field_sought *words;
	size_t i, k, n;
	enum err r;

	if (name == NULL)
		return ERR_OK;
	r = field_name_sought(op->arena, &op->who.clinic, name, &words, &n);
	for (i = 0; r == ERR_OK && i < n &&
	     s->n + FIELD_ALTERNATIVES_MAX <= BEGINNINGS_MAX;
	     i++) {
		for (k = 0; k < words[i].alternatives_n; k++) {
			s->beginnings[s->n] = words[i].alternatives[k];
			s->groups[s->n] = s->groups_n;
			s->names[s->n++] = part;
		}
		s->groups_n++;
	}
	return r;
}

static enum err
alike_read(
    struct op *op, const struct patient_change *c, struct patient_alike_in *in)
{
	const char *const *text = c->values.text;
	struct sought *s = arena_calloc(op->arena, 1, sizeof(*s));
	struct bytes_list born[FIELD_PARTS_MAX];
	enum err r;

	if ((r = field_index_sought(op->arena, &op->who.clinic,
		 FIELD_patient_birth_date, text[PATIENT_birth_date], born)) !=
		ERR_OK ||
	    (r = name_ask(op, text[PATIENT_family_name], NAME_FAMILY, s)) !=
		ERR_OK ||
	    (r = name_ask(op, text[PATIENT_given_name], NAME_GIVEN, s)) !=
		ERR_OK)
		return r;
	*in = (struct patient_alike_in){
		.beginnings = { s->beginnings, s->n },
		.groups = { s->groups, s->n },
		.names = { s->names, s->n },
		.group_count = s->groups_n,
		.single = text[PATIENT_given_name] == NULL,
		.year = born[0],
		.month = born[1],
		.day = born[2],
		.limit = ALIKE_MAX,
	};
	if (perm_scope(PERM_patient_update, op->who.role) == SCOPE_CARE)
		in->care_of = op->who.account;
	return field_name_whole(
	    op->arena, &op->who.clinic, text[PATIENT_family_name], &in->family);
}

/* Two people who are taken in at the same time must see one another, however
 * the name is written: the lock is on its letters alone. */
static enum err
creation_lock(struct op *op, const struct patient_change *c)
{
	struct patient_alike_lock_in in = { .year = c->index.birth_year };
	struct bytes_list family;
	char *letters;
	enum err r;

	if ((r = text_alnum(op->arena, c->values.text[PATIENT_family_name],
		 &letters)) != ERR_OK ||
	    (r = field_name_whole(
		 op->arena, &op->who.clinic, letters, &family)) != ERR_OK)
		return r;
	in.family = family.v[0];
	return sql_patient_alike_lock(op->tx, &in);
}

/*= AZ-01: that somebody is a patient here is an answer, too; callers who could
 * not have found it out by a search get few a minute */
static enum err
unseen_take(struct op *op)
{
	const struct {
		struct uuid account;
		char what[5];
	} key = { op->who.account, "alike" };

	return limit_take(
	    &key, sizeof(key), UNSEEN_PER_MINUTE, &op->retry_after_s);
}

static enum err
ask(struct op *op, size_t count, bool unseen)
{
	const char *how = in_text(op, "if_duplicate");
	enum err r;

	if (count == 0 || how == NULL || strcmp(how, "ask") != 0)
		return ERR_OK;
	if (unseen && (r = unseen_take(op)) != ERR_OK)
		return r;
	op->more = json_pack("{s:I}", ALIKE_MEMBER, (json_int_t)count);
	return ERR_POSSIBLE_DUPLICATE;
}

enum err
patient_alike(struct op *op, const struct patient_change *c, size_t *count)
{
	struct patient_alike_in in;
	struct patient_alike_row *rows;
	bool alike, unseen = false;
	size_t i, n;
	enum err r;

	*count = 0;
	if (c->values.text[PATIENT_birth_date] == NULL)
		return ERR_OK;
	if ((r = alike_read(op, c, &in)) != ERR_OK ||
	    (r = creation_lock(op, c)) != ERR_OK ||
	    (r = sql_patient_alike(op->tx, &in, &rows, &n)) != ERR_OK)
		return r;
	for (i = 0; i < n; i++) {
		if ((r = is_alike(op, c, &rows[i], &alike)) != ERR_OK)
			return r;
		*count += alike;
		unseen = unseen || (alike && !rows[i].seen);
	}
	return ask(op, *count, unseen);
}
