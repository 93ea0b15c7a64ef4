#include "ctl/store_orphans.h"

#include "base/arena.h"
#include "base/instant.h"
#include "base/loop.h"
#include "base/xml.h"
#include "ctl/store_talk.h"
#include "data/db.h"
#include "sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE	  1000
#define FOUND_MAX 10000 /* lines: whoever has more mends these first */
#define NAME_SIZE 1100	/* of S3: 1024 bytes */
#define WORK_MS	  30000

struct look {
	const struct operator_options *options;
	int64_t looked, strange, missing;
	char after[NAME_SIZE]; /* up to which name it has looked */
	bool more;
	enum err r;
};

/* A page of the store's names, in order. */
struct page {
	const char *names[PAGE];
	size_t n;
	bool more;
};

/* A name that is not of ours may be anything; in place. */
static char *
unescaped(char *name)
{
	static const struct {
		const char *text, c;
	} entities[] = { { "&amp;", '&' }, { "&lt;", '<' }, { "&gt;", '>' },
		{ "&quot;", '"' }, { "&apos;", '\'' } };
	char *from, *to = name;
	size_t i, n;

	for (from = name; *from != '\0'; from += n) {
		n = 1;
		*to = *from;
		for (i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
			if (strncmp(from, entities[i].text,
				strlen(entities[i].text)) == 0) {
				n = strlen(entities[i].text);
				*to = entities[i].c;
				break;
			}
		to++;
	}
	*to = '\0';
	return name;
}

/* Names come in order, or a listing that begins anew would never end. */
static enum err
page_read(struct look *l, struct arena *a, const char *body, struct page *p)
{
	const char *at = body, *key, *name, *last = l->after, *cut;

	cut = xml_next(a, &at, "IsTruncated");
	p->more = cut != NULL && strcmp(cut, "true") == 0;
	p->n = 0;
	for (at = body; (key = xml_next(a, &at, "Key")) != NULL; last = name) {
		name = unescaped(arena_text(a, key));
		if (p->n == PAGE || strlen(name) >= NAME_SIZE ||
		    strcmp(name, last) < 0)
			return operator_say(ERR_STORE_FAILED,
			    "the store does not list names in order, by the "
			    "page");
		if (strcmp(name, last) != 0)
			p->names[p->n++] = name;
	}
	if (p->more && p->n == 0)
		return operator_say(
		    ERR_STORE_FAILED, "the store's listing does not go on");
	return ERR_OK;
}

/* The next page: of objects as they are now, or of all versions' names. */
static enum err
page_ask(struct look *l, struct arena *a, bool versions, struct page *p)
{
	const struct presign_pair query[] = {
		{ versions ? "key-marker" : "marker", l->after },
		{ "max-keys", versions ? "500" : "1000" }, { "versions", "" }
	};
	const struct store_ask list = {
		.method = "GET", .query = query, .query_n = versions ? 3 : 2
	};
	struct store_talk t;
	struct store_told got = { 0 };
	enum err r;

	if (!store_talk_begin(&t, a))
		return ERR_INVALID_FIELD;
	got = store_ask_signed(&t, instant_now(), &list);
	if (got.status != 200 || got.body == NULL)
		r = operator_say(ERR_STORE_FAILED,
		    arena_format(a, "the store does not list: %s (status %ld)",
			store_told_meaning(&got), got.status));
	else
		r = page_read(l, a, got.body, p);
	free(got.body);
	store_talk_end(&t);
	return r;
}

/* Prints a finding; false when it is enough. */
static bool
found(struct look *l, int64_t *n, const char *what, const char *name)
{
	const char *at;

	printf("%s ", what);
	for (at = name; *at != '\0'; at++) /* a console obeys the others */
		putchar(*at < ' ' || *at == 127 ? '?' : *at);
	putchar('\n');
	++*n;
	l->more = l->strange + l->missing >= FOUND_MAX;
	return !l->more;
}

static enum err
strangers(struct look *l, struct tx *tx, const struct page *p)
{
	const struct store_strangers_in in = { { p->names, p->n } };
	struct store_strangers_row *rows;
	size_t i, n;
	enum err r = sql_store_strangers(tx, &in, &rows, &n);

	l->looked += r == ERR_OK ? (int64_t)p->n : 0;
	for (i = 0; r == ERR_OK && i < n; i++)
		if (!found(l, &l->strange, "object without row ", rows[i].name))
			break;
	return r;
}

/* It may have come after the listing: it is asked for by its name. */
static bool
is_missing(struct store_talk *t, const char *object)
{
	const struct store_ask head = { .method = "HEAD", .object = object };
	struct store_told got = store_ask_signed(t, instant_now(), &head);

	free(got.body);
	return got.status == 404;
}

static enum err
missing(struct look *l, struct tx *tx, const struct page *p)
{
	struct store_missing_in in = { { p->names, p->n }, l->after,
		p->more ? p->names[p->n - 1] : "", PAGE };
	struct store_missing_row *rows;
	struct store_talk t;
	size_t i, n = 0;
	enum err r = ERR_OK;

	if (!store_talk_begin(&t, tx_arena(tx)))
		return ERR_INVALID_FIELD;
	do {
		r = sql_store_missing(tx, &in, &rows, &n);
		for (i = 0; r == ERR_OK && i < n && !l->more; i++)
			if (is_missing(&t, rows[i].object))
				found(l, &l->missing, "row without object ",
				    rows[i].object);
		if (r == ERR_OK && n > 0)
			in.after = rows[n - 1].object;
	} while (r == ERR_OK && n == PAGE && !l->more);
	store_talk_end(&t);
	return r;
}

/* In a transaction and an arena of its own, so that it may take its time. */
static enum err
page_look(struct look *l, bool versions, bool *more)
{
	struct arena *a = arena_new();
	struct page *p = arena_alloc(a, sizeof(*p));
	struct tx *tx = tx_new(a, instant_monotonic() + WORK_MS);
	enum err r;

	if ((r = page_ask(l, a, versions, p)) == ERR_OK)
		r = versions ? strangers(l, tx, p) : missing(l, tx, p);
	if (r == ERR_OK)
		r = tx_commit(tx);
	*more = r == ERR_OK && p->more && !l->more;
	if (*more)
		snprintf(l->after, sizeof(l->after), "%s", p->names[p->n - 1]);
	tx_close(tx);
	arena_free(a);
	return r;
}

/* Whoever sees the rows of no clinic would call all objects strange. */
static enum err
sees_all(void)
{
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a, instant_monotonic() + WORK_MS);
	struct store_blind_row row;
	enum err r = sql_store_blind(tx, &row);

	if (r == ERR_OK && row.blind)
		r = operator_say(ERR_UNAVAILABLE,
		    "this role does not see every clinic's recordings: say "
		    "--database and the owner of the tables");
	tx_close(tx);
	arena_free(a);
	return r;
}

