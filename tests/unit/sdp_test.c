#include "care/sdp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define PAIR4  "AB:CD:ef:01"
#define PAIR16 PAIR4 ":" PAIR4 ":" PAIR4 ":" PAIR4
#define SHA256 PAIR16 ":" PAIR16
#define SHA384 SHA256 ":" PAIR16
#define SHA512 SHA256 ":" SHA256
#define SHA1   PAIR16 ":" PAIR4

#define HEAD  "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
#define PRINT "a=fingerprint:sha-256 " SHA256 "\r\n"
#define AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n"
#define VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
#define ONLY  "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"
#define DATA  "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"

static enum err
check(const char *sdp)
{
	return sdp_check(sdp, strlen(sdp));
}

static const char *const good[] = {
	/* as Chromium: a fingerprint in each section */
	HEAD "a=group:BUNDLE 0 1\r\n" AUDIO "a=mid:0\r\n" PRINT VIDEO
	     "a=mid:1\r\n" PRINT,
	/* as Firefox: one for the session */
	HEAD PRINT "a=group:BUNDLE 0 1\r\n" AUDIO "a=mid:0\r\n" VIDEO
		   "a=mid:1\r\n",
	/* RFC 9143: in the tagged section alone */
	HEAD "a=group:BUNDLE 0 1 2\r\n" AUDIO "a=mid:0\r\n" PRINT VIDEO
	     "a=mid:1\r\n" DATA "a=mid:2\r\n",
	HEAD DATA PRINT,
	/* a rejected section needs none */
	HEAD AUDIO PRINT "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n",
	HEAD AUDIO "a=fingerprint:SHA-384 " SHA384 "\r\n",
	HEAD AUDIO "a=fingerprint:sha-512 " SHA512 "\r\n",
	/* nothing to carry yet, and nothing taken: no transport, no keys */
	HEAD,
	HEAD "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n"
	     "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"
	     "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\n",
	/* max-bundle: all but the first have port 0 and are live */
	HEAD "a=group:BUNDLE 0 1\r\n" AUDIO "a=mid:0\r\n" PRINT ONLY
	     "a=mid:1\r\na=bundle-only\r\n",
	/* RFC 8829 5.1.2: the default candidate goes over TCP */
	HEAD "m=audio 9 TCP/DTLS/RTP/SAVPF 111\r\n" PRINT
	     "m=video 9 TCP/DTLS/RTP/SAVPF 96\r\n" PRINT
	     "m=application 9 TCP/DTLS/SCTP webrtc-datachannel\r\n" PRINT,
	/* line feeds alone; no end of line at the very end */
	"v=0\nm=audio 9 UDP/TLS/RTP/SAVPF 111\na=fingerprint:sha-256 " SHA256,
};

/*= TR-12: what the three browsers write passes */
static void
what_browsers_write_is_accepted(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (check(good[i]) != ERR_OK)
			fail_msg("case %zu was refused", i);
}

