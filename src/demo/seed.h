#ifndef DEMO_SEED_H
#define DEMO_SEED_H

#include "base/arena.h"

#include <jansson.h>
#include <stdbool.h>

/* Makes the demo clinic's people, patients and visits, starting from the
 * single-use links of its first administrator and of the officer who confirms
 * what is asked for; NULL if a step was refused
 * (which one is on standard error). On a fiber. New reference:
 * {"people": [{role, name, email, password, totp_secret, …}], "patients": [id]} */
json_t *demo_make(struct arena *, const char *admin_link,
    const char *officer_link, bool fees); /* and what its visits cost */
/* Books visits for today if there are none ahead. */
bool demo_refresh(struct arena *, json_t *demo);
/* The authenticator app's current code; NULL if the secret is no base32. */
char *demo_code(struct arena *, const char *secret);

#endif
