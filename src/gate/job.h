#ifndef GATE_JOB_H
#define GATE_JOB_H

#include "gate/op.h"

/*
 * What is done without a request (tables/jobs.def). An operation asks for it
 * in its own transaction: if that is rolled back there is no job, and once it
 * is committed epione-jobs hears of it by NOTIFY and does it at least once,
 * whatever dies in between.
 */
enum job_kind {
#define JOB(                                                                   \
    name, stored, every, tries, wait, longest, give_up, at_once, event)        \
	JOB_##name,
#include "tables/jobs.def"
#undef JOB
	JOB_KINDS
};

const char *job_kind_stored(enum job_kind); /* "mail.send" */

struct job_new {
	const char *key; /* what is to be done once; NULL: no such thing */
	const json_t *payload; /* kept sealed; or NULL */
	struct uuid record;    /* what it brings forward, for its audit row */
	int64_t after_s;       /* not before this long from now */
};

/*
 * Asks for a job of the operation's clinic; *id names it, and how it goes is
 * seen by sql_job_get. ERR_ALREADY_DONE, with the statement that waits next,
 * if this clinic ever asked for the same key (of a kind, within a month).
 * ERR_INVALID_FIELD for a payload of more than 4000 bytes.
 */
NODISCARD enum err job_add(
    struct op *, enum job_kind, const struct job_new *, struct uuid *id);

/* A job as its function in care/ meets it: op->job. */
struct job {
	enum job_kind kind;
	struct uuid clinic; /* nil: the installation's */
	struct uuid id;
	struct uuid record;
	int64_t attempt; /* from 1 */
	json_t *payload; /* or NULL */
	bool again;	 /* the function sets it: there is more, at once */
	bool final;	 /* with an error: another try is of no use */
};

#endif
