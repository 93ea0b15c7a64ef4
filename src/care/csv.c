#include "care/csv.h"

#include "base/instant.h"

#include <stdio.h>
#include <string.h>

#define TEXT_BEGIN 65536

static void
put(struct csv *c, const char *text, size_t n)
{
	char *grown;

	if (n > c->room - c->n) {
		c->room = 2 * (c->room + n);
		grown = arena_alloc(c->arena, c->room);
		memcpy(grown, c->p, c->n);
		c->p = grown;
	}
	memcpy(c->p + c->n, text, n);
	c->n += n;
}

struct csv
csv_new(struct arena *a)
{
	return (struct csv){ a, arena_alloc(a, TEXT_BEGIN), 0, TEXT_BEGIN };
}

struct bytes
csv_bytes(const struct csv *c)
{
	return (struct bytes){ (const uint8_t *)c->p, c->n };
}

void
csv_put(struct csv *c, const char *text)
{
	put(c, text, strlen(text));
}

/* Where East Asian text is written, their wide forms begin a formula as well. */
static bool
is_formula(const char *text)
{
	static const char *const wide[] = { "\uff1d", "\uff0b", "\uff0d",
		"\uff20" };
	size_t i;

	for (i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (strncmp(text, wide[i], strlen(wide[i])) == 0)
			return true;
	return *text != '\0' && strchr("=+-@\t\r\n", *text) != NULL;
}

/*= AU-07: what a spreadsheet would take for a formula is text behind an
 * apostrophe; quotes are doubled (RFC 4180) */
void
csv_text(struct csv *c, const char *text)
{
	const char *p;

	if (text == NULL)
		text = "";
	put(c, "\"", 1);
	if (is_formula(text))
		put(c, "'", 1);
	for (p = text; *p != '\0'; p++)
		put(c, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
	put(c, "\",", 2);
}

void
csv_id(struct csv *c, const struct uuid *id)
{
	char text[UUID_TEXT_SIZE] = "";

	if (!uuid_is_nil(id))
		uuid_text(id, text);
	csv_text(c, text);
}

void
csv_ids(struct csv *c, const struct uuid_list *ids)
{
	char text[UUID_TEXT_SIZE];
	size_t i;

	put(c, "\"", 1);
	for (i = 0; i < ids->n; i++) {
		uuid_text(&ids->v[i], text);
		put(c, i == 0 ? "" : " ", i == 0 ? 0 : 1);
		put(c, text, strlen(text));
	}
	put(c, "\",", 2);
}

void
csv_number(struct csv *c, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	csv_text(c, text);
}

void
csv_time(struct csv *c, int64_t at)
{
	char text[INSTANT_TEXT_SIZE] = "";

	if (at != INSTANT_NONE)
		instant_text(at, text);
	csv_text(c, text);
}

void
csv_end(struct csv *c)
{
	c->n--; /* the comma of the last */
	put(c, "\r\n", 2);
}
