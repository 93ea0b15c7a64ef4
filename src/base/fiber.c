#include "base/fiber.h"

#include "base/fiber_switch.h"
#include "base/instant.h"
#include "base/loop.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_BYTES 4096
#define POOL_MAX 256
#define FIBER_MAX 4096

enum fiber_status { RUNNING, PARKED, READY };

struct fiber {
	struct fiber_stack stack; /* see fiber_switch.h */
	void (*fn)(void *);
	void *arg;
	enum fiber_status status;
	bool woken; /* by a wake that came before its park */
	bool done;
	TAILQ_ENTRY(fiber) list;
};
TAILQ_HEAD(fibers, fiber);

static struct fiber *current;
static struct fibers pool = TAILQ_HEAD_INITIALIZER(pool);
static struct fibers ready = TAILQ_HEAD_INITIALIZER(ready);
static struct fiber_stats stats = { .stack_bytes = FIBER_STACK_BYTES };
static bool ready_deferred;

struct fiber_stats
fiber_stats(void)
{
	return stats;
}

struct fiber *
fiber_self(void)
{
	return current;
}

/* Guard pages of all stacks, for the one question that the handler of
 * SIGSEGV asks: ours, or any other bad address? */
static const uint8_t *guards[FIBER_MAX];
static size_t guards_count;

static void
overflow_handler(int number, siginfo_t *info, void *context)
{
	static const char line[] = "{\"level\":\"error\",\"event\":"
				   "\"fiber_stack_overflow\"}\n";
	const uint8_t *at = info->si_addr;
	size_t i;

	(void)context;
	for (i = 0; i < guards_count; i++)
		if (at >= guards[i] && at < guards[i] + GUARD_BYTES &&
		    write(STDERR_FILENO, line, sizeof(line) - 1) == -1)
			break;
	signal(number, SIG_DFL);
	raise(number);
}

/* The handler needs a stack of its own: the fiber's has just run out. Under
 * ASan the sanitizer's own handler reports, and better. */
static void
overflow_watch(void)
{
	static bool watching;
#if !defined(__SANITIZE_ADDRESS__)
	static uint8_t alternate[16384];
	const stack_t stack = { .ss_sp = alternate,
		.ss_size = sizeof(alternate) };
	struct sigaction action = { .sa_sigaction = overflow_handler,
		.sa_flags = SA_SIGINFO | SA_ONSTACK };

	if (!watching && sigaltstack(&stack, NULL) == 0) {
		sigaction(SIGSEGV, &action, NULL);
		sigaction(SIGBUS, &action, NULL);
	}
#else
	(void)overflow_handler;
	(void)watching;
#endif
	watching = true;
}

static void
fiber_main(void *arg)
{
	struct fiber *f = arg;

	for (;;) { /* a pooled fiber comes back here with new work */
		f->fn(f->arg);
		f->done = true;
		fiber_switch_out(&f->stack);
	}
}

static struct fiber *
fiber_map(void)
{
	struct fiber *f = calloc(1, sizeof(*f));
	uint8_t *map;

	if (f == NULL)
		return NULL;
	map = mmap(NULL, FIBER_STACK_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED || mprotect(map, GUARD_BYTES, PROT_NONE) == -1) {
		if (map != MAP_FAILED)
			munmap(map, FIBER_STACK_BYTES);
		free(f);
		return NULL;
	}
	overflow_watch();
	guards[guards_count++] = map;
	stats.mapped++;
	fiber_switch_init(&f->stack, map, GUARD_BYTES, fiber_main, f);
	return f;
}

static void
fiber_unmap(struct fiber *f)
{
	size_t i;

	for (i = 0; i < guards_count && guards[i] != f->stack.map; i++)
		;
	guards[i] = guards[--guards_count];
	stats.mapped--;
	fiber_switch_end(&f->stack);
	munmap(f->stack.map, FIBER_STACK_BYTES);
	free(f);
}

static void
fiber_release(struct fiber *f)
{
	stats.live--;
	if (stats.pooled == POOL_MAX) {
		fiber_unmap(f);
		return;
	}
	TAILQ_INSERT_HEAD(&pool, f, list); /* the stack in the cache first */
	stats.pooled++;
}

