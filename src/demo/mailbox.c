/*
 * The demo's mail relay: takes letters over TLS on the loopback, keeps them as
 * files, and shows them on a page. It is no mail server: one client at a time,
 * nothing is sent on, anybody on this machine may read.
 */
#include "base/arena.h"
#include "demo/commands.h"
#include "demo/door.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define LETTER_MAX     262144
#define SHOWN_MAX      50
#define CLIENT_S       10

static const char *folder;

/* Files: one a letter, named by the time it came */

static bool
letter_keep(const char *text, size_t n)
{
	static unsigned count;
	char path[PATH_MAX];
	FILE *f;
	bool kept;

	snprintf(path, sizeof(path), "%s/%010lld-%04u.eml", folder,
	    (long long)time(NULL), count++ % 10000);
	if ((f = fopen(path, "wxe")) == NULL)
		return false;
	kept = fwrite(text, 1, n, f) == n;
	return fclose(f) == 0 && kept;
}

static int
is_letter(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && strcmp(d->d_name + n - 4, ".eml") == 0;
}

static char *
letter_read(struct arena *a, const char *name)
{
	char path[PATH_MAX], *text = arena_alloc(a, LETTER_MAX + 1);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if ((f = fopen(path, "re")) == NULL)
		return NULL;
	text[fread(text, 1, LETTER_MAX, f)] = '\0';
	fclose(f);
	return text;
}

/* SMTP */

struct line {
	char text[LINE_MAX_BYTES];
	size_t n;
};

static bool
line_read(SSL *ssl, struct line *l)
{
	l->n = 0;
	while (l->n < sizeof(l->text) - 1) {
		if (SSL_read(ssl, l->text + l->n, 1) != 1)
			return false;
		if (l->text[l->n++] == '\n')
			break;
	}
	l->text[l->n] = '\0';
	return true;
}

static void
say(SSL *ssl, const char *text)
{
	(void)SSL_write(ssl, text, (int)strlen(text));
}

/* Up to the dot; a dot that leads a line was doubled (RFC 5321 4.5.2). */
static bool
data_read(SSL *ssl, struct line *l)
{
	char *letter = malloc(LETTER_MAX);
	size_t n = 0, skip;
	bool kept = false;

	while (letter != NULL && line_read(ssl, l)) {
		if (strcmp(l->text, ".\r\n") == 0) {
			kept = letter_keep(letter, n);
			break;
		}
		skip = l->text[0] == '.';
		if (l->n - skip > LETTER_MAX - n)
			break;
		memcpy(letter + n, l->text + skip, l->n - skip);
		n += l->n - skip;
	}
	free(letter);
	return kept;
}

static void
smtp_serve(SSL *ssl)
{
	struct line l;

	say(ssl, "220 localhost demo mailbox\r\n");
	while (line_read(ssl, &l)) {
		if (strncasecmp(l.text, "QUIT", 4) == 0) {
			say(ssl, "221 bye\r\n");
			return;
		}
		if (strncasecmp(l.text, "DATA", 4) == 0) {
			say(ssl, "354 go on\r\n");
			if (!data_read(ssl, &l))
				return;
		}
		say(ssl, "250 ok\r\n");
	}
}

static void
smtp_client(SSL_CTX *tls, int fd)
{
	SSL *ssl = SSL_new(tls);

	if (ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1) {
		smtp_serve(ssl);
		SSL_shutdown(ssl);
	}
	ERR_clear_error();
	SSL_free(ssl);
}

/* The page */

static void
put_text(FILE *f, const char *s, size_t n)
{
	for (; n > 0; n--, s++)
		switch (*s) {
		case '&':
			fputs("&amp;", f);
			break;
		case '<':
			fputs("&lt;", f);
			break;
		case '"':
			fputs("&quot;", f);
			break;
		case '\r':
			break;
		default:
			fputc(*s, f);
		}
}

/* A line that is a link can be followed. */
static void
put_lines(FILE *f, const char *s, size_t n)
{
	const char *end = s + n, *stop;

	for (; s < end; s = stop + (stop < end)) {
		stop = memchr(s, '\n', (size_t)(end - s));
		stop = stop == NULL ? end : stop;
		n = (size_t)(stop - s);
		while (n > 0 && s[n - 1] == '\r')
			n--;
		if (strncmp(s, "https://", 8) == 0) {
			fputs("<a href=\"", f);
			put_text(f, s, n);
			fputs("\">", f);
			put_text(f, s, n);
			fputs("</a>\n", f);
		} else {
			put_text(f, s, n);
			fputc('\n', f);
		}
	}
}

/* Base64 up to a letter that is none; line ends are skipped. */
static char *
base64_open(struct arena *a, const char *s, const char *end, size_t *n)
{
	char *packed = arena_alloc(a, (size_t)(end - s) + 1);
	unsigned char *open = arena_alloc(a, (size_t)(end - s) + 4);
	size_t k = 0;
	int got;

	for (; s < end; s++)
		if (*s != '\r' && *s != '\n')
			packed[k++] = *s;
	got = EVP_DecodeBlock(
	    open, (const unsigned char *)packed, (int)(k - k % 4));
	*n = got < 0 ? 0 : (size_t)got;
	while (k > 0 && *n > 0 && packed[--k] == '=')
		--*n;
	return (char *)open;
}

