#ifndef CTL_AUDIT_LOG_H
#define CTL_AUDIT_LOG_H

#include "base/arena.h"
#include "ctl/audit_rows.h"
#include "ctl/operator.h"
#include "sql.h"

/*
 * A log that is to be checked, wherever it lies: rows of its tables in memory, but
 * for those that are many. All of it lives in the arena.
 */
struct audit_log {
	struct arena *a;
	struct audit_sealed_get_row sealed;
	struct audit_tree_list_row *trees; /* by clinic */
	struct audit_gone_list_row *gone;  /* by clinic and leaf */
	struct audit_key_list_row *keys;   /* by clinic and version */
	struct audit_part *parts;
	size_t trees_n, gone_n, keys_n, parts_n;
	struct audit_words words;
	/* Up to `most` hashes of a level as they were sealed, from one on; *n is how
	 * many there are without a gap. */
	enum err (*hashes)(struct audit_log *, const struct uuid *clinic,
	    unsigned level, int64_t from, int64_t most, uint8_t *out,
	    int64_t *n);
	struct audit_dump *dump;
};

/* Of a database, as the tables' owner, on a fiber. */
NODISCARD enum err audit_log_database(struct audit_log *);
/* Of a plain dump; says what is wrong with it. */
NODISCARD enum err audit_log_dump(struct audit_log *, const char *path);
void audit_log_dump_end(struct audit_log *);

#endif
