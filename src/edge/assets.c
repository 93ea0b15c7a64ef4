#include "edge/assets.h"

#include "base/text.h"
#include "gate/reply.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASSETS_MAX	256
#define ASSET_BYTES_MAX (4 * 1024 * 1024)

struct asset {
	char *path; /* as requested */
	const char *type;
	uint8_t *data;
	size_t size;
	char etag[REPLY_TAG_SIZE];
	bool page;
};

static struct asset assets[ASSETS_MAX];
static size_t assets_count;
static size_t root_length;
static char *complaint;
static size_t complaint_size;

static const struct {
	const char *ending, *type;
} types[] = {
	{ ".html", "text/html; charset=utf-8" },
	{ ".css", "text/css; charset=utf-8" },
	{ ".js", "text/javascript; charset=utf-8" },
	{ ".mjs", "text/javascript; charset=utf-8" },
	{ ".svg", "image/svg+xml; charset=utf-8" },
	{ ".json", "application/json; charset=utf-8" },
	{ ".webmanifest", "application/manifest+json; charset=utf-8" },
	{ ".txt", "text/plain; charset=utf-8" },
	{ ".png", "image/png" },
	{ ".ico", "image/x-icon" },
	{ ".woff2", "font/woff2" },
};

static const char *
type_of(const char *path)
{
	const char *ending = strrchr(path, '.');
	size_t i;

	for (i = 0; ending != NULL && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(ending, types[i].ending) == 0)
			return types[i].type;
	return NULL; /* not served: notes, sources, whatever lies about */
}

static int
complain(const char *path, const char *what)
{
	snprintf(complaint, complaint_size, "%s: %s", path, what);
	return -1;
}

static int
read_whole(const char *file, struct asset *a)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = -1;

	if (fd == -1)
		return complain(file, strerror(errno));
	if ((a->data = malloc(a->size + 1)) != NULL)
		n = read(fd, a->data, a->size);
	close(fd);
	if (n != (ssize_t)a->size)
		return complain(file, "could not be read in full");
	return 0;
}

/* "/visits.html" is asked for as "/visits", "/index.html" as "/"; the rest
 * lies below "/assets". */
static char *
request_path(const char *relative, bool page)
{
	char *path;

	if (strcmp(relative, "/index.html") == 0)
		return strdup("/");
	if (page && strchr(relative + 1, '/') == NULL)
		return strndup(relative, strlen(relative) - strlen(".html"));
	return asprintf(&path, "/assets%s", relative) == -1 ? NULL : path;
}

static int
etag_set(struct asset *a)
{
	return reply_tag_make((struct bytes){ a->data, a->size }, a->etag) ==
		ERR_OK
	    ? 0
	    : complain(a->path, "could not be hashed");
}

static int
load_one(const char *file, const struct stat *st, int flag, struct FTW *where)
{
	struct asset *a = &assets[assets_count];

	(void)where;
	if (flag != FTW_F || type_of(file) == NULL ||
	    strstr(file, "/node_modules/") != NULL)
		return 0;
	if (assets_count == ASSETS_MAX)
		return complain(file, "there are more than 256 files");
	if (st->st_size > ASSET_BYTES_MAX)
		return complain(file, "is larger than 4 MiB");
	a->type = type_of(file);
	a->page = strncmp(a->type, "text/html", 9) == 0;
	a->size = (size_t)st->st_size;
	a->path = request_path(file + root_length, a->page);
	if (a->path == NULL || read_whole(file, a) == -1 || etag_set(a) == -1)
		return -1;
	assets_count++;
	return 0;
}

enum err
assets_load(const char *folder, char *problem, size_t n)
{
	complaint = problem;
	complaint_size = n;
	root_length = strlen(folder);
	if (nftw(folder, load_one, 8, FTW_PHYS) != 0) {
		if (*problem == '\0')
			complain(folder, strerror(errno));
		return ERR_INTERNAL;
	}
	if (assets_count == 0) {
		complain(folder, "holds no file of the portal");
		return ERR_INTERNAL;
	}
	return ERR_OK;
}

static const struct asset *
asset_find(const char *path)
{
	size_t i;

	for (i = 0; i < assets_count; i++)
		if (strcmp(assets[i].path, path) == 0)
			return &assets[i];
	return NULL;
}

/* A person who follows a stale link meets a page that leads on; programs, and
 * whoever asks for a file, get the problem alone. */
static const struct asset *
page_for_nobody(const struct request *rq)
{
	if ((rq->method != METHOD_GET && rq->method != METHOD_HEAD) ||
	    !rq->wants_page || strncmp(rq->path, "/assets/", 8) == 0)
		return NULL;
	return asset_find("/not-found");
}

enum err
assets_reply(
    const struct request *rq, const char *if_none_match, struct reply *rp)
{
	const struct asset *a = asset_find(rq->path);
	bool found = a != NULL;

	if (!found && (a = page_for_nobody(rq)) == NULL)
		return ERR_NOT_FOUND;
	if (rq->method != METHOD_GET && rq->method != METHOD_HEAD)
		return ERR_METHOD_NOT_ALLOWED;
	reply_plain(rp, &surfaces[SURFACE_pages], found ? 200 : 404,
	    (struct bytes){ a->data, a->size });
	rp->content_type = a->type;
	if (found)
		reply_tag(rp, a->etag, if_none_match);
	return ERR_OK;
}