static void
look(void *arg)
{
	struct look *l = arg;
	const struct db_options db = {
		.conninfo = l->options->database,
		.password = l->options->password,
		.connections = 1,
		.queue_max = 4,
		.statement_timeout_ms = WORK_MS,
	};
	int versions;
	bool more = true;

	if ((l->r = db_start(&db)) != ERR_OK)
		return;
	l->r = sees_all();
	for (versions = 1; versions >= 0 && l->r == ERR_OK; versions--) {
		l->after[0] = '\0';
		do
			l->r = page_look(l, versions == 1, &more);
		while (more);
	}
	db_stop();
}

int
store_orphans(const struct operator_options *given)
{
	struct operator_options o = *given;
	struct look l = { .options = &o, .r = ERR_INTERNAL };

	if (!operator_ready(&o))
		return 1;
	if (loop_poll_run(look, &l) != ERR_OK)
		l.r = ERR_INTERNAL;
	if (l.r != ERR_OK)
		return operator_end(l.r);
	printf("%lld names looked at: %lld objects without a row, %lld rows "
	       "without an object%s\n",
	    (long long)l.looked, (long long)l.strange, (long long)l.missing,
	    l.more ? "; it stopped here, and there may be more" : "");
	return l.strange + l.missing > 0 ? 1 : 0;
}
