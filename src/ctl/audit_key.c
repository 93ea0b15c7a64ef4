#include "ctl/audit_key.h"

#include "base/keyring.h"
#include "care/audit_note.h"
#include "data/key_turn.h"
#include "sql.h"

static enum err
key_tell(struct tx *tx, const struct uuid *clinic, uint32_t version,
    const char *follows)
{
	uint8_t public[SIGNATURE_KEY_SIZE];
	const struct audit_key_insert_in in = { *clinic, version,
		{ public, sizeof(public) }, follows };
	enum err r = audit_key_public(clinic, version, public);

	return r == ERR_OK ? sql_audit_key_insert(tx, &in, NULL) : r;
}

enum err
audit_key_first(struct tx *tx, const struct uuid *clinic)
{
	uint32_t version;
	enum err r = audit_key_open(tx, clinic, &version);

	return r == ERR_OK ? key_tell(tx, clinic, version, NULL) : r;
}

/* Who asks for key and checkpoint gets two that belong together. */
static enum err
checkpoint_renew(struct tx *tx, const struct uuid *clinic, uint32_t version)
{
	const struct audit_tree_of_in of = { *clinic };
	struct audit_note_put_in in = { .clinic = *clinic };
	struct audit_tree_of_row row;
	struct merkle_edge edge;
	char *note;
	enum err r;

	if ((r = sql_audit_tree_of(tx, &of, &row)) != ERR_OK)
		return r == ERR_NOT_FOUND ? ERR_OK : r; /* nothing is sealed */
	if ((r = merkle_edge_read(row.size, row.edge, &edge)) != ERR_OK ||
	    (r = audit_note_make(
		 tx_arena(tx), clinic, version, &edge, &note)) != ERR_OK)
		return r;
	in.note = note;
	return sql_audit_note_put(tx, &in);
}

/*= AU-04: whoever trusts the old key comes to the new one by it */
enum err
audit_key_turn(struct tx *tx, const struct uuid *clinic, uint32_t *version)
{
	struct class_key_id id = { *clinic, KEY_CLASS_audit, 0 };
	struct arena *a = tx_arena(tx);
	struct audit_seal_hold_row held;
	char *note;
	enum err r;

	if ((r = sql_audit_seal_hold(tx, &held)) != ERR_OK ||
	    (r = audit_key_open(tx, clinic, &id.version)) != ERR_OK)
		return r;
	id.version++;
	if ((r = class_key_make(tx, &id)) != ERR_OK ||
	    (r = audit_key_open(tx, clinic, version)) != ERR_OK ||
	    (r = audit_succession_make(a, audit_origin(a, clinic), clinic,
		 *version, &note)) != ERR_OK ||
	    (r = key_tell(tx, clinic, *version, note)) != ERR_OK)
		return r;
	return checkpoint_renew(tx, clinic, *version);
}
