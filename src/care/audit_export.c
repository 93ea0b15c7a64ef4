/* The log as a table for a spreadsheet, as long as it is. */
#include "base/instant.h"
#include "care/audit_filter.h"
#include "care/operations.h"

#include <stdio.h>
#include <string.h>

#define ROWS	   200 /* in one part */
#define TEXT_BEGIN 65536

const struct shape audit_export_in[] = { AUDIT_FILTER, { 0 } };
const struct shape audit_export_out[] = { { 0 } };

static const char names[] =
    "seq,at,event,action,outcome,actor_id,actor_role,actor_name,patient_id,"
    "record_id,returned,address,request_id,operation,purpose,count\r\n";

/* Where it is: the page to ask for. */
struct export
{
	struct audit_list_in in;
	bool begun, ended;
};

struct csv {
	struct arena *arena;
	char *p;
	size_t n, room;
};

static void
put(struct csv *c, const char *text, size_t n)
{
	char *grown;

	if (n > c->room - c->n) {
		c->room = 2 * (c->room + n);
		grown = arena_alloc(c->arena, c->room);
		memcpy(grown, c->p, c->n);
		c->p = grown;
	}
	memcpy(c->p + c->n, text, n);
	c->n += n;
}

/*= AU-07: what a spreadsheet would take for a formula is text behind an
 * apostrophe; quotes are doubled (RFC 4180) */
static void
cell(struct csv *c, const char *text)
{
	const char *p;

	if (text == NULL)
		text = "";
	put(c, "\"", 1);
	if (*text != '\0' && strchr("=+-@\t\r\n", *text) != NULL)
		put(c, "'", 1);
	for (p = text; *p != '\0'; p++)
		put(c, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
	put(c, "\",", 2);
}

static void
id_cell(struct csv *c, const struct uuid *id)
{
	char text[UUID_TEXT_SIZE] = "";

	if (!uuid_is_nil(id))
		uuid_text(id, text);
	cell(c, text);
}

static void
ids_cell(struct csv *c, const struct uuid_list *ids)
{
	char text[UUID_TEXT_SIZE];
	size_t i;

	put(c, "\"", 1);
	for (i = 0; i < ids->n; i++) {
		uuid_text(&ids->v[i], text);
		put(c, i == 0 ? "" : " ", i == 0 ? 0 : 1);
		put(c, text, strlen(text));
	}
	put(c, "\",", 2);
}

static void
number_cell(struct csv *c, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)n);
	cell(c, text);
}

static void
time_cell(struct csv *c, int64_t at)
{
	char text[INSTANT_TEXT_SIZE];

	instant_text(at, text);
	cell(c, text);
}

/*= AZ-02: staff are named; a patient who acted is an id, as whose record it was
 * is, so that nobody's name is in a file that leaves the clinic's log */
static void
line(struct csv *c, const struct audit_list_row *e)
{
	number_cell(c, e->seq);
	time_cell(c, e->at);
	cell(c, e->event);
	cell(c, e->action);
	cell(c, e->outcome);
	id_cell(c, &e->actor_id);
	cell(c, e->actor_role);
	cell(c, uuid_is_nil(&e->actor_patient) ? e->actor_name : NULL);
	id_cell(c, &e->patient_id);
	id_cell(c, &e->record_id);
	ids_cell(c, &e->returned);
	cell(c, e->address);
	id_cell(c, &e->request_id);
	cell(c, e->operation);
	cell(c, e->purpose);
	number_cell(c, e->count);
	c->n--; /* the comma of the last */
	put(c, "\r\n", 2);
}

static enum err
export_next(struct op *op, void *state, struct bytes *part)
{
	struct export *x = state;
	struct csv c = { op->arena, arena_alloc(op->arena, TEXT_BEGIN), 0,
		TEXT_BEGIN };
	struct audit_list_row *rows;
	size_t i, n;
	enum err r;

	if (x->ended)
		return ERR_OK;
	if ((r = sql_audit_list(op->tx, &x->in, &rows, &n)) != ERR_OK)
		return r;
	if (!x->begun)
		put(&c, names, sizeof(names) - 1);
	for (i = 0; i < n; i++)
		line(&c, &rows[i]);
	x->begun = true;
	x->ended = n < ROWS;
	if (n > 0) {
		x->in.before_us = rows[n - 1].at_us;
		x->in.before = rows[n - 1].seq;
	}
	*part = (struct bytes){ (const uint8_t *)c.p, c.n };
	return ERR_OK;
}

/*= AZ-09: what leaves the house asks for a fresh code */
enum err
audit_export(struct op *op)
{
	struct export *x = arena_alloc(op->arena, sizeof(*x));
	enum err r;

	if (op->who.step_up_until <= op->now)
		return ERR_STEP_UP_REQUIRED;
	if ((r = audit_filter(op, &x->in)) != ERR_OK)
		return r;
	x->in.limit = ROWS;
	op->table = (struct table){ export_next, x, sizeof(*x), "audit.csv" };
	return ERR_OK;
}
