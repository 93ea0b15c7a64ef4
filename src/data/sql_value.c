#include "data/sql_value.h"

#include "base/instant.h"
#include "data/list.h"
#include "data/sql_date.h"

#include <limits.h>
#include <string.h>

/* Type numbers of PostgreSQL's own types never change: pg_type.dat. */
enum {
	OID_BOOL = 16,
	OID_BYTEA = 17,
	OID_INT8 = 20,
	OID_TEXT = 25,
	OID_JSON = 114,
	OID_BYTEA_LIST = 1001,
	OID_TEXT_LIST = 1009,
	OID_INT8_LIST = 1016,
	OID_VARCHAR = 1043,
	OID_DATE = 1082,
	OID_TIMESTAMPTZ = 1184,
	OID_UUID = 2950,
	OID_UUID_LIST = 2951,
	OID_JSONB = 3802,
};

#define JSONB_VERSION 1
#define ELEMENTS_MAX  100000
#define ARRAY_HEADER  20 /* dimensions, nulls, type, length, lower bound */

typedef enum err encode_fn(struct arena *, const void *, struct sql_cell *);
typedef enum err decode_fn(struct arena *, const struct sql_cell *, void *);

static void
put32(uint8_t *p, uint32_t v)
{
	int i;

	for (i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static void
put64(uint8_t *p, int64_t v)
{
	put32(p, (uint32_t)((uint64_t)v >> 32));
	put32(p + 4, (uint32_t)(uint64_t)v);
}

static int64_t
get64(const uint8_t *p)
{
	return (int64_t)((uint64_t)get32(p) << 32 | get32(p + 4));
}

/* Scalars */

static enum err
uuid_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	const struct uuid *u = in;

	if (!uuid_is_nil(u))
		*c = (struct sql_cell){ arena_copy(a, u->b, sizeof(u->b)),
			sizeof(u->b), 0 };
	return ERR_OK;
}

static enum err
uuid_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	struct uuid *u = out;

	(void)a;
	if (c->p != NULL && c->n != sizeof(u->b))
		return ERR_INTERNAL;
	if (c->p != NULL)
		memcpy(u->b, c->p, sizeof(u->b));
	return ERR_OK;
}

static enum err
text_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	const char *const *s = in;

	if (*s != NULL)
		*c = (struct sql_cell){ (const uint8_t *)arena_text(a, *s),
			strlen(*s), 0 };
	return ERR_OK;
}

static enum err
text_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	const char **s = out;

	if (c->p != NULL)
		*s = arena_text_n(a, (const char *)c->p, c->n);
	return ERR_OK;
}

static enum err
bytes_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	const struct bytes *b = in;

	if (b->p != NULL)
		*c = (struct sql_cell){ arena_copy(a, b->p, b->n), b->n, 0 };
	return ERR_OK;
}

static enum err
bytes_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	struct bytes *b = out;

	if (c->p != NULL)
		*b = (struct bytes){ arena_copy(a, c->p, c->n), c->n };
	return ERR_OK;
}

static void
cell_int(struct arena *a, int64_t v, struct sql_cell *c)
{
	uint8_t *p = arena_alloc(a, 8);

	put64(p, v);
	*c = (struct sql_cell){ p, 8, 0 };
}

static enum err
int_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	cell_int(a, *(const int64_t *)in, c);
	return ERR_OK;
}

static enum err
int_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	(void)a;
	if (c->n != 8)
		return ERR_INTERNAL; /* NULL too: int? would take it */
	*(int64_t *)out = get64(c->p);
	return ERR_OK;
}

static enum err
int_or_null_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	if (*(const int64_t *)in != INT64_MIN)
		cell_int(a, *(const int64_t *)in, c);
	return ERR_OK;
}

static enum err
int_or_null_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	if (c->p != NULL)
		return int_decode(a, c, out);
	*(int64_t *)out = INT64_MIN;
	return ERR_OK;
}

static enum err
bool_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	uint8_t *p = arena_alloc(a, 1);

	*p = *(const bool *)in;
	*c = (struct sql_cell){ p, 1, 0 };
	return ERR_OK;
}

static enum err
bool_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	(void)a;
	if (c->n != 1)
		return ERR_INTERNAL;
	*(bool *)out = c->p[0] != 0;
	return ERR_OK;
}

static enum err
time_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	int64_t micros;
	enum err r;

	if (*(const int64_t *)in == INSTANT_NONE)
		return ERR_OK;
	if ((r = sql_time_micros(*(const int64_t *)in, &micros)) == ERR_OK)
		cell_int(a, micros, c);
	return r;
}

static enum err
time_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	(void)a;
	*(int64_t *)out = INSTANT_NONE;
	if (c->p != NULL && c->n != 8)
		return ERR_INTERNAL;
	if (c->p != NULL)
		*(int64_t *)out = sql_time_seconds(get64(c->p));
	return ERR_OK;
}

