#include "care/mail.h"

#include "base/conf.h"
#include "base/shape.h"
#include "base/text.h"
#include "care/jobs.h"
#include "care/letter.h"
#include "sql.h"

#include <string.h>

/* Languages that mails are written in, and what a chart may call them. The
 * first is spoken where nothing better is known. */
static const struct {
	const char *tag, *names[4];
} languages[] = {
	{ "en", { "english", "eng", "ingles", NULL } },
	{ "es", { "spanish", "spa", "espanol", "castellano" } },
};
#define LANGUAGES (sizeof(languages) / sizeof(languages[0]))

static const struct {
	const char *name;
	struct {
		const char *subject, *text;
	} in[LANGUAGES];
} mails[MAIL_KINDS] = {
#define MAIL(name, en_subject, en_text, es_subject, es_text)                   \
	[MAIL_##name] = { #name,                                               \
		{ { en_subject, en_text }, { es_subject, es_text } } },
#include "tables/mails.def"
#undef MAIL
};

bool
mail_configured(void)
{
	return *conf()->smtp_url != '\0' && *conf()->smtp_from != '\0';
}

/* "es", "es-MX", "Español": charts hold what was typed. */
static const char *
language_tag(struct arena *a, const char *said)
{
	char *folded;
	size_t i, k, n;

	if (said == NULL || text_fold(a, said, &folded) != ERR_OK)
		return languages[0].tag;
	n = strcspn(folded, " ");
	for (i = 0; i < LANGUAGES; i++) {
		if (n == 2 && strncmp(folded, languages[i].tag, 2) == 0)
			return languages[i].tag;
		for (k = 0; k < 4 && languages[i].names[k] != NULL; k++)
			if (strlen(languages[i].names[k]) == n &&
			    strncmp(folded, languages[i].names[k], n) == 0)
				return languages[i].tag;
	}
	return languages[0].tag;
}

enum err
mail_add(struct op *op, enum mail_kind kind, const struct uuid *account_id,
    const char *link, struct uuid *mail_id)
{
	const struct mail_account_in in = { *account_id };
	struct job_new new = { .record = *account_id };
	struct mail_account_row account;
	json_t *payload;
	enum err r;

	if ((r = sql_mail_account(op->tx, &in, &account)) != ERR_OK)
		return r;
	payload = json_pack("{s:s, s:s, s:s, s:s*}", "mail", mails[kind].name,
	    "to", account.email, "language",
	    language_tag(op->arena, account.language), "link", link);
	if (payload == NULL)
		return ERR_INTERNAL;
	new.payload = payload;
	r = job_add(op, JOB_mail_send, &new, mail_id);
	json_wipe(payload);
	json_decref(payload);
	return r;
}

enum err
mail_notice(struct op *op, enum mail_kind kind, const struct uuid *account_id)
{
	struct uuid mail;

	return mail_configured() ? mail_add(op, kind, account_id, NULL, &mail)
				 : ERR_OK;
}

const char *
mail_state(const char *job_state, const char *job_error)
{
	if (job_state == NULL)
		return NULL;
	if (strcmp(job_state, "done") == 0)
		return "sent";
	if (strcmp(job_state, "dead") != 0)
		return "waiting";
	return job_error != NULL &&
		strcmp(job_error, err_code(ERR_MAIL_REFUSED)) == 0
	    ? "refused"
	    : "failed";
}

/* The job */

static const char *
said(const struct op *op, const char *name)
{
	return json_string_value(json_object_get(op->job->payload, name));
}

/* Which of our mails, in which language; false for what a newer program asked
 * for. */
static bool
words_find(const struct op *op, struct letter_words *w)
{
	const char *mail = said(op, "mail");
	size_t k, i;

	w->to = said(op, "to");
	w->link = said(op, "link");
	w->language = said(op, "language");
	if (mail == NULL || w->to == NULL || w->language == NULL)
		return false;
	for (k = 0; k < MAIL_KINDS; k++)
		for (i = 0; i < LANGUAGES; i++)
			if (strcmp(mails[k].name, mail) == 0 &&
			    strcmp(languages[i].tag, w->language) == 0) {
				w->subject = mails[k].in[i].subject;
				w->text = mails[k].in[i].text;
				return true;
			}
	return false;
}

/*
 * The relay may have taken it from a process that died before it could say so:
 * it then goes out again, under the same Message-ID, by which mailboxes know
 * the two for one.
 */
static enum err
carry(struct op *op, struct letter_words *w)
{
	char *id = arena_alloc(op->arena, UUID_TEXT_SIZE);
	struct mail_clinic_row clinic;
	struct letter letter;
	enum err r;

	uuid_text(&op->job->id, id);
	w->from = conf()->smtp_from;
	w->id = id;
	w->now = op->now;
	if ((r = sql_mail_clinic(op->tx, &clinic)) != ERR_OK)
		return r;
	w->from_name = clinic.name;
	if ((r = letter_write(op->arena, w, &letter)) == ERR_OK &&
	    (r = op_release(op)) == ERR_OK) /* no connection while we wait */
		r = letter_send(op->arena, &letter);
	op->job->final = r == ERR_MAIL_REFUSED || r == ERR_INVALID_FIELD;
	return r;
}

enum err
mail_send(struct op *op)
{
	struct letter_words w = { .to = NULL };

	return words_find(op, &w) ? carry(op, &w) : ERR_INTERNAL;
}

enum err
mail_carry(struct op *op, enum mail_kind kind, const char *to,
    const char *language, const char *link)
{
	struct letter_words w = {
		.to = to,
		.link = link,
		.language = language_tag(op->arena, language),
	};
	size_t i = 0;

	while (strcmp(languages[i].tag, w.language) != 0)
		i++;
	w.subject = mails[kind].in[i].subject;
	w.text = mails[kind].in[i].text;
	return carry(op, &w);
}
