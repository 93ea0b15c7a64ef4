#include "gate/idempotency.h"

#include "base/crypto.h"
#include "base/keyring.h"
#include "base/secret.h"
#include "base/text.h"
#include "gate/cursor.h"
#include "gate/route.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAX 64 /* characters */

static bool
applies(const struct op *op)
{
	return (op->route->traits & TRAIT_CREATES) != 0 &&
	    op->rq->idempotency_key != NULL;
}

static struct uuid
id_of(const json_t *kept, const char *name)
{
	const char *text = json_string_value(json_object_get(kept, name));
	struct uuid id;

	return text != NULL && uuid_parse(text, &id) == ERR_OK
	    ? id
	    : (struct uuid){ { 0 } };
}

/* The answer as it was, its ETag too; the audit row names the same record and
 * purpose. */
static enum err
replay(struct op *op, const struct idempotency_take_row *row)
{
	struct bytes answer;
	json_t *kept;
	enum err r;

	if ((r = answer_open(op, op->rq->idempotency_key, row->answer,
		 &answer)) != ERR_OK ||
	    (r = shape_parse(answer, &kept)) != ERR_OK)
		return r;
	op->status = (int)row->status;
	op->out = json_incref(json_object_get(kept, "out"));
	op->version = json_integer_value(json_object_get(kept, "version"));
	op->note.record = id_of(kept, "record");
	op->note.patient = id_of(kept, "patient");
	op->note.emergency = json_is_true(json_object_get(kept, "emergency"));
	json_decref(kept);
	return op->out != NULL ? ERR_OK : ERR_CRYPTO;
}

/*= EN-09: what a client wrote is kept as a keyed hash alone. Bound to the
 * actor and the call, so that equal requests of two people look different. */
static enum err
hash_keyed(
    struct op *op, const char *purpose, struct bytes in, uint8_t hash[32])
{
	const char *call = op->route->operation;
	size_t call_n = strlen(call) + 1; /* its NUL parts it from the rest */
	size_t head = sizeof(op->who.account) + call_n;
	uint8_t key[CRYPTO_KEY_SIZE],
	    *all = arena_alloc(op->arena, head + in.n);
	enum err r;

	memcpy(all, &op->who.account, sizeof(op->who.account));
	memcpy(all + sizeof(op->who.account), call, call_n);
	if (in.n > 0)
		memcpy(all + head, in.p, in.n);
	if ((r = keyring_purpose_key(purpose, key)) == ERR_OK)
		r = crypto_hmac_sha256((struct bytes){ key, sizeof(key) },
		    (struct bytes){ all, head + in.n }, hash);
	secret_wipe(key, sizeof(key));
	return r;
}

static enum err
key_hash(struct op *op, uint8_t hash[32])
{
	const char *key = op->rq->idempotency_key;

	return hash_keyed(op, "idempotency key",
	    (struct bytes){ (const uint8_t *)key, strlen(key) }, hash);
}

/* What was asked: to which address, and what stood in the body. An address
 * may name whose record it is about. */
static enum err
request_hash(struct op *op, uint8_t hash[32])
{
	const struct request *rq = op->rq;
	size_t path_n = strlen(rq->path) + 1; /* its NUL parts the two */
	uint8_t *both = arena_alloc(op->arena, path_n + rq->body.n);

	memcpy(both, rq->path, path_n);
	if (rq->body.n > 0)
		memcpy(both + path_n, rq->body.p, rq->body.n);
	return hash_keyed(op, "idempotency request",
	    (struct bytes){ both, path_n + rq->body.n }, hash);
}

static bool
key_is_right(const char *key)
{
	size_t n = strlen(key);

	return n > 0 && text_utf8_valid(key, n) &&
	    text_code_points(key) <= KEY_MAX;
}

/* What a key is asked by, with its hashes. */
struct key_question {
	struct idempotency_take_in in;
	uint8_t key[32], request[32];
};

static enum err
question_make(struct op *op, struct key_question *q)
{
	enum err r;

	if (!key_is_right(op->rq->idempotency_key))
		return op_refuse(op, ERR_INVALID_FIELD, "Idempotency-Key");
	if ((r = key_hash(op, q->key)) != ERR_OK ||
	    (r = request_hash(op, q->request)) != ERR_OK)
		return r;
	q->in = (struct idempotency_take_in){ op->who.account,
		op->route->operation, { q->key, sizeof(q->key) },
		{ q->request, sizeof(q->request) } };
	return ERR_OK;
}

enum err
idempotency_send(struct op *op, struct tx_call **call)
{
	struct key_question q;
	enum err r;

	*call = NULL;
	if (!applies(op))
		return ERR_OK;
	r = question_make(op, &q);
	return r != ERR_OK ? r : sql_idempotency_take_send(op->tx, &q.in, call);
}

enum err
idempotency_fresh(struct op *op, struct tx_call *call, bool *fresh)
{
	struct idempotency_take_row row;
	enum err r;

	*fresh = true;
	if (call == NULL)
		return ERR_OK;
	if ((r = sql_idempotency_take_take(op->tx, call, &row)) == ERR_OK)
		*fresh = row.fresh;
	return r;
}

enum err
idempotency_replay(struct op *op, bool *replayed)
{
	struct idempotency_take_row row;
	struct key_question q;
	enum err r;

	*replayed = false;
	if ((r = question_make(op, &q)) != ERR_OK ||
	    (r = sql_idempotency_take(op->tx, &q.in, &row)) != ERR_OK)
		return r;
	if (row.fresh)
		return ERR_OK;
	if (row.request_hash.n != sizeof(q.request) ||
	    !secret_equal(row.request_hash.p, q.request, sizeof(q.request)))
		return op_refuse(op, ERR_KEY_REUSED, "Idempotency-Key");
	*replayed = true;
	return replay(op, &row);
}

/* The text to keep, NULL if there is no memory. */
static char *
answer_text(struct op *op)
{
	json_t *kept = json_pack("{s:O, s:I, s:o, s:o, s:b}", "out", op->out,
	    "version", (json_int_t)op->version, "record",
	    uuid_json(&op->note.record), "patient",
	    uuid_json(&op->note.patient), "emergency", op->note.emergency);
	char *text = kept == NULL ? NULL : json_dumps(kept, JSON_COMPACT);

	json_decref(kept);
	return text;
}

enum err
idempotency_keep(struct op *op)
{
	uint8_t key[32];
	struct idempotency_finish_in in = { op->who.account,
		op->route->operation, { key, sizeof(key) }, 201, { NULL, 0 } };
	char *text;
	enum err r;

	if (!applies(op))
		return ERR_OK;
	if ((r = key_hash(op, key)) != ERR_OK)
		return r;
	if ((text = answer_text(op)) == NULL)
		return ERR_INTERNAL;
	r = answer_seal(op, op->rq->idempotency_key,
	    (struct bytes){ (uint8_t *)text, strlen(text) }, &in.answer);
	secret_wipe(text, strlen(text));
	free(text);
	return r == ERR_OK ? sql_idempotency_finish(op->tx, &in) : r;
}
