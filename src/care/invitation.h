#ifndef CARE_INVITATION_H
#define CARE_INVITATION_H

#include "gate/member.h"

/*
 * Invitations: a link that opens an account once, within a day. Whoever asks
 * for one is not whom it lets in, so it goes to its owner by mail; where the
 * caller gets it to hand on, or where it opens more than one's own record, it
 * opens nothing without a phrase that a second person is shown (IA-19).
 */
#define INVITATION_HOURS 24

/* Makes a link that opens the account as it is, for the operator's console,
 * and makes earlier ones void: "<origin>/invitation#<token>", in the
 * transaction's arena. */
NODISCARD enum err invitation_link(struct tx *, const struct uuid *account,
    const char *origin, int64_t now, char **url);

/* The person whom an operation invites, or lets set a password anew. */
struct invitee {
	const char *kind; /* of approval.h: "invite", "reset_password", … */
	struct uuid account, patient; /* patient: nil for who works here */
	enum role role;
	const char *email;
	bool vouched; /* somebody else than the actor wrote the address down */
};

/* What is told of a link, to those who see to accounts. */
struct invitation {
	struct uuid id; /* nil: there is none */
	const char *state;
	const char *sent_to; /* NULL: not mailed */
	int64_t expires_at;
};

struct invited {
	struct uuid account;
	struct invitation link;
	const char *url;      /* for the caller to hand on, or NULL: mailed */
	struct uuid approval; /* nil if nobody has to confirm */
	int64_t deciders;     /* who could */
};

/* Makes the invitation, has it sent or keeps it for the caller, and asks for
 * the second person where one is needed. */
NODISCARD enum err invitation_make(
    struct op *, const struct invitee *, struct invited *);

/* Whoever asked for a link is told of it: the account's id, `invitation`, and
 * INVITED_MORE. What shows the account itself takes it over its own `invitation`
 * (invited_add). */
#define INVITED_MORE                                                           \
	{ "approval", SH_OBJECT, .flags = SH_REQUIRED | SH_NULLABLE,           \
		.inner = approval_asked_members },                             \
	{                                                                      \
		"invitation_url", SH_TEXT, 1, 1000, .made = invited_url        \
	}
json_t *invited_url(const struct op *, const void *invited);
NODISCARD enum err invited_add(struct op *, const struct invited *);

extern const struct shape invitation_members[];
extern const struct shape approval_asked_members[];

/* By invitation_members; null where there is none. A new reference. */
json_t *invitation_json(const struct op *, const struct invitation *);

#endif
