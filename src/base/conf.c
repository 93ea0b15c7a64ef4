#include "base/conf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* The parser works on strings; what they mean is said by the table. */
enum setting_kind { TEXT, PATH, SECRET_FILE, COUNT, NETWORKS };
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

/* What the file says of each setting; the texts of `current` live here. */
static struct given {
	char *value; /* NULL when the file is silent */
	int line;
} given[SETTING_COUNT];
static struct conf current;

const struct conf *
conf(void)
{
	return &current;
}

/* Where a complaint points to: a line, or (0) the file as a whole. */
struct place {
	const char *path;
	int line;
};

static enum err
complain(char *message, struct place at, const char *name, const char *what)
{
	char line[16] = "";

	if (at.line > 0)
		snprintf(line, sizeof(line), ":%d", at.line);
	snprintf(message, MESSAGE_SIZE, "%s%s: %.40s%s%s", at.path, line, name,
	    *name == '\0' ? "" : ": ", what);
	return ERR_INVALID_FIELD;
}

static void
forget(void)
{
	int i;

	for (i = 0; i < SETTING_COUNT; i++) {
		if (given[i].value != NULL)
			explicit_bzero(given[i].value, strlen(given[i].value));
		free(given[i].value);
		given[i] = (struct given){ NULL, 0 };
	}
	current = (struct conf){ 0 };
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
read_line(char *line, struct place at, char *message)
{
	char *value;
	int i;

	line[strcspn(line, "\r\n")] = '\0';
	line += strspn(line, " \t");
	if (*line == '\0' || *line == '#')
		return ERR_OK;
	value = split_value(line);
	if ((i = setting_find(line)) == -1)
		return complain(message, at, line,
		    "this setting is not known; `epionectl settings` lists "
		    "all");
	if (given[i].value != NULL)
		return complain(
		    message, at, line, "this setting is given a second time");
	given[i] = (struct given){ strdup(value), at.line };
	return given[i].value != NULL ? ERR_OK : ERR_INTERNAL;
}

static enum err
read_file(const char *path, char *message)
{
	struct place at = { path, 0 };
	char line[LINE_SIZE];
	enum err r = ERR_OK;
	struct stat st;
	FILE *f;

	if ((f = fopen(path, "re")) == NULL)
		return complain(message, at, "", strerror(errno));
	if (fstat(fileno(f), &st) == -1 || (st.st_mode & 037) != 0)
		r = complain(message, at, "",
		    "others may read or change this file: chmod 0400 it, or "
		    "0440 for a group");
	while (r == ERR_OK && fgets(line, sizeof(line), f) != NULL) {
		at.line++;
		if (strchr(line, '\n') == NULL && !feof(f))
			r = complain(message, at, "",
			    "this line is longer than 1000 characters");
		else
			r = read_line(line, at, message);
	}
	fclose(f);
	return r;
}

/* The first line of a file that nobody else may read; what is wrong with it,
 * or NULL. */
static const char *
secret_line(const char *path, char line[LINE_SIZE])
{
	const char *wrong = NULL;
	struct stat st;
	FILE *f;

	line[0] = '\0';
	if ((f = fopen(path, "re")) == NULL)
		return strerror(errno);
	if (fstat(fileno(f), &st) == -1 || (st.st_mode & 077) != 0)
		wrong = "others may read this secret: chmod 0400 it";
	else if (fgets(line, LINE_SIZE, f) == NULL ||
	    line[strspn(line, "\r\n")] == '\0')
		wrong = "there is no secret in this file";
	else if (strchr(line, '\n') == NULL && !feof(f))
		wrong = "this secret is longer than 1000 characters";
	fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	return wrong;
}

/* Puts the secret where the path of its file was. */
static enum err
read_secret(struct given *g, const char *name, const char *path, char *message)
{
	char line[LINE_SIZE], what[160];
	const char *wrong;
	char *secret;

	if (g->value == NULL || *g->value == '\0')
		return ERR_OK;
	if ((wrong = secret_line(g->value, line)) != NULL) {
		explicit_bzero(line, sizeof(line));
		snprintf(what, sizeof(what), "%.100s: %s", g->value, wrong);
		return complain(
		    message, (struct place){ path, g->line }, name, what);
	}
	secret = strdup(line);
	explicit_bzero(line, sizeof(line));
	if (secret == NULL)
		return ERR_INTERNAL;
	free(g->value);
	g->value = secret;
	return ERR_OK;
}

static enum err
value_text(int i, const char **out, const char *path, char *message)
{
	enum err r;

	if (rows[i].kind == SECRET_FILE &&
	    (r = read_secret(&given[i], rows[i].name, path, message)) != ERR_OK)
		return r;
	*out = given[i].value != NULL ? given[i].value : rows[i].standard;
	return ERR_OK;
}

static enum err
value_count(int i, int64_t *out, const char *path, char *message)
{
	const char *text = given[i].value != NULL ? given[i].value
						  : rows[i].standard;
	char *end, what[160];

	errno = 0;
	*out = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *out >= rows[i].from &&
	    *out <= rows[i].to)
		return ERR_OK;
	snprintf(what, sizeof(what),
	    "%s is a whole number from %" PRId64 " to %" PRId64, rows[i].name,
	    rows[i].from, rows[i].to);
	return complain(
	    message, (struct place){ path, given[i].line }, "", what);
}

