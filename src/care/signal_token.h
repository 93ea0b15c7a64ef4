#ifndef CARE_SIGNAL_TOKEN_H
#define CARE_SIGNAL_TOKEN_H

#include "base/uuid.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The `resume` of a welcome: whoever shows it may take a place again. It names
 * the place and the life of the process that was its home, under a MAC of this
 * server. So a home that took over from one that died can give a place back
 * under the name that the others know, though it never saw it: peers that are
 * connected to each other stay so. Private to signal*.c.
 */
struct signal_token {
	struct uuid place;
	uint32_t life;
	uint8_t mac[32];
};

void token_make(struct signal_token *, const struct uuid *visit,
    const struct uuid *account, const struct uuid *place);
/* Is this text (base64url) a token of this visit and account, made in another
 * life than this? The place it names. */
bool token_of_lost_home(const char *text, const struct uuid *visit,
    const struct uuid *account, struct uuid *place);
/* The places of this life are gone. */
void token_new_life(void);

#endif