static enum err
date_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	const char *const *s = in;
	int32_t days;
	uint8_t *p;
	enum err r;

	if (*s == NULL)
		return ERR_OK;
	if ((r = sql_date_days(*s, &days)) != ERR_OK)
		return r;
	p = arena_alloc(a, 4);
	put32(p, (uint32_t)days);
	*c = (struct sql_cell){ p, 4, 0 };
	return ERR_OK;
}

static enum err
date_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	char *s;
	enum err r;

	if (c->p == NULL || c->oid == OID_TEXT)
		return text_decode(a, c, out);
	if (c->n != 4)
		return ERR_INTERNAL;
	s = arena_alloc(a, DATE_TEXT_SIZE);
	if ((r = sql_date_text((int32_t)get32(c->p), s)) == ERR_OK)
		*(const char **)out = s;
	return r;
}

static enum err
json_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	const char *s = *(const char *const *)in;
	size_t n;
	uint8_t *p;

	if (s == NULL)
		return ERR_OK;
	n = strlen(s);
	p = arena_alloc(a, n + 1);
	p[0] = JSONB_VERSION;
	memcpy(p + 1, s, n);
	*c = (struct sql_cell){ p, n + 1, 0 };
	return ERR_OK;
}

static enum err
json_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	struct sql_cell text = *c;

	if (c->p == NULL || c->oid != OID_JSONB)
		return text_decode(a, c, out);
	if (c->n < 1 || c->p[0] != JSONB_VERSION)
		return ERR_INTERNAL;
	text.p++;
	text.n--;
	return text_decode(a, &text, out);
}

/* Arrays */

/* What an array's elements are, and where they stand in the list's structure:
 * all four lists are a pointer and a count. */
struct element {
	size_t size;
	Oid oid;
	encode_fn *encode;
	decode_fn *decode;
};

static const struct element uuid_element = { sizeof(struct uuid), OID_UUID,
	uuid_encode, uuid_decode };
static const struct element bytes_element = { sizeof(struct bytes), OID_BYTEA,
	bytes_encode, bytes_decode };
static const struct element int_element = { sizeof(int64_t), OID_INT8,
	int_encode, int_decode };
static const struct element text_element = { sizeof(const char *), OID_TEXT,
	text_encode, text_decode };

static void
array_header(uint8_t *p, const struct element *e, size_t n, bool nulls)
{
	put32(p, n > 0);
	put32(p + 4, nulls);
	put32(p + 8, e->oid);
	if (n > 0) {
		put32(p + 12, (uint32_t)n);
		put32(p + 16, 1);
	}
}

static enum err
array_encode(struct arena *a, const struct element *e, const void *v, size_t n,
    struct sql_cell *out)
{
	struct sql_cell *cells = arena_calloc(a, n + 1, sizeof(*cells));
	size_t i, size = n > 0 ? ARRAY_HEADER : 12;
	bool nulls = false;
	uint8_t *p, *at;
	enum err r;

	if (n > ELEMENTS_MAX)
		return ERR_INTERNAL;
	for (i = 0; i < n; i++) {
		r = e->encode(a, (const char *)v + i * e->size, &cells[i]);
		if (r != ERR_OK)
			return r;
		nulls = nulls || cells[i].p == NULL;
		size += 4 + cells[i].n;
	}
	p = arena_alloc(a, size);
	array_header(p, e, n, nulls);
	at = p + ARRAY_HEADER;
	for (i = 0; i < n; i++) {
		put32(
		    at, cells[i].p == NULL ? UINT32_MAX : (uint32_t)cells[i].n);
		at += 4;
		if (cells[i].p != NULL)
			memcpy(at, cells[i].p, cells[i].n);
		at += cells[i].n;
	}
	*out = (struct sql_cell){ p, size, 0 };
	return ERR_OK;
}

/* Takes one element off the array's bytes. */
static enum err
element_take(struct sql_cell *from, struct sql_cell *c)
{
	uint32_t n;

	if (from->n < 4)
		return ERR_INTERNAL;
	n = get32(from->p);
	from->p += 4;
	from->n -= 4;
	if (n == UINT32_MAX) {
		*c = (struct sql_cell){ NULL, 0, 0 };
		return ERR_OK;
	}
	if (n > from->n)
		return ERR_INTERNAL;
	*c = (struct sql_cell){ from->p, n, 0 };
	from->p += n;
	from->n -= n;
	return ERR_OK;
}

static enum err
array_decode(struct arena *a, const struct element *e, const struct sql_cell *c,
    void **v, size_t *count)
{
	struct sql_cell from, one;
	size_t i, n;
	char *p;
	enum err r;

	*v = NULL;
	*count = 0;
	if (c->p == NULL || (c->n == 12 && get32(c->p) == 0))
		return ERR_OK;
	if (c->n < ARRAY_HEADER || get32(c->p) != 1 ||
	    get32(c->p + 8) != e->oid)
		return ERR_INTERNAL;
	n = get32(c->p + 12);
	if (n > c->n / 4) /* each has a length of its own */
		return ERR_INTERNAL;
	from = (struct sql_cell){ c->p + ARRAY_HEADER, c->n - ARRAY_HEADER, 0 };
	p = arena_calloc(a, n, e->size);
	for (i = 0; i < n; i++)
		if ((r = element_take(&from, &one)) != ERR_OK ||
		    (r = e->decode(a, &one, p + i * e->size)) != ERR_OK)
			return r;
	*v = p;
	*count = n;
	return ERR_OK;
}

