/*
 * A store of recordings on this machine, for the demo and the tests: as much of S3
 * as the server, the browser and epione-jobs speak, in a folder. It answers to
 * presigned addresses alone, each signature computed anew, and has no key to what
 * it keeps. It is no store for a clinic: one disk, no copies, no versions.
 */
#include "base/arena.h"
#include "base/credentials.h"
#include "base/crypto.h"
#include "base/instant.h"
#include "base/presign.h"
#include "base/secret.h"
#include "base/text.h"
#include "demo/commands.h"
#include "demo/door.h"
#include "demo/web.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD_MAX    16384
#define BODY_MAX    16777216
#define CLIENT_S    30
#define NAME_HEX    32 /* of each of the two parts of an object's name */
#define FUTURE_S    900
#define EXPIRES_MAX 604800
#define LIST_MAX    1000

static const char *folder, *origin, *credentials;

/* What was asked, taken apart in place. */
struct asked {
	struct arena *a;
	int fd;
	char head[HEAD_MAX + 1];
	size_t got, head_n;
	const char *method, *path, *version;
	struct web_pair query[WEB_PAIRS], headers[WEB_PAIRS];
	size_t query_n, headers_n;
	char object[2 * NAME_HEX + 2]; /* "" for the bucket */
	uint8_t *body;
	size_t body_n;
};

static const char *
pair_of(const struct web_pair *p, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (strcasecmp(p[i].name, name) == 0)
			return p[i].value;
	return NULL;
}

static const char *
header_of(const struct asked *q, const char *name)
{
	return pair_of(q->headers, q->headers_n, name);
}

static const char *
query_of(const struct asked *q, const char *name)
{
	return pair_of(q->query, q->query_n, name);
}

/* Answers */

static void
write_all(int fd, const void *p, size_t n)
{
	const char *at = p;
	ssize_t put;

	while (n > 0 && (put = write(fd, at, n)) > 0) {
		at += put;
		n -= (size_t)put;
	}
}

static void
answer(const struct asked *q, int status, const char *media,
    const char *checksum, const void *body, size_t n)
{
	const char *head = arena_format(q->a,
	    "HTTP/1.1 %d -\r\n"
	    "Access-Control-Allow-Origin: %s\r\n"
	    "Access-Control-Expose-Headers: x-amz-checksum-sha256, etag\r\n"
	    "Vary: Origin\r\nCache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n"
	    "Cross-Origin-Resource-Policy: cross-origin\r\n"
	    "Content-Type: %s\r\n%s%s%sContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n",
	    status, origin, media,
	    checksum == NULL ? "" : "x-amz-checksum-sha256: ",
	    checksum == NULL ? "" : checksum, checksum == NULL ? "" : "\r\n",
	    n);

	write_all(q->fd, head, strlen(head));
	if (body != NULL)
		write_all(q->fd, body, n);
}

static void
refuse(const struct asked *q, int status, const char *code)
{
	const char *xml = arena_format(q->a,
	    "<?xml version=\"1.0\"?><Error><Code>%s</Code></Error>", code);

	answer(q, status, "application/xml", NULL, xml, strlen(xml));
}

/* What a browser asks before it sends something to another origin. */
static void
preflight(const struct asked *q)
{
	const char *head = arena_format(q->a,
	    "HTTP/1.1 204 -\r\n"
	    "Access-Control-Allow-Origin: %s\r\n"
	    "Access-Control-Allow-Methods: GET, PUT, HEAD\r\n"
	    "Access-Control-Allow-Headers: *\r\n"
	    "Access-Control-Max-Age: 3600\r\nVary: Origin\r\n"
	    "Connection: close\r\n\r\n",
	    origin);

	write_all(q->fd, head, strlen(head));
}

/* Reading */

/* The head ends at the empty line; what follows it belongs to the body. */
static bool
head_read(struct asked *q)
{
	char *end = NULL, *line, *target, *query;
	ssize_t n;

	while (end == NULL && q->got < HEAD_MAX) {
		n = read(q->fd, q->head + q->got, HEAD_MAX - q->got);
		if (n <= 0)
			return false;
		q->got += (size_t)n;
		q->head[q->got] = '\0';
		end = strstr(q->head, "\r\n\r\n");
	}
	if (end == NULL)
		return false;
	*end = '\0';
	q->head_n = (size_t)(end - q->head) + 4;
	target = q->head;
	line = strsep(&target, "\n");
	if (target != NULL)
		web_headers_read(target, q->headers, &q->headers_n);
	q->method = strsep(&line, " ");
	target = strsep(&line, " ");
	if (target == NULL || *target != '/')
		return false;
	query = target;
	q->path = strsep(&query, "?");
	if (query != NULL)
		web_query_read(query, false, q->query, &q->query_n);
	return true;
}

