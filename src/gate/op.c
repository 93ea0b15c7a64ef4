#include "gate/op.h"

#include "base/crypto.h"
#include "base/instant.h"
#include "base/keyring.h"
#include "base/secret.h"
#include "base/text.h"
#include "gate/cursor.h"
#include "gate/surface.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

enum err
op_refuse(struct op *op, enum err e, const char *field)
{
	op->culprit = field;
	return e;
}

enum err
op_step_up(const struct op *op)
{
	return op->who.step_up_until > op->now ? ERR_OK : ERR_STEP_UP_REQUIRED;
}

static json_t *
in_value(const struct op *op, const char *name)
{
	json_t *v = json_object_get(op->in, name);

	return json_is_null(v) ? NULL : v;
}

const char *
in_text(const struct op *op, const char *name)
{
	return json_string_value(in_value(op, name));
}

struct uuid
in_uuid(const struct op *op, const char *name)
{
	const char *text = in_text(op, name);
	struct uuid id = { { 0 } };

	if (text == NULL || uuid_parse(text, &id) != ERR_OK)
		return (struct uuid){ { 0 } };
	return id;
}

int64_t
in_time(const struct op *op, const char *name)
{
	return in_int(op, name, INSTANT_NONE);
}

int64_t
in_int(const struct op *op, const char *name, int64_t otherwise)
{
	json_t *v = in_value(op, name);

	return json_is_integer(v) ? json_integer_value(v) : otherwise;
}

bool
in_bool(const struct op *op, const char *name, bool otherwise)
{
	json_t *v = in_value(op, name);

	return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

bool
in_has(const struct op *op, const char *name)
{
	return json_object_get(op->in, name) != NULL;
}

json_t *
uuid_json(const struct uuid *id)
{
	char text[UUID_TEXT_SIZE];

	if (uuid_is_nil(id))
		return json_null();
	uuid_text(id, text);
	return json_string(text);
}

json_t *
time_json(int64_t t)
{
	char text[INSTANT_TEXT_SIZE];

	if (t == INSTANT_NONE)
		return json_null();
	instant_text(t, text);
	return json_string(text);
}

json_t *
text_json(const char *text)
{
	return text == NULL ? json_null() : json_string(text);
}

enum err
op_list(struct op *op, json_t *items, json_t *next)
{
	json_t *cursor = json_null();
	enum err r = ERR_OK;

	if (next != NULL)
		r = cursor_seal(op, next, &cursor);
	op->out = surface_of(op->rq)->list(
	    items, r == ERR_OK ? cursor : json_null());
	json_decref(next);
	return op->out != NULL ? r : ERR_INTERNAL;
}

void
op_returned(struct op *op, const struct uuid *id)
{
	struct uuid *grown;
	size_t n = op->note.returned_n;

	if ((n & (n - 1)) == 0) { /* full at every power of two */
		grown = arena_calloc(
		    op->arena, n == 0 ? 1 : n * 2, sizeof(*grown));
		if (n > 0)
			memcpy(grown, op->note.returned, n * sizeof(*grown));
		op->note.returned = grown;
	}
	op->note.returned[op->note.returned_n++] = *id;
}

void
op_returned_once(struct op *op, const struct uuid *id)
{
	size_t i;

	for (i = 0; i < op->note.returned_n; i++)
		if (uuid_equal(&op->note.returned[i], id))
			return;
	op_returned(op, id);
}

struct tx *
op_side_tx(struct op *op)
{
	struct tx *tx = tx_new(op->arena, op->deadline_ms);
	const struct uuid *clinic = uuid_is_nil(&op->who.clinic)
	    ? &op->note.clinic
	    : &op->who.clinic;

	if (!uuid_is_nil(clinic))
		tx_set_clinic(tx, clinic);
	return tx;
}

static enum err
context_begin(
    struct op *op, const struct uuid *clinic, const struct uuid *account)
{
	struct context_set_in in = { *clinic, *account };

	tx_set_clinic(op->tx, clinic);
	return sql_context_set(op->tx, &in);
}

enum err
op_release(struct op *op)
{
	enum err r = tx_commit(op->tx);

	return r == ERR_OK ? op_renew(op) : r;
}

enum err
op_renew(struct op *op)
{
	const struct actor *who = &op->who;

	tx_close(op->tx);
	op->tx = tx_new(op->arena, op->deadline_ms);
	if (!uuid_is_nil(&who->clinic))
		return context_begin(op, &who->clinic, &who->account);
	if (!uuid_is_nil(&op->note.clinic))
		return context_begin(op, &op->note.clinic, &op->note.actor);
	return ERR_OK;
}

enum err
op_assume(struct op *op, const struct uuid *clinic, const struct uuid *account,
    enum role role)
{
	op->note.clinic = *clinic;
	op->note.actor = *account;
	op->note.role = role;
	return context_begin(op, clinic, account);
}
