#include "ctl/audit_row.h"

#include "base/instant.h"
#include "ctl/copy_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS_SIZE 1000 /* of an entry, but for words and `returned` */
#define ESCAPED	     6	  /* \u0000 */
#define WORDS	     5	  /* in an entry */
#define AT_SECONDS   19	  /* "2026-11-28 09:00:00" */
#define SECOND_US    1000000

enum column {
	SEQ,
	TX,
	AT,
	CLINIC,
	ACTOR,
	SESSION,
	REQUEST,
	PATIENT,
	RECORD,
	EVENT,
	OUTCOME,
	OPERATION,
	ROLE,
	PURPOSE,
	ACTION,
	ADDRESS,
	COUNT,
	RETURNED,
};
static const char *const columns[AUDIT_COLUMNS] = { "seq", "tx", "at",
	"clinic_id", "actor_id", "session", "request_id", "patient_id",
	"record_id", "event", "outcome", "operation", "actor_role", "purpose",
	"action", "address", "count", "returned" };

/* A row taken apart. */
struct row {
	const struct audit_words *words;
	struct copy_field f[AUDIT_COLUMNS];
	int64_t word[AUDIT_COLUMNS]; /* of those that are words; 0: none */
	int64_t at_us, session;
};

bool
audit_columns_read(const char *list, size_t n, struct audit_columns *c)
{
	const char *end = list + n;
	size_t i, length;

	for (i = 0; i < AUDIT_COLUMNS; i++)
		c->at[i] = -1;
	for (c->n = 0; list < end; c->n++) {
		length = 0;
		while (list + length < end && list[length] != ',')
			length++;
		for (i = 0; i < AUDIT_COLUMNS; i++)
			if (copy_is((struct copy_field){ list, length },
				columns[i]))
				c->at[i] = (int)c->n;
		list += length + 1;
		while (list < end && *list == ' ')
			list++;
	}
	for (i = 0; i < AUDIT_COLUMNS; i++)
		if (c->at[i] < 0)
			return false;
	return true;
}

/* Writing an entry */

struct writer {
	char *p;
	size_t n;
};

static void
put(struct writer *w, const char *s, size_t n)
{
	memcpy(w->p + w->n, s, n);
	w->n += n;
}
#define PUT(w, literal) put(w, literal, sizeof(literal) - 1)

static bool
is_plain(char c)
{
	return c != '"' && c != '\\' && (unsigned char)c >= ' ';
}

static void
put_escaped(struct writer *w, const char *s, size_t n)
{
	char code[ESCAPED + 1];
	size_t i;

	for (i = 0; i < n; i++)
		if (is_plain(s[i]))
			w->p[w->n++] = s[i];
		else {
			snprintf(code, sizeof(code), "\\u%04x",
			    (unsigned)(unsigned char)s[i]);
			put(w, code, ESCAPED);
		}
}

static void
put_text(struct writer *w, const char *s, size_t n)
{
	PUT(w, "\"");
	put_escaped(w, s, n);
	PUT(w, "\"");
}

/* Null for none, as is the id of nobody. */
static void
put_id(struct writer *w, struct copy_field f)
{
	static const char nil[] = "00000000-0000-0000-0000-000000000000";

	if (f.p == NULL || copy_is(f, nil))
		PUT(w, "null");
	else
		put_text(w, f.p, f.n);
}

static void
put_number(struct writer *w, struct copy_field f)
{
	size_t i = f.p != NULL && f.n > 1 && f.p[0] == '-';

	if (f.p == NULL)
		PUT(w, "1");
	else {
		while (i < f.n && f.p[i] >= '0' && f.p[i] <= '9')
			i++;
		if (i == f.n)
			put(w, f.p, f.n);
		else
			put_text(w, f.p, f.n); /* which no entry has */
	}
}

static void
put_word(struct writer *w, const struct row *r, enum column c)
{
	const char *word = r->word[c] > 0 && r->word[c] < AUDIT_WORDS
	    ? r->words->v[r->word[c]]
	    : NULL;

	if (c == OUTCOME && r->f[c].p == NULL)
		PUT(w, "\"ok\"");
	else if (word == NULL)
		PUT(w, "null");
	else {
		PUT(w, "\"");
		put(w, word, strlen(word));
		PUT(w, "\"");
	}
}

