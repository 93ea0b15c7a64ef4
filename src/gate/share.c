#include "gate/share.h"

#include "base/conf.h"
#include "data/db.h"
#include "gate/route.h"

enum err
share_take(struct op *op)
{
	const int64_t whole = conf()->request_seconds * 1000,
		      search = conf()->search_seconds * 1000;

	if ((op->route->traits & TRAIT_SEARCHES) == 0)
		return ERR_OK;
	return tx_search(op->tx, search < whole ? search : whole);
}

enum err
share_outcome(const struct op *op, enum err r)
{
	return op->route != NULL && (op->route->traits & TRAIT_SEARCHES) != 0 &&
		(r == ERR_BUSY || r == ERR_UNAVAILABLE) && db_ready()
	    ? ERR_TOO_BROAD
	    : r;
}
