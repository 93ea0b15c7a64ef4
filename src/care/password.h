#ifndef CARE_PASSWORD_H
#define CARE_PASSWORD_H

#include "gate/op.h"

/*
 * Passwords as operations need them. What is slow runs on a thread of its own
 * while the fiber waits; op->tx should hold no connection then.
 */
#define PASSWORD_MAX 256 /* code points */

/*
 * Compares a password as it was typed with a stored hash; NULL spends the same
 * time on a hash that nothing opens. *rehash is NULL, or the same password
 * under the costs of today if the stored one has others.
 */
NODISCARD enum err password_check(struct op *, const char *hash,
    const char *password, bool *right, const char **rehash);

/* What a new password has to be. */
struct password_rule {
	const char *field;	     /* of the input, to blame */
	const char *login;	     /* it may not be this */
	const char *person, *clinic; /* names, which are guessed first */
	int64_t min_length;	     /* code points */
};

/*
 * Normalises a new password (NFC) and judges it: ERR_WEAK_PASSWORD, with the
 * field to blame, if it is too short, too long, common, the login name, or soon
 * guessed by who knows login, names and the habits of people. Spaces and every
 * character count; no composition is asked for (IA-14). It gives the
 * transaction back (op_release): judging takes a while.
 */
NODISCARD enum err password_judge(struct op *, const struct password_rule *,
    const char *password, const char **nfc);

/* A change: the password now (NULL if a link stands for it) and its hash, the
 * new one, normalised, and the earlier hashes it must not match. */
struct password_change {
	const char *current;
	const char *current_hash;
	const char *next;
	const char **earlier;
	size_t earlier_n;
	char hash[128]; /* of next */
};

/*
 * Checks the current password, then that the new one is none of the earlier,
 * and hashes it: one job. ERR_INVALID_CREDENTIALS ("current_password") or
 * ERR_PASSWORD_REUSED ("new_password").
 */
NODISCARD enum err password_change_run(struct op *, struct password_change *);

/*
 * After a change: nobody has guessed at the new one, links of before it end, and
 * its owner gets a mail, where there was a password before.
 */
NODISCARD enum err password_changed(
    struct op *, const struct uuid *account, bool before);

/*
 * Begins a change, and gives the transaction back: judges the input's `field` by the account's rules, and
 * reads its hash (NULL if it has none) and the earlier ones. Errors as
 * password_judge; ERR_NOT_FOUND if there is no such account.
 */
NODISCARD enum err password_change_read(struct op *, const struct uuid *account,
    const char *field, struct password_change *);

#endif
