#include "data/sql_row.h"

#include "base/log.h"
#include "data/record_key.h"
#include "data/sql_value.h"

#include <limits.h>
#include <string.h>

int
sql_item_columns(const struct sql_item *it)
{
	return it->type == SQL_KEY ? 3 : 1;
}

static bool
is_sealed(const struct sql_item *it)
{
	return it->type == SQL_SEALED || it->type == SQL_SEALED_BYTES;
}

static struct bytes
plain_of(const struct sql_item *it, const char *in)
{
	const char *text;

	if (it->type == SQL_SEALED_BYTES)
		return *(const struct bytes *)(in + it->at);
	text = *(const char *const *)(in + it->at);
	return (struct bytes){ (const uint8_t *)text,
		text == NULL ? 0 : strlen(text) };
}

static enum err
sealed_encode(struct arena *a, const struct sql_item *it, const char *in,
    struct sql_cell *c)
{
	const struct bytes plain = plain_of(it, in);
	const struct record_key *key = *(
	    const struct record_key *const *)(in + it->key);
	const struct uuid *row = (const struct uuid *)(in + it->row);
	struct bytes sealed;
	enum err r;

	if (plain.p == NULL)
		return ERR_OK;
	if (key == NULL || uuid_is_nil(row))
		return ERR_INTERNAL;
	r = field_seal(a, key, it->field, row, plain, &sealed);
	if (r == ERR_OK)
		*c = (struct sql_cell){ sealed.p, sealed.n, 0 };
	return r;
}

/*= EN-03: whatever is sealed is counted, in whichever statement it is */
static void
seal_note(struct sql_params *ps, const struct sql_item *it, const char *in)
{
	ps->key = *(const struct record_key *const *)(in + it->key);
	ps->seals++;
}

enum err
sql_encode(struct arena *a, const struct statement *st, const void *in,
    struct sql_params *ps)
{
	const struct sql_item *it;
	struct sql_cell c;
	enum err r;

	*ps = (struct sql_params){ .key = NULL };

	ps->value = arena_calloc(a, st->n_in + 1, sizeof(*ps->value));
	ps->length = arena_calloc(a, st->n_in + 1, sizeof(*ps->length));
	ps->format = arena_calloc(a, st->n_in + 1, sizeof(*ps->format));
	for (it = st->in; it < st->in + st->n_in; it++) {
		if (it->type == SQL_KEY)
			continue;
		c = (struct sql_cell){ NULL, 0, 0 };
		if (is_sealed(it))
			r = sealed_encode(a, it, in, &c);
		else
			r = sql_value_encode(
			    a, it->type, (const char *)in + it->at, &c);
		if (is_sealed(it) && c.p != NULL)
			seal_note(ps, it, in);
		if (r == ERR_OK && c.n > INT_MAX / 2)
			r = ERR_INTERNAL;
		if (r != ERR_OK)
			return r;
		ps->value[ps->n] = (const char *)c.p;
		ps->length[ps->n] = (int)c.n;
		ps->format[ps->n++] = 1;
	}
	return ERR_OK;
}

static struct sql_cell
cell_of(const PGresult *res, int row, int column)
{
	if (PQgetisnull(res, row, column))
		return (struct sql_cell){ NULL, 0, 0 };
	return (struct sql_cell){ (const uint8_t *)PQgetvalue(res, row, column),
		(size_t)PQgetlength(res, row, column), PQftype(res, column) };
}

/* What was looked for in vain is damaged. */
static enum err
keys_judge(const struct row_keys *keys, enum err r)
{
	const struct key_missing *m = &keys->missing;
	size_t i;

	for (i = 0; r == ERR_NOT_FOUND && i < keys->gone_n; i++)
		if (keys->gone[i].class.class == m->class.class &&
		    keys->gone[i].class.version == m->class.version &&
		    keys->gone[i].version == m->version &&
		    uuid_equal(&keys->gone[i].class.clinic, &m->class.clinic) &&
		    uuid_equal(&keys->gone[i].subject, &m->subject))
			return ERR_CRYPTO;
	return r;
}

