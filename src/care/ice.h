#ifndef CARE_ICE_H
#define CARE_ICE_H

#include "base/uuid.h"

#include <jansson.h>
#include <stdint.h>

/*
 * The RTCIceServers for one participant of one visit: a JSON array, empty if
 * no server is configured. STUN servers carry no credential; TURN servers one
 * that coturn checks with the shared secret and that ends turn_seconds after
 * `now` (s): username "<expiry>:<pseudonym>", credential
 * base64(HMAC-SHA1(secret, username)).
 *
 * The pseudonym is keyed: the same for one account in one visit, and it says
 * nothing of either to whoever runs the TURN server (TR-14). Without a secret,
 * or if libcrypto fails (logged), TURN servers are left out. Never NULL.
 *
 * Source: TURN REST convention (coturn README.turnserver), RFC 2104.
 */
json_t *ice_servers_for(
    const struct uuid *account, const struct uuid *visit, int64_t now);

#endif
