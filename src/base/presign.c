#include "base/presign.h"

#include "base/crypto.h"
#include "base/instant.h"
#include "base/secret.h"
#include "base/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

/* Text that grows, in the arena. */
struct line {
	struct arena *a;
	char *p;
	size_t n, size;
};

static void
add(struct line *l, const char *text, size_t n)
{
	char *grown;

	if (l->n + n + 1 > l->size) {
		l->size = (l->n + n + 1) * 2;
		grown = arena_alloc(l->a, l->size);
		if (l->n > 0)
			memcpy(grown, l->p, l->n);
		l->p = grown;
	}
	memcpy(l->p + l->n, text, n);
	l->n += n;
	l->p[l->n] = '\0';
}

static void
add_text(struct line *l, const char *text)
{
	add(l, text, strlen(text));
}

/* RFC 3986: all but unreserved characters, in capitals. */
static void
add_encoded(struct line *l, const char *text, bool slashes)
{
	static const char digits[] = "0123456789ABCDEF";
	char escape[3] = "%";
	const unsigned char *c = (const unsigned char *)text;

	for (; *c != '\0'; c++) {
		if ((*c < 128 && isalnum(*c)) || strchr("-._~", *c) != NULL ||
		    (*c == '/' && !slashes)) {
			add(l, (const char *)c, 1);
			continue;
		}
		escape[1] = digits[*c >> 4];
		escape[2] = digits[*c & 15];
		add(l, escape, 3);
	}
}

static const char *
encoded(struct arena *a, const char *text, bool slashes)
{
	struct line l = { .a = a };

	add_text(&l, "");
	add_encoded(&l, text, slashes);
	return l.p;
}

static int
pair_order(const void *a, const void *b)
{
	const struct presign_pair *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	return by_name != 0 ? by_name : strcmp(x->value, y->value);
}

/* In the order of what is sent, hence encoded first. */
static const char *
query_text(struct arena *a, const struct presign_pair *pairs, size_t n)
{
	struct presign_pair *sorted = arena_calloc(a, n, sizeof(*sorted));
	struct line l = { .a = a };
	size_t i;

	for (i = 0; i < n; i++) {
		sorted[i].name = encoded(a, pairs[i].name, true);
		sorted[i].value = encoded(a, pairs[i].value, true);
	}
	qsort(sorted, n, sizeof(*sorted), pair_order);
	for (i = 0; i < n; i++) {
		add_text(&l, i == 0 ? "" : "&");
		add_text(&l, sorted[i].name);
		add_text(&l, "=");
		add_text(&l, sorted[i].value);
	}
	return l.p;
}

/* Without outer spaces, inner runs as one. */
static const char *
value_trimmed(struct arena *a, const char *value)
{
	char *out = arena_alloc(a, strlen(value) + 1);
	size_t n = 0;

	for (; *value != '\0'; value++)
		if (*value != ' ' || (n > 0 && out[n - 1] != ' '))
			out[n++] = *value;
	while (n > 0 && out[n - 1] == ' ')
		n--;
	out[n] = '\0';
	return out;
}

