#include "edge/sandbox.h"

#include "data/conninfo.h"

#include <kore/kore.h>
#include <kore/seccomp.h>

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* What glibc asks of clone for a thread; a process is not made so. */
#define THREAD                                                                 \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND |   \
	    CLONE_THREAD | CLONE_SETTLS | CLONE_PARENT_SETTID |                \
	    CLONE_CHILD_CLEARTID)

#if defined(__SANITIZE_ADDRESS__)
/* The sanitizers' run time makes calls of its own at any time. */
static struct sock_filter filter[] = { KORE_BPF_RET(SECCOMP_RET_ALLOW) };
#else
static struct sock_filter filter[] = {
	/* libpq; of what it may connect see below */
	KORE_SYSCALL_ALLOW(connect), KORE_SYSCALL_ALLOW(getsockopt),
	KORE_SYSCALL_ALLOW(getsockname), KORE_SYSCALL_ALLOW(getpeername),
	KORE_SYSCALL_ALLOW(newfstatat), KORE_SYSCALL_ALLOW(uname),
	/* threads: glibc falls back to clone when clone3 is not there */
	KORE_SYSCALL_DENY(clone3, ENOSYS),
	KORE_SYSCALL_ALLOW_ARG(clone, 0, THREAD), KORE_SYSCALL_ALLOW(rseq),
	KORE_SYSCALL_ALLOW(set_robust_list), KORE_SYSCALL_ALLOW(sched_yield),
	KORE_SYSCALL_ALLOW_ARG(setpriority, 0, PRIO_PROCESS),
	KORE_SYSCALL_ALLOW(eventfd2),
	KORE_SYSCALL_ALLOW(sendmsg), /* to other workers */
	KORE_SYSCALL_ALLOW(timer_create), KORE_SYSCALL_ALLOW(timer_settime),
	KORE_SYSCALL_ALLOW(timer_delete), KORE_SYSCALL_ALLOW(clock_nanosleep),
	/* secret memory, after the fork */
	KORE_SYSCALL_ALLOW(mlock), KORE_SYSCALL_ALLOW(mlock2),
	KORE_SYSCALL_ALLOW(gettid), KORE_SYSCALL_ALLOW(tgkill), /* abort() */
};
/* Whom a socket is connected to a filter cannot see, only of what family the
 * socket is: those that lead to the database, and no other. */
static struct sock_filter database_socket[] = {
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_UNIX),
};
static struct sock_filter database_network[] = {
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_INET),
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_INET6),
	/* getaddrinfo does without nscd */
	KORE_SYSCALL_DENY_ARG(socket, 0, AF_UNIX, EACCES),
};

/* The key manager keeps its own filter: it connects to nobody. */
static struct sock_filter key_manager[] = {
	KORE_SYSCALL_ALLOW(gettid), KORE_SYSCALL_ALLOW(tgkill), /* abort() */
};
#endif

#if defined(__SANITIZE_ADDRESS__)
void
sandbox_extend(bool keys, const char *database)
{
	(void)keys;
	(void)database;
	kore_seccomp_filter("epione", filter, KORE_FILTER_LEN(filter));
}
#else
/*= OP-03: no process may do more than its work asks for */
void
sandbox_extend(bool keys, const char *database)
{
	unsigned reach = conninfo_reach(database);

	if (keys) {
		kore_seccomp_filter(
		    "epione", key_manager, KORE_FILTER_LEN(key_manager));
		return;
	}
	kore_seccomp_filter("epione", filter, KORE_FILTER_LEN(filter));
	/* of two rules for one family the first counts */
	if ((reach & CONNINFO_SOCKET) != 0)
		kore_seccomp_filter("database-socket", database_socket,
		    KORE_FILTER_LEN(database_socket));
	if ((reach & CONNINFO_NETWORK) != 0)
		kore_seccomp_filter("database-network", database_network,
		    KORE_FILTER_LEN(database_network));
}
#endif
