#include "base/fiber_stack.h"

#include "base/log.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#endif
#if defined(FIBER_VALGRIND)
#include <valgrind/valgrind.h>
#endif

#define SIGNAL_STACK_BYTES (64 * 1024) /* untouched until it is needed */

static const struct fiber_stack *volatile entered;
static struct sigaction earlier;

void
fiber_stack_enter(const struct fiber_stack *s)
{
	entered = s;
}

/* The end of a process with a fault: says so if a fiber's stack ran out. On
 * return the instruction faults again, now under the earlier action; a signal
 * that another process sent has to be sent again. */
static void
fault_handle(int number, siginfo_t *info, void *context)
{
	const struct fiber_stack *s = entered;
	const uint8_t *at = info->si_addr;
	struct log_field field;

	(void)context;
	if (info->si_code > 0 && s != NULL && at >= s->map &&
	    at < s->map + s->guard) {
		field = LOG_NUM("stack_bytes", s->bytes - s->guard);
		log_last_words("fiber_stack_overflow", &field);
		(void)signal(number, SIG_DFL);
		return;
	}
	sigaction(number, &earlier, NULL);
	if (info->si_code <= 0)
		(void)raise(number);
}

/* The handler needs a stack of its own, since the fiber's has run out. */
static bool
signal_stack_set(void)
{
	static uint8_t bytes[SIGNAL_STACK_BYTES];
	const stack_t ours = { .ss_sp = bytes, .ss_size = sizeof(bytes) };
	stack_t present;

	if (sigaltstack(NULL, &present) == 0 &&
	    (present.ss_flags & SS_DISABLE) == 0 &&
	    present.ss_size >= SIGNAL_STACK_BYTES / 4)
		return true; /* a sanitizer's */
	return sigaltstack(&ours, NULL) == 0;
}

static bool
faults_watch(void)
{
	static bool watched;
	struct sigaction action = { .sa_sigaction = fault_handle,
		.sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (!watched)
		watched = signal_stack_set() &&
		    sigaction(SIGSEGV, &action, &earlier) == 0;
	return watched;
}

/* Leaks are looked for on the stack of each thread, but not on others unless
 * it is said that they are there. */
static void
tools_tell(struct fiber_stack *s)
{
#if defined(FIBER_VALGRIND)
	s->valgrind = VALGRIND_STACK_REGISTER(
	    s->map + s->guard, s->map + s->bytes);
#endif
#if defined(__SANITIZE_ADDRESS__)
	__lsan_register_root_region(s->map + s->guard, s->bytes - s->guard);
#endif
	(void)s;
}

static void
tools_forget(struct fiber_stack *s)
{
#if defined(FIBER_VALGRIND)
	VALGRIND_STACK_DEREGISTER(s->valgrind);
#endif
#if defined(__SANITIZE_ADDRESS__)
	__lsan_unregister_root_region(s->map + s->guard, s->bytes - s->guard);
	__asan_unpoison_memory_region(s->map, s->bytes);
#endif
	(void)s;
}

static size_t
rounded(size_t bytes, size_t page)
{
	return (bytes + page - 1) / page * page;
}

bool
fiber_stack_map(struct fiber_stack *s)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *map;

	memset(s, 0, sizeof(*s));
	s->guard = rounded(FIBER_GUARD_BYTES, page);
	s->bytes = s->guard +
	    rounded(FIBER_STACK_BYTES - FIBER_GUARD_BYTES, page);
	if (!faults_watch())
		return false;
	map = mmap(NULL, s->bytes, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return false;
	if (mprotect(map, s->guard, PROT_NONE) == -1) {
		munmap(map, s->bytes);
		return false;
	}
	s->map = map;
	tools_tell(s);
	return true;
}

void
fiber_stack_unmap(struct fiber_stack *s)
{
	tools_forget(s);
	munmap(s->map, s->bytes);
}
