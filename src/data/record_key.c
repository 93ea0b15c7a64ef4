#include "data/record_key.h"

#include "base/log.h"
#include "data/tx_private.h"
#include "sql.h"

static void
key_refused(enum err r, const char *why, const struct uuid *subject)
{
	if (r != ERR_CRYPTO)
		return; /* the database's own, logged there */
	log_error("record_key_refused", LOG_CODE("reason", why),
	    LOG_ID("subject", subject));
}

static enum err
class_key_ask(
    struct tx *tx, const struct class_key_id *id, struct bytes *wrapped)
{
	struct class_key_get_in in = {
		.clinic = id->clinic,
		.class = key_class_name(id->class),
		.version = id->version,
	};
	struct class_key_get_row row = { { NULL, 0 } };
	enum err r = sql_class_key_get(tx, &in, &row);

	*wrapped = row.wrapped;
	return r;
}

static enum err
record_key_ask(
    struct tx *tx, const struct key_missing *m, struct bytes *wrapped)
{
	struct record_key_get_in in = { m->class.clinic, m->subject,
		m->version };
	struct record_key_get_row row = { { NULL, 0 } };
	enum err r = sql_record_key_get(tx, &in, &row);

	*wrapped = row.wrapped;
	return r;
}

static enum err
wrapped_ask(struct tx *tx, const struct key_missing *m, struct bytes *wrapped)
{
	enum err r = m->version == 0 ? class_key_ask(tx, &m->class, wrapped)
				     : record_key_ask(tx, m, wrapped);

	return r == ERR_NOT_FOUND ? ERR_CRYPTO : r;
}

/* A row may be opened when the transaction that read it is committed. */
static enum err
wrapped_get(struct tx *tx, const struct key_missing *m, struct bytes *wrapped)
{
	struct context_set_in context = { .clinic = m->class.clinic };
	struct tx *own;
	enum err r;

	if (!tx_is_over(tx))
		return wrapped_ask(tx, m, wrapped);
	own = tx_after(tx);
	if ((r = sql_context_set(own, &context)) == ERR_OK &&
	    (r = wrapped_ask(own, m, wrapped)) == ERR_OK)
		r = tx_commit(own);
	tx_close(own);
	return r;
}

static enum err
class_key_load(struct tx *tx, const struct class_key_id *id)
{
	const struct key_missing m = { .class = *id };
	struct bytes wrapped;
	enum err r;

	if (keyring_class_has(id))
		return ERR_OK;
	if ((r = wrapped_get(tx, &m, &wrapped)) != ERR_OK)
		return r;
	return keyring_class_add(id, wrapped);
}

enum err
record_key_load(struct tx *tx, const struct key_missing *m)
{
	const struct record_key *key;
	struct key_missing class;
	struct bytes wrapped;
	enum err r;

	if (m->version == 0)
		return class_key_load(tx, &m->class);
	if ((r = wrapped_get(tx, m, &wrapped)) != ERR_OK) {
		key_refused(r, "absent", &m->subject);
		return r;
	}
	r = record_key_open(
	    tx, m->class.class, &m->subject, m->version, wrapped, &key, &class);
	if (r == ERR_NOT_FOUND &&
	    (r = class_key_load(tx, &class.class)) == ERR_OK)
		r = record_key_open(tx, m->class.class, &m->subject, m->version,
		    wrapped, &key, &class);
	return r == ERR_NOT_FOUND ? ERR_CRYPTO : r;
}

enum err
class_key_newest(struct tx *tx, struct class_key_id *id)
{
	struct class_key_newest_in in = {
		.clinic = id->clinic,
		.class = key_class_name(id->class),
	};
	struct class_key_newest_row row;
	enum err r;

	r = sql_class_key_newest(tx, &in, &row);
	if (r != ERR_OK)
		return r == ERR_NOT_FOUND ? ERR_CRYPTO : r;
	if (row.version < 1 || row.version > UINT32_MAX)
		return ERR_CRYPTO;
	id->version = (uint32_t)row.version;
	return keyring_class_has(id) ? ERR_OK
				     : keyring_class_add(id, row.wrapped);
}

static const struct record_key *
key_find(const struct tx *tx, enum key_class class, const struct uuid *subject,
    uint32_t version)
{
	const struct tx_key *k;

	for (k = tx_keys(tx); k != NULL; k = k->next)
		if (k->class == class && k->key.version == version &&
		    uuid_equal(&k->key.subject, subject) &&
		    uuid_equal(&k->key.clinic, tx_clinic(tx)))
			return &k->key;
	return NULL;
}

