#include "gate/rate.h"

#include "base/conf.h"
#include "base/network.h"
#include "gate/limit.h"
#include "gate/route.h"

#include <stdio.h>
#include <string.h>

#define FILES_OF_PAGE 10 /* that a browser asks for, roughly */

/* Clients without an address share one bucket. */
static enum err
take_address(struct op *op, const char *what, int64_t per_minute)
{
	const char *text = op->rq->address;
	struct address a = { { 0 } };
	enum err r;

	if (address_read(text, strlen(text), &a) != ERR_OK)
		memset(&a, 0, sizeof(a));
	r = limit_take_address(&a, what, per_minute, &op->retry_after_s);
	op->over_rate = r != ERR_OK;
	return r;
}

enum err
rate_address(struct op *op)
{
	return take_address(op, "address", conf()->requests_per_minute);
}

enum err
rate_sign_in(struct op *op)
{
	return op->route->open == OPEN_PUBLIC
	    ? take_address(op, "sign-in", conf()->sign_ins_per_minute)
	    : ERR_OK;
}

/*= IA-09: of one address, to however many mailboxes */
enum err
rate_reset(struct op *op)
{
	return take_address(op, "reset", conf()->resets_per_minute);
}

enum err
rate_page(struct op *op)
{
	return take_address(
	    op, "page", FILES_OF_PAGE * conf()->requests_per_minute);
}

enum err
rate_actor(struct op *op)
{
	struct {
		struct uuid account;
		char operation[32];
	} key = { op->who.account, "" };
	const int64_t all = conf()->requests_per_minute;
	enum err r;

	r = limit_take(&key, sizeof(key), all, &op->retry_after_s);
	if (r == ERR_OK) {
		snprintf(key.operation, sizeof(key.operation), "%s",
		    op->route->operation);
		r = limit_take(&key, sizeof(key), all / 2, &op->retry_after_s);
	}
	op->over_rate = r != ERR_OK;
	return r;
}
