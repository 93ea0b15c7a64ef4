/* An event as bytes that are always the same: its members by name, no spaces.
 * Values are ids, numbers, times and words of ours, in which nothing has to be
 * escaped; what has to be all the same, since somebody wrote into the database,
 * is, so that no two rows have the same bytes. */
#include "care/audit_leaf.h"

#include "base/instant.h"

#include <stdio.h>
#include <string.h>

#define MEMBERS_SIZE 700 /* of all but texts and `returned` */
#define ESCAPED	     6	 /* \u0000 */

struct writer {
	uint8_t *p;
	size_t n;
};

static void
put(struct writer *w, const char *s)
{
	size_t n = strlen(s);

	memcpy(w->p + w->n, s, n);
	w->n += n;
}

static void
put_escaped(struct writer *w, const char *s)
{
	char code[ESCAPED + 1];

	for (; *s != '\0'; s++)
		if (*s == '"' || *s == '\\' || (unsigned char)*s < ' ') {
			snprintf(code, sizeof(code), "\\u%04x",
			    (unsigned)(unsigned char)*s);
			put(w, code);
		} else
			w->p[w->n++] = (uint8_t)*s;
}

static void
put_text(struct writer *w, const char *name, const char *value)
{
	put(w, name);
	if (value == NULL) {
		put(w, "null");
		return;
	}
	put(w, "\"");
	put_escaped(w, value);
	put(w, "\"");
}

static void
put_id(struct writer *w, const char *name, const struct uuid *id)
{
	char text[UUID_TEXT_SIZE];

	uuid_text(id, text);
	put_text(w, name, uuid_is_nil(id) ? NULL : text);
}

static void
put_int(struct writer *w, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	put(w, name);
	put(w, text);
}

static void
put_ids(struct writer *w, const char *name, const struct uuid_list *ids)
{
	size_t i;

	put(w, name);
	for (i = 0; i < ids->n; i++)
		put_id(w, i == 0 ? "" : ",", &ids->v[i]);
	put(w, "]");
}

static size_t
room(const struct audit_event_row *e)
{
	const char *texts[] = { e->event, e->action, e->outcome, e->actor_role,
		e->session, e->address, e->operation, e->purpose };
	size_t i, n = MEMBERS_SIZE + e->returned.n * (UUID_TEXT_SIZE + 2);

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i] != NULL)
			n += strlen(texts[i]) * ESCAPED;
	return n;
}

/*= AU-04: all that the row says; where it stands is the leaf's number */
struct bytes
audit_leaf_bytes(struct arena *a, const struct audit_event_row *e)
{
	struct writer w = { arena_alloc(a, room(e)), 1 }; /* the zero byte */
	char at[INSTANT_TEXT_SIZE];

	instant_text(e->at, at);
	put_text(&w, "{\"action\":", e->action);
	put_id(&w, ",\"actor_id\":", &e->actor_id);
	put_text(&w, ",\"actor_role\":", e->actor_role);
	put_text(&w, ",\"address\":", e->address);
	put_text(&w, ",\"at\":", at);
	put_int(&w, ",\"at_us\":", e->at_us);
	put_int(&w, ",\"count\":", e->count);
	put_text(&w, ",\"event\":", e->event);
	put_text(&w, ",\"operation\":", e->operation);
	put_text(&w, ",\"outcome\":", e->outcome);
	put_id(&w, ",\"patient_id\":", &e->patient_id);
	put_text(&w, ",\"purpose\":", e->purpose);
	put_id(&w, ",\"record_id\":", &e->record_id);
	put_id(&w, ",\"request_id\":", &e->request_id);
	put_ids(&w, ",\"returned\":[", &e->returned);
	put_int(&w, ",\"seq\":", e->seq);
	put_text(&w, ",\"session\":", e->session);
	put(&w, "}");
	return (struct bytes){ w.p, w.n };
}

enum err
audit_leaf_hash(
    struct arena *a, const struct audit_event_row *e, struct merkle_hash *out)
{
	return merkle_leaf(audit_leaf_bytes(a, e), out);
}