static const struct {
	const char *why, *sdp;
} bad[] = {
	{ "nothing", "" },
	{ "no version", "o=- 1 1 IN IP4 0\r\n" AUDIO PRINT },
	{ "version 1", "v=1\r\n" AUDIO PRINT },
	{ "no fingerprint", HEAD AUDIO },
	{ "sha-1", HEAD AUDIO "a=fingerprint:sha-1 " SHA1 "\r\n" },
	{ "sha-1 beside sha-256",
	    HEAD AUDIO PRINT "a=fingerprint:sha-1 " SHA1 "\r\n" },
	{ "md5", HEAD AUDIO "a=fingerprint:md5 " PAIR16 "\r\n" },
	{ "short", HEAD AUDIO "a=fingerprint:sha-256 " SHA1 "\r\n" },
	{ "long", HEAD AUDIO "a=fingerprint:sha-256 " SHA384 "\r\n" },
	{ "not hex",
	    HEAD AUDIO "a=fingerprint:sha-256 " PAIR16 ":XX" PAIR16 "\r\n" },
	{ "more after it",
	    HEAD AUDIO "a=fingerprint:sha-256 " SHA256 " x\r\n" },
	{ "empty fingerprint", HEAD AUDIO "a=fingerprint:\r\n" },
	{ "second section bare", HEAD AUDIO PRINT VIDEO },
	{ "bundled with a bare one",
	    HEAD "a=group:BUNDLE 0 1\r\n" AUDIO "a=mid:0\r\n" VIDEO
		 "a=mid:1\r\n" DATA PRINT },
	{ "not in the bundle",
	    HEAD "a=group:BUNDLE 0\r\n" AUDIO "a=mid:0\r\n" PRINT VIDEO
		 "a=mid:1\r\n" },
	{ "a bundle that names nobody",
	    HEAD "a=group:BUNDLE \r\n" AUDIO PRINT VIDEO "a=mid:\r\n" },
	{ "crypto",
	    HEAD AUDIO PRINT
	    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "
	    "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n" },
	{ "CRYPTO", HEAD AUDIO PRINT "a=CRYPTO:1 x inline:y\r\n" },
	{ "crypto behind a line feed",
	    HEAD AUDIO PRINT "a=x\na=crypto:1 x inline:y\n" },
	{ "crypto behind a bare carriage return",
	    HEAD AUDIO PRINT "a=x\ra=crypto:1 x inline:y\r\n" },
	{ "key line", HEAD "k=clear:secret\r\n" AUDIO PRINT },
	{ "plain RTP", HEAD "m=audio 9 RTP/AVP 0\r\n" PRINT },
	{ "SDES profile", HEAD "m=audio 9 RTP/SAVPF 111\r\n" PRINT },
	{ "no feedback", HEAD "m=video 9 UDP/TLS/RTP/SAVP 96\r\n" PRINT },
	{ "TCP", HEAD "m=audio 9 TCP/TLS/RTP/SAVPF 111\r\n" PRINT },
	{ "media over the data protocol",
	    HEAD "m=audio 9 UDP/DTLS/SCTP 111\r\n" PRINT },
	{ "data over the media protocol",
	    HEAD "m=application 9 UDP/TLS/RTP/SAVPF 1\r\n" PRINT },
	{ "another medium", HEAD "m=text 9 UDP/TLS/RTP/SAVPF 98\r\n" PRINT },
	{ "half a media line", HEAD "m=audio\r\n" PRINT },
	{ "bundle-only and bare", HEAD ONLY "a=bundle-only\r\n" },
	{ "bundle-only beside one that is bare",
	    HEAD "a=group:BUNDLE 0 1\r\n" AUDIO "a=mid:0\r\n" ONLY
		 "a=mid:1\r\na=bundle-only\r\n" },
	{ "refused, over plain RTP", HEAD "m=audio 0 RTP/AVP 0\r\n" },
	{ "refused, with sha-1", HEAD ONLY "a=fingerprint:sha-1 " SHA1 "\r\n" },
	{ "one refused, one bare", HEAD ONLY AUDIO },
	{ "no sections, a key line", HEAD "k=prompt\r\n" },
	{ "TCP and bare", HEAD "m=audio 9 TCP/DTLS/RTP/SAVPF 111\r\n" },
	{ "TCP without feedback",
	    HEAD "m=audio 9 TCP/DTLS/RTP/SAVP 111\r\n" PRINT },
	{ "data over media's TCP",
	    HEAD "m=application 9 TCP/DTLS/RTP/SAVPF x\r\n" PRINT },
	{ "media over data's TCP",
	    HEAD "m=video 9 TCP/DTLS/SCTP 96\r\n" PRINT },
	{ "an empty line", HEAD "\r\n" AUDIO PRINT },
	{ "no equals sign", HEAD "a\r\n" AUDIO PRINT },
	{ "a capital letter", HEAD "A=x\r\n" AUDIO PRINT },
	{ "an escape", HEAD "a=x\033[2J\r\n" AUDIO PRINT },
};

/*= TR-12: keys in the clear, weak or missing fingerprints, other protocols */
static void
everything_else_is_refused(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (check(bad[i].sdp) != ERR_INVALID_FIELD)
			fail_msg("passed: %s", bad[i].why);
}

static void
sections_are_bounded(void **state)
{
	static char sdp[256 + (SDP_SECTIONS_MAX + 1) * sizeof(VIDEO)];
	size_t i, n = sizeof(HEAD PRINT) - 1;

	(void)state;
	memcpy(sdp, HEAD PRINT, n);
	for (i = 0; i < SDP_SECTIONS_MAX; i++, n += sizeof(VIDEO) - 1)
		memcpy(sdp + n, VIDEO, sizeof(VIDEO) - 1);
	assert_int_equal(sdp_check(sdp, n), ERR_OK);
	memcpy(sdp + n, VIDEO, sizeof(VIDEO) - 1);
	assert_int_equal(
	    sdp_check(sdp, n + sizeof(VIDEO) - 1), ERR_INVALID_FIELD);
}

/* Every beginning of a good text, in memory of exactly its size: nothing is
 * read past the end. */
static void
nothing_is_read_past_the_end(void **state)
{
	size_t n, k;
	char *copy;

	(void)state;
	for (k = 0; k < sizeof(good) / sizeof(good[0]); k++)
		for (n = 1; n <= strlen(good[k]); n++) {
			copy = malloc(n);
			memcpy(copy, good[k], n);
			(void)!sdp_check(copy, n);
			free(copy);
		}
	assert_int_equal(sdp_check(NULL, 0), ERR_INVALID_FIELD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_browsers_write_is_accepted),
		cmocka_unit_test(everything_else_is_refused),
		cmocka_unit_test(sections_are_bounded),
		cmocka_unit_test(nothing_is_read_past_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
