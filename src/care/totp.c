#include "care/totp.h"

#include "base/factor.h"
#include "base/text.h"
#include "care/attempt.h"
#include "sql.h"

enum err
totp_step(struct op *op, const char *stored, int64_t window, int64_t last_step,
    int64_t *step)
{
	uint8_t *seed;
	char *code;
	size_t n;
	enum err r;

	if (stored == NULL)
		return op_refuse(op, ERR_INVALID_CODE, "code");
	r = text_base64url_decode(op->arena, stored, &seed, &n);
	if (r != ERR_OK || n != FACTOR_SEED_SIZE)
		return ERR_CRYPTO; /* it opened, but is not a seed */
	if ((r = text_alnum(op->arena, in_text(op, "code"), &code)) != ERR_OK)
		return op_refuse(op, r, "code");
	r = factor_totp_step(
	    seed, code, op->now, (unsigned)window, last_step, step);
	return r == ERR_INVALID_CODE ? op_refuse(op, r, "code") : r;
}

/*= IA-05: one conditional update decides who used the code */
static enum err
step_take(struct op *op, int64_t step)
{
	struct totp_step_take_in in = { op->who.account, step };
	int64_t n;
	enum err r;

	if ((r = sql_totp_step_take(op->tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : op_refuse(op, ERR_INVALID_CODE, "code");
}

enum err
totp_use(struct op *op)
{
	struct account_factor_in in = { op->who.account };
	struct account_factor_row row;
	int64_t step = -1; /* which nobody may take */
	enum err r;

	if ((r = attempt_take_own(op, "totp")) != ERR_OK ||
	    (r = sql_account_factor(op->tx, &in, &row)) != ERR_OK ||
	    (r = totp_step(op, row.totp_seed, row.window, row.last_step,
		 &step)) != ERR_OK ||
	    (r = step_take(op, step)) != ERR_OK)
		return r;
	return attempt_forget(op, &op->who.account, "totp");
}
