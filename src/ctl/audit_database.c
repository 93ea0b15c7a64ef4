/* The log where it is: small tables by statements, the rows by COPY. */
#include "base/instant.h"
#include "ctl/audit_log.h"

#include <stdlib.h>
#include <string.h>

#define WORK_MS	   120000
#define PART_PAGES 8192 /* 64 MiB */

static const char columns_list[] =
    "seq, tx, at, clinic_id, actor_id, session, request_id, patient_id, "
    "record_id, event, outcome, operation, actor_role, purpose, action, "
    "address, count, returned";

static enum err
words_read(struct audit_log *log, struct tx *tx)
{
	struct audit_word_list_row *rows;
	size_t i, n;
	enum err r;

	if ((r = sql_audit_word_list(tx, &rows, &n)) != ERR_OK)
		return r;
	for (i = 0; i < n; i++)
		if (!audit_word_keep(&log->words, rows[i].id, rows[i].word))
			return ERR_INTERNAL;
	return ERR_OK;
}

static enum err
parts_read(struct audit_log *log, struct tx *tx)
{
	const struct audit_part_list_in in = { PART_PAGES };
	struct audit_columns *columns = arena_alloc(log->a, sizeof(*columns));
	struct audit_part_list_row *rows;
	size_t i;
	enum err r;

	if (!audit_columns_read(
		columns_list, sizeof(columns_list) - 1, columns))
		return ERR_INTERNAL;
	r = sql_audit_part_list(tx, &in, &rows, &log->parts_n);
	if (r != ERR_OK)
		return r;
	log->parts = arena_alloc(
	    log->a, (log->parts_n + 1) * sizeof(*log->parts));
	for (i = 0; i < log->parts_n; i++)
		log->parts[i] = (struct audit_part){ .command = rows[i].command,
			.columns = columns,
			.bytes = rows[i].bytes };
	return ERR_OK;
}

static enum err
hashes(struct audit_log *log, const struct uuid *clinic, unsigned level,
    int64_t from, int64_t most, uint8_t *out, int64_t *n)
{
	const struct audit_tile_list_in in = { *clinic, level, from,
		from + most, most };
	struct audit_tile_list_row *rows;
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a, instant_monotonic() + WORK_MS);
	size_t i, got;
	int64_t more;
	enum err r;

	(void)log;
	*n = 0;
	if ((r = sql_audit_tile_list(tx, &in, &rows, &got)) == ERR_OK)
		for (i = 0; i < got && rows[i].first == from + *n; i++) {
			more = (int64_t)(rows[i].hashes.n / MERKLE_HASH_SIZE);
			if (more > most - *n)
				break;
			memcpy(out + *n * MERKLE_HASH_SIZE, rows[i].hashes.p,
			    (size_t)more * MERKLE_HASH_SIZE);
			*n += more;
		}
	tx_close(tx);
	arena_free(a);
	return r;
}

/* How far it is sealed is read first: what is before that stays as it is. */
enum err
audit_log_database(struct audit_log *log)
{
	struct tx *tx = tx_new(log->a, instant_monotonic() + WORK_MS);
	enum err r;

	log->hashes = hashes;
	if ((r = sql_audit_sealed_get(tx, &log->sealed)) == ERR_OK &&
	    (r = sql_audit_tree_list(tx, &log->trees, &log->trees_n)) ==
		ERR_OK &&
	    (r = sql_audit_gone_list(tx, &log->gone, &log->gone_n)) == ERR_OK &&
	    (r = sql_audit_key_list(tx, &log->keys, &log->keys_n)) == ERR_OK &&
	    (r = words_read(log, tx)) == ERR_OK)
		r = parts_read(log, tx);
	tx_close(tx);
	return r;
}
