#include "care/patient_index.h"

#include "data/field.h"
#include "sql.h"

static enum err
token_of(struct op *op, enum field f, const char *text, struct bytes *token)
{
	struct bytes *tokens;
	size_t n;
	enum err r;

	if (text == NULL)
		return ERR_OK;
	r = field_index_tokens(
	    op->arena, &op->who.clinic, f, text, &tokens, &n);
	if (r == ERR_OK && n > 0)
		*token = tokens[0];
	return r;
}

static enum err
birth_tokens(struct op *op, const char *text, struct patient_index *x)
{
	struct bytes *tokens;
	size_t n;
	enum err r;

	if (text == NULL)
		return ERR_OK;
	r = field_index_tokens(op->arena, &op->who.clinic,
	    FIELD_patient_birth_date, text, &tokens, &n);
	if (r != ERR_OK)
		return r;
	if (n > 0)
		x->birth_year = tokens[0];
	if (n > 1)
		x->birth_month = tokens[1];
	if (n > 2)
		x->birth_day = tokens[2];
	return ERR_OK;
}

enum err
patient_index_make(struct op *op, struct patient_change *c)
{
	const char *const *text = c->written.text;
	enum err r;

	if ((r = token_of(op, FIELD_patient_mrn, text[PATIENT_mrn],
		 &c->index.mrn)) != ERR_OK ||
	    (r = token_of(op, FIELD_patient_ssn, text[PATIENT_ssn],
		 &c->index.ssn)) != ERR_OK ||
	    (r = token_of(op, FIELD_patient_phone, text[PATIENT_phone],
		 &c->index.phone)) != ERR_OK ||
	    (r = token_of(op, FIELD_patient_email, text[PATIENT_email],
		 &c->index.email)) != ERR_OK)
		return r;
	return birth_tokens(op, text[PATIENT_birth_date], &c->index);
}

/* Room for more of both kinds, twice as much each time. */
static void
words_grow(struct arena *a, struct patient_words *w, size_t words, size_t pairs)
{
	const struct patient_words old = *w;
	size_t i;

	if (w->tokens == NULL || w->n + words > w->room) {
		w->room = 2 * (w->n + words) + 1;
		w->patients = arena_calloc(a, w->room, sizeof(*w->patients));
		w->tokens = arena_calloc(a, w->room, sizeof(*w->tokens));
		w->parts = arena_calloc(a, w->room, sizeof(*w->parts));
		for (i = 0; i < old.n; i++) {
			w->patients[i] = old.patients[i];
			w->tokens[i] = old.tokens[i];
			w->parts[i] = old.parts[i];
		}
	}
	if (w->words == NULL || w->pairs_n + pairs > w->pairs_room) {
		w->pairs_room = 2 * (w->pairs_n + pairs) + 1;
		w->beginnings = arena_calloc(
		    a, w->pairs_room, sizeof(*w->beginnings));
		w->words = arena_calloc(a, w->pairs_room, sizeof(*w->words));
		for (i = 0; i < old.pairs_n; i++) {
			w->beginnings[i] = old.beginnings[i];
			w->words[i] = old.words[i];
		}
	}
}

static void
word_put(struct patient_words *w, const struct uuid *id,
    const struct field_word *word, int64_t part)
{
	size_t i;

	w->patients[w->n] = *id;
	w->tokens[w->n] = word->token;
	w->parts[w->n++] = part + (word->whole ? PART_WHOLE : 0);
	for (i = 0; i < word->beginnings_n; i++) {
		w->beginnings[w->pairs_n] = word->beginnings[i];
		w->words[w->pairs_n++] = word->token;
	}
}

static enum err
name_add(struct op *op, const struct uuid *id, const char *name,
    enum patient_name part, struct patient_words *w)
{
	struct field_word *words;
	size_t i, n, pairs = 0;
	enum err r;

	if (name == NULL)
		return ERR_OK;
	r = field_name_words(op->arena, &op->who.clinic, 0, name, &words, &n);
	if (r != ERR_OK)
		return r;
	for (i = 0; i < n; i++)
		pairs += words[i].beginnings_n;
	words_grow(op->arena, w, n, pairs);
	for (i = 0; i < n; i++)
		word_put(w, id, &words[i], part);
	return ERR_OK;
}

enum err
patient_words_add(struct op *op, const struct uuid *id,
    const struct patient_change *c, struct patient_words *w)
{
	enum err r = ERR_OK;

	if (patient_changes(c, PATIENT_family_name))
		r = name_add(op, id, c->written.text[PATIENT_family_name],
		    NAME_FAMILY, w);
	if (r == ERR_OK && patient_changes(c, PATIENT_given_name))
		r = name_add(
		    op, id, c->written.text[PATIENT_given_name], NAME_GIVEN, w);
	return r;
}

enum err
patient_words_insert(struct op *op, const struct patient_words *w)
{
	const struct name_beginning_insert_in b = {
		.beginnings = { w->beginnings, w->pairs_n },
		.words = { w->words, w->pairs_n },
	};
	const struct patient_token_insert_in t = {
		.patients = { w->patients, w->n },
		.tokens = { w->tokens, w->n },
		.parts = { w->parts, w->n },
	};
	enum err r;

	if (w->n == 0)
		return ERR_OK;
	if ((r = sql_name_beginning_insert(op->tx, &b)) != ERR_OK)
		return r;
	return sql_patient_token_insert(op->tx, &t);
}

enum err
patient_words_replace(
    struct op *op, const struct uuid *id, const struct patient_change *c)
{
	const struct patient_token_clear_in clear = { *id };
	const char *const *now = c->values.text;
	struct patient_words w = { 0 };
	enum err r;

	if (!patient_changes(c, PATIENT_family_name) &&
	    !patient_changes(c, PATIENT_given_name))
		return ERR_OK;
	if ((r = name_add(op, id, now[PATIENT_family_name], NAME_FAMILY, &w)) !=
		ERR_OK ||
	    (r = name_add(op, id, now[PATIENT_given_name], NAME_GIVEN, &w)) !=
		ERR_OK ||
	    (r = sql_patient_token_clear(op->tx, &clear)) != ERR_OK)
		return r;
	return patient_words_insert(op, &w);
}