static struct fiber *
fiber_take(void)
{
	struct fiber *f = TAILQ_FIRST(&pool);

	if (stats.live >= FIBER_MAX)
		return NULL;
	if (f != NULL) {
		TAILQ_REMOVE(&pool, f, list);
		stats.pooled--;
	} else if ((f = fiber_map()) == NULL)
		return NULL;
	stats.live++;
	if (stats.live > stats.live_max)
		stats.live_max = stats.live;
	return f;
}

static void
fiber_resume(struct fiber *f)
{
	current = f;
	f->status = RUNNING;
	fiber_switch_in(&f->stack);
	current = NULL;
	if (f->done)
		fiber_release(f);
}

static void
ready_run(void *unused)
{
	struct fibers batch = TAILQ_HEAD_INITIALIZER(batch);
	struct fiber *f;

	(void)unused;
	ready_deferred = false;
	TAILQ_CONCAT(&batch, &ready, list);
	while ((f = TAILQ_FIRST(&batch)) != NULL) {
		TAILQ_REMOVE(&batch, f, list);
		fiber_resume(f);
	}
}

static void
ready_add(struct fiber *f)
{
	f->status = READY;
	TAILQ_INSERT_TAIL(&ready, f, list);
	if (!ready_deferred) {
		ready_deferred = true;
		loop_defer(ready_run, NULL);
	}
}

enum err
fiber_start(void (*fn)(void *), void *arg)
{
	struct fiber *f = fiber_take();

	if (f == NULL)
		return ERR_BUSY;
	f->fn = fn;
	f->arg = arg;
	f->woken = f->done = false;
	if (current != NULL)
		ready_add(f);
	else
		fiber_resume(f);
	return ERR_OK;
}

void
fiber_park(void)
{
	struct fiber *f = current;

	if (f->woken) {
		f->woken = false;
		return;
	}
	f->status = PARKED;
	fiber_switch_out(&f->stack);
}

void
fiber_wake(struct fiber *f)
{
	if (f->status == PARKED)
		ready_add(f);
	else if (f->status == RUNNING)
		f->woken = true;
}

struct alarm {
	struct fiber *fiber;
	bool rung;
};

static void
alarm_ring(void *arg)
{
	struct alarm *a = arg;

	a->rung = true;
	fiber_wake(a->fiber);
}

enum err
fiber_park_until(int64_t deadline_ms)
{
	struct alarm a = { current, false };
	struct loop_timer timer = { .fn = alarm_ring, .arg = &a };

	loop_timer_arm(&timer, deadline_ms - instant_monotonic());
	fiber_park();
	loop_timer_cancel(&timer);
	return a.rung ? ERR_REQUEST_TIMEOUT : ERR_OK;
}

void
fiber_sleep(int64_t ms)
{
	int64_t until = instant_monotonic() + ms;

	if (current == NULL) {
		poll(NULL, 0, (int)ms);
		return;
	}
	while (fiber_park_until(until) == ERR_OK)
		; /* woken for something else */
}

static void
fd_ready(void *arg, short revents)
{
	(void)revents;
	fiber_wake(arg);
}

static enum err
wait_plain(int fd, short events, int64_t deadline_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t ms;
	int n;

	do {
		ms = deadline_ms - instant_monotonic();
		n = poll(&p, 1, ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms);
		if (n > 0)
			return ERR_OK;
	} while (ms > 0);
	return ERR_REQUEST_TIMEOUT;
}

enum err
fiber_wait_fd(int fd, short events, int64_t deadline_ms)
{
	struct loop_watch w = { .fn = fd_ready,
		.arg = current,
		.fd = fd,
		.events = events };
	enum err r;

	if (current == NULL)
		return wait_plain(fd, events, deadline_ms);
	if ((r = loop_watch(&w)) != ERR_OK)
		return r;
	r = fiber_park_until(deadline_ms);
	loop_unwatch(&w);
	return r;
}