static void
put_at(struct writer *w, const struct row *r)
{
	const struct copy_field *f = &r->f[AT];
	char text[INSTANT_TEXT_SIZE];

	if (copy_is((struct copy_field){ f->p + f->n - 3, 3 }, "+00")) {
		put(w, f->p, AT_SECONDS);
		w->p[w->n - AT_SECONDS + 10] = 'T';
		PUT(w, "Z");
		return;
	}
	instant_text(
	    (r->at_us - (r->at_us < 0 ? SECOND_US - 1 : 0)) / SECOND_US, text);
	put(w, text, strlen(text));
}

static void
put_int(struct writer *w, int64_t value)
{
	char text[24];
	size_t at = sizeof(text);
	uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do
		text[--at] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (value < 0)
		text[--at] = '-';
	put(w, text + at, sizeof(text) - at);
}

static void
put_session(struct writer *w, const struct row *r)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t bits = (uint64_t)r->session;
	char text[16];
	size_t i;

	if (r->f[SESSION].p == NULL) {
		PUT(w, "null");
		return;
	}
	for (i = sizeof(text); i > 0; bits >>= 4)
		text[--i] = hex[bits & 15];
	put_text(w, text, sizeof(text));
}

/* "{…,…}" */
static void
put_ids(struct writer *w, struct copy_field f)
{
	struct copy_field id;
	const char *p, *end;

	PUT(w, "[");
	if (f.p != NULL && f.n > 2)
		for (p = f.p + 1, end = f.p + f.n - 1; p < end; p += id.n + 1) {
			id = (struct copy_field){ p, 0 };
			while (p + id.n < end && p[id.n] != ',')
				id.n++;
			if (p > f.p + 1)
				PUT(w, ",");
			put_id(w, id);
		}
	PUT(w, "]");
}

/*= AU-04: all that the row says, by name, as docs/AUDIT.md has it */
static void
entry_put(struct writer *w, const struct row *r)
{
	const struct copy_field *f = r->f;

	PUT(w, "{\"action\":");
	put_text(w, f[ACTION].p, f[ACTION].n);
	PUT(w, ",\"actor_id\":");
	put_id(w, f[ACTOR]);
	PUT(w, ",\"actor_role\":");
	put_word(w, r, ROLE);
	PUT(w, ",\"address\":");
	if (f[ADDRESS].p == NULL)
		PUT(w, "\"none\"");
	else
		put_text(w, f[ADDRESS].p, f[ADDRESS].n);
	PUT(w, ",\"at\":\"");
	put_at(w, r);
	PUT(w, "\",\"at_us\":");
	put_int(w, r->at_us);
	PUT(w, ",\"count\":");
	put_number(w, f[COUNT]);
	PUT(w, ",\"event\":");
	put_word(w, r, EVENT);
	PUT(w, ",\"operation\":");
	put_word(w, r, OPERATION);
	PUT(w, ",\"outcome\":");
	put_word(w, r, OUTCOME);
	PUT(w, ",\"patient_id\":");
	put_id(w, f[PATIENT]);
	PUT(w, ",\"purpose\":");
	put_word(w, r, PURPOSE);
	PUT(w, ",\"record_id\":");
	put_id(w, f[RECORD].p == NULL ? f[PATIENT] : f[RECORD]);
	PUT(w, ",\"request_id\":");
	put_id(w, f[REQUEST]);
	PUT(w, ",\"returned\":");
	put_ids(w, f[RETURNED]);
	PUT(w, ",\"seq\":");
	put_number(w, f[SEQ]);
	PUT(w, ",\"session\":");
	put_session(w, r);
	PUT(w, "}");
}

static bool
leaf_make(const struct row *r, size_t line, struct merkle_hash *leaf)
{
	static _Thread_local char *room;
	static _Thread_local size_t size;
	/* the patient may stand for the record, too */
	size_t need = MEMBERS_SIZE + (line + r->f[PATIENT].n) * ESCAPED, i;
	struct writer w;

	for (i = 0; i < AUDIT_COLUMNS; i++)
		if (r->word[i] > 0 && r->word[i] < AUDIT_WORDS &&
		    r->words->v[r->word[i]] != NULL)
			need += strlen(r->words->v[r->word[i]]);
	if (need > size) {
		free(room);
		size = need * 2;
		room = malloc(size);
	}
	if (room == NULL) {
		size = 0;
		return false;
	}
	w = (struct writer){ room, 1 };
	room[0] = 0;
	entry_put(&w, r);
	return merkle_leaf((struct bytes){ (const uint8_t *)w.p, w.n }, leaf) ==
	    ERR_OK;
}