static bool
is_hex(const char *text, size_t n)
{
	return strspn(text, "0123456789abcdef") >= n;
}

/* /bucket, or /bucket/ and a name of ours: nothing else ever is a file. */
static bool
object_read(struct asked *q)
{
	const char *name = strchr(q->path + 1, '/');

	q->object[0] = '\0';
	if (name == NULL || name[1] == '\0')
		return true;
	name++;
	if (strlen(name) != 2 * NAME_HEX + 1 || !is_hex(name, NAME_HEX) ||
	    name[NAME_HEX] != '/' || !is_hex(name + NAME_HEX + 1, NAME_HEX))
		return false;
	memcpy(q->object, name, 2 * NAME_HEX + 2);
	return true;
}

static bool
body_read(struct asked *q)
{
	const char *length = header_of(q, "content-length");
	char *end;
	ssize_t got;
	long long n = length == NULL ? 0 : strtoll(length, &end, 10);

	if (n < 0 || n > BODY_MAX)
		return false;
	q->body = arena_alloc(q->a, (size_t)n + 1);
	q->body_n = q->got - q->head_n;
	if (q->body_n > (size_t)n)
		q->body_n = (size_t)n;
	memcpy(q->body, q->head + q->head_n, q->body_n);
	while (q->body_n < (size_t)n) {
		got = read(q->fd, q->body + q->body_n, (size_t)n - q->body_n);
		if (got <= 0)
			return false;
		q->body_n += (size_t)got;
	}
	return true;
}

/* Who may */

static int64_t
date_read(const char *text)
{
	char iso[INSTANT_TEXT_SIZE + 4];
	int64_t at;

	if (text == NULL || strlen(text) != PRESIGN_TIME_SIZE - 1)
		return INSTANT_NONE;
	snprintf(iso, sizeof(iso), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", text,
	    text + 4, text + 6, text + 9, text + 11, text + 13);
	return instant_parse(iso, &at) == ERR_OK ? at : INSTANT_NONE;
}

/* The headers that the address says are signed, as they came; false if one is
 * missing, or the host is not among them. */
static bool
signed_headers(struct asked *q, struct presign_pair *out, size_t *n)
{
	const char *list = query_of(q, "X-Amz-SignedHeaders"), *value;
	char *names = arena_text(q->a, list == NULL ? "" : list), *name;
	bool host = false;

	*n = 0;
	while ((name = strsep(&names, ";")) != NULL) {
		if ((value = header_of(q, name)) == NULL)
			return false;
		if (strcmp(name, "host") == 0)
			host = true;
		else if (*n < WEB_PAIRS)
			out[(*n)++] = (struct presign_pair){ name, value };
	}
	return host;
}

static size_t
other_query(const struct asked *q, struct presign_pair *out)
{
	size_t i, n = 0;

	for (i = 0; i < q->query_n; i++)
		if (strncasecmp(q->query[i].name, "X-Amz-", 6) != 0)
			out[n++] = (struct presign_pair){ q->query[i].name,
				q->query[i].value };
	return n;
}

/* "key/20150830/region/s3/aws4_request" */
static const char *
scope_region(struct asked *q, const char *access_key)
{
	const char *scope = query_of(q, "X-Amz-Credential");
	char *rest, *region;

	if (scope == NULL)
		return NULL;
	rest = arena_text(q->a, scope);
	if (strcmp(strsep(&rest, "/"), access_key) != 0 || rest == NULL ||
	    strsep(&rest, "/") == NULL || rest == NULL)
		return NULL;
	region = strsep(&rest, "/");
	return rest != NULL && strcmp(rest, "s3/aws4_request") == 0 ? region
								    : NULL;
}

static bool
in_time(const struct asked *q, int64_t *at, int64_t *expires_s)
{
	const char *expires = query_of(q, "X-Amz-Expires");
	const int64_t now = instant_now();

	*at = date_read(query_of(q, "X-Amz-Date"));
	*expires_s = expires == NULL ? 0 : strtoll(expires, NULL, 10);
	return *at != INSTANT_NONE && *expires_s > 0 &&
	    *expires_s <= EXPIRES_MAX && now <= *at + *expires_s &&
	    now >= *at - FUTURE_S;
}

