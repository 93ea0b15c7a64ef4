#ifndef CARE_SDP_H
#define CARE_SDP_H

#include "base/err.h"

#include <stddef.h>

#define SDP_SECTIONS_MAX 64

/*
 * Looks at a session description before it is passed on. Media must be
 * encrypted by DTLS under keys that the description itself names: the
 * fingerprint is what a peer compares with the certificate it meets.
 *
 * Refused, with ERR_INVALID_FIELD:
 *   - a section whose protocol is none of UDP/TLS/RTP/SAVPF and
 *     TCP/DTLS/RTP/SAVPF (audio, video), UDP/DTLS/SCTP and TCP/DTLS/SCTP
 *     (application);
 *   - no a=fingerprint for a live section: it may stand at the session, in
 *     the section, or in the first section of its BUNDLE group (RFC 9143 9.2).
 *     A section with port 0 is not live unless it is a=bundle-only; a
 *     description may have no live section at all;
 *   - a fingerprint weaker than SHA-256, or of the wrong length;
 *   - keys in the clear: a=crypto (RFC 4568), k=;
 *   - what is no SDP: lines that are not "x=…", control characters, no v=0
 *     at the top, more than SDP_SECTIONS_MAX sections.
 *
 * The text is never changed: what is relayed is what was sent (TR-13).
 *
 *   sdp  n bytes of UTF-8 without NUL; lines end in CRLF or LF
 *
 * Source: RFC 8827 6.5, RFC 8829 5.1.2, RFC 8122 5, RFC 8866.
 */
NODISCARD enum err sdp_check(const char *sdp, size_t n);

#endif
