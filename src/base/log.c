#include "base/log.h"

#include "base/instant.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE   1024
#define CODE_MAX    64
#define NUMBER_SIZE 21

static const char *const levels[] = { "debug", "info", "warn", "error" };

/* A line as it grows. What does not fit is left out whole. */
struct line {
	char text[LINE_SIZE];
	size_t used;
};

/* One write(2), so that the lines of several processes do not mix. */
static void
to_stderr(enum log_level level, const char *text)
{
	char line[LINE_SIZE + 1];
	size_t n = strnlen(text, LINE_SIZE), done = 0;
	ssize_t got;

	(void)level;
	memcpy(line, text, n);
	line[n++] = '\n';
	while (done < n) {
		got = write(STDERR_FILENO, line + done, n - done);
		if (got == -1 && errno != EINTR)
			return; /* there is nobody to tell */
		done += got > 0 ? (size_t)got : 0;
	}
}

static void (*sink)(enum log_level, const char *) = to_stderr;

void
log_sink(void (*s)(enum log_level, const char *))
{
	sink = s != NULL ? s : to_stderr;
}

static bool
plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || (c != '\0' && strchr("_.:/-", c) != NULL);
}

static void
add(struct line *l, const char *text)
{
	size_t n = strlen(text);

	memcpy(l->text + l->used, text, n);
	l->used += n;
}

/*= AU-05: a code cannot end the string it stands in, whatever it holds */
static void
add_code(struct line *l, const char *code)
{
	size_t i;

	l->text[l->used++] = '"';
	for (i = 0; i < CODE_MAX && code[i] != '\0'; i++)
		l->text[l->used++] = (char)(plain(code[i]) ? code[i] : '?');
	l->text[l->used++] = '"';
}

static void
add_number(struct line *l, int64_t number)
{
	uint64_t rest = number < 0 ? -(uint64_t)number : (uint64_t)number;
	char text[NUMBER_SIZE], *at = text + sizeof(text);

	*--at = '\0';
	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) != 0);
	if (number < 0)
		*--at = '-';
	add(l, at);
}

static void
add_field(struct line *l, const struct log_field *f)
{
	char id[UUID_TEXT_SIZE];

	/* the most that a field takes: ,"key":"code" and the closing brace */
	if (f->key == NULL || l->used + 2 * CODE_MAX + 8 > sizeof(l->text))
		return;
	add(l, ",");
	add_code(l, f->key);
	add(l, ":");
	if (f->id != NULL) {
		uuid_text(f->id, id);
		add_code(l, id);
	} else if (f->code != NULL)
		add_code(l, f->code);
	else
		add_number(l, f->number);
}

/* No stdio, no allocation, no lock: a signal handler may come this way. */
static void
line_make(struct line *l, enum log_level level, const char *event,
    const struct log_field *fields, size_t count)
{
	char at[INSTANT_TEXT_SIZE];
	size_t i;

	l->used = 0;
	instant_text(instant_now(), at);
	add(l, "{\"at\":");
	add_code(l, at);
	add(l, ",\"level\":");
	add_code(l, levels[level & 3]);
	add(l, ",\"event\":");
	add_code(l, event);
	for (i = 1; i < count; i++)
		add_field(l, &fields[i]);
	add(l, "}");
	l->text[l->used] = '\0';
}

void
log_write(enum log_level level, const char *event,
    const struct log_field *fields, size_t count)
{
	struct line l;

	line_make(&l, level, event, fields, count);
	sink(level, l.text);
}

void
log_last_words(const char *event, const struct log_field *field)
{
	const struct log_field fields[] = { { .key = NULL }, *field };
	struct line l;

	line_make(&l, LOG_LEVEL_ERROR, event, fields, 2);
	to_stderr(LOG_LEVEL_ERROR, l.text);
}
