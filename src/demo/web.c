#include "demo/web.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/types.h>
#include <unistd.h>

#define REQUEST_MAX 65536

static ssize_t
take(struct web *w, char *to, size_t n)
{
	return w->tls == NULL ? read(w->fd, to, n)
			      : SSL_read(w->tls, to, (int)n);
}

static void
give(struct web *w, const char *p, size_t n)
{
	ssize_t put;

	while (n > 0) {
		put = w->tls == NULL ? write(w->fd, p, n)
				     : SSL_write(w->tls, p, (int)n);
		if (put <= 0)
			return;
		p += put;
		n -= (size_t)put;
	}
}

static int
hex_value(char c)
{
	const char *digits = "0123456789abcdef", *at;

	at = c == '\0' ? NULL
		       : strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);
	return at == NULL ? -1 : (int)(at - digits);
}

static char *
decoded(char *text, bool form)
{
	char *from, *to = text;

	for (from = text; *from != '\0'; from++) {
		if (*from == '%' && hex_value(from[1]) >= 0 &&
		    hex_value(from[2]) >= 0) {
			*to++ = (char)(hex_value(from[1]) * 16 +
			    hex_value(from[2]));
			from += 2;
		} else {
			*to++ = (char)(form && *from == '+' ? ' ' : *from);
		}
	}
	*to = '\0';
	return text;
}

void
web_query_read(char *text, bool form, struct web_pair *pairs, size_t *n)
{
	char *pair, *value;

	while ((pair = strsep(&text, "&")) != NULL && *n < WEB_PAIRS) {
		if (*pair == '\0')
			continue;
		value = strchr(pair, '=');
		if (value != NULL)
			*value++ = '\0';
		pairs[(*n)++] = (struct web_pair){ decoded(pair, form),
			value == NULL ? "" : decoded(value, form) };
	}
}

void
web_headers_read(char *text, struct web_pair *pairs, size_t *n)
{
	char *line, *value;

	while ((line = strsep(&text, "\n")) != NULL && *n < WEB_PAIRS) {
		line[strcspn(line, "\r")] = '\0';
		if ((value = strchr(line, ':')) == NULL)
			continue;
		*value++ = '\0';
		value += strspn(value, " \t");
		pairs[(*n)++] = (struct web_pair){ line, value };
	}
}

/* To the empty line: where the body begins, or NULL. */
static char *
head_read(struct web *w, char *text, size_t *got)
{
	char *end = NULL;
	ssize_t n;

	while (end == NULL && *got < REQUEST_MAX) {
		n = take(w, text + *got, REQUEST_MAX - *got);
		if (n <= 0)
			return NULL;
		*got += (size_t)n;
		text[*got] = '\0';
		end = strstr(text, "\r\n\r\n");
	}
	return end;
}

/* The rest of the body, behind what came with the head. */
static bool
body_read(struct web *w, const char *text, char *body, size_t got)
{
	const size_t head = (size_t)(body - text), room = REQUEST_MAX - head,
		     want = strtoul(web_header(w, "content-length"), NULL, 10);
	size_t have = got - head;
	ssize_t n;

	if (want > room)
		return false;
	for (; have < want; have += (size_t)n)
		if ((n = take(w, body + have, want - have)) <= 0)
			return false;
	body[want] = '\0';
	return true;
}

bool
web_read(struct web *w)
{
	char *text = arena_alloc(w->a, REQUEST_MAX + 1), *body, *rest, *line,
	     *query;
	size_t got = 0;

	if ((body = head_read(w, text, &got)) == NULL)
		return false;
	*body = '\0';
	body += 4;
	rest = text;
	line = strsep(&rest, "\n");
	if (rest != NULL)
		web_headers_read(rest, w->headers, &w->headers_n);
	w->method = strsep(&line, " ");
	query = strsep(&line, " ");
	if (query == NULL || *query != '/')
		return false;
	w->path = strsep(&query, "?");
	if (query != NULL)
		web_query_read(query, true, w->fields, &w->fields_n);
	if (!body_read(w, text, body, got))
		return false;
	web_query_read(body, true, w->fields, &w->fields_n);
	return true;
}

const char *
web_header(const struct web *w, const char *name)
{
	size_t i;

	for (i = 0; i < w->headers_n; i++)
		if (strcasecmp(w->headers[i].name, name) == 0)
			return w->headers[i].value;
	return "";
}

const char *
web_field(const struct web *w, const char *name)
{
	size_t i;

	for (i = 0; i < w->fields_n; i++)
		if (strcmp(w->fields[i].name, name) == 0)
			return w->fields[i].value;
	return "";
}

void
web_answer(struct web *w, int status, const char *media, const char *more,
    const char *body)
{
	const char *head = arena_format(w->a,
	    "HTTP/1.1 %d -\r\nContent-Type: %s\r\nCache-Control: no-store\r\n"
	    "Referrer-Policy: same-origin\r\n"
	    "X-Content-Type-Options: nosniff\r\n%s"
	    "Content-Length: %zu\r\nConnection: close\r\n\r\n",
	    status, media, more, strlen(body));

	give(w, head, strlen(head));
	give(w, body, strlen(body));
}
