#include "data/key_turn.h"

#include "base/arena.h"
#include "base/log.h"
#include "data/record_key.h"
#include "sql.h"

enum err
class_key_make(struct tx *tx, const struct class_key_id *id)
{
	uint8_t wrapped[WRAPPED_KEY_SIZE];
	struct class_key_insert_in in = {
		.clinic = id->clinic,
		.class = key_class_name(id->class),
		.version = id->version,
		.wrapped = { wrapped, sizeof(wrapped) },
	};
	int64_t n;
	enum err r;

	if ((r = keyring_class_create(id, wrapped)) != ERR_OK ||
	    (r = sql_class_key_insert(tx, &in, &n)) != ERR_OK)
		return r;
	return n == 1 ? ERR_OK : ERR_ALREADY_DONE;
}

/* wrapping anew */

/* One that does not open must not hold up the others. */
static enum err
rewrap_one(struct tx *tx, enum key_class class,
    const struct record_keys_behind_row *row, uint8_t *again)
{
	const struct uuid *clinic = tx_clinic(tx);
	const struct key_missing under = {
		.class = { *clinic, class, keyring_wrapped_under(row->wrapped) }
	};
	enum err r = ERR_CRYPTO;

	if (under.class.version != 0 &&
	    (r = record_key_load(tx, &under)) == ERR_OK)
		r = keyring_record_rewrap(clinic, class, &row->subject,
		    (uint32_t)row->version, row->wrapped, again);
	if (r == ERR_CRYPTO)
		log_error("record_key_refused", LOG_CODE("reason", "rewrap"),
		    LOG_ID("subject", &row->subject));
	return r;
}

static enum err
rewrap_all(struct tx *tx, enum key_class class,
    const struct record_keys_behind_row *rows, size_t n,
    struct keys_rewrapped *done)
{
	struct uuid *subjects = arena_alloc(
	    tx_arena(tx), n * sizeof(*subjects));
	int64_t *versions = arena_alloc(tx_arena(tx), n * sizeof(*versions));
	struct bytes *wrapped = arena_alloc(tx_arena(tx), n * sizeof(*wrapped));
	struct record_keys_rewrap_in in;
	uint8_t *again;
	size_t i;
	enum err r;

	for (i = 0; i < n; i++) {
		again = arena_alloc(tx_arena(tx), WRAPPED_KEY_SIZE);
		r = rewrap_one(tx, class, &rows[i], again);
		if (r != ERR_OK && r != ERR_CRYPTO)
			return r;
		if (r == ERR_CRYPTO) {
			done->closed++;
			continue;
		}
		subjects[done->n] = rows[i].subject;
		versions[done->n] = rows[i].version;
		wrapped[done->n++] = (struct bytes){ again, WRAPPED_KEY_SIZE };
	}
	if (done->n == 0)
		return ERR_OK;
	in = (struct record_keys_rewrap_in){ { subjects, done->n },
		{ versions, done->n }, { wrapped, done->n } };
	return sql_record_keys_rewrap(tx, &in, NULL);
}

enum err
record_keys_rewrap(struct tx *tx, enum key_class class, size_t limit,
    struct keys_rewrapped *done)
{
	struct class_key_id newest = { .class = class };
	struct record_keys_behind_in in = { key_class_name(class), 0,
		(int64_t)limit };
	struct record_keys_left_in left = { in.class, 0 };
	struct record_keys_left_row more;
	struct record_keys_behind_row *rows;
	size_t n;
	enum err r;

	*done = (struct keys_rewrapped){ 0 };
	if (tx_clinic(tx) == NULL)
		return ERR_INTERNAL;
	newest.clinic = *tx_clinic(tx);
	if ((r = class_key_newest(tx, &newest)) != ERR_OK)
		return r;
	in.version = left.version = newest.version;
	if ((r = sql_record_keys_behind(tx, &in, &rows, &n)) != ERR_OK ||
	    (r = rewrap_all(tx, class, rows, n, done)) != ERR_OK ||
	    (r = sql_record_keys_left(tx, &left, &more)) != ERR_OK)
		return r;
	done->left = more.left;
	return ERR_OK;
}
