#include "care/password.h"

#include "base/factor.h"
#include "base/offload.h"
#include "base/text.h"
#include "care/attempt.h"
#include "care/mail.h"
#include "sql.h"

#include <string.h>

_Static_assert(
    sizeof(((struct password_change *)NULL)->hash) == FACTOR_HASH_SIZE,
    "a hash fits");

struct check_job {
	const char *hash, *password;
	bool right, outdated;
	char again[FACTOR_HASH_SIZE];
	enum err r;
};

static void
check_run(void *arg)
{
	struct check_job *job = arg;

	job->r = factor_password_check(job->hash, job->password, &job->right);
	if (job->r != ERR_OK || !job->right)
		return;
	/*= IA-18: costs that were raised reach old accounts at their sign-in */
	job->outdated = factor_password_outdated(job->hash);
	if (job->outdated)
		job->r = factor_password_hash(job->password, job->again);
}

/* Runs on a thread of its own. A refused caller is told when to try again: once
 * the jobs in hand are done. */
static enum err
hash_run(struct op *op, void (*fn)(void *), void *job)
{
	enum err r = offload(fn, job, op->deadline_ms);

	if (r == ERR_BUSY)
		op->retry_after_s = offload_wait_ms() / 1000 + 1;
	return r;
}

enum err
password_check(struct op *op, const char *hash, const char *password,
    bool *right, const char **rehash)
{
	struct check_job job = { .hash = hash };
	char *nfc;
	enum err r;

	*right = false;
	*rehash = NULL;
	/*= IA-11: an account that does not exist takes as long */
	if (hash == NULL)
		job.hash = factor_password_decoy();
	if ((r = text_nfc(op->arena, password, &nfc)) != ERR_OK)
		return r;
	job.password = nfc;
	if ((r = hash_run(op, check_run, &job)) != ERR_OK)
		return r;
	if (job.r != ERR_OK)
		return job.r;
	*right = job.right && hash != NULL;
	if (*right && job.outdated)
		*rehash = arena_text(op->arena, job.again);
	return ERR_OK;
}

#define WORDS_MAX 24
#define WORD_MIN  3 /* bytes: shorter ones are in every password */

struct guess_job {
	const char *password;
	const char *words[WORDS_MAX + 1];
	size_t n;
	bool guessable;
};

static void
guess_run(void *arg)
{
	struct guess_job *job = arg;

	job->guessable = factor_password_guessable(job->password, job->words);
}

