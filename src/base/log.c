#include "base/log.h"

#include "base/instant.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LINE_SIZE 1024
#define CODE_MAX  64

static const char *const levels[] = { "debug", "info", "warn", "error" };

static void
to_stderr(enum log_level level, const char *line)
{
	(void)level;
	fprintf(stderr, "%s\n", line);
}

static void (*sink)(enum log_level, const char *) = to_stderr;

void
log_sink(void (*s)(enum log_level, const char *))
{
	sink = s;
}

/* A code cannot end the string it stands in, whatever it holds (AU-05). */
static void
code_copy(char out[CODE_MAX + 1], const char *code)
{
	static const char allowed[] =
	    "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.:/-";
	size_t i;

	for (i = 0; i < CODE_MAX && code[i] != '\0'; i++)
		out[i] = strchr(allowed, code[i]) != NULL ? code[i] : '?';
	out[i] = '\0';
}

static int
field_write(char *at, size_t room, const struct log_field *f)
{
	char text[CODE_MAX + 1];

	if (f->id != NULL) {
		uuid_text(f->id, text);
		return snprintf(at, room, ",\"%s\":\"%s\"", f->key, text);
	}
	if (f->code != NULL) {
		code_copy(text, f->code);
		return snprintf(at, room, ",\"%s\":\"%s\"", f->key, text);
	}
	return snprintf(at, room, ",\"%s\":%" PRId64, f->key, f->number);
}

void
log_write(enum log_level level, const char *event,
    const struct log_field *fields, size_t count)
{
	char line[LINE_SIZE], at[INSTANT_TEXT_SIZE];
	size_t used, i;
	int n;

	instant_text(instant_now(), at);
	used = (size_t)snprintf(line, sizeof(line),
	    "{\"at\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", at,
	    levels[level], event);
	for (i = 1; i < count; i++) {
		n = field_write(
		    line + used, sizeof(line) - used - 2, &fields[i]);
		if (n < 0 || (size_t)n >= sizeof(line) - used - 2)
			break; /* a field that does not fit is left out whole */
		used += (size_t)n;
	}
	snprintf(line + used, sizeof(line) - used, "}");
	sink(level, line);
}
