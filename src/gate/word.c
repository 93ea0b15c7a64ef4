#include "gate/word.h"

#include "gate/role.h"
#include "gate/route.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 1000

static struct word {
	const char *text;
	int64_t id;
} words[WORDS_MAX]; /* sorted by text */
static size_t words_n;
static bool learnt;

static const char *const job_names[] = {
#define JOB(name, stored, every, tries, wait, longest, give_up, at_once, ev)   \
#name,
#include "tables/jobs.def"
#undef JOB
};

static int
word_compare(const void *a, const void *b)
{
	const struct word *x = a, *y = b;

	return strcmp(x->text, y->text);
}

static struct word *
word_find(const char *text)
{
	struct word key = { text, 0 };

	return bsearch(&key, words, words_n, sizeof(key), word_compare);
}

static void
word_add(const char *text)
{
	if (words_n < WORDS_MAX)
		words[words_n++] = (struct word){ text, INT64_MIN };
}

/* Each once, whichever tables name it. */
static void
words_collect(void)
{
	size_t i, n = 0;

	words_n = 0;
	for (i = 0; i < EVENT_COUNT; i++)
		word_add(event_stored((enum event)i));
	for (i = 1; i < ERR_COUNT; i++)
		word_add(err_code((enum err)i));
	for (i = 0; i < routes_count; i++)
		word_add(routes[i].operation);
	for (i = 0; i < sizeof(job_names) / sizeof(job_names[0]); i++)
		word_add(job_names[i]);
	word_add(route_none.operation);
	word_add(WORD_SYSTEM);
	word_add(WORD_EMERGENCY);
	word_add(role_purpose(ROLE_NONE));
	for (i = ROLE_NONE + 1; i < ROLE_COUNT; i++) {
		word_add(role_name((enum role)i));
		word_add(role_purpose((enum role)i));
	}
	qsort(words, words_n, sizeof(words[0]), word_compare);
	for (i = 0; i < words_n; i++)
		if (n == 0 || strcmp(words[n - 1].text, words[i].text) != 0)
			words[n++] = words[i];
	words_n = n;
}

enum err
words_learn(struct op *op)
{
	const char **texts;
	struct audit_words_row *rows;
	struct word *word;
	struct tx *tx;
	size_t i, n = 0;
	enum err r;

	if (learnt)
		return ERR_OK;
	if (words_n == 0)
		words_collect();
	texts = arena_alloc(op->arena, words_n * sizeof(*texts));
	for (i = 0; i < words_n; i++)
		texts[i] = words[i].text;
	tx = op_side_tx(op);
	r = sql_audit_words(tx,
	    &(struct audit_words_in){ .words = { texts, words_n } }, &rows, &n);
	if (r == ERR_OK)
		r = tx_commit(tx);
	for (i = 0; r == ERR_OK && i < n; i++)
		if ((word = word_find(rows[i].word)) != NULL)
			word->id = rows[i].id;
	learnt = r == ERR_OK && n == words_n;
	tx_close(tx);
	return r;
}

int64_t
word_id(const char *text)
{
	const struct word *word = text == NULL ? NULL : word_find(text);

	return word == NULL ? INT64_MIN : word->id;
}
