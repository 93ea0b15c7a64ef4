#ifndef CARE_JOBS_H
#define CARE_JOBS_H

#include "gate/job.h"

/*
 * The function of every kind in tables/jobs.def. It acts as the system: no
 * actor, op->job, the job's clinic (none for the installation's). It waits for
 * nothing but the database inside op->tx: before it waits for another system it
 * gives the transaction back (op_release). What it did must stand a second
 * time: it may have been done before by a process that died.
 */
#define JOB(                                                                   \
    name, stored, every, tries, wait, longest, give_up, at_once, event)        \
	NODISCARD enum err name(struct op *);
#include "tables/jobs.def"
#undef JOB

#endif
