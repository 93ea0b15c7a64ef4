#include "edge/sandbox.h"

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
	/* libpq */
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_UNIX),
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_INET),
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_INET6),
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
#endif

void
sandbox_extend(void)
{
	kore_seccomp_filter("epione", filter, KORE_FILTER_LEN(filter));
}
