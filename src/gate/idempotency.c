#include "gate/idempotency.h"

#include "base/crypto.h"
#include "base/secret.h"
#include "base/text.h"
#include "gate/cursor.h"
#include "gate/route.h"
#include "sql.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAX 64

static bool
applies(const struct op *op)
{
	return (op->route->traits & TRAIT_CREATES) != 0 &&
	    op->rq->idempotency_key != NULL;
}

static enum err
replay(struct op *op, const struct idempotency_take_row *row)
{
	struct bytes answer;
	enum err r;

	if ((r = answer_open(op, op->rq->idempotency_key, row->answer,
		 &answer)) != ERR_OK ||
	    (r = shape_parse(answer, &op->out)) != ERR_OK)
		return r;
	op->status = (int)row->status;
	return ERR_OK;
}

enum err
idempotency_take(struct op *op, bool *replayed)
{
	struct idempotency_take_row row;
	uint8_t hash[32];
	size_t n;
	enum err r;

	*replayed = false;
	if (!applies(op))
		return ERR_OK;
	n = strlen(op->rq->idempotency_key);
	if (n == 0 || n > KEY_MAX ||
	    !text_utf8_valid(op->rq->idempotency_key, n))
		return op_refuse(op, ERR_INVALID_FIELD, "Idempotency-Key");
	if ((r = crypto_sha256(op->rq->body, hash)) != ERR_OK)
		return r;
	struct idempotency_take_in in = { op->who.account, op->route->operation,
		op->rq->idempotency_key, { hash, sizeof(hash) } };
	if ((r = sql_idempotency_take(op->tx, &in, &row)) != ERR_OK)
		return r;
	if (row.fresh)
		return ERR_OK;
	if (row.request_hash.n != sizeof(hash) ||
	    !secret_equal(row.request_hash.p, hash, sizeof(hash)))
		return op_refuse(op, ERR_KEY_REUSED, "Idempotency-Key");
	*replayed = true;
	return replay(op, &row);
}

enum err
idempotency_keep(struct op *op)
{
	struct idempotency_finish_in in = { op->who.account,
		op->route->operation, op->rq->idempotency_key, 201,
		{ NULL, 0 } };
	char *text;
	enum err r;

	if (!applies(op))
		return ERR_OK;
	if ((text = json_dumps(op->out, JSON_COMPACT)) == NULL)
		return ERR_INTERNAL;
	r = answer_seal(op, op->rq->idempotency_key,
	    (struct bytes){ (uint8_t *)text, strlen(text) }, &in.answer);
	secret_wipe(text, strlen(text));
	free(text);
	return r == ERR_OK ? sql_idempotency_finish(op->tx, &in) : r;
}
