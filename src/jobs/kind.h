#ifndef JOBS_KIND_H
#define JOBS_KIND_H

#include "care/jobs.h"
#include "gate/route.h"

/* The rows of tables/jobs.def as data. */
struct kind {
	const char *stored;
	enum err (*run)(struct op *);
	/* what an audit row names: the operation and its event */
	struct route as;
	int64_t every_s, tries, wait_s, longest_s, give_up_s;
	unsigned at_once;
};

extern const struct kind kinds[JOB_KINDS];

/* JOB_KINDS for a name that no row has: a newer program's. */
enum job_kind kind_find(const char *stored);
/* s to wait after so many attempts that failed, a little apart from the wait of
 * those that failed together with it. */
int64_t kind_wait(const struct kind *, int64_t attempts);

#endif
