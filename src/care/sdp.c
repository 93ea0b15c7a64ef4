#include "care/sdp.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

/* A piece of the text; nothing is copied. */
struct piece {
	const char *p;
	size_t n;
};

struct section {
	struct piece mid; /* a=mid */
	bool fingerprint; /* it has one of its own */
	bool live;	  /* not refused: a port, or a=bundle-only */
};

struct sdp {
	struct section sections[SDP_SECTIONS_MAX];
	size_t n;	     /* sections so far; 0 while in the session part */
	bool fingerprint;    /* the session has one */
	struct piece bundle; /* the mids of a=group:BUNDLE, first its tag */
};

static bool
piece_is(struct piece a, const char *text)
{
	return a.n == strlen(text) && memcmp(a.p, text, a.n) == 0;
}

static bool
piece_equal(struct piece a, struct piece b)
{
	return a.n == b.n && memcmp(a.p, b.p, a.n) == 0;
}

/* Takes the next word off the front; empty at the end. */
static struct piece
word_take(struct piece *rest)
{
	struct piece word;

	if (rest->n == 0)
		return *rest; /* an attribute that was not there has no text */
	while (rest->n > 0 && *rest->p == ' ') {
		rest->p++;
		rest->n--;
	}
	word.p = rest->p;
	word.n = 0;
	while (word.n < rest->n && word.p[word.n] != ' ')
		word.n++;
	rest->p += word.n;
	rest->n -= word.n;
	return word;
}

/* If the line begins with this, the rest of it. Names of attributes are
 * compared without case, so that no spelling of a=crypto slips by. */
static bool
line_after(struct piece line, const char *prefix, struct piece *rest)
{
	size_t n = strlen(prefix);

	if (line.n < n || strncasecmp(line.p, prefix, n) != 0)
		return false;
	rest->p = line.p + n;
	rest->n = line.n - n;
	return true;
}

static bool
hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') ||
	    (c >= 'a' && c <= 'f');
}

/* AB:CD:… of exactly so many bytes. */
static bool
hex_pairs(struct piece text, size_t bytes)
{
	size_t i;

	if (text.n != bytes * 3 - 1)
		return false;
	for (i = 0; i < text.n; i++)
		if (i % 3 == 2 ? text.p[i] != ':' : !hex(text.p[i]))
			return false;
	return true;
}

static const struct {
	const char *name;
	size_t bytes;
} hashes[] = {
	{ "sha-256", 32 },
	{ "sha-384", 48 },
	{ "sha-512", 64 },
};

