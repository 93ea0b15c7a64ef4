#ifndef CARE_SOURCE_H
#define CARE_SOURCE_H

#include "base/bytes.h"
#include "gate/op.h"

/*
 * Where a request comes from, as far as an account may know it: the browser, by
 * the cookie that it was given at an earlier sign-in, and the network. Failures
 * at a known source are counted apart from those of strangers (IA-09).
 */
struct source {
	struct bytes device;  /* SHA-256 of the cookie; p is NULL for none */
	struct bytes network; /* HMAC of the /24 or /56; p is NULL for none */
};

NODISCARD enum err source_read(struct op *, struct source *);

/* Both factors were right: op's actor is known here from now on. A browser
 * gets a new cookie in place of the one that it showed. *news: the actor was
 * here before, but not with this browser, or not on this network. */
NODISCARD enum err source_note(struct op *, bool *news);

/* The account knows no source any more. */
NODISCARD enum err source_forget(struct tx *, const struct uuid *account);

#endif
