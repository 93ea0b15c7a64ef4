#include "ctl/migration_file.h"

#include "base/crypto.h"
#include "base/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX   9999
#define TEXT_MAX    (4 << 20) /* bytes */
#define HASH_PREFIX "-- previous: sha256:"
#define NO_HASH                                                                \
	"0000000000000000000000000000000000000000000000000000000000000000"

/* NNNN_name.sql */
static bool
name_good(const char *s)
{
	size_t i, n = strlen(s);

	if (n < 10 || strcmp(s + n - 4, ".sql") != 0 || s[4] != '_')
		return false;
	for (i = 0; i < n - 4; i++) {
		if (i < 4 && !isdigit((unsigned char)s[i]))
			return false;
		if (!islower((unsigned char)s[i]) &&
		    !isdigit((unsigned char)s[i]) && s[i] != '_')
			return false;
	}
	return true;
}

static int
is_sql(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 4 &&
	    strcmp(d->d_name + n - 4, ".sql") == 0;
}

static enum err
refuse(const char *file, const char *what)
{
	fprintf(stderr, "epionectl: %s: %s\n", file, what);
	return ERR_INVALID_FIELD;
}

static enum err
text_read(struct arena *a, const char *path, const char **text)
{
	FILE *f = fopen(path, "r");
	char *p;
	size_t n;
	enum err r = ERR_OK;

	if (f == NULL)
		return refuse(path, strerror(errno));
	p = arena_alloc(a, TEXT_MAX + 1);
	n = fread(p, 1, TEXT_MAX, f);
	if (ferror(f))
		r = refuse(path, "could not be read");
	else if (n == TEXT_MAX)
		r = refuse(path, "is too large");
	else if (strlen(p) != n)
		r = refuse(path, "holds a NUL byte");
	*text = arena_text_n(a, p, n);
	fclose(f);
	return r;
}

/* A file that ends its transaction could be half applied. */
static bool
ends_transaction(const char *text)
{
	static const char *const words[] = { "COMMIT", "ROLLBACK", "BEGIN;",
		"START TRANSACTION", "END;" };
	const char *s = text;
	size_t i;

	while (s != NULL) {
		for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (strncasecmp(s, words[i], strlen(words[i])) == 0)
				return true;
		if ((s = strchr(s, '\n')) != NULL)
			s++;
	}
	return false;
}

static enum err
chain_check(const char *file, const struct migration *m,
    const struct migration *previous)
{
	const char *want = previous == NULL ? NO_HASH : previous->sha256;
	size_t n = strlen(HASH_PREFIX);

	if (strncmp(m->text, HASH_PREFIX, n) == 0 &&
	    strncmp(m->text + n, want, strlen(want)) == 0)
		return ERR_OK;
	fprintf(stderr,
	    "epionectl: %s: the first line must begin\n%s%s\n"
	    "because that is the hash of the migration before it\n",
	    file, HASH_PREFIX, want);
	return ERR_INVALID_FIELD;
}

static enum err
migration_read(
    struct arena *a, const char *dir, const char *file, struct migration *m)
{
	uint8_t hash[32];
	struct bytes text;
	enum err r;

	r = text_read(a, arena_format(a, "%s/%s", dir, file), &m->text);
	if (r != ERR_OK)
		return r;
	text = (struct bytes){ (const uint8_t *)m->text, strlen(m->text) };
	if ((r = crypto_sha256(text, hash)) != ERR_OK)
		return r;
	m->name = arena_text_n(a, file, strlen(file) - 4);
	memcpy(m->sha256, text_hex(a, hash, sizeof(hash)), sizeof(m->sha256));
	if (ends_transaction(m->text))
		return refuse(file, "begins or ends a transaction itself");
	return ERR_OK;
}

static enum err
file_take(struct arena *a, const char *dir, const char *file, int version,
    struct migration *m)
{
	enum err r;

	m->version = version;
	if (!name_good(file))
		return refuse(file, "the name is not NNNN_name.sql");
	if (strtol(file, NULL, 10) != version)
		return refuse(file,
		    "the numbers before it have a gap, or "
		    "one of them is there twice");
	if ((r = migration_read(a, dir, file, m)) != ERR_OK)
		return r;
	return chain_check(file, m, version == 1 ? NULL : m - 1);
}

enum err
migrations_read(
    struct arena *a, const char *dir, struct migration **all, size_t *n)
{
	struct dirent **files;
	int i, count = scandir(dir, &files, is_sql, alphasort);
	enum err r = ERR_OK;

	*n = 0;
	if (count < 0)
		return refuse(dir, strerror(errno));
	*all = arena_calloc(a, (size_t)count + 1, sizeof(**all));
	if (count == 0 || count > FILES_MAX)
		r = refuse(dir, "holds no migrations, or too many");
	for (i = 0; r == ERR_OK && i < count; i++)
		r = file_take(a, dir, files[i]->d_name, i + 1, &(*all)[i]);
	if (r == ERR_OK)
		*n = (size_t)count;
	for (i = 0; i < count; i++)
		free(files[i]);
	free(files);
	return r;
}