/* Words encoded as we encode them (RFC 2047, B). */
static void
put_words(FILE *f, struct arena *a, const char *s)
{
	const char *end;
	char *open;
	size_t n;

	while ((s = strstr(s, "=?UTF-8?B?")) != NULL) {
		s += 10;
		if ((end = strstr(s, "?=")) == NULL)
			return;
		open = base64_open(a, s, end, &n);
		put_text(f, open, n);
		s = end + 2;
		if (strncmp(s, "\r\n ", 3) != 0)
			return;
	}
}

static void
put_letter(FILE *f, struct arena *a, const char *letter)
{
	const char *to = strstr(letter, "\nTo: <"),
		   *subject = strstr(letter, "\nSubject: "),
		   *part = strstr(letter, "base64\r\n\r\n"), *end;
	char *open;
	size_t n;

	fputs("<article><h2>", f);
	if (subject != NULL)
		put_words(f, a, subject);
	fputs("</h2><p>To ", f);
	if (to != NULL)
		put_text(f, to + 6, strcspn(to + 6, ">\r\n"));
	fputs("</p><pre>", f);
	if (part != NULL && (end = strstr(part + 10, "\r\n--")) != NULL) {
		open = base64_open(a, part + 10, end, &n);
		put_lines(f, open, n);
	}
	fputs("</pre></article>\n", f);
}

static void
page_put(FILE *f)
{
	struct dirent **names = NULL;
	struct arena *a;
	char *letter;
	int i, n = scandir(folder, &names, is_letter, alphasort);

	fputs("<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">"
	      "<meta name=\"viewport\" content=\"width=device-width\">"
	      "<meta name=\"color-scheme\" content=\"light dark\">"
	      "<title>Demo mailbox</title></head><body><main>"
	      "<h1>Demo mailbox</h1><p>Every message of the demo, newest "
	      "first. Load the page again to see more.</p>\n",
	    f);
	if (n <= 0)
		fputs("<p>There is none yet.</p>", f);
	for (i = n - 1; i >= 0 && i >= n - SHOWN_MAX; i--) {
		a = arena_new();
		if ((letter = letter_read(a, names[i]->d_name)) != NULL)
			put_letter(f, a, letter);
		arena_free(a);
	}
	fputs("</main></body></html>\n", f);
	for (i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

/* Another site's page must not read this one under a name of its own. */
static bool
asked_for_us(const char *request)
{
	const char *host = strcasestr(request, "\r\nHost: ");

	return host != NULL &&
	    (strncmp(host + 8, "localhost", 9) == 0 ||
		strncmp(host + 8, "127.0.0.1", 9) == 0) &&
	    strchr(":\r", host[17]) != NULL;
}

static void
reader_client(int fd)
{
	char request[LINE_MAX_BYTES];
	size_t n = 0;
	ssize_t got;
	FILE *f;

	do {
		got = read(fd, request + n, sizeof(request) - 1 - n);
		if (got <= 0)
			return;
		n += (size_t)got;
		request[n] = '\0';
	} while (
	    strstr(request, "\r\n\r\n") == NULL && n < sizeof(request) - 1);
	if ((f = fdopen(dup(fd), "w")) == NULL)
		return;
	if (strncmp(request, "GET / ", 6) != 0 || !asked_for_us(request))
		fputs("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n"
		      "Connection: close\r\n\r\n",
		    f);
	else {
		fputs("HTTP/1.1 200 OK\r\nContent-Type: text/html; "
		      "charset=utf-8\r\nCache-Control: no-store\r\n"
		      "Referrer-Policy: no-referrer\r\n"
		      "Content-Security-Policy: default-src 'none'; "
		      "frame-ancestors 'none'\r\nConnection: close\r\n\r\n",
		    f);
		page_put(f);
	}
	fclose(f);
}

/* Both */

static int
client_take(int door)
{
	const struct timeval limit = { .tv_sec = CLIENT_S };
	int fd = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (fd != -1) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	}
	return fd;
}

static void
serve(SSL_CTX *tls, int smtp, int http)
{
	struct pollfd doors[2] = { { smtp, POLLIN, 0 }, { http, POLLIN, 0 } };
	int fd, i;

	while (poll(doors, 2, -1) != -1 || errno == EINTR)
		for (i = 0; i < 2; i++) {
			if ((doors[i].revents & POLLIN) == 0 ||
			    (fd = client_take(doors[i].fd)) == -1)
				continue;
			if (i == 0)
				smtp_client(tls, fd);
			else
				reader_client(fd);
			close(fd);
		}
}

static SSL_CTX *
tls_make(const char *certificate, const char *key)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());

	if (tls != NULL &&
	    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_use_certificate_chain_file(tls, certificate) == 1 &&
	    SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) == 1)
		return tls;
	fprintf(stderr, "epione-demo: the mailbox has no certificate\n");
	return NULL;
}

int
demo_mailbox_main(int argc, char **argv)
{
	char certificate[PATH_MAX], key[PATH_MAX];
	int smtp, http;
	SSL_CTX *tls;

	if (argc != 4)
		return command_usage(demo_mailbox_main);
	folder = argv[0];
	snprintf(certificate, sizeof(certificate), "%s/cert.pem", argv[1]);
	snprintf(key, sizeof(key), "%s/key.pem", argv[1]);
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
	    (mkdir(folder, 0700) == -1 && errno != EEXIST)) {
		fprintf(
		    stderr, "epione-demo: %s: %s\n", folder, strerror(errno));
		return 1;
	}
	if ((tls = tls_make(certificate, key)) == NULL ||
	    (smtp = door_open(argv[2])) == -1 ||
	    (http = door_open(argv[3])) == -1)
		return 1;
	serve(tls, smtp, http);
	return 1;
}
