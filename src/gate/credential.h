#ifndef GATE_CREDENTIAL_H
#define GATE_CREDENTIAL_H

#include "gate/op.h"

#define COOKIE_NAME   "__Host-epione"
#define DEVICE_COOKIE "__Host-epione-device"
#define DEVICE_DAYS   90 /* that a browser is known without coming back */

/* What a request shows of itself: the SHA-256 of its session token. */
struct credential {
	bool present, cookie;
	uint8_t hash[32];
};

/*
 * Reads "Authorization: Bearer" or the cookie; never the query (SE-08). The
 * Origin must be our own when it is sent at all with a method that changes
 * state or with an upgrade, and must be sent when the credential is a cookie
 * (SE-07, TR-06). ERR_ORIGIN_REFUSED, ERR_BAD_REQUEST.
 *
 * op->device is which browser it is, if it was given a cookie that says so. It
 * is no credential: it opens nothing, and one that is no good is none.
 */
NODISCARD enum err credential_read(struct op *, struct credential *);

#endif
