#ifndef SDP_WORLD_H
#define SDP_WORLD_H

/* A second reading of a session description, by lines that were copied. */
#include "fuzz.h"

#include <strings.h>

/* Does it pass with its line ends put so, and something at its end? */
static bool
passes(
    struct arena *a, const char *p, size_t n, const char *end, const char *more)
{
	size_t room = 2 * n + strlen(more) + 5, k = 0, i;
	char *out = arena_alloc(a, room);

	for (i = 0; i < n; i++) {
		if (p[i] == '\r' && i + 1 < n && p[i + 1] == '\n' &&
		    (i == 0 || p[i - 1] != '\r'))
			continue;
		if (p[i] != '\n' ||
		    (i > 1 && p[i - 2] == '\r' && p[i - 1] == '\r'))
			out[k++] = p[i];
		else
			k += (size_t)snprintf(out + k, room - k, "%s", end);
	}
	if (k > 0 && out[k - 1] == '\n' && *more == '\n')
		more++;
	if (k > 0 && out[k - 1] == '\r')
		out[k++] = ' '; /* it is to end no line */
	k += (size_t)snprintf(out + k, room - k, "%s", more);
	return sdp_check(out, k) == ERR_OK;
}

static bool
line_begins(const char *line, const char *with)
{
	return strncasecmp(line, with, strlen(with)) == 0;
}

static bool
sdp_judge(char *text)
{
	unsigned fingerprints = 0, sections = 0, live = 0;
	bool fits = true;
	char *line, *port;

	while ((line = strsep(&text, "\n")) != NULL) {
		fingerprints += line_begins(line, "a=fingerprint:sha-256 ") ||
		    line_begins(line, "a=fingerprint:sha-384 ") ||
		    line_begins(line, "a=fingerprint:sha-512 ");
		if (line_begins(line, "m=")) {
			sections++;
			port = line + strcspn(line, " ");
			port += strspn(port, " ");
			live += strncmp(port, "0 ", 2) != 0;
			fits = fits &&
			    (strstr(line, "UDP/TLS/RTP/SAVPF") ||
				strstr(line, "TCP/DTLS/RTP/SAVPF") ||
				strstr(line, "UDP/DTLS/SCTP") ||
				strstr(line, "TCP/DTLS/SCTP"));
		}
		live += sections > 0 && line_begins(line, "a=bundle-only");
		fits = fits && !line_begins(line, "a=crypto") &&
		    !line_begins(line, "k=");
	}
	return fits && (fingerprints > 0 || live == 0) &&
	    sections <= SDP_SECTIONS_MAX;
}

#endif
