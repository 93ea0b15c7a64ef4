#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "../../src/edge/sandbox.c"

#include <fcntl.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define REFUSED 99

static struct sock_filter program[512];
static size_t program_n;

static void
append(const void *piece, size_t n)
{
	assert_true(program_n + n <= KORE_FILTER_LEN(program));
	memcpy(&program[program_n], piece, n * sizeof(program[0]));
	program_n += n;
}

/* Kore's own, in whose place we put the pieces together. */
int
kore_seccomp_filter(const char *name, void *piece, size_t n)
{
	(void)name;
	append(piece, n);
	return KORE_RESULT_OK;
}

/* What a process does under it, as its exit status. */
static int
status_of(bool keys, const char *database, void (*act)(void))
{
	static struct sock_filter begin[] = { KORE_BPF_LOAD(nr, 0) };
	/* what no piece speaks of: refused here, killed by Kore */
	static struct sock_filter end[] = {
		KORE_SYSCALL_DENY(socket, REFUSED),
		KORE_SYSCALL_DENY(connect, REFUSED),
		KORE_SYSCALL_DENY(clone, REFUSED),
		KORE_SYSCALL_DENY(prctl, REFUSED),
		KORE_BPF_RET(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog;
	int status;
	pid_t pid;

	program_n = 0;
	append(begin, KORE_FILTER_LEN(begin));
	sandbox_extend(keys, database);
	append(end, KORE_FILTER_LEN(end));
	prog = (struct sock_fprog){ (unsigned short)program_n, program };
	if ((pid = fork()) == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 ||
		    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) ==
			-1)
			_exit(255);
		act();
		_exit(254);
	}
	assert_int_not_equal(pid, -1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int family;

static void
opens(void)
{
	int fd = socket(family, SOCK_STREAM, 0);

	/* a machine may be without IPv6 */
	_exit(fd >= 0 || errno == EAFNOSUPPORT ? 0 : errno);
}

static void
connects(void)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	_exit(connect(-1, &none, sizeof(none)) == 0 ? 0 : errno);
}

static void
forks(void)
{
	_exit(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0 ? 0 : errno);
}

static void
becomes_dumpable(void)
{
	_exit(prctl(PR_SET_DUMPABLE, 1) == 0 ? 0 : errno);
}

static int
opened(const char *database, int which)
{
	family = which;
	return status_of(false, database, opens);
}

/*= OP-03 */
static void
sockets_lead_to_the_database_alone(void **state)
{
	const char *local = "postgresql://u@/epione?host=/run/postgresql",
		   *remote = "host=db.example hostaddr=192.0.2.1",
		   *both = "host=/run/postgresql,db.example";

	(void)state;
	assert_int_equal(opened(local, AF_UNIX), 0);
	assert_int_equal(opened(local, AF_INET), REFUSED);
	assert_int_equal(opened(local, AF_INET6), REFUSED);
	assert_int_equal(opened(remote, AF_UNIX), EACCES);
	assert_int_equal(opened(remote, AF_INET), 0);
	assert_int_equal(opened(remote, AF_INET6), 0);
	assert_int_equal(opened(both, AF_UNIX), 0);
	assert_int_equal(opened(both, AF_INET), 0);
	assert_int_equal(opened(remote, AF_NETLINK), REFUSED);
	assert_int_equal(opened(local, AF_PACKET), REFUSED);
}

/*= OP-03 */
static void
the_key_manager_connects_to_nobody(void **state)
{
	const char *local = "host=/run/postgresql";

	(void)state;
	family = AF_UNIX;
	assert_int_equal(status_of(true, local, opens), REFUSED);
	assert_int_equal(status_of(true, local, connects), REFUSED);
	assert_int_equal(status_of(false, local, connects), EBADF);
}

/*= OP-03 */
static void
a_worker_makes_threads_and_no_process(void **state)
{
	(void)state;
	assert_int_equal(status_of(false, "", forks), REFUSED);
	assert_int_equal(status_of(false, "", becomes_dumpable), REFUSED);
	assert_int_equal(status_of(true, "", becomes_dumpable), REFUSED);
}

/* What a process does under the parent's, as its exit status. */
static int
parent_status(void (*act)(void))
{
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		if (sandbox_parent() != ERR_OK)
			_exit(255);
		act();
		_exit(254);
	}
	assert_int_not_equal(pid, -1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void
runs_a_program(void)
{
	char name[] = "true", *argv[] = { name, NULL };

	execv("/bin/true", argv);
	_exit(errno);
}

static void
listens(void)
{
	_exit(listen(socket(AF_INET, SOCK_STREAM, 0), 1) == 0 ? 0 : errno);
}

static void
makes_a_namespace(void)
{
	_exit(syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, 0, 0, 0, 0) >= 0
		? 0
		: errno);
}

static void
looks_into_another(void)
{
	_exit(syscall(SYS_ptrace, 0, 0, 0, 0) == 0 ? 0 : errno);
}

/* What a parent is for: a child that reads a file and is told to end. */
static void
keeps_a_worker(void)
{
	int status, fd = open("/etc/passwd", O_RDONLY), ends[2];
	pid_t pid;

	if (fd < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == -1)
		_exit(errno);
	if ((pid = fork()) == 0) {
		pause();
		_exit(1);
	}
	if (pid == -1 || kill(pid, SIGTERM) == -1 ||
	    waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status))
		_exit(1);
	_exit(0);
}

/*= OP-03 */
static void
the_parent_forks_and_runs_nothing_else(void **state)
{
	(void)state;
	assert_int_equal(parent_status(runs_a_program), EPERM);
	assert_int_equal(parent_status(listens), EPERM);
	assert_int_equal(parent_status(makes_a_namespace), EPERM);
	assert_int_equal(parent_status(looks_into_another), EPERM);
	family = AF_NETLINK;
	assert_int_equal(parent_status(opens), EPERM);
	family = AF_UNIX;
	assert_int_equal(parent_status(opens), 0);
	assert_int_equal(parent_status(keeps_a_worker), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_lead_to_the_database_alone),
		cmocka_unit_test(the_key_manager_connects_to_nobody),
		cmocka_unit_test(a_worker_makes_threads_and_no_process),
		cmocka_unit_test(the_parent_forks_and_runs_nothing_else),
	};

#if defined(__SANITIZE_ADDRESS__)
	return 0; /* its run time is let do anything */
#endif
	return cmocka_run_group_tests(tests, NULL, NULL);
}
