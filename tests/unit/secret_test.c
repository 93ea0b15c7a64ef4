#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/secret.h"
#include "ending.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define HEAP 65536

/* Locked memory of this process in KiB, as the kernel counts it. */
static long
locked_kib(void)
{
	char line[256];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmLck:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	fclose(f);
	return kib;
}

/* Before the heap there is nothing: never ordinary memory in its place. */
static void
without_a_heap_there_is_no_secret_memory(void **state)
{
	(void)state;
	assert_null(secret_alloc(32));
	assert_int_equal(secret_init(0), ERR_INTERNAL);
	assert_int_equal(secret_init(1), ERR_INTERNAL);
	assert_int_equal(secret_init(HEAP + 1), ERR_INTERNAL);
	assert_null(secret_alloc(32));
}

static void
refused_lock(void *unused)
{
	const struct rlimit none = { 0, 0 };

	(void)unused;
	if (setrlimit(RLIMIT_MEMLOCK, &none) == -1)
		_exit(2);
	/* root may lock whatever the limit says */
	if (geteuid() == 0 && (setgid(65534) == -1 || setuid(65534) == -1))
		_exit(3);
	_exit(secret_init(HEAP) == ERR_INTERNAL && secret_alloc(32) == NULL
		? 0
		: 1);
}

static void
memory_that_cannot_be_locked_is_refused(void **state)
{
	struct ending e;

	(void)state;
	ending_of(&e, refused_lock, NULL);
	assert_true(WIFEXITED(e.status));
	assert_int_equal(WEXITSTATUS(e.status), 0);
}

/*= EN-12: locked, and in no dump */
static void
the_heap_is_locked_and_the_process_undumpable(void **state)
{
	struct rlimit core;

	(void)state;
	assert_int_equal(secret_init(HEAP), ERR_OK);
	assert_int_equal(CRYPTO_secure_malloc_initialized(), 1);
	assert_true(locked_kib() >= HEAP / 1024);
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
	assert_int_equal(core.rlim_cur, 0);
	assert_int_equal(core.rlim_max, 0);
	assert_int_equal(secret_init(HEAP), ERR_OK); /* again: no harm */
}

static void
child_looks(void *unused)
{
	(void)unused;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		_exit(2);
	_exit(locked_kib() >= HEAP / 1024 ? 0 : 1);
}

/*= EN-12: a lock is not inherited, so the child takes its own */
static void
a_child_has_its_copy_locked_too(void **state)
{
	struct ending e;

	(void)state;
	ending_of(&e, child_looks, NULL);
	assert_true(WIFEXITED(e.status));
	assert_int_equal(WEXITSTATUS(e.status), 0);
}

static void
allocations_are_zeroed_and_wiped(void **state)
{
	static const uint8_t zero[32];
	uint8_t *p[3], *again;
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		p[i] = secret_alloc(32);
		assert_non_null(p[i]);
		assert_true(CRYPTO_secure_allocated(p[i]));
		assert_memory_equal(p[i], zero, 32);
		memset(p[i], 0xa5, 32);
	}
	secret_free(p[1], 32);
	/* the heap's page stays ours: past its list links it must be zero */
	assert_memory_equal(p[1] + 16, zero, 16);
	again = secret_alloc(32);
	assert_memory_equal(again, zero, 32);
	secret_free(again, 32);
	secret_free(p[0], 32);
	secret_free(p[2], 32);
	secret_free(NULL, 32);
	assert_int_equal(CRYPTO_secure_used(), 0);
}

static void
a_full_heap_says_so(void **state)
{
	static void *p[HEAP / 1024 + 1];
	size_t i, n = 0;

	(void)state;
	while (n < HEAP / 1024 + 1 && (p[n] = secret_alloc(1024)) != NULL)
		n++;
	assert_int_equal(n, HEAP / 1024);
	assert_null(secret_alloc(HEAP * 2));
	for (i = 0; i < n; i++)
		secret_free(p[i], 1024);
	assert_int_equal(CRYPTO_secure_used(), 0);
}

static void
wiping_and_comparing(void **state)
{
	uint8_t a[40], b[40];
	size_t i;

	(void)state;
	memset(a, 7, sizeof(a));
	memset(b, 7, sizeof(b));
	assert_true(secret_equal(a, b, sizeof(a)));
	assert_true(secret_equal(a, b, 0));
	for (i = 0; i < sizeof(a); i++) {
		b[i] ^= 0x80;
		assert_false(secret_equal(a, b, sizeof(a)));
		b[i] ^= 0x80;
	}
	secret_wipe(a + 1, sizeof(a) - 2);
	assert_int_equal(a[0], 7);
	assert_int_equal(a[39], 7);
	for (i = 1; i < 39; i++)
		assert_int_equal(a[i], 0);
	secret_wipe(NULL, 0);
}

static void
random_bytes_are_all_filled_and_differ(void **state)
{
	static uint8_t a[1000], b[1000];
	size_t i, seen[256] = { 0 }, values = 0;

	(void)state;
	secret_random(a, sizeof(a));
	secret_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a + 900, b + 900, 100);
	for (i = 0; i < sizeof(a); i++)
		seen[a[i]]++;
	for (i = 0; i < 256; i++)
		values += seen[i] > 0;
	assert_true(values > 200); /* 251 on average */
	secret_random(a, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_heap_there_is_no_secret_memory),
		cmocka_unit_test(memory_that_cannot_be_locked_is_refused),
		cmocka_unit_test(the_heap_is_locked_and_the_process_undumpable),
		cmocka_unit_test(a_child_has_its_copy_locked_too),
		cmocka_unit_test(allocations_are_zeroed_and_wiped),
		cmocka_unit_test(a_full_heap_says_so),
		cmocka_unit_test(wiping_and_comparing),
		cmocka_unit_test(random_bytes_are_all_filled_and_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
