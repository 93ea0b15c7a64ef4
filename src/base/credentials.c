#include "base/credentials.h"

#include "base/secret.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_SIZE 4096

static bool
is_word(const char *word)
{
	return word != NULL && *word != '\0' && strlen(word) < 2048;
}

static const char *
line_read(const char *path, char line[LINE_SIZE])
{
	const char *fault = NULL;
	struct stat st;
	FILE *f = fopen(path, "re");

	line[0] = '\0';
	if (f == NULL)
		return strerror(errno);
	if (fstat(fileno(f), &st) == -1 || (st.st_mode & 077) != 0)
		fault = "others may read this file: chmod 0400 it";
	else if (fgets(line, LINE_SIZE, f) == NULL ||
	    (strchr(line, '\n') == NULL && !feof(f)))
		fault = "its first line is empty, or too long";
	fclose(f);
	line[strcspn(line, "\r\n")] = '\0';
	return fault;
}

enum err
credentials_read(struct arena *a, const char *path, struct credentials *c,
    const char **fault)
{
	char line[LINE_SIZE], *rest = line;
	enum err r = ERR_INVALID_FIELD;

	*c = (struct credentials){ NULL, NULL, NULL };
	if ((*fault = line_read(path, line)) == NULL) {
		c->access_key = arena_text(a, strsep(&rest, " \t"));
		c->secret_key = arena_text(a, strsep(&rest, " \t"));
		c->token = rest != NULL && *rest != '\0' ? arena_text(a, rest)
							 : NULL;
		r = is_word(c->access_key) && is_word(c->secret_key)
		    ? ERR_OK
		    : ERR_INVALID_FIELD;
		*fault =
		    "a line is the access key, a space, and the secret key";
	}
	secret_wipe(line, sizeof(line));
	return r;
}

void
credentials_stamp(const char *path, char stamp[CREDENTIALS_STAMP])
{
	struct stat st;

	if (stat(path, &st) == -1)
		memset(&st, 0, sizeof(st));
	snprintf(stamp, CREDENTIALS_STAMP, "%llu %llu %lld.%09ld",
	    (unsigned long long)st.st_ino, (unsigned long long)st.st_size,
	    (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}
