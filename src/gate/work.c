#include "gate/work.h"

#include "base/conf.h"
#include "gate/idempotency.h"
#include "gate/right.h"
#include "gate/route.h"

#include <string.h>

/* The first part of a table, while an error can still be the answer. */
static enum err
part_first(struct op *op)
{
	struct table *t = &op->table;

	return t->next == NULL ? ERR_OK : t->next(op, t->state, &op->part);
}

/*= AZ-09: what is grave needs a fresh factor. It is looked at when the operation has
 * found what it is about, so that what is not there is 404 for everybody; what it
 * did so far is rolled back. */
static enum err
fresh_check(const struct op *op)
{
	return (op->route->traits & TRAIT_FRESH) == 0 ? ERR_OK : op_step_up(op);
}

static enum err
work(struct op *op)
{
	enum err r;

	/* it holds no connection while it waits for its turn to hash */
	if ((op->route->traits & TRAIT_HASHES) != 0)
		op->deadline_ms = op->rq->started_ms +
		    conf()->sign_in_seconds * 1000;
	if ((r = op->route->run(op)) != ERR_OK ||
	    (r = fresh_check(op)) != ERR_OK || (r = part_first(op)) != ERR_OK)
		return r;
	right_tell(op);
	if (op->join != NULL)
		memcpy(op->join->address, op->rq->address,
		    sizeof(op->join->address));
	return idempotency_keep(op);
}

/* The key's question travels with the first of the work. If it was known, what
 * the work came to counts for nothing. */
enum err
work_run(struct passage *p)
{
	struct op *op = &p->op;
	struct tx_call *key;
	bool done, fresh;
	enum err r, known;

	if (p->repeated) {
		if ((r = idempotency_replay(op, &done)) != ERR_OK)
			return r;
		return done ? fresh_check(op) : work(op);
	}
	if ((r = idempotency_send(op, &key)) != ERR_OK)
		return r;
	r = work(op);
	known = idempotency_fresh(op, key, &fresh);
	p->repeated = !fresh;
	if (!fresh)
		return ERR_ALREADY_DONE;
	return r != ERR_OK ? r : known;
}
