#include "edge/sandbox.h"

#include "data/conninfo.h"

#include <kore/kore.h>
#include <kore/seccomp.h>

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#else
#error "which system calls has this machine?"
#endif

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
/* A filter sees the family of a socket and not where it connects: only the
 * families that lead to the database are let through. */
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

/*
 * The parent. What it refuses no child can do either, however it began: so all
 * that a process of ours needs from its first moment on stands here, and a
 * worker and the key manager have less. Nobody runs another program, opens a
 * port, looks into another process, mounts, loads code into the kernel, or
 * makes a namespace. What is not named is refused, not killed: without the
 * parent there is no service at all.
 */
#define ALLOW(name) KORE_SYSCALL_ALLOW(name)
#define NAMESPACES                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |         \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define LOAD_FIRST_ARGUMENT KORE_BPF_LOAD(args[0], ARGS_LO_OFFSET)
static struct sock_filter parent[] = { KORE_BPF_LOAD(arch, 0),
	KORE_BPF_CMP(NATIVE_ARCH, 1, 0), KORE_BPF_RET(SECCOMP_RET_KILL_PROCESS),
	KORE_BPF_LOAD(nr, 0), KORE_SYSCALL_DENY(clone3, ENOSYS),
	KORE_BPF_CMP(SYS_clone, 0, 4), LOAD_FIRST_ARGUMENT,
	KORE_BPF_AND(NAMESPACES), KORE_BPF_CMP(0, 0, 1),
	KORE_BPF_RET(SECCOMP_RET_ALLOW), KORE_BPF_LOAD(nr, 0),
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_UNIX),
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_INET),
	KORE_SYSCALL_ALLOW_ARG(socket, 0, AF_INET6),
	KORE_SYSCALL_ALLOW_ARG(socketpair, 0, AF_UNIX),
	/* files */
	ALLOW(chdir), ALLOW(chroot), ALLOW(close), ALLOW(dup), ALLOW(dup3),
	ALLOW(faccessat), ALLOW(faccessat2), ALLOW(fadvise64), ALLOW(fchdir),
	ALLOW(fchmod), ALLOW(fchown), ALLOW(fcntl), ALLOW(flock), ALLOW(fstat),
	ALLOW(fstatfs), ALLOW(fsync), ALLOW(ftruncate), ALLOW(getcwd),
	ALLOW(getdents64), ALLOW(ioctl), ALLOW(lseek), ALLOW(mkdirat),
	ALLOW(newfstatat), ALLOW(openat), ALLOW(pipe2), ALLOW(pread64),
	ALLOW(pwrite64), ALLOW(read), ALLOW(readlinkat), ALLOW(readv),
	ALLOW(renameat), ALLOW(renameat2), ALLOW(sendfile), ALLOW(statfs),
	ALLOW(statx), ALLOW(umask), ALLOW(unlinkat), ALLOW(write),
	ALLOW(writev),
	/* processes and users */
	ALLOW(arch_prctl), ALLOW(exit), ALLOW(exit_group), ALLOW(getegid),
	ALLOW(geteuid), ALLOW(getgid), ALLOW(getgroups), ALLOW(getpgid),
	ALLOW(getpid), ALLOW(getppid), ALLOW(getpriority), ALLOW(getrlimit),
	ALLOW(getrusage), ALLOW(getsid), ALLOW(gettid), ALLOW(getuid),
	ALLOW(kill), ALLOW(prctl), ALLOW(prlimit64), ALLOW(rseq),
	ALLOW(sched_getaffinity), ALLOW(sched_getparam),
	ALLOW(sched_getscheduler), ALLOW(sched_setaffinity), ALLOW(sched_yield),
	ALLOW(set_robust_list), ALLOW(set_tid_address), ALLOW(setgid),
	ALLOW(setgroups), ALLOW(setpriority), ALLOW(setresgid),
	ALLOW(setresuid), ALLOW(setrlimit), ALLOW(setsid), ALLOW(setuid),
	ALLOW(sysinfo), ALLOW(tgkill), ALLOW(times), ALLOW(uname), ALLOW(wait4),
	ALLOW(waitid),
	/* memory */
	ALLOW(brk), ALLOW(madvise), ALLOW(membarrier), ALLOW(mincore),
	ALLOW(mlock), ALLOW(mlock2), ALLOW(mlockall), ALLOW(mmap),
	ALLOW(mprotect), ALLOW(mremap), ALLOW(munlock), ALLOW(munlockall),
	ALLOW(munmap), ALLOW(shmat), ALLOW(shmctl), ALLOW(shmdt), ALLOW(shmget),
	/* signals and time */
	ALLOW(clock_getres), ALLOW(clock_gettime), ALLOW(clock_nanosleep),
	ALLOW(getitimer), ALLOW(gettimeofday), ALLOW(nanosleep),
	ALLOW(restart_syscall), ALLOW(rt_sigaction), ALLOW(rt_sigpending),
	ALLOW(rt_sigprocmask), ALLOW(rt_sigqueueinfo), ALLOW(rt_sigreturn),
	ALLOW(rt_sigsuspend), ALLOW(rt_sigtimedwait), ALLOW(setitimer),
	ALLOW(sigaltstack), ALLOW(signalfd4), ALLOW(timer_create),
	ALLOW(timer_delete), ALLOW(timer_getoverrun), ALLOW(timer_gettime),
	ALLOW(timer_settime), ALLOW(timerfd_create), ALLOW(timerfd_gettime),
	ALLOW(timerfd_settime),
	/* connections, and what waits for them */
	ALLOW(accept), ALLOW(accept4), ALLOW(connect), ALLOW(epoll_create1),
	ALLOW(epoll_ctl), ALLOW(epoll_pwait), ALLOW(eventfd2), ALLOW(futex),
	ALLOW(getpeername), ALLOW(getrandom), ALLOW(getsockname),
	ALLOW(getsockopt), ALLOW(ppoll), ALLOW(pselect6), ALLOW(recvfrom),
	ALLOW(recvmmsg), ALLOW(recvmsg), ALLOW(sendmmsg), ALLOW(sendmsg),
	ALLOW(sendto), ALLOW(setsockopt), ALLOW(shutdown),
#if defined(SYS_open)
	ALLOW(access), ALLOW(chmod), ALLOW(chown), ALLOW(dup2),
	ALLOW(epoll_create), ALLOW(epoll_wait), ALLOW(fork), ALLOW(getdents),
	ALLOW(getpgrp), ALLOW(lstat), ALLOW(mkdir), ALLOW(open), ALLOW(pause),
	ALLOW(pipe), ALLOW(poll), ALLOW(readlink), ALLOW(rename), ALLOW(select),
	ALLOW(stat), ALLOW(time), ALLOW(unlink),
#endif
	KORE_BPF_RET(SECCOMP_RET_ERRNO | EPERM) };
#endif

#if defined(__SANITIZE_ADDRESS__)
void
sandbox_extend(bool keys, const char *database)
{
	(void)keys;
	(void)database;
	kore_seccomp_filter("epione", filter, KORE_FILTER_LEN(filter));
}

enum err
sandbox_parent(void)
{
	return ERR_OK;
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

/*= OP-03: and none more than its parent may */
enum err
sandbox_parent(void)
{
	const struct sock_fprog program = { KORE_FILTER_LEN(parent), parent };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0
	    ? ERR_OK
	    : ERR_INTERNAL;
}
#endif
