#include "data/keys.h"

#include "base/arena.h"
#include "base/instant.h"
#include "base/keyring.h"
#include "base/log.h"
#include "base/secret.h"
#include "data/field.h"
#include "sql.h"

#define VERIFY_MS 5000

enum err
keys_index_load(struct tx *tx, const struct uuid *clinic)
{
	struct class_keys_in in = { *clinic, key_class_name(KEY_CLASS_index),
		FIELD_VERSIONS_MAX + 1 };
	struct class_keys_row *rows;
	struct class_key_id id = { *clinic, KEY_CLASS_index, 0 };
	size_t i, n;
	enum err r;

	if (keyring_class_newest(clinic, KEY_CLASS_index) != 0)
		return ERR_OK;
	if ((r = sql_class_keys(tx, &in, &rows, &n)) != ERR_OK)
		return r;
	if (n == 0 || n > FIELD_VERSIONS_MAX) {
		log_error("index_keys_refused", LOG_NUM("versions", n));
		return ERR_CRYPTO;
	}
	for (i = 0; i < n && r == ERR_OK; i++) {
		id.version = (uint32_t)rows[i].version;
		r = rows[i].version > UINT16_MAX
		    ? ERR_CRYPTO
		    : keyring_class_add(&id, rows[i].wrapped);
	}
	return r;
}

/*= EN-10: a root key that is not the installation's serves nothing */
static enum err
root_check(struct tx *tx)
{
	struct installation_get_row row;
	uint8_t ours[KEY_CHECK_SIZE];
	enum err r;

	if ((r = sql_installation_get(tx, &row)) != ERR_OK ||
	    (r = keyring_root_check(ours)) != ERR_OK)
		return r;
	if (row.root_check.n != sizeof(ours) ||
	    !secret_equal(row.root_check.p, ours, sizeof(ours)))
		return ERR_CRYPTO;
	return ERR_OK;
}

enum err
keys_verify(void)
{
	const struct uuid nil = { { 0 } };
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a, instant_monotonic() + VERIFY_MS);
	enum err r;

	if ((r = root_check(tx)) == ERR_OK)
		r = keys_index_load(tx, &nil);
	tx_close(tx);
	arena_free(a);
	return r;
}
