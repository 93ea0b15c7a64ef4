#ifndef CARE_ACCOUNT_NEW_H
#define CARE_ACCOUNT_NEW_H

#include "data/list.h"
#include "gate/op.h"

/*
 * New accounts. Nobody but their owner ever knows a password: an account is
 * made without one, and an invitation (care/invitation.h) sets it.
 */
struct account_new {
	enum role role;
	struct uuid patient; /* nil unless the role is ROLE_PATIENT */
	const char *email;
	const char *display_name;
	struct uuid created_by; /* nil for the operator */
	int64_t now;
};

/*
 * Makes an account in the clinic of the transaction, with a record key of its
 * own. ERR_EMAIL_TAKEN if the address has one anywhere in the installation
 * (IA-01), ERR_ALREADY_DONE if the patient has one.
 */
NODISCARD enum err account_add(
    struct tx *, const struct account_new *, struct uuid *id);

/* What an account is found by: a token of its address, the same however it
 * is written. Needs the installation's index key (data/keys.h). */
NODISCARD enum err account_email_token(
    struct arena *, const char *email, struct bytes *token);
/* The same to look for it: under each version of that key, the newest first. */
NODISCARD enum err account_email_sought(
    struct arena *, const char *email, struct bytes_list *tokens);

#endif