/* The words of a name or an address. */
static enum err
words_add(struct op *op, const char *text, struct guess_job *job)
{
	char *folded, *word, *rest = NULL;
	enum err r;

	if (text == NULL)
		return ERR_OK;
	if ((r = text_fold_as(op->arena, text, TEXT_APART, &folded)) != ERR_OK)
		return r;
	for (word = strtok_r(folded, " ", &rest);
	     word != NULL && job->n < WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		if (strlen(word) >= WORD_MIN)
			job->words[job->n++] = word;
	return ERR_OK;
}

/*= IA-13: nor what somebody who knows the person and the clinic tries first */
static enum err
guess_check(
    struct op *op, const struct password_rule *rule, const char *password)
{
	struct guess_job job = {
		.password = password, .words = { "epione" }, .n = 1
	};
	enum err r;

	if ((r = words_add(op, rule->login, &job)) != ERR_OK ||
	    (r = words_add(op, rule->person, &job)) != ERR_OK ||
	    (r = words_add(op, rule->clinic, &job)) != ERR_OK ||
	    (r = op_release(op)) != ERR_OK ||
	    (r = offload(guess_run, &job, op->deadline_ms)) != ERR_OK)
		return r;
	return job.guessable ? op_refuse(op, ERR_WEAK_PASSWORD, rule->field)
			     : ERR_OK;
}

/*= IA-12, IA-13, IA-14: code points after NFC; the whole password compared */
enum err
password_judge(struct op *op, const struct password_rule *rule,
    const char *password, const char **nfc)
{
	size_t length;
	char *text;
	enum err r;

	if ((r = text_nfc(op->arena, password, &text)) != ERR_OK)
		return op_refuse(op, r, rule->field);
	length = text_code_points(text);
	if (length < (size_t)rule->min_length || length > PASSWORD_MAX ||
	    factor_password_common(text, rule->login))
		return op_refuse(op, ERR_WEAK_PASSWORD, rule->field);
	*nfc = text;
	return guess_check(op, rule, text);
}

struct change_job {
	struct password_change *c;
	enum err r;
};

static enum err
change_check(const struct password_change *c)
{
	bool same = true;
	size_t i;
	enum err r;

	if (c->current != NULL &&
	    (r = factor_password_check(c->current_hash, c->current, &same)) !=
		ERR_OK)
		return r;
	if (!same)
		return ERR_INVALID_CREDENTIALS;
	for (i = 0; i < c->earlier_n; i++) {
		r = factor_password_check(c->earlier[i], c->next, &same);
		if (r != ERR_OK)
			return r;
		if (same)
			return ERR_PASSWORD_REUSED;
	}
	return ERR_OK;
}

static void
change_run(void *arg)
{
	struct change_job *job = arg;

	if ((job->r = change_check(job->c)) == ERR_OK)
		job->r = factor_password_hash(job->c->next, job->c->hash);
}

enum err
password_change_run(struct op *op, struct password_change *c)
{
	struct change_job job = { c, ERR_INTERNAL };
	enum err r;

	if ((r = hash_run(op, change_run, &job)) != ERR_OK)
		return r;
	if (job.r == ERR_INVALID_CREDENTIALS)
		return op_refuse(op, job.r, "current_password");
	if (job.r == ERR_PASSWORD_REUSED)
		return op_refuse(op, job.r, "new_password");
	return job.r;
}

/*= IA-17: the last ones are compared by their hashes: `history` of them, and the
 * one that the account has */
static enum err
history_read(struct op *op, const struct uuid *account, int64_t history,
    struct password_change *c)
{
	struct password_history_list_in in = { *account, history };
	struct password_history_list_row *rows;
	size_t i, n;
	enum err r;

	if ((r = sql_password_history_list(op->tx, &in, &rows, &n)) != ERR_OK)
		return r;
	/* one more: a password that is in no history is refused as well */
	c->earlier = arena_calloc(op->arena, n + 1, sizeof(*c->earlier));
	for (i = 0; i < n; i++)
		c->earlier[i] = rows[i].password_hash;
	c->earlier_n = n;
	if (c->current_hash != NULL &&
	    (n == 0 || strcmp(c->earlier[0], c->current_hash) != 0))
		c->earlier[c->earlier_n++] = c->current_hash;
	return ERR_OK;
}

enum err
password_change_read(struct op *op, const struct uuid *account,
    const char *field, struct password_change *c)
{
	struct account_secret_in in = { *account };
	struct account_secret_row row;
	struct password_rule rule = { .field = field };
	enum err r;

	if ((r = sql_account_secret(op->tx, &in, &row)) != ERR_OK)
		return r;
	rule.login = row.email;
	rule.person = row.display_name;
	rule.clinic = row.clinic_name;
	rule.min_length = row.min_length;
	c->current_hash = row.password_hash;
	if ((r = history_read(op, account, row.history, c)) != ERR_OK)
		return r;
	return password_judge(op, &rule, in_text(op, field), &c->next);
}

/*= IA-19: a link of before opens nothing, and the owner is told */
enum err
password_changed(struct op *op, const struct uuid *account, bool before)
{
	struct invitation_void_in links = { *account, op->now };
	enum err r;

	if ((r = attempt_reset(op, account, "password")) != ERR_OK ||
	    (r = sql_invitation_void(op->tx, &links)) != ERR_OK)
		return r;
	return before ? mail_notice(op, MAIL_password_changed, account)
		      : ERR_OK;
}
