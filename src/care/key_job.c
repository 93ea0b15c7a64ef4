/* Keys turn without anybody's doing: class keys when they are old enough, and the
 * record keys are wrapped anew under the newest, a bounded number at a time. */
#include "base/conf.h"
#include "base/fiber.h"
#include "base/instant.h"
#include "base/log.h"
#include "care/jobs.h"
#include "data/key_turn.h"
#include "data/record_key.h"
#include "sql.h"

#define BATCH	      500  /* record keys: some hundredths of a second */
#define REST_MS	      1000 /* at most, and while others hold what is left */
#define SECONDS_A_DAY INT64_C(86400)

/* What the last batch of this process took: the next one waits as long, so that
 * the database has half its time for those who work. */
static int64_t rest_ms;

/* In nobody's way: without a connection or a lock. */
static enum err
rest(struct op *op)
{
	enum err r;

	if (rest_ms == 0)
		return ERR_OK;
	if ((r = op_release(op)) == ERR_OK)
		fiber_sleep(rest_ms < REST_MS ? rest_ms : REST_MS);
	return r;
}

/* Up to the first class of which something could be done: what does not open in
 * one holds up no other. */
static enum err
batch(struct op *op, struct keys_rewrapped *done)
{
	struct keys_rewrapped one;
	unsigned c;
	enum err r;

	for (c = 0; c < KEY_CLASS_COUNT && done->n == 0; c++) {
		if (!key_class_wraps((enum key_class)c))
			continue;
		r = record_keys_rewrap(op->tx, (enum key_class)c, BATCH, &one);
		if (r != ERR_OK)
			return r;
		done->n += one.n;
		done->closed += one.closed;
		done->left |= one.left;
	}
	return ERR_OK;
}

/*= EN-07: how far it is stands in the rows themselves: killed at any point, or
 * done by two at once, it goes on with those that are left */
enum err
key_rewrap(struct op *op)
{
	struct keys_rewrapped done = { 0 };
	int64_t from;
	enum err r;

	if ((r = rest(op)) != ERR_OK)
		return r;
	from = instant_monotonic();
	r = batch(op, &done);
	op->job->again = done.left || done.n > 0;
	rest_ms = !op->job->again ? 0
	    : done.n == 0	  ? REST_MS
				  : instant_monotonic() - from + 1;
	if (r == ERR_OK && done.n == 0 && done.closed > 0) {
		op->job->final = true; /* all that is left does not open */
		return ERR_CRYPTO;
	}
	return r;
}

static enum err
class_turn(struct op *op, enum key_class class, int64_t *turned)
{
	struct class_key_id id = { op->job->clinic, class, 0 };
	const struct class_key_age_in in = { key_class_name(class) };
	struct class_key_age_row age;
	enum err r;

	if ((r = sql_class_key_age(op->tx, &in, &age)) != ERR_OK)
		return r;
	if (age.seconds < conf()->key_days * SECONDS_A_DAY)
		return ERR_OK;
	id.version = (uint32_t)age.version + 1;
	r = class_key_make(op->tx, &id);
	*turned += r == ERR_OK;
	return r == ERR_ALREADY_DONE ? ERR_OK : r;
}

/*= EN-07: SP 800-57: a key that wraps is not used for more than so long */
enum err
key_turn(struct op *op)
{
	const struct job_new rewrap = { 0 };
	struct uuid id;
	int64_t turned = 0;
	unsigned c;
	enum err r = ERR_OK;

	if (conf()->key_days == 0)
		return ERR_OK;
	for (c = 0; r == ERR_OK && c < KEY_CLASS_COUNT; c++)
		if (key_class_wraps((enum key_class)c))
			r = class_turn(op, (enum key_class)c, &turned);
	if (r == ERR_OK && turned > 0)
		r = job_add(op, JOB_key_rewrap, &rewrap, &id);
	return r;
}

/* Counts what each key has sealed, and asks for what is due: for a turn, and for
 * what was written under an older key by those who began before one. */
enum err
key_watch(struct op *op)
{
	const char *names[KEY_CLASS_COUNT];
	struct keys_watch_in in = { conf()->key_days, { names, 0 } };
	struct keys_watch_row row = { 0 };
	unsigned c;
	enum err r;

	for (c = 0; c < KEY_CLASS_COUNT; c++)
		if (key_class_wraps((enum key_class)c))
			names[in.classes.n++] = key_class_name(
			    (enum key_class)c);
	r = sql_keys_watch(op->tx, &in, &row);
	/*= EN-03: a record key refuses at 2^32; this is half of it */
	if (r == ERR_OK && row.worn > 0)
		log_warn("record_keys_worn", LOG_NUM("keys", row.worn));
	return r;
}
