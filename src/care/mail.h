#ifndef CARE_MAIL_H
#define CARE_MAIL_H

#include "gate/op.h"

#include <stdbool.h>

/* Mail to accounts: tables/mails.def says which there are. */
enum mail_kind {
#define MAIL(name, en_subject, en_text, es_subject, es_text) MAIL_##name,
#include "tables/mails.def"
#undef MAIL
	MAIL_KINDS
};

/* Does this installation send mail at all? */
bool mail_configured(void);

/*
 * Asks for a mail to an account of the operation's clinic, in the operation's
 * own transaction: it goes out after the commit, or never. Address and link are
 * sealed until then and destroyed with the sending. The language is the
 * patient's own where the account is a patient's and we speak it, else English.
 *
 *   link     put in where the text says {link}, kept by value; NULL for none
 *   mail_id  its job, by which mail_state can tell how it went
 *
 * ERR_NOT_FOUND if there is no such account.
 */
NODISCARD enum err mail_add(struct op *, enum mail_kind,
    const struct uuid *account_id, const char *link, struct uuid *mail_id);

/* The same without a link, of what has just happened to an account; nothing where
 * no mail is sent. */
NODISCARD enum err mail_notice(
    struct op *, enum mail_kind, const struct uuid *account_id);

/*
 * Carries a mail now, for a job that has found out itself to whom it goes. It
 * gives the transaction back; what the job did so far is committed then.
 *
 *   to        the address
 *   language  as the patient's chart has it, or NULL
 *   link      put in where the text says {link} or {lines}; NULL for none
 */
NODISCARD enum err mail_carry(struct op *, enum mail_kind, const char *to,
    const char *language, const char *link);

/*
 * How it went, for whoever caused it: "waiting" (it is tried until it goes or
 * two days are over), "sent" (the relay took it), "refused" (the relay did not,
 * for good: look at the address) or "failed" (given up). By the state and error
 * of its job; NULL where there is none: after a month a mail is forgotten.
 */
#define MAIL_STATES "waiting|sent|refused|failed"
const char *mail_state(const char *job_state, const char *job_error);

#endif
