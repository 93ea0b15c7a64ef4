#include "gate/forwarded.h"

#include <string.h>

/* What is behind an address: nothing, or a port. */
static bool
is_port(const char *s, size_t n)
{
	size_t i;

	if (n == 0)
		return true;
	if (*s != ':' || n < 2 || n > 6)
		return false;
	for (i = 1; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

static enum err
entry_read(const char *s, size_t n, struct address *out)
{
	const char *colon = memchr(s, ':', n), *end = s + n, *close;

	if (n > 0 && *s == '[') {
		close = memchr(s, ']', n);
		if (close == NULL || colon == NULL || colon > close ||
		    !is_port(close + 1, (size_t)(end - close - 1)))
			return ERR_INVALID_FIELD;
		return address_read(s + 1, (size_t)(close - s - 1), out);
	}
	/* one colon is a port's, more are an address's */
	if (colon != NULL &&
	    memchr(colon + 1, ':', (size_t)(end - colon - 1)) == NULL) {
		if (!is_port(colon, (size_t)(end - colon)))
			return ERR_INVALID_FIELD;
		n = (size_t)(colon - s);
	}
	return address_read(s, n, out);
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The last entry before *end, which is moved to the comma before it. */
static enum err
entry_last(const char *chain, const char **end, struct address *out)
{
	const char *last = *end, *first;

	for (first = last; first > chain && first[-1] != ',';)
		first--;
	*end = first > chain ? first - 1 : NULL;
	while (last > first && is_blank(last[-1]))
		last--;
	while (first < last && is_blank(*first))
		first++;
	return entry_read(first, (size_t)(last - first), out);
}

/*= TR-20: a header is believed as far as those who wrote it are ours */
struct address
forwarded_client(const struct networks *proxies, const struct address *peer,
    const char *chain)
{
	const char *end = chain == NULL ? NULL : chain + strlen(chain);
	struct address hop = *peer, before;

	while (end != NULL && networks_hold(proxies, &hop)) {
		if (entry_last(chain, &end, &before) != ERR_OK)
			break;
		hop = before;
	}
	return hop;
}