static enum err
key_make(struct tx *tx, const struct class_key_id *id,
    const struct uuid *subject, const struct record_key **key,
    struct bytes *wrapped)
{
	struct record_key_insert_in in = { id->clinic, *subject,
		key_class_name(id->class), 0, { NULL, 0 } };
	struct tx_key *k = arena_alloc(tx_arena(tx), sizeof(*k));
	uint8_t *b = arena_alloc(tx_arena(tx), WRAPPED_KEY_SIZE);
	enum err r;

	if ((r = keyring_record_create(
		 &id->clinic, id->class, subject, 1, &k->key, b)) != ERR_OK) {
		key_refused(r, "no_class_key", subject);
		return tx_fail(tx, r);
	}
	k->class = id->class;
	tx_key_add(tx, k);
	in.version = k->key.version;
	in.wrapped = (struct bytes){ b, WRAPPED_KEY_SIZE };
	if ((r = sql_record_key_insert(tx, &in)) != ERR_OK)
		return r;
	if (wrapped != NULL)
		*wrapped = in.wrapped;
	*key = &k->key;
	return ERR_OK;
}

/* The newest class key of the transaction's clinic is kept from now on. */
static enum err
class_key_ready(struct tx *tx, enum key_class class, const struct uuid *subject,
    struct class_key_id *id)
{
	enum err r;

	if (tx_clinic(tx) == NULL)
		return tx_fail(tx, ERR_INTERNAL);
	*id = (struct class_key_id){ .clinic = *tx_clinic(tx), .class = class };
	if ((r = class_key_newest(tx, id)) == ERR_OK)
		return ERR_OK;
	key_refused(r, "no_class_key", subject);
	return tx_fail(tx, r);
}

enum err
record_key_new(struct tx *tx, enum key_class class, const struct uuid *subject,
    const struct record_key **key, struct bytes *wrapped)
{
	struct class_key_id id = { .class = class };
	enum err r;

	*key = NULL;
	if ((r = class_key_ready(tx, class, subject, &id)) != ERR_OK)
		return r;
	return key_make(tx, &id, subject, key, wrapped);
}

enum err
record_keys_new(struct tx *tx, enum key_class class,
    const struct uuid *subjects, size_t n, const struct record_key **keys)
{
	struct class_key_id id = { .class = class };
	size_t i;
	enum err r = ERR_OK;

	if (n == 0)
		return ERR_OK;
	if ((r = class_key_ready(tx, class, &subjects[0], &id)) != ERR_OK)
		return r;
	for (i = 0; r == ERR_OK && i < n; i++)
		r = key_make(tx, &id, &subjects[i], &keys[i], NULL);
	return r;
}

/*= EN-04: clinic, class and subject are authenticated with the wrapped key */
enum err
record_key_open(struct tx *tx, enum key_class class, const struct uuid *subject,
    uint32_t version, struct bytes wrapped, const struct record_key **key,
    struct key_missing *missing)
{
	struct class_key_id id = { .class = class };
	struct tx_key *k;
	enum err r;

	*key = NULL;
	if (tx_clinic(tx) == NULL)
		return tx_fail(tx, ERR_INTERNAL);
	if ((*key = key_find(tx, class, subject, version)) != NULL)
		return ERR_OK;
	id.clinic = *tx_clinic(tx);
	id.version = keyring_wrapped_under(wrapped);
	if (id.version != 0 && !keyring_class_has(&id)) {
		*missing = (struct key_missing){ .class = id };
		return ERR_NOT_FOUND;
	}
	k = arena_alloc(tx_arena(tx), sizeof(*k));
	if (id.version == 0)
		r = ERR_CRYPTO;
	else
		r = keyring_record_open(
		    &id.clinic, class, subject, version, wrapped, &k->key);
	if (r != ERR_OK) {
		key_refused(r,
		    id.version == 0 ? "not_a_wrapped_key" : "does_not_open",
		    subject);
		return r;
	}
	k->class = class;
	tx_key_add(tx, k);
	*key = &k->key;
	return ERR_OK;
}

enum err
record_key_for(struct tx *tx, enum field f, struct bytes sealed,
    const struct record_key **key, struct key_missing *missing)
{
	const uint32_t version = field_sealed_under(sealed);
	const enum key_class class = field_class(f);
	const struct record_key *other;

	if (version == 0 || version == (*key)->version)
		return ERR_OK; /* what is no envelope is refused where it is opened */
	other = key_find(tx, class, &(*key)->subject, version);
	if (other == NULL) {
		*missing = (struct key_missing){ { (*key)->clinic, class, 0 },
			(*key)->subject, version };
		return ERR_NOT_FOUND;
	}
	*key = other;
	return ERR_OK;
}