static const char *
lower(struct arena *a, const char *name)
{
	char *out = arena_text(a, name), *c;

	for (c = out; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return out;
}

/* By name; those of one name stay in their order. */
static void
headers_sort(struct presign_pair *h, size_t n)
{
	struct presign_pair moved;
	size_t i, j;

	for (i = 1; i < n; i++) {
		moved = h[i];
		for (j = i; j > 0 && strcmp(h[j - 1].name, moved.name) > 0; j--)
			h[j] = h[j - 1];
		h[j] = moved;
	}
}

/* Names and lines of all headers that are signed. */
static void
headers_text(struct arena *a, const struct presign *what, struct line *names,
    struct line *lines)
{
	const size_t n = what->headers_n + 1;
	struct presign_pair *h = arena_calloc(a, n, sizeof(*h));
	size_t i;

	h[0] = (struct presign_pair){ "host", what->host };
	for (i = 1; i < n; i++)
		h[i] = (struct presign_pair){ lower(
						  a, what->headers[i - 1].name),
			value_trimmed(a, what->headers[i - 1].value) };
	headers_sort(h, n);
	for (i = 0; i < n; i++) {
		if (i > 0 && strcmp(h[i].name, h[i - 1].name) == 0) {
			add_text(lines, ",");
		} else {
			add_text(lines, i == 0 ? "" : "\n");
			add_text(lines, h[i].name);
			add_text(lines, ":");
			add_text(names, i == 0 ? "" : ";");
			add_text(names, h[i].name);
		}
		add_text(lines, h[i].value);
	}
	add_text(lines, "\n");
}

static struct bytes
bytes_of(const char *text)
{
	return (struct bytes){ (const uint8_t *)text, strlen(text) };
}

static enum err
mac(const uint8_t *key, size_t n, const char *text, uint8_t out[32])
{
	return crypto_hmac_sha256(
	    (struct bytes){ key, n }, bytes_of(text), out);
}

/* 20150830T123600Z */
static void
time_text(int64_t now, char when[PRESIGN_TIME_SIZE])
{
	char text[INSTANT_TEXT_SIZE];
	const char *c;
	size_t n = 0;

	instant_text(now, text);
	for (c = text; *c != '\0' && n < PRESIGN_TIME_SIZE - 1; c++)
		if (*c != '-' && *c != ':')
			when[n++] = *c;
	when[n] = '\0';
}

void
presign_day(int64_t now, char day[PRESIGN_DAY_SIZE])
{
	char when[PRESIGN_TIME_SIZE];

	time_text(now, when);
	memcpy(day, when, PRESIGN_DAY_SIZE - 1);
	day[PRESIGN_DAY_SIZE - 1] = '\0';
}

enum err
presign_signer_make(struct presign_signer *s, const char *secret_key,
    int64_t now, const char *region, const char *service)
{
	char first[4 + 256 + 1];
	uint8_t *k = s->key;
	const int n = snprintf(first, sizeof(first), "AWS4%s", secret_key);
	enum err r = ERR_INVALID_FIELD;

	presign_day(now, s->day);
	if (n >= 0 && (size_t)n < sizeof(first) &&
	    (r = mac((const uint8_t *)first, (size_t)n, s->day, k)) == ERR_OK &&
	    (r = mac(k, PRESIGN_KEY_SIZE, region, k)) == ERR_OK &&
	    (r = mac(k, PRESIGN_KEY_SIZE, service, k)) == ERR_OK)
		r = mac(k, PRESIGN_KEY_SIZE, "aws4_request", k);
	secret_wipe(first, sizeof(first));
	return r;
}

static enum err
sign(struct arena *a, const struct presign_signer *s, const char *scope,
    const char *when, const char *canonical, const char **signature)
{
	uint8_t hash[32], out[32];
	enum err r;

	if ((r = crypto_sha256(bytes_of(canonical), hash)) != ERR_OK)
		return r;
	r = mac(s->key, PRESIGN_KEY_SIZE,
	    arena_format(a, ALGORITHM "\n%s\n%s\n%s", when, scope,
		text_hex(a, hash, sizeof(hash))),
	    out);
	*signature = text_hex(a, out, sizeof(out));
	return r;
}

enum err
presign_query(struct arena *a, const struct presign_signer *s,
    const struct presign *what, const char **path, const char **query)
{
	char when[PRESIGN_TIME_SIZE], day[PRESIGN_DAY_SIZE];
	struct presign_pair *pairs = arena_calloc(
	    a, what->query_n + 6, sizeof(*pairs));
	struct line names = { .a = a }, lines = { .a = a };
	const char *scope, *signature = "";
	size_t n = what->query_n;
	enum err r;

	presign_day(what->now, day);
	if (strcmp(day, s->day) != 0)
		return ERR_INTERNAL;
	time_text(what->now, when);
	headers_text(a, what, &names, &lines);
	scope = arena_format(
	    a, "%s/%s/%s/aws4_request", day, what->region, what->service);
	if (n > 0)
		memcpy(pairs, what->query, n * sizeof(*pairs));
	pairs[n++] = (struct presign_pair){ "X-Amz-Algorithm", ALGORITHM };
	pairs[n++] = (struct presign_pair){ "X-Amz-Credential",
		arena_format(a, "%s/%s", s->access_key, scope) };
	pairs[n++] = (struct presign_pair){ "X-Amz-Date", when };
	pairs[n++] = (struct presign_pair){ "X-Amz-Expires",
		arena_format(a, "%lld", (long long)what->expires_s) };
	pairs[n++] = (struct presign_pair){ "X-Amz-SignedHeaders", names.p };
	if (s->token != NULL)
		pairs[n++] = (struct presign_pair){ "X-Amz-Security-Token",
			s->token };
	*path = encoded(a, what->path, false);
	*query = query_text(a, pairs, n);
	r = sign(a, s, scope, when,
	    arena_format(a, "%s\n%s\n%s\n%s\n%s\n%s", what->method, *path,
		*query, lines.p, names.p,
		what->payload == NULL ? "UNSIGNED-PAYLOAD" : what->payload),
	    &signature);
	*query = arena_format(a, "%s&X-Amz-Signature=%s", *query, signature);
	return r;
}
