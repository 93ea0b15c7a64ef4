/* One HTTP request and its answer, for the demo's pretend processor: a small part
 * of HTTP/1.1, one request for each connection, all of it in memory. */
#ifndef DEMO_WEB_H
#define DEMO_WEB_H

#include "base/arena.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#define WEB_PAIRS 64

struct web_pair {
	const char *name, *value;
};

struct web {
	struct arena *a;
	int fd;
	SSL *tls; /* NULL: as it is */
	const char *method, *path;
	struct web_pair headers[WEB_PAIRS], fields[WEB_PAIRS];
	size_t headers_n, fields_n;
};

/* Reads what is asked; false if it is no request, or longer than we take. */
bool web_read(struct web *);
/* "" if there is none. A field stands in the query or in a form's body. */
const char *web_header(const struct web *, const char *name);
const char *web_field(const struct web *, const char *name);
/* The parts of these, for who reads requests by itself: taken apart in place, at
 * most WEB_PAIRS of them. In a form a plus is a space, in an address it is none. */
void web_query_read(char *text, bool form, struct web_pair *, size_t *n);
void web_headers_read(char *text, struct web_pair *, size_t *n);
/* `more` are further headers, each with its line's end. */
void web_answer(struct web *, int status, const char *media, const char *more,
    const char *body);

#endif