static bool
fingerprint_good(struct piece rest)
{
	struct piece hash = word_take(&rest), value = word_take(&rest);
	size_t i;

	for (i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (hash.n == strlen(hashes[i].name) &&
		    strncasecmp(hash.p, hashes[i].name, hash.n) == 0)
			return hex_pairs(value, hashes[i].bytes) &&
			    word_take(&rest).n == 0;
	return false;
}

static bool
take_fingerprint(struct sdp *s, struct piece rest)
{
	if (!fingerprint_good(rest))
		return false;
	if (s->n == 0)
		s->fingerprint = true;
	else
		s->sections[s->n - 1].fingerprint = true;
	return true;
}

static const struct {
	const char *media, *proto;
} profiles[] = {
	{ "audio", "UDP/TLS/RTP/SAVPF" },
	{ "audio", "TCP/DTLS/RTP/SAVPF" },
	{ "video", "UDP/TLS/RTP/SAVPF" },
	{ "video", "TCP/DTLS/RTP/SAVPF" },
	{ "application", "UDP/DTLS/SCTP" },
	{ "application", "TCP/DTLS/SCTP" },
};

static bool
take_media(struct sdp *s, struct piece rest)
{
	struct piece media = word_take(&rest), port = word_take(&rest),
		     proto = word_take(&rest);
	size_t i, n = sizeof(profiles) / sizeof(profiles[0]);

	for (i = 0; i < n; i++)
		if (piece_is(media, profiles[i].media) &&
		    piece_is(proto, profiles[i].proto))
			break;
	if (i == n || s->n == SDP_SECTIONS_MAX)
		return false;
	s->sections[s->n].live = !piece_is(port, "0");
	s->n++;
	return true;
}

/* Such a section has port 0 in an offer and is not refused by it: it uses the
 * transport of its BUNDLE group (RFC 9143 7.2.1). */
static bool
take_bundle_only(struct sdp *s, struct piece rest)
{
	(void)rest;
	if (s->n > 0)
		s->sections[s->n - 1].live = true;
	return true;
}

static bool
take_mid(struct sdp *s, struct piece rest)
{
	if (s->n > 0)
		s->sections[s->n - 1].mid = word_take(&rest);
	return true;
}

static bool
take_bundle(struct sdp *s, struct piece rest)
{
	if (s->n == 0 && s->bundle.n == 0)
		s->bundle = rest;
	return true;
}

static bool
take_never(struct sdp *s, struct piece rest)
{
	(void)s;
	(void)rest;
	return false;
}

static const struct {
	const char *prefix;
	bool (*take)(struct sdp *, struct piece rest);
} lines[] = {
	{ "m=", take_media },
	{ "a=fingerprint:", take_fingerprint },
	{ "a=mid:", take_mid },
	{ "a=group:BUNDLE ", take_bundle },
	{ "a=bundle-only", take_bundle_only },
	{ "a=crypto", take_never },
	{ "k=", take_never },
};

static bool
line_take(struct sdp *s, struct piece line)
{
	struct piece rest;
	size_t i;

	if (line.n < 2 || line.p[0] < 'a' || line.p[0] > 'z' ||
	    line.p[1] != '=')
		return false;
	for (i = 0; i < line.n; i++)
		if ((unsigned char)line.p[i] < ' ' && line.p[i] != '\t')
			return false;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (line_after(line, lines[i].prefix, &rest))
			return lines[i].take(s, rest);
	return true;
}

/* Does the section share the transport of one that has a fingerprint? */
static bool
bundled(const struct sdp *s, const struct section *section)
{
	struct piece rest = s->bundle, tag = word_take(&rest), mid;
	size_t i;

	if (section->mid.n == 0 || tag.n == 0)
		return false;
	for (mid = tag; mid.n > 0; mid = word_take(&rest))
		if (piece_equal(mid, section->mid))
			break;
	if (mid.n == 0)
		return false;
	for (i = 0; i < s->n; i++)
		if (piece_equal(s->sections[i].mid, tag))
			return s->sections[i].fingerprint;
	return false;
}

/*= TR-12: no live section without a fingerprint of SHA-256 or better */
static bool
fingerprints_suffice(const struct sdp *s)
{
	const struct section *section;
	size_t i;

	if (s->fingerprint)
		return true;
	for (i = 0; i < s->n; i++) {
		section = &s->sections[i];
		if (section->live && !section->fingerprint &&
		    !bundled(s, section))
			return false;
	}
	return true;
}

static struct piece
line_next(struct piece *rest)
{
	struct piece line = *rest;
	const char *end = memchr(rest->p, '\n', rest->n);

	if (end == NULL) {
		rest->p += rest->n;
		rest->n = 0;
		return line;
	}
	line.n = (size_t)(end - line.p);
	rest->p += line.n + 1;
	rest->n -= line.n + 1;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

enum err
sdp_check(const char *text, size_t n)
{
	struct sdp s = { .n = 0 };
	struct piece rest = { text, n };

	if (n == 0 || !piece_is(line_next(&rest), "v=0"))
		return ERR_INVALID_FIELD;
	while (rest.n > 0)
		if (!line_take(&s, line_next(&rest)))
			return ERR_INVALID_FIELD;
	return fingerprints_suffice(&s) ? ERR_OK : ERR_INVALID_FIELD;
}
