#ifndef CTL_OPERATOR_H
#define CTL_OPERATOR_H

#include "base/err.h"
#include "base/uuid.h"
#include "data/tx.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What commands that change an installation have in common: options, the root
 * key, one connection as the owner of the tables, one transaction.
 */
struct operator_options {
	const char *config;	/* --config: settings, for what is not given */
	const char *database;	/* --database: libpq string of the owner */
	const char *password;	/* of --config's database; NULL for none */
	const char *root_key;	/* --root-key */
	const char *origin;	/* --origin */
	const char *class;	/* --class: of keys */
	const char *clinic;	/* --clinic: id or name */
	const char *name;	/* --name */
	const char *role;	/* --role */
	const char *email;	/* --email */
	const char *from, *to;	/* --from, --to: times as they were typed */
	const char *checkpoint; /* --checkpoint: a file */
	const char *from_dump; /* --from-dump: a file, in place of a database */
	const char *shares, *needed; /* --shares, --needed: numbers as typed */
	/* --nobody, --json, --wait, --orphans: "" when given, else NULL */
	const char *nobody, *json, *wait, *orphans;
	const char *rest; /* the one argument without a name, or NULL */
};

/* Reads the options of a command (as command_fn gets them); false after saying what is wrong. What
 * --config says stands in for --database, --root-key and --origin. */
bool operator_options_read(int argc, char *argv[], struct operator_options *);

/*
 * Reads the root key, connects, and runs work in one transaction, committed if
 * it answers ERR_OK. On a fiber of its own, to the end. Exit status: 0, or 1
 * after saying on standard error what failed.
 */
int operator_work(const struct operator_options *,
    enum err (*work)(struct tx *, const struct operator_options *));

/* The same in parts, for what needs more than one transaction: completes what
 * --config says, reads the root key and tries the connection, or says what is
 * wrong; and the exit status, after saying why if nobody has. */
bool operator_ready(struct operator_options *);
int operator_end(enum err);

/* Says a sentence of ours on standard error, "epionectl: …" or whose program it is; answers e. */
enum err operator_say(enum err e, const char *sentence);

/*
 * Is the root key the one that the database was made with? Says so if not. `since`,
 * if not NULL: when that was. ERR_NOT_FOUND, unsaid, if there is no clinic yet.
 */
NODISCARD enum err operator_root_check(struct tx *, int64_t *since);

/*
 * Makes a clinic with its keys and, the first time, the installation. Bound to
 * the root key from then on. ERR_ALREADY_DONE if there is one of this name.
 */
NODISCARD enum err clinic_make(struct tx *, const char *name, struct uuid *id);

/* Finds the clinic by id or name, or the only one there is when NULL, and
 * makes it the transaction's. Says what is wrong. */
NODISCARD enum err clinic_choose(
    struct tx *, const char *clinic, struct uuid *id);

/*
 * Makes an account of the transaction's clinic and the single-use link that
 * opens it, in the transaction's arena; the audit trail names the operator.
 */
NODISCARD enum err user_make(struct tx *, const char *role, const char *email,
    const char *name, const char *origin, char **link);

#endif
