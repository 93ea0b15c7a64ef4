#include "care/patient_index.h"

#include "data/field.h"
#include "sql.h"

struct rows {
	struct bytes *tokens;
	int64_t *parts;
	size_t n;
	struct bytes *beginnings, *words; /* parallel */
	size_t pairs_n;
};

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

static void
rows_grow(struct op *op, struct rows *rows, size_t words, size_t pairs)
{
	struct rows old = *rows;
	size_t i;

	rows->tokens = arena_calloc(
	    op->arena, old.n + words, sizeof(*rows->tokens));
	rows->parts = arena_calloc(
	    op->arena, old.n + words, sizeof(*rows->parts));
	rows->beginnings = arena_calloc(
	    op->arena, old.pairs_n + pairs, sizeof(*rows->beginnings));
	rows->words = arena_calloc(
	    op->arena, old.pairs_n + pairs, sizeof(*rows->words));
	for (i = 0; i < old.n; i++) {
		rows->tokens[i] = old.tokens[i];
		rows->parts[i] = old.parts[i];
	}
	for (i = 0; i < old.pairs_n; i++) {
		rows->beginnings[i] = old.beginnings[i];
		rows->words[i] = old.words[i];
	}
}

static void
word_put(struct rows *rows, const struct field_word *word, int64_t part)
{
	size_t i;

	rows->tokens[rows->n] = word->token;
	rows->parts[rows->n++] = part + (word->whole ? PART_WHOLE : 0);
	for (i = 0; i < word->beginnings_n; i++) {
		rows->beginnings[rows->pairs_n] = word->beginnings[i];
		rows->words[rows->pairs_n++] = word->token;
	}
}

static enum err
name_rows(
    struct op *op, const char *name, enum patient_name part, struct rows *rows)
{
	struct field_word *words;
	size_t i, n, pairs = 0;
	enum err r;

	if (name == NULL)
		return ERR_OK;
	r = field_name_words(op->arena, &op->who.clinic, name, &words, &n);
	if (r != ERR_OK)
		return r;
	for (i = 0; i < n; i++)
		pairs += words[i].beginnings_n;
	rows_grow(op, rows, n, pairs);
	for (i = 0; i < n; i++)
		word_put(rows, &words[i], part);
	return ERR_OK;
}

static enum err
rows_write(struct op *op, const struct uuid *id, const struct rows *rows)
{
	struct name_beginning_insert_in b = {
		.beginnings = { rows->beginnings, rows->pairs_n },
		.words = { rows->words, rows->pairs_n },
	};
	struct patient_token_insert_in t = {
		.patient_id = *id,
		.tokens = { rows->tokens, rows->n },
		.parts = { rows->parts, rows->n },
	};
	enum err r;

	if (rows->n == 0)
		return ERR_OK;
	if ((r = sql_name_beginning_insert(op->tx, &b)) != ERR_OK)
		return r;
	return sql_patient_token_insert(op->tx, &t);
}

enum err
patient_words_write(
    struct op *op, const struct uuid *id, const struct patient_change *c)
{
	struct patient_token_clear_in clear = { .patient_id = *id };
	struct rows rows = { NULL, NULL, 0, NULL, NULL, 0 };
	int64_t parts[4];
	size_t n = 0;
	enum err r = ERR_OK;

	if (patient_changes(c, PATIENT_family_name)) {
		parts[n++] = NAME_FAMILY;
		parts[n++] = NAME_FAMILY + PART_WHOLE;
		r = name_rows(op, c->written.text[PATIENT_family_name],
		    NAME_FAMILY, &rows);
	}
	if (r == ERR_OK && patient_changes(c, PATIENT_given_name)) {
		parts[n++] = NAME_GIVEN;
		parts[n++] = NAME_GIVEN + PART_WHOLE;
		r = name_rows(
		    op, c->written.text[PATIENT_given_name], NAME_GIVEN, &rows);
	}
	if (r != ERR_OK || n == 0)
		return r;
	clear.parts.v = parts;
	clear.parts.n = n;
	if ((r = sql_patient_token_clear(op->tx, &clear)) != ERR_OK)
		return r;
	return rows_write(op, id, &rows);
}