/* Subject, version and wrapped key. Where no key is, the record was shredded;
 * where no subject is, there is none (an outer join). */
static enum err
key_decode(struct tx *tx, const struct sql_item *it, const PGresult *res,
    int row, int column, char *out, struct row_keys *keys)
{
	const struct record_key **key = (const struct record_key **)(out +
	    it->at);
	struct sql_cell subject = cell_of(res, row, column);
	struct sql_cell version = cell_of(res, row, column + 1);
	struct sql_cell wrapped = cell_of(res, row, column + 2);
	struct uuid who;
	int64_t v;
	enum err r;

	*key = NULL;
	if (wrapped.p == NULL)
		return ERR_OK;
	v = sql_cell_int(&version);
	if (subject.n != sizeof(who.b) || v == INT64_MIN)
		return ERR_INTERNAL;
	memcpy(who.b, subject.p, sizeof(who.b));
	if (v < 1 || v > UINT32_MAX)
		return ERR_CRYPTO;
	r = record_key_open(tx, it->class, &who, (uint32_t)v,
	    (struct bytes){ wrapped.p, wrapped.n }, key, &keys->missing);
	r = keys_judge(keys, r);
	return r == ERR_CRYPTO && it->spare ? ERR_OK : r;
}

/* Is what the key seals left out if it does not open? */
static bool
key_spare(const struct statement *st, size_t at)
{
	const struct sql_item *it;

	for (it = st->out; it < st->out + st->n_out; it++)
		if (it->type == SQL_KEY && it->at == at)
			return it->spare;
	return false;
}

/*= EN-04, EN-05, IN-01: what does not open is an event and gives no text */
static enum err
sealed_decode(struct tx *tx, const struct sql_item *it, struct sql_cell c,
    char *out, struct row_keys *keys)
{
	const struct record_key *key = *(
	    const struct record_key *const *)(out + it->key);
	const struct uuid *row = (const struct uuid *)(out + it->row);
	const struct bytes sealed = { c.p, c.n };
	struct bytes plain;
	enum err r;

	if (c.p == NULL || key == NULL)
		return ERR_OK;
	r = record_key_for(tx, it->field, sealed, &key, &keys->missing);
	if ((r = keys_judge(keys, r)) != ERR_OK)
		return r;
	r = field_open(tx_arena(tx), key, it->field, row, sealed, &plain);
	if (r == ERR_OK && it->type == SQL_SEALED_BYTES)
		*(struct bytes *)(out + it->at) = plain;
	else if (r == ERR_OK)
		*(const char **)(out + it->at) = (const char *)plain.p;
	else
		log_error("sealed_value_refused",
		    LOG_CODE("field", field_stored(it->field)),
		    LOG_ID("row", row));
	return r;
}

/* Sealed columns last: keys and row ids stand anywhere in the list. */
enum err
sql_decode(struct tx *tx, const struct statement *st, const PGresult *res,
    int row, void *out, struct row_keys *keys)
{
	const struct sql_item *it, *end = st->out + st->n_out;
	struct sql_cell c;
	int column = 0;
	enum err r = ERR_OK;

	memset(out, 0, st->row_size);
	for (it = st->out; r == ERR_OK && it < end; it++) {
		c = cell_of(res, row, column);
		if (it->type == SQL_KEY)
			r = key_decode(tx, it, res, row, column, out, keys);
		else if (!is_sealed(it))
			r = sql_value_decode(
			    tx_arena(tx), it->type, &c, (char *)out + it->at);
		if (r == ERR_INTERNAL)
			log_error("db_value_refused",
			    LOG_CODE("statement", st->name),
			    LOG_CODE("column", it->name));
		column += sql_item_columns(it);
	}
	column = 0;
	for (it = st->out; r == ERR_OK && it < end; it++) {
		if (is_sealed(it))
			r = sealed_decode(
			    tx, it, cell_of(res, row, column), out, keys);
		if (r == ERR_CRYPTO && key_spare(st, it->key))
			r = ERR_OK;
		column += sql_item_columns(it);
	}
	return r;
}
