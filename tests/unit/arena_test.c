#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "ending.h"

#include "base/asan.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static int
set_up(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static void
allocations_are_zeroed_aligned_and_apart(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 16, 31, 100, 4000, 8192, 8193,
		100000, 3 };
	const size_t count = sizeof(sizes) / sizeof(sizes[0]);
	uint8_t *p[11];
	size_t i, j, round;

	(void)state;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < count; i++) {
			p[i] = arena_alloc(arena, sizes[i]);
			assert_int_equal(
			    (uintptr_t)p[i] % _Alignof(max_align_t), 0);
			for (j = 0; j < sizes[i]; j++)
				assert_int_equal(p[i][j], 0);
			memset(p[i], (int)i + 1, sizes[i]);
		}
		for (i = 0; i < count; i++)
			for (j = 0; j < sizes[i]; j++)
				assert_int_equal(p[i][j], i + 1);
	}
}

static void
ten_thousand_small_ones_keep_their_values(void **state)
{
	uint32_t *p[10000];
	uint32_t i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		p[i] = arena_alloc(arena, sizeof(i));
		*p[i] = i;
	}
	for (i = 0; i < 10000; i++)
		assert_int_equal(*p[i], i);
}

static void
copies_are_ones_own(void **state)
{
	char from[] = "abc";
	char *text = arena_text(arena, from);
	char *bytes = arena_copy(arena, from, 2);
	char *part = arena_text_n(arena, from, 2);

	(void)state;
	from[0] = 'x';
	assert_string_equal(text, "abc");
	assert_memory_equal(bytes, "ab", 2);
	assert_string_equal(part, "ab");
	assert_null(arena_text(arena, NULL));
	assert_string_equal(arena_text(arena, ""), "");
	assert_string_equal(arena_text_n(arena, NULL, 0), "");
	assert_non_null(arena_copy(arena, NULL, 0));
}

static void
formatted_text_may_be_long(void **state)
{
	char *text = arena_format(arena, "%d-%09000d", 7, 5);

	(void)state;
	assert_int_equal(strlen(text), 2 + 9000);
	assert_memory_equal(text, "7-0000", 6);
	assert_string_equal(text + 2 + 8998, "05");
	assert_string_equal(arena_format(arena, "%s", ""), "");
}

static void
nothing_is_freed_twice_by_mistake(void **state)
{
	(void)state;
	arena_free(NULL);
}

static void
ask_for_too_much(void *how)
{
	switch (*(int *)how) {
	case 0:
		arena_alloc(arena, SIZE_MAX);
		break;
	case 1:
		arena_calloc(arena, SIZE_MAX / 4, 8);
		break;
	case 2:
		arena_text_n(arena, "x", SIZE_MAX);
		break;
	default:
		arena_alloc(arena, SIZE_MAX / 2 - 64);
	}
}

static void
what_cannot_be_had_ends_the_process(void **state)
{
	struct ending e;
	int how;

	(void)state;
	for (how = 0; how < 3; how++) {
		ending_of(&e, ask_for_too_much, &how);
		assert_true(ended_by(&e, SIGABRT));
		assert_non_null(strstr(e.said, "\"out_of_memory\""));
	}
#if !defined(__SANITIZE_ADDRESS__) /* its malloc ends the process itself */
	ending_of(&e, ask_for_too_much, &how);
	assert_true(ended_by(&e, SIGABRT));
	assert_non_null(strstr(e.said, "\"out_of_memory\""));
#endif
}

#if defined(__SANITIZE_ADDRESS__)
static void
overrun(void *unused)
{
	volatile char *p = arena_alloc(arena, 16);

	(void)unused;
	p[16] = 1;
}

static void
an_overrun_is_noticed(void **state)
{
	struct ending e;

	(void)state;
	ending_of(&e, overrun, NULL);
	assert_false(WIFEXITED(e.status) && WEXITSTATUS(e.status) == 0);
	assert_non_null(strstr(e.said, "use-after-poison"));
}
#endif

#if !defined(__SANITIZE_ADDRESS__)
/* Stands before libc's free, to look at what is given back. */
void __libc_free(void *);

static const char canary[] = "PHI-CANARY-0123456789";
static bool looking, found;
static unsigned looks;

void
free(void *p)
{
	if (looking && p != NULL) {
		looks++;
		found |= memmem(p, malloc_usable_size(p), canary,
			     sizeof(canary)) != NULL;
	}
	__libc_free(p);
}

static void
what_was_in_it_is_wiped(void **state)
{
	struct arena *a = arena_new();
	const char *kept = NULL;
	int i;

	(void)state;
	arena_copy(a, canary, sizeof(canary));
	memcpy(arena_alloc(a, 50000), canary, sizeof(canary));
	/* more than are kept for the next arena; the newest are kept */
	for (i = 0; i < 50000; i++)
		kept = arena_text(a, canary);
	looking = true;
	arena_free(a);
	looking = false;
	assert_true(looks >= 4);
	assert_false(found);
	assert_int_equal(kept[0], 0);
	assert_int_equal(kept[sizeof(canary) - 2], 0);
}
#endif

#if !defined(__SANITIZE_ADDRESS__)
static bool
under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload != NULL && strstr(preload, "/vgpreload") != NULL;
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    allocations_are_zeroed_aligned_and_apart, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    ten_thousand_small_ones_keep_their_values, set_up,
		    tear_down),
		cmocka_unit_test_setup_teardown(
		    copies_are_ones_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    formatted_text_may_be_long, set_up, tear_down),
		cmocka_unit_test(nothing_is_freed_twice_by_mistake),
		cmocka_unit_test_setup_teardown(
		    what_cannot_be_had_ends_the_process, set_up, tear_down),
#if defined(__SANITIZE_ADDRESS__)
		cmocka_unit_test_setup_teardown(
		    an_overrun_is_noticed, set_up, tear_down),
#endif
	};
#if !defined(__SANITIZE_ADDRESS__)
	const struct CMUnitTest with_our_free[] = {
		cmocka_unit_test(what_was_in_it_is_wiped),
	};
#endif
	int failed;

	mallopt(M_PERTURB, 0xa5); /* malloc gives no zeros of itself */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
#if !defined(__SANITIZE_ADDRESS__)
	/* valgrind has a free of its own, and this test looks with ours */
	if (!under_valgrind())
		failed += cmocka_run_group_tests(with_our_free, NULL, NULL);
#endif
	return failed;
}
