#ifndef SIGNAL_CALL_H
#define SIGNAL_CALL_H

/* What the tests of signaling start from: a call between two, in the world of
 * signal_world.h. */

#include "signal_world.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

#define SDP                                                                    \
	"v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"                  \
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"                                  \
	"a=fingerprint:sha-256 01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:"  \
	"EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF\r\n"

UNUSED static const struct uuid visit = { { 1, 2, 3, [15] = 4 } };
UNUSED static const struct uuid other_visit = { { 1, 2, 3, [15] = 5 } };

/* A clinician and a patient, both in the call, who have read everything. */
UNUSED static void
call_begin(struct client **doc, struct client **pat)
{
	*doc = client_new(0, &visit, ROLE_CLINICIAN, true);
	*pat = client_new(1, &visit, ROLE_PATIENT, true);
	client_join(*doc, 2);
	client_join(*pat, 3);
	client_clear(*doc);
	client_clear(*pat);
}

UNUSED static json_t *
offer_to(const struct client *c)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s}}", "type", "description",
	    "to", c->self, "description", "type", "offer", "sdp", SDP);
}

UNUSED static json_t *
candidate_to(const struct client *c, int n)
{
	char text[64];

	snprintf(text, sizeof(text), "candidate:%d 1 udp 1 192.0.2.1 9", n);
	return json_pack("{s:s, s:s, s:{s:s, s:s, s:i, s:n}}", "type",
	    "candidate", "to", c->self, "candidate", "candidate", text,
	    "sdpMid", "0", "sdpMLineIndex", 0, "usernameFragment");
}

static int
signal_begin(void **state)
{
	(void)state;
	return secret_init(1 << 16) == ERR_OK && crypto_init() == ERR_OK ? 0
									 : -1;
}

#endif
