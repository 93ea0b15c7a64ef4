#ifndef CTL_MIGRATION_FILE_H
#define CTL_MIGRATION_FILE_H

#include "base/arena.h"
#include "base/err.h"

#include <stddef.h>

/*
 * The migrations of a folder: NNNN_name.sql, numbered from 0001 without a gap.
 * Each names the hash of the one before in its first line, so that none can be
 * changed, left out or put between afterwards:
 *
 *   -- previous: sha256:<64 hexadecimal digits>   purpose: what and why
 */
#define MIGRATION_HASH_SIZE 65 /* with the NUL */

struct migration {
	int version;
	const char *name; /* the file's, without .sql */
	const char *text;
	char sha256[MIGRATION_HASH_SIZE];
};

/*
 * Reads and checks them all. In the arena. ERR_INVALID_FIELD with what is
 * wrong on standard error; an empty folder is wrong too.
 */
NODISCARD enum err migrations_read(
    struct arena *, const char *dir, struct migration **, size_t *n);

#endif
