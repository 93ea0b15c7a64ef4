/* What a clinic charges, and when it wants it. */
#include "care/fee.h"

#include "care/operations.h"
#include "gate/member.h"
#include "sql.h"

#include <inttypes.h>
#include <string.h>

#define FEES_MAX 100
#define PAY_WHEN "before|check_in|after"

static const struct currency {
	const char *code;
	int digits; /* of its minor unit */
	int64_t step;
} currencies[] = {
#define CURRENCY(code, digits, step) { #code, digits, step },
#include "tables/currencies.def"
#undef CURRENCY
};

/* "|AED|ARS|…" */
#define CURRENCY(code, digits, step) "|" #code
static const char CODES[] =
#include "tables/currencies.def"
    ;
#undef CURRENCY

#define CURRENCIES (sizeof(currencies) / sizeof(currencies[0]))

/* The list as it is answered. */
struct fees {
	const char *pay_when;
	struct row_list items;
};

static const struct shape fee_out[] = {
	SHOWN(fee_list_row, code, SH_TEXT, 1, 40),
	SHOWN(fee_list_row, title, SH_TEXT, 1, 100),
	SHOWN(fee_list_row, amount_minor, SH_INT, 1, FEE_MOST),
	SHOWN(fee_list_row, currency, SH_TEXT, 3, 3),
	{ 0 },
};

const struct shape fee_list_out[] = {
	SHOWN(fees, items, SH_LIST, 0, FEES_MAX, .inner = fee_out),
	NO_NEXT_PAGE,
	SHOWN(fees, pay_when, SH_CHOICE, .choices = PAY_WHEN),
	{ 0 },
};

static const struct shape fee_in[] = {
	{ "code", SH_TEXT, 1, 40, .flags = SH_REQUIRED },
	{ "title", SH_TEXT, 1, 100, .flags = SH_REQUIRED },
	{ "amount_minor", SH_INT, 1, FEE_MOST, .flags = SH_REQUIRED },
	{ "currency", SH_CHOICE, .choices = &CODES[1], .flags = SH_REQUIRED },
	{ 0 },
};

const struct shape fee_patch_in[] = {
	{ "items", SH_LIST, 0, FEES_MAX, .inner = fee_in },
	{ "pay_when", SH_CHOICE, .choices = PAY_WHEN },
	{ 0 },
};

enum err
fee_list(struct op *op)
{
	struct fee_policy_row policy;
	struct fee_list_row *rows;
	struct fees f = { .items.size = sizeof(*rows) };
	enum err r;

	if ((r = sql_fee_policy(op->tx, &policy)) != ERR_OK ||
	    (r = sql_fee_list(op->tx, &rows, &f.items.n)) != ERR_OK)
		return r;
	f.items.v = rows;
	f.pay_when = policy.pay_when;
	op->version = policy.version;
	op->note.record = op->who.clinic;
	return op_answer(op, &f);
}

static const struct currency *
currency_find(const char *code)
{
	size_t i;

	for (i = 0; i < CURRENCIES; i++)
		if (strcmp(currencies[i].code, code) == 0)
			return &currencies[i];
	return NULL;
}

const char *
money_text(struct arena *a, int64_t minor, const char *currency)
{
	const struct currency *money = currency_find(currency);
	const int digits = money == NULL ? 0 : money->digits;
	int64_t unit = 1;
	int i;

	for (i = 0; i < digits; i++)
		unit *= 10;
	if (digits == 0)
		return arena_format(a, "%" PRId64 " %s", minor, currency);
	return arena_format(a, "%" PRId64 ".%0*" PRId64 " %s", minor / unit,
	    digits, minor % unit, currency);
}

/* The columns of a list, as queries take them. */
struct columns {
	const char **codes, **titles, **currencies;
	int64_t *amounts;
	size_t n;
};

static const char *
member_text(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static enum err
fee_read(struct op *op, const json_t *o, struct columns *c)
{
	const struct currency *money;
	size_t i;

	c->codes[c->n] = member_text(o, "code");
	c->titles[c->n] = member_text(o, "title");
	c->currencies[c->n] = member_text(o, "currency");
	c->amounts[c->n] = json_integer_value(
	    json_object_get(o, "amount_minor"));
	money = currency_find(c->currencies[c->n]);
	if (money == NULL)
		return op_refuse(op, ERR_INVALID_FIELD, "items.currency");
	if (c->amounts[c->n] % money->step != 0)
		return op_refuse(op, ERR_INVALID_FIELD, "items.amount_minor");
	for (i = 0; i < c->n; i++)
		if (strcmp(c->codes[i], c->codes[c->n]) == 0)
			return op_refuse(op, ERR_INVALID_FIELD, "items.code");
	c->n++;
	return ERR_OK;
}

static enum err
fees_read(struct op *op, const json_t *list, struct columns *c)
{
	const json_t *o;
	size_t i, n = json_array_size(list) + 1;
	enum err r;

	c->codes = arena_alloc(op->arena, n * sizeof(*c->codes));
	c->titles = arena_alloc(op->arena, n * sizeof(*c->titles));
	c->currencies = arena_alloc(op->arena, n * sizeof(*c->currencies));
	c->amounts = arena_alloc(op->arena, n * sizeof(*c->amounts));
	c->n = 0;
	json_array_foreach (list, i, o)
		if ((r = fee_read(op, o, c)) != ERR_OK)
			return r;
	return ERR_OK;
}

/* A fee that is on the list as it was stays the same row; another amount is
 * another one, and visits that were booked keep theirs. */
static enum err
fees_replace(struct op *op, const json_t *list)
{
	struct columns c;
	struct fee_retire_in retire;
	struct fee_add_in add;
	enum err r;

	if ((r = fees_read(op, list, &c)) != ERR_OK)
		return r;
	add = (struct fee_add_in){ { c.codes, c.n }, { c.titles, c.n },
		{ c.amounts, c.n }, { c.currencies, c.n } };
	retire = (struct fee_retire_in){ add.codes, add.titles, add.amounts,
		add.currencies, op->now };
	if ((r = sql_fee_retire(op->tx, &retire)) != ERR_OK)
		return r;
	return sql_fee_add(op->tx, &add);
}

/*= IN-05: the version that the client saw, or nothing */
enum err
fee_patch(struct op *op)
{
	const json_t *list = json_object_get(op->in, "items");
	struct fee_policy_update_in in = { in_text(op, "pay_when"),
		op->if_match };
	struct fee_policy_row was;
	int64_t n;
	enum err r;

	if ((r = sql_fee_policy(op->tx, &was)) != ERR_OK)
		return r;
	if (was.version != op->if_match)
		return ERR_STALE;
	if (json_object_size(op->in) == 0)
		return fee_list(op);
	if ((r = sql_fee_policy_update(op->tx, &in, &n)) != ERR_OK)
		return r;
	if (n != 1)
		return ERR_STALE;
	if (list != NULL && (r = fees_replace(op, list)) != ERR_OK)
		return r;
	return fee_list(op);
}