/*= RC-03, RC-05: nobody is let in without an address that was signed for just
 * this, and not after its time */
static bool
is_signed(struct asked *q)
{
	struct presign_pair headers[WEB_PAIRS], query[WEB_PAIRS];
	struct presign what = { .method = q->method,
		.host = header_of(q, "host"),
		.path = q->path,
		.query = query,
		.headers = headers,
		.service = "s3" };
	struct presign_signer s = { 0 };
	const char *path, *made, *given = query_of(q, "X-Amz-Signature"),
				 *fault;
	struct credentials c;
	bool good;

	if (given == NULL || what.host == NULL ||
	    !in_time(q, &what.now, &what.expires_s) ||
	    credentials_read(q->a, credentials, &c, &fault) != ERR_OK ||
	    (what.region = scope_region(q, c.access_key)) == NULL ||
	    !signed_headers(q, headers, &what.headers_n))
		return false;
	what.query_n = other_query(q, query);
	s.access_key = c.access_key;
	if (presign_signer_make(
		&s, c.secret_key, what.now, what.region, "s3") != ERR_OK ||
	    presign_query(q->a, &s, &what, &path, &made) != ERR_OK)
		return false;
	made = strstr(made, "X-Amz-Signature=") + 16;
	good = strlen(made) == strlen(given) &&
	    secret_equal(made, given, strlen(made));
	secret_wipe(&s, sizeof(s));
	return good;
}

/* Objects */

static void
path_make(const struct asked *q, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", folder, q->object);
}

static const char *
checksum_of(struct asked *q, const uint8_t *body, size_t n)
{
	uint8_t sha256[32];

	return crypto_sha256((struct bytes){ body, n }, sha256) == ERR_OK
	    ? text_base64(q->a, sha256, sizeof(sha256))
	    : "";
}

static bool
file_keep(const struct asked *q)
{
	char path[PATH_MAX], new[PATH_MAX + 8];
	bool kept;
	FILE *f;

	path_make(q, path);
	path[strlen(folder) + 1 + NAME_HEX] = '\0';
	if (mkdir(path, 0700) == -1 && errno != EEXIST)
		return false;
	path_make(q, path);
	snprintf(new, sizeof(new), "%s.%06d", path, (int)getpid() % 1000000);
	if ((f = fopen(new, "we")) == NULL)
		return false;
	kept = fwrite(q->body, 1, q->body_n, f) == q->body_n;
	kept = fclose(f) == 0 && kept && rename(new, path) == 0;
	if (!kept)
		unlink(new);
	return kept;
}

static void
object_put(struct asked *q)
{
	const char *said = header_of(q, "x-amz-checksum-sha256");

	if (!body_read(q))
		refuse(q, 400, "IncompleteBody");
	else if (said != NULL &&
	    strcmp(said, checksum_of(q, q->body, q->body_n)) != 0)
		refuse(q, 400, "BadDigest");
	else if (!file_keep(q))
		refuse(q, 507, "InsufficientStorage");
	else
		answer(q, 200, "application/xml", said, NULL, 0);
}

static void
object_get(struct asked *q)
{
	char path[PATH_MAX];
	struct stat st;
	uint8_t *body;
	FILE *f;
	size_t n;

	path_make(q, path);
	if (stat(path, &st) == -1 || (f = fopen(path, "re")) == NULL) {
		refuse(q, 404, "NoSuchKey");
		return;
	}
	body = arena_alloc(q->a, (size_t)st.st_size + 1);
	n = fread(body, 1, (size_t)st.st_size, f);
	fclose(f);
	answer(q, 200, "application/octet-stream", checksum_of(q, body, n),
	    strcmp(q->method, "HEAD") == 0 ? NULL : body, n);
}

static void
object_delete(struct asked *q)
{
	char path[PATH_MAX];

	path_make(q, path);
	unlink(path);
	path[strlen(folder) + 1 + NAME_HEX] = '\0';
	rmdir(path); /* the last one takes the folder along */
	answer(q, 204, "application/xml", NULL, NULL, 0);
}

/* What is asked to be listed, and how far that is. */
struct listing {
	FILE *f;
	bool versions;
	const char *after; /* names that come before it, or are it, are not */
	size_t n, most;
};

