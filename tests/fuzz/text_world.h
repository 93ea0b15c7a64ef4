#ifndef TEXT_WORLD_H
#define TEXT_WORLD_H

#include "base/text.h"
#include "fuzz.h"

/* A normal form is valid, and its own: what is in it stays as it is. */
static void
stays(struct arena *a, enum err (*form)(struct arena *, const char *, char **),
    const char *in, bool valid)
{
	char *once, *twice;
	enum err r = form(a, in, &once);

	must((r == ERR_BAD_ENCODING) == !valid);
	if (r != ERR_OK)
		return;
	must(text_utf8_valid(once, strlen(once)));
	must(form(a, once, &twice) == ERR_OK && strcmp(once, twice) == 0);
}

static enum err
line_clean(struct arena *a, const char *in, char **out)
{
	return text_clean(a, in, false, out);
}

static enum err
lines_clean(struct arena *a, const char *in, char **out)
{
	return text_clean(a, in, true, out);
}

/* There is one spelling only. */
static void
base64url_exact(struct arena *a, const char *in)
{
	uint8_t *raw;
	size_t n;

	if (text_base64url_decode(a, in, &raw, &n) == ERR_OK)
		must(strcmp(text_base64url(a, raw, n), in) == 0);
}

#endif
