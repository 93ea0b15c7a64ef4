#include "care/account_index.h"

#include "data/field.h"
#include "data/keys.h"
#include "sql.h"

#include <string.h>

/* As account_token.part has it. */
enum part { PART_FAMILY = 1, PART_GIVEN, PART_EMAIL };

#define TOKENS_MAX 200 /* a name of 201 letters has less */

struct tokens {
	struct bytes token[TOKENS_MAX];
	int64_t part[TOKENS_MAX];
	size_t n;
};

static void
token_put(struct tokens *t, struct bytes token, enum part part)
{
	if (t->n == TOKENS_MAX)
		return;
	t->token[t->n] = token;
	t->part[t->n++] = part;
}

static enum err
name_put(struct tx *tx, const char *name, enum part part, struct tokens *t)
{
	struct field_word *words;
	size_t i, n;
	enum err r;

	r = field_name_words(tx_arena(tx), tx_clinic(tx), 0, name, &words, &n);
	for (i = 0; r == ERR_OK && i < n; i++)
		token_put(t, words[i].token, part);
	return r;
}

static enum err
email_put(struct tx *tx, const char *email, struct tokens *t)
{
	struct bytes *tokens;
	size_t n;
	enum err r;

	r = field_index_tokens(tx_arena(tx), tx_clinic(tx), FIELD_patient_email,
	    email, &tokens, &n);
	if (r == ERR_OK && n > 0)
		token_put(t, tokens[0], PART_EMAIL);
	return r;
}

/* "Dr. Ines Vega, MD": the last word before the comma, and what stands before it. */
static enum err
names_put(struct tx *tx, const char *name, struct tokens *t)
{
	char *words = arena_text_n(tx_arena(tx), name, strcspn(name, ","));
	char *family;
	size_t n = strlen(words);
	enum err r;

	while (n > 0 && words[n - 1] == ' ')
		words[--n] = '\0';
	if ((family = strrchr(words, ' ')) == NULL)
		return name_put(tx, words, PART_FAMILY, t);
	*family++ = '\0';
	r = name_put(tx, words, PART_GIVEN, t);
	return r == ERR_OK ? name_put(tx, family, PART_FAMILY, t) : r;
}

/*= EN-09: tokens alone, under the clinic's key */
enum err
account_words_write(struct tx *tx, const struct uuid *account,
    const char *display_name, const char *email)
{
	struct tokens *t = arena_calloc(tx_arena(tx), 1, sizeof(*t));
	struct account_token_clear_in clear = { *account };
	struct account_token_insert_in in = { .account_id = *account };
	enum err r;

	if ((r = keys_index_load(tx, tx_clinic(tx))) != ERR_OK ||
	    (r = names_put(tx, display_name, t)) != ERR_OK ||
	    (r = email_put(tx, email, t)) != ERR_OK ||
	    (r = sql_account_token_clear(tx, &clear)) != ERR_OK)
		return r;
	in.tokens = (struct bytes_list){ t->token, t->n };
	in.parts = (struct int_list){ t->part, t->n };
	return sql_account_token_insert(tx, &in);
}