static void
name_print(struct listing *l, const char *group, const char *name)
{
	char key[2 * NAME_HEX + 2];

	snprintf(key, sizeof(key), "%.32s/%.32s", group, name);
	if (strcmp(key, l->after) <= 0 || l->n++ >= l->most)
		return;
	fprintf(l->f,
	    l->versions ? "<Version><Key>%s</Key><VersionId>null</VersionId>"
			  "</Version>"
			: "<Contents><Key>%s</Key></Contents>",
	    key);
}

static int
is_name(const struct dirent *d)
{
	return strlen(d->d_name) == NAME_HEX && is_hex(d->d_name, NAME_HEX);
}

/* In their order; scandir holds the names of one folder at a time. */
static void
names_print(struct listing *l, const char *group)
{
	char path[PATH_MAX];
	struct dirent **d;
	int i, n;

	if (strncmp(group, l->after, NAME_HEX) < 0)
		return;
	snprintf(path, sizeof(path), "%s/%.32s", folder, group);
	n = scandir(path, &d, is_name, alphasort);
	for (i = 0; i < n; i++) {
		name_print(l, group, d[i]->d_name);
		free(d[i]);
	}
	if (n >= 0)
		free(d);
}

static void
groups_print(struct listing *l)
{
	struct dirent **d;
	int i, n = scandir(folder, &d, is_name, alphasort);

	for (i = 0; i < n; i++) {
		if (l->n <= l->most)
			names_print(l, d[i]->d_name);
		free(d[i]);
	}
	if (n >= 0)
		free(d);
}

/* All names, or those of one recording ("prefix/"), a page of them. */
static void
bucket_list(const struct asked *q)
{
	const char *prefix = query_of(q, "prefix"),
		   *most = query_of(q, "max-keys"), *after;
	struct listing l = { .versions = query_of(q, "versions") != NULL,
		.most = LIST_MAX };
	char group[NAME_HEX + 1], *text = NULL;
	size_t size = 0;

	after = query_of(q, l.versions ? "key-marker" : "marker");
	l.after = after == NULL ? "" : after;
	if (most != NULL && strtoul(most, NULL, 10) < LIST_MAX)
		l.most = strtoul(most, NULL, 10);
	if ((l.f = open_memstream(&text, &size)) == NULL)
		return;
	fputs("<?xml version=\"1.0\"?><ListResult>", l.f);
	if (prefix != NULL && *prefix != '\0') {
		snprintf(group, sizeof(group), "%.32s", prefix);
		if (is_hex(group, NAME_HEX))
			names_print(&l, group);
	} else {
		groups_print(&l);
	}
	fprintf(l.f, "<IsTruncated>%s</IsTruncated></ListResult>",
	    l.n > l.most ? "true" : "false");
	fclose(l.f);
	answer(q, 200, "application/xml", NULL, text, size);
	free(text);
}

static void
client(int fd)
{
	struct asked *q;
	struct arena *a = arena_new();

	q = arena_alloc(a, sizeof(*q));
	q->a = a;
	q->fd = fd;
	if (!head_read(q))
		goto out;
	if (strcmp(q->method, "OPTIONS") == 0)
		preflight(q);
	else if (!object_read(q) || !is_signed(q))
		refuse(q, 403, "AccessDenied");
	else if (*q->object == '\0')
		bucket_list(q);
	else if (strcmp(q->method, "PUT") == 0)
		object_put(q);
	else if (strcmp(q->method, "DELETE") == 0)
		object_delete(q);
	else
		object_get(q);
out:
	arena_free(a);
}

/* A process for each: a browser opens connections that it may never use. */
static void
serve(int door)
{
	const struct timeval limit = { .tv_sec = CLIENT_S };
	int fd;

	for (;;) {
		if ((fd = accept4(door, NULL, NULL, SOCK_CLOEXEC)) == -1)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
		if (fork() == 0) {
			close(door);
			client(fd);
			shutdown(fd, SHUT_WR);
			_exit(0);
		}
		close(fd);
	}
}

int
demo_store_main(int argc, char **argv)
{
	int door;

	if (argc != 4)
		return command_usage(demo_store_main);
	folder = argv[0];
	credentials = argv[1];
	origin = argv[3];
	if (crypto_init() != ERR_OK ||
	    (mkdir(folder, 0700) == -1 && errno != EEXIST) ||
	    signal(SIGCHLD, SIG_IGN) == SIG_ERR ||
	    signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
		fprintf(
		    stderr, "epione-demo: %s: %s\n", folder, strerror(errno));
		return 1;
	}
	if ((door = door_open(argv[2])) == -1)
		return 1;
	serve(door);
	return 0;
}
