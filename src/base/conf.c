#include "base/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The parser works on strings; what they mean is said by the table. */
enum setting_kind { TEXT, PATH, SECRET_FILE, COUNT };
enum setting {
#define SETTING(name, kind, standard, from, to, help) SETTING_##name,
#include "tables/settings.def"
#undef SETTING
	SETTING_COUNT
};

#define MESSAGE_SIZE 256
#define LINE_SIZE    1024

static const struct setting_row {
	const char *name;
	enum setting_kind kind;
	const char *standard;
	int64_t from, to;
	const char *help;
} rows[] = {
#define SETTING(name, kind, standard, from, to, help)                          \
	{ #name, kind, standard, from, to, help },
#include "tables/settings.def"
#undef SETTING
};

static struct conf current;

const struct conf *
conf(void)
{
	return &current;
}

static enum err
complain(char *message, const char *path, int line, const char *what)
{
	if (line > 0)
		snprintf(message, MESSAGE_SIZE, "%s:%d: %s", path, line, what);
	else
		snprintf(message, MESSAGE_SIZE, "%s: %s", path, what);
	return ERR_INVALID_FIELD;
}

static int
setting_find(const char *name)
{
	int i;

	for (i = 0; i < SETTING_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0)
			return i;
	return -1;
}

/* "name value": splits in place, without the white space around. */
static char *
split_value(char *line)
{
	char *value = line + strcspn(line, " \t"), *end;

	if (*value != '\0')
		*value++ = '\0';
	value += strspn(value, " \t");
	end = value + strlen(value);
	while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return value;
}

static enum err
read_line(char *line, const char *values[], const char *path, int number,
    char *message)
{
	char *value;
	int i;

	line[strcspn(line, "\r\n")] = '\0';
	line += strspn(line, " \t");
	if (*line == '\0' || *line == '#')
		return ERR_OK;
	value = split_value(line);
	if ((i = setting_find(line)) == -1)
		return complain(message, path, number,
		    "this setting is not known; `epionectl settings` lists "
		    "all");
	if (values[i] != NULL)
		return complain(message, path, number,
		    "this setting is given a second time");
	if ((values[i] = strdup(value)) == NULL)
		return ERR_INTERNAL;
	return ERR_OK;
}

static enum err
read_file(const char *path, const char *values[], char *message)
{
	char line[LINE_SIZE];
	enum err r = ERR_OK;
	int number = 0;
	FILE *f;

	if ((f = fopen(path, "re")) == NULL)
		return complain(message, path, 0, strerror(errno));
	while (r == ERR_OK && fgets(line, sizeof(line), f) != NULL) {
		number++;
		if (strchr(line, '\n') == NULL && !feof(f))
			r = complain(message, path, number,
			    "this line is longer than 1000 characters");
		else
			r = read_line(line, values, path, number, message);
	}
	fclose(f);
	return r;
}

/* The first line of a file that nobody else may read. */
static enum err
read_secret(const char *path, const char **value, char *message)
{
	char line[LINE_SIZE];
	struct stat st;
	FILE *f;

	if (*path == '\0') {
		*value = "";
		return ERR_OK;
	}
	if ((f = fopen(path, "re")) == NULL)
		return complain(message, path, 0, strerror(errno));
	if (fstat(fileno(f), &st) == -1 || (st.st_mode & 077) != 0) {
		fclose(f);
		return complain(message, path, 0,
		    "others may read this secret: chmod 0400 it");
	}
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	*value = strdup(line);
	explicit_bzero(line, sizeof(line));
	return *value != NULL ? ERR_OK : ERR_INTERNAL;
}

static enum err
value_text(const struct setting_row *row, const char *text, const char **out,
    char *message)
{
	if (row->kind == SECRET_FILE)
		return read_secret(text, out, message);
	*out = text;
	return ERR_OK;
}

static enum err
value_count(const struct setting_row *row, const char *text, int64_t *out,
    const char *path, char *message)
{
	char *end, what[160];

	errno = 0;
	*out = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *out >= row->from &&
	    *out <= row->to)
		return ERR_OK;
	snprintf(what, sizeof(what),
	    "%s is a whole number from %" PRId64 " to %" PRId64, row->name,
	    row->from, row->to);
	return complain(message, path, 0, what);
}

static enum err
require(const char *values[], const char *path, char *message)
{
	char what[160];
	int i;

	for (i = 0; i < SETTING_COUNT; i++) {
		if (values[i] == NULL)
			values[i] = rows[i].standard;
		if (values[i] == NULL) {
			snprintf(what, sizeof(what), "%s is not set (%s)",
			    rows[i].name, rows[i].help);
			return complain(message, path, 0, what);
		}
	}
	return ERR_OK;
}

enum err
conf_read(const char *path, char *message)
{
	const char *values[SETTING_COUNT] = { NULL };
	enum err r;

	message[0] = '\0';
	if ((r = read_file(path, values, message)) != ERR_OK ||
	    (r = require(values, path, message)) != ERR_OK)
		return r;
#define AS_TEXT(name)                                                          \
	value_text(&rows[SETTING_##name], values[SETTING_##name],              \
	    &current.name, message)
#define AS_PATH	       AS_TEXT
#define AS_SECRET_FILE AS_TEXT
#define AS_COUNT(name)                                                         \
	value_count(&rows[SETTING_##name], values[SETTING_##name],             \
	    &current.name, path, message)
#define SETTING(name, kind, standard, from, to, help)                          \
	if (r == ERR_OK)                                                       \
		r = AS_##kind(name);
#include "tables/settings.def"
#undef SETTING
	return r;
}

void
conf_explain(FILE *f)
{
	int i;

	for (i = 0; i < SETTING_COUNT; i++)
		fprintf(f, "%-20s %s (%s%s)\n", rows[i].name, rows[i].help,
		    rows[i].standard == NULL ? "must be set" : "default ",
		    rows[i].standard == NULL ? "" : rows[i].standard);
}