static bool
words_read(struct row *r)
{
	static const enum column of_words[] = { EVENT, OUTCOME, OPERATION, ROLE,
		PURPOSE };
	size_t i;

	for (i = 0; i < WORDS; i++)
		if (r->f[of_words[i]].p != NULL &&
		    !copy_int(r->f[of_words[i]], &r->word[of_words[i]]))
			return false;
	return true;
}

/* What the row is put in order by, and named by. */
static bool
place_read(struct row *r, struct audit_record *out)
{
	const struct copy_field *f = r->f;

	if (!copy_uuid(f[CLINIC], &out->clinic) || !copy_int(f[TX], &out->tx) ||
	    !copy_int(f[SEQ], &out->seq) || !copy_time(f[AT], &r->at_us))
		return false;
	out->at_us = r->at_us;
	out->actor = (struct uuid){ { 0 } };
	return f[ACTOR].p == NULL || copy_uuid(f[ACTOR], &out->actor);
}

bool
audit_row_read(const struct audit_words *words, const struct audit_columns *c,
    const char *line, size_t n, struct audit_record *out)
{
	struct copy_field all[2 * AUDIT_COLUMNS];
	struct row r = { .words = words };
	size_t i;

	if (copy_fields(line, n, all, 2 * AUDIT_COLUMNS) != c->n)
		return false;
	for (i = 0; i < AUDIT_COLUMNS; i++)
		r.f[i] = all[c->at[i]];
	if (!words_read(&r) || !place_read(&r, out) || r.f[ACTION].p == NULL ||
	    (r.f[SESSION].p != NULL && !copy_int(r.f[SESSION], &r.session)))
		return false;
	out->event = (int16_t)r.word[EVENT];
	out->role = (int16_t)r.word[ROLE];
	return leaf_make(&r, n, &out->leaf);
}

/* Words */

bool
audit_word_keep(struct audit_words *words, int64_t id, const char *word)
{
	struct writer w = { NULL, 0 };

	if (id <= 0 || id >= AUDIT_WORDS || words->v[id] != NULL)
		return false;
	if ((w.p = malloc(strlen(word) * ESCAPED + 1)) == NULL)
		return false;
	put_escaped(&w, word, strlen(word));
	w.p[w.n] = '\0';
	words->v[id] = w.p;
	return true;
}

void
audit_words_free(struct audit_words *words)
{
	size_t i;

	for (i = 0; i < AUDIT_WORDS; i++) {
		free((void *)(uintptr_t)words->v[i]);
		words->v[i] = NULL;
	}
}

int
audit_record_compare(const void *a, const void *b)
{
	const struct audit_record *l = a, *r = b;
	int d = uuid_compare(&l->clinic, &r->clinic);

	if (d != 0)
		return d;
	if (l->tx != r->tx)
		return l->tx < r->tx ? -1 : 1;
	return l->seq < r->seq ? -1 : l->seq > r->seq;
}

static const char *
word_of(const struct audit_words *words, int id, const char *otherwise)
{
	return id > 0 && id < AUDIT_WORDS && words->v[id] != NULL ? words->v[id]
								  : otherwise;
}

void
audit_record_who(const struct audit_words *words, const struct audit_record *s,
    char text[AUDIT_WHO_SIZE])
{
	char actor[UUID_TEXT_SIZE], at[INSTANT_TEXT_SIZE];

	instant_text(s->at_us / SECOND_US, at);
	uuid_text(&s->actor, actor);
	snprintf(text, AUDIT_WHO_SIZE, "event %lld of %s, %.60s by %.20s%s%s",
	    (long long)s->seq, at, word_of(words, s->event, "?"),
	    word_of(words, s->role, "nobody"),
	    uuid_is_nil(&s->actor) ? "" : " ",
	    uuid_is_nil(&s->actor) ? "" : actor);
}
