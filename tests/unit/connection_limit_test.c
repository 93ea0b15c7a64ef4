#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gate/connection_limit.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 3
#define EACH	100

static struct address
numbered(uint32_t n)
{
	struct address a = { { [10] = 0xff, [11] = 0xff } };

	a.byte[12] = 10;
	a.byte[13] = (uint8_t)(n >> 16);
	a.byte[14] = (uint8_t)(n >> 8);
	a.byte[15] = (uint8_t)n;
	return a;
}

static struct address
address(const char *text)
{
	struct address a;

	assert_int_equal(address_read(text, strlen(text), &a), ERR_OK);
	return a;
}

static int
begin(void **state)
{
	(void)state;
	assert_int_equal(connection_limit_init(WORKERS, EACH), ERR_OK);
	connection_limit_worker(0);
	return 0;
}

/* How many of n connections are let in; the slots are kept in `slots`. */
static int
entering(struct address a, uint32_t limit, int n, uint32_t *slots)
{
	uint32_t slot;
	int in = 0;

	while (n-- > 0)
		if (connection_limit_enter(&a, limit, &slot) == ERR_OK)
			slots[in++] = slot;
		else
			assert_int_equal(slot, CONNECTION_UNCOUNTED);
	return in;
}

static void
an_address_has_its_limit_and_no_other_loses_by_it(void **state)
{
	uint32_t slots[EACH], other[EACH];

	(void)state;
	assert_int_equal(entering(numbered(1), 20, 50, slots), 20);
	assert_int_equal(entering(numbered(2), 20, 50, other), 20);
	connection_limit_leave(slots[7]);
	connection_limit_leave(slots[0]);
	assert_int_equal(entering(numbered(1), 20, 50, slots), 2);
	assert_int_equal(entering(numbered(2), 20, 50, other), 0);
}

static void
an_ipv6_64_is_one_address(void **state)
{
	uint32_t slots[EACH];

	(void)state;
	assert_int_equal(entering(address("2001:db8::1"), 20, 15, slots), 15);
	assert_int_equal(entering(address("2001:db8::2"), 20, 15, slots), 5);
	assert_int_equal(
	    entering(address("2001:db8:0:1::2"), 20, 15, slots), 15);
}

static void
the_count_is_over_all_workers(void **state)
{
	uint32_t slots[EACH];

	(void)state;
	assert_int_equal(entering(numbered(1), 20, 12, slots), 12);
	connection_limit_worker(1);
	assert_int_equal(entering(numbered(1), 20, 12, slots), 8);
	connection_limit_worker(2);
	assert_int_equal(entering(numbered(1), 20, 12, slots), 0);
}

static void
a_dead_worker_gives_back_what_it_had(void **state)
{
	uint32_t slots[EACH];
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(entering(numbered(1), 20, 5, slots), 5);
	if ((pid = fork()) == 0) {
		connection_limit_worker(1);
		if (entering(numbered(1), 20, 50, slots) != 15)
			_exit(1);
		(void)kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(entering(numbered(1), 20, 1, slots), 0);
	/* its successor begins with nothing */
	if ((pid = fork()) == 0) {
		connection_limit_worker(1);
		_exit(entering(numbered(1), 20, 50, slots) == 15 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void
all_that_can_connect_find_a_place(void **state)
{
	uint32_t slots[WORKERS * EACH], round, i;

	(void)state;
	for (round = 0; round < 50; round++) {
		for (i = 0; i < WORKERS * EACH; i++) {
			assert_int_equal(entering(numbered(round << 12 | i), 1,
					     2, &slots[i]),
			    1);
			assert_true(slots[i] != CONNECTION_UNCOUNTED);
		}
		for (i = 0; i < WORKERS * EACH; i++)
			connection_limit_leave(slots[i]);
	}
}

/* Enters and leaves at random; the worst that was ever true of `open`. */
static int
connecting(struct address a, uint32_t limit, _Atomic int *open)
{
	uint32_t slot, mine[8];
	int i, n = 0, now, worst = 0;

	for (i = 0; i < 300000; i++) {
		if (connection_limit_enter(&a, limit, &slot) == ERR_OK) {
			now = atomic_fetch_add(open, 1) + 1;
			worst = now > worst ? now : worst;
			mine[n++] = slot;
		} else if (n > 0) {
			atomic_fetch_sub(open, 1);
			connection_limit_leave(mine[--n]);
		}
	}
	for (; n > 0; n--) {
		atomic_fetch_sub(open, 1);
		connection_limit_leave(mine[n - 1]);
	}
	return worst;
}

/* Two processes at one address: never are there more than it may have. */
static void
the_limit_holds_while_workers_race(void **state)
{
	_Atomic int *open = mmap(NULL, sizeof(*open), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint32_t slots[EACH];
	int status;
	pid_t pid;

	(void)state;
	assert_ptr_not_equal(open, MAP_FAILED);
	assert_int_equal(entering(numbered(9), 5, 1, slots), 1);
	if ((pid = fork()) == 0) {
		connection_limit_worker(1);
		_exit(connecting(numbered(9), 5, open));
	}
	assert_in_range(connecting(numbered(9), 5, open), 1, 4);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_in_range(WEXITSTATUS(status), 1, 4);
	assert_int_equal(entering(numbered(9), 5, 9, slots), 4);
	munmap(open, sizeof(*open));
}

static void
a_refusal_is_told_once_a_minute(void **state)
{
	uint64_t count = 0;

	(void)state;
	assert_true(connection_limit_refused(5000, &count));
	assert_int_equal(count, 1);
	assert_false(connection_limit_refused(5001, &count));
	assert_false(connection_limit_refused(64999, &count));
	assert_true(connection_limit_refused(65000, &count));
	assert_int_equal(count, 3);
	assert_int_equal(connection_limit_refusals(), 4);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_address_has_its_limit_and_no_other_loses_by_it),
		TEST(an_ipv6_64_is_one_address),
		TEST(the_count_is_over_all_workers),
		TEST(a_dead_worker_gives_back_what_it_had),
		TEST(all_that_can_connect_find_a_place),
		TEST(the_limit_holds_while_workers_race),
		TEST(a_refusal_is_told_once_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