static enum err
uuids_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	const struct uuid_list *l = in;

	return array_encode(a, &uuid_element, l->v, l->n, c);
}

static enum err
uuids_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	struct uuid_list *l = out;
	void *v;
	enum err r = array_decode(a, &uuid_element, c, &v, &l->n);

	l->v = v;
	return r;
}

static enum err
bytes_list_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	const struct bytes_list *l = in;

	return array_encode(a, &bytes_element, l->v, l->n, c);
}

static enum err
bytes_list_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	struct bytes_list *l = out;
	void *v;
	enum err r = array_decode(a, &bytes_element, c, &v, &l->n);

	l->v = v;
	return r;
}

static enum err
ints_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	const struct int_list *l = in;

	return array_encode(a, &int_element, l->v, l->n, c);
}

static enum err
ints_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	struct int_list *l = out;
	void *v;
	enum err r = array_decode(a, &int_element, c, &v, &l->n);

	l->v = v;
	return r;
}

static enum err
texts_encode(struct arena *a, const void *in, struct sql_cell *c)
{
	const struct text_list *l = in;

	return array_encode(a, &text_element, l->v, l->n, c);
}

static enum err
texts_decode(struct arena *a, const struct sql_cell *c, void *out)
{
	struct text_list *l = out;
	void *v;
	enum err r = array_decode(a, &text_element, c, &v, &l->n);

	l->v = v;
	return r;
}

/* The table */

static const struct {
	Oid param;
	Oid columns[3]; /* types a column may have */
	encode_fn *encode;
	decode_fn *decode;
} types[SQL_TYPES] = {
	[SQL_UUID] = { OID_UUID, { OID_UUID }, uuid_encode, uuid_decode },
	[SQL_TEXT] = { OID_TEXT, { OID_TEXT, OID_VARCHAR }, text_encode,
	    text_decode },
	[SQL_BYTES] = { OID_BYTEA, { OID_BYTEA }, bytes_encode, bytes_decode },
	[SQL_INT] = { OID_INT8, { OID_INT8 }, int_encode, int_decode },
	[SQL_INT_OR_NULL] = { OID_INT8, { OID_INT8 }, int_or_null_encode,
	    int_or_null_decode },
	[SQL_BOOL] = { OID_BOOL, { OID_BOOL }, bool_encode, bool_decode },
	[SQL_TIME] = { OID_TIMESTAMPTZ, { OID_TIMESTAMPTZ }, time_encode,
	    time_decode },
	[SQL_DATE] = { OID_DATE, { OID_DATE, OID_TEXT }, date_encode,
	    date_decode },
	[SQL_JSON] = { OID_JSONB, { OID_JSONB, OID_JSON, OID_TEXT },
	    json_encode, json_decode },
	[SQL_INET] = { OID_TEXT, { OID_TEXT }, text_encode, text_decode },
	[SQL_UUIDS] = { OID_UUID_LIST, { OID_UUID_LIST }, uuids_encode,
	    uuids_decode },
	[SQL_BYTES_LIST] = { OID_BYTEA_LIST, { OID_BYTEA_LIST },
	    bytes_list_encode, bytes_list_decode },
	[SQL_INTS] = { OID_INT8_LIST, { OID_INT8_LIST }, ints_encode,
	    ints_decode },
	[SQL_TEXTS] = { OID_TEXT_LIST, { OID_TEXT_LIST }, texts_encode,
	    texts_decode },
	[SQL_SEALED] = { OID_BYTEA, { OID_BYTEA }, NULL, NULL },
	[SQL_SEALED_BYTES] = { OID_BYTEA, { OID_BYTEA }, NULL, NULL },
	[SQL_KEY] = { 0, { 0 }, NULL, NULL },
};

Oid
sql_param_oid(enum sql_type t)
{
	return types[t].param;
}

bool
sql_column_fits(enum sql_type t, int place, Oid oid)
{
	static const enum sql_type key[] = { SQL_UUID, SQL_INT, SQL_BYTES };
	int i;

	if (t == SQL_KEY)
		t = key[place];
	for (i = 0; i < 3; i++)
		if (types[t].columns[i] != 0 && types[t].columns[i] == oid)
			return true;
	return false;
}

enum err
sql_value_encode(
    struct arena *a, enum sql_type t, const void *in, struct sql_cell *c)
{
	*c = (struct sql_cell){ NULL, 0, 0 };
	return types[t].encode(a, in, c);
}

enum err
sql_value_decode(
    struct arena *a, enum sql_type t, const struct sql_cell *c, void *out)
{
	return types[t].decode(a, c, out);
}

int64_t
sql_cell_int(const struct sql_cell *c)
{
	return c->n == 8 ? get64(c->p) : INT64_MIN;
}
