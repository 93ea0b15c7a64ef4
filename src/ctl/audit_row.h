#ifndef CTL_AUDIT_ROW_H
#define CTL_AUDIT_ROW_H

#include "base/merkle.h"
#include "base/uuid.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Rows of the log as COPY writes them, and the leaves that docs/AUDIT.md makes of
 * them: once more, beside care/audit_leaf.c, and ten times as fast, as nothing is
 * made of a value but the bytes that are hashed.
 */
#define AUDIT_WORDS   32768 /* a number of a word is a smallint */
#define AUDIT_COLUMNS 18

struct audit_words {
	const char *v[AUDIT_WORDS]; /* as they stand in an entry; NULL: none */
};
/* Which field is which column; -1: it is not there. */
struct audit_columns {
	int at[AUDIT_COLUMNS];
	size_t n;
};
/* A row, as it is put in order. */
struct audit_record {
	struct uuid clinic, actor;
	int64_t tx, seq, at_us;
	struct merkle_hash leaf;
	int16_t event, role;
};

/* False if a column is missing from a list such as "seq, tx, at, …". */
bool audit_columns_read(const char *list, size_t n, struct audit_columns *);
/* Keeps a word; what a text cannot hold in JSON is escaped. False for no memory, or
 * a number that is none. */
bool audit_word_keep(struct audit_words *, int64_t id, const char *word);
void audit_words_free(struct audit_words *);

/* False if the line is no row of the log. */
bool audit_row_read(const struct audit_words *, const struct audit_columns *,
    const char *line, size_t n, struct audit_record *);
/* By clinic, transaction and number. */
int audit_record_compare(const void *, const void *);

#define AUDIT_WHO_SIZE 160
/* What it claims to be, for people. */
void audit_record_who(const struct audit_words *, const struct audit_record *,
    char text[AUDIT_WHO_SIZE]);

#endif
