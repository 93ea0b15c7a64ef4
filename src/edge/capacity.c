#include "edge/capacity.h"

#include "base/conf.h"

#include <kore/kore.h>

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>

/* Channels to the parent, epoll, eventfds, the log, listeners, and some to
 * spare. */
#define RESERVE 64
/* Kore adds those that are open when the limit is set. */
#define OPEN_AT_START 64

/* A worker lowers its limit to what kore.conf says, and may not raise it
 * unless it is root's: then it would begin with less than was asked for. */
static enum err
limit_allows(rlim_t wanted)
{
	struct rlimit now, raised;

	if (getrlimit(RLIMIT_NOFILE, &now) == -1)
		return ERR_INTERNAL;
	if (now.rlim_max >= wanted)
		return ERR_OK;
	raised = (struct rlimit){ now.rlim_cur, wanted };
	return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? ERR_OK
						      : ERR_INVALID_FIELD;
}

enum err
capacity_check(char *problem, size_t n)
{
	int64_t least = worker_max_connections + conf()->connections +
	    2 * conf()->workers + RESERVE;
	int64_t limit = (int64_t)worker_rlimit_nofiles + OPEN_AT_START;

	if (worker_count != conf()->workers) {
		snprintf(problem, n,
		    "kore.conf says workers %u, epione.conf says %" PRId64
		    ": they must be the same",
		    worker_count, conf()->workers);
		return ERR_INVALID_FIELD;
	}
	if (worker_rlimit_nofiles < least) {
		snprintf(problem, n,
		    "kore.conf: worker_rlimit_nofiles must be at least "
		    "%" PRId64 " (worker_max_connections, connections of "
		    "epione.conf, two for each worker, and %d)",
		    least, RESERVE);
		return ERR_INVALID_FIELD;
	}
	if (limit_allows((rlim_t)limit) != ERR_OK) {
		snprintf(problem, n,
		    "the limit on open files must be at least %" PRId64
		    " (ulimit -n, LimitNOFILE=), or worker_max_connections "
		    "and worker_rlimit_nofiles of kore.conf lower",
		    limit);
		return ERR_INVALID_FIELD;
	}
	return ERR_OK;
}