static enum err
value_networks(int i, struct networks *out, const char *path, char *message)
{
	const char *text = given[i].value != NULL ? given[i].value
						  : rows[i].standard;
	const char *wrong;
	char what[200];
	int n;

	if (networks_read(text, out, &wrong) == ERR_OK)
		return ERR_OK;
	n = (int)strcspn(wrong, " \t");
	snprintf(what, sizeof(what),
	    "%s is a list of up to %d addresses and networks (192.0.2.7 "
	    "10.0.0.0/8 2001:db8::/32), not %.*s",
	    rows[i].name, NETWORKS_MAX, n < 48 ? n : 48, wrong);
	return complain(
	    message, (struct place){ path, given[i].line }, "", what);
}

static enum err
require(const char *path, char *message)
{
	char what[160];
	int i;

	for (i = 0; i < SETTING_COUNT; i++)
		if (rows[i].standard == NULL &&
		    (given[i].value == NULL || *given[i].value == '\0')) {
			snprintf(what, sizeof(what), "%s is not set (%s)",
			    rows[i].name, rows[i].help);
			return complain(
			    message, (struct place){ path, 0 }, "", what);
		}
	return ERR_OK;
}

enum err
conf_read(const char *path, char *message)
{
	enum err r;

	message[0] = '\0';
	forget();
	if ((r = read_file(path, message)) != ERR_OK ||
	    (r = require(path, message)) != ERR_OK)
		goto out;
#define AS_TEXT(name)  value_text(SETTING_##name, &current.name, path, message)
#define AS_PATH	       AS_TEXT
#define AS_SECRET_FILE AS_TEXT
#define AS_COUNT(name) value_count(SETTING_##name, &current.name, path, message)
#define AS_NETWORKS(name)                                                      \
	value_networks(SETTING_##name, &current.name, path, message)
#define SETTING(name, kind, standard, from, to, help)                          \
	if (r == ERR_OK)                                                       \
		r = AS_##kind(name);
#include "tables/settings.def"
#undef SETTING
out:
	if (r != ERR_OK)
		forget();
	return r;
}

void
conf_explain(FILE *f)
{
	int i;

	for (i = 0; i < SETTING_COUNT; i++)
		fprintf(f, "%-24s %s (%s%s)\n", rows[i].name, rows[i].help,
		    rows[i].standard == NULL ? "must be set" : "default ",
		    rows[i].standard == NULL ? "" : rows[i].standard);
}
