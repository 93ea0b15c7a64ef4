#ifndef CARE_INVITATION_H
#define CARE_INVITATION_H

#include "base/shape.h"
#include "gate/op.h"

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

/* Whom an operation invites, or lets set a password anew. */
struct invitee {
	const char *kind; /* of approval.h: "invite", "reset_password", … */
	struct uuid account, patient; /* patient: nil for who works here */
	enum role role;
	const char *email;
	bool vouched; /* somebody else than the actor wrote the address down */
};

struct invited {
	struct uuid id;
	const char *url;     /* for the caller to hand on, or NULL: mailed */
	const char *sent_to; /* NULL: not mailed */
	int64_t expires_at;
	struct uuid approval; /* nil if nobody has to confirm */
	int64_t deciders;     /* who could */
};

/* Makes the invitation, has it sent or keeps it for the caller, and asks for
 * the second person where one is needed. */
NODISCARD enum err invitation_make(
    struct op *, const struct invitee *, struct invited *);

/* Adds to an answer what invitation_make did: the members INVITED_MEMBERS. */
void invited_tell(json_t *answer, const struct invited *);

#define INVITED_MEMBERS                                                        \
	{ "invitation", SH_OBJECT, .flags = SH_REQUIRED | SH_NULLABLE,         \
		.inner = invitation_members },                                 \
	    INVITED_MORE
#define INVITED_MORE                                                           \
	{ "approval", SH_OBJECT, .flags = SH_REQUIRED | SH_NULLABLE,           \
		.inner = approval_asked_members },                             \
	{                                                                      \
		"invitation_url", SH_TEXT, 1, 1000, .flags = 0                 \
	}

extern const struct shape invitation_members[];
extern const struct shape approval_asked_members[];

/* {id, state, sent_to, expires_at}; null for a nil id. A new reference. */
json_t *invitation_json(const struct uuid *id, const char *state,
    const char *sent_to, int64_t expires_at);

#endif
