/* For tests of what must end a process: runs fn(arg) in a child and tells how
 * it ended and what it said on stderr. */
#ifndef UNIT_ENDING_H
#define UNIT_ENDING_H

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct ending {
	int status; /* as waitpid(2) gives it */
	char said[4096];
};

static inline void
ending_child(const int p[2], void (*fn)(void *), void *arg)
{
	dup2(p[1], STDERR_FILENO);
	close(p[0]);
	close(p[1]);
	signal(SIGABRT, SIG_DFL);
	signal(SIGSEGV, SIG_DFL);
	fn(arg);
	_exit(0);
}

static inline void
ending_of(struct ending *e, void (*fn)(void *), void *arg)
{
	size_t all = 0;
	ssize_t n;
	pid_t child;
	int p[2];

	memset(e, 0, sizeof(*e));
	assert_int_equal(pipe(p), 0);
	child = fork();
	assert_int_not_equal(child, -1);
	if (child == 0)
		ending_child(p, fn, arg);
	close(p[1]);
	while (all < sizeof(e->said) - 1 &&
	    (n = read(p[0], e->said + all, sizeof(e->said) - 1 - all)) > 0)
		all += (size_t)n;
	close(p[0]);
	assert_int_equal(waitpid(child, &e->status, 0), child);
}

static inline int
ended_by(const struct ending *e, int signal_number)
{
	return WIFSIGNALED(e->status) && WTERMSIG(e->status) == signal_number;
}

#endif
