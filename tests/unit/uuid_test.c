#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/uuid.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MANY 20000

/* Stands before libc's, so that the clock can be held and put back. */
static int64_t held_s;

int
clock_gettime(clockid_t id, struct timespec *t)
{
	if (held_s == 0)
		return (int)syscall(SYS_clock_gettime, id, t);
	*t = (struct timespec){ .tv_sec = held_s, .tv_nsec = 999999999 };
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct uuid));
}

static void
version_and_variant(const struct uuid *u, int version)
{
	assert_int_equal(u->b[6] >> 4, version);
	assert_int_equal(u->b[8] >> 6, 2);
}

/* Of the clock that ids are made by: time() may lag behind it. */
static int64_t
now_ms(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &t), 0);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
new_ids_are_version_7_and_of_now(void **state)
{
	int64_t before = now_ms(), ms = 0;
	struct uuid u = uuid_new();
	int i;

	(void)state;
	version_and_variant(&u, 7);
	for (i = 0; i < 6; i++)
		ms = ms << 8 | u.b[i];
	assert_true(ms >= before && ms <= now_ms());
}

static void
new_ids_are_strictly_ordered_in_time(void **state)
{
	struct uuid last = uuid_new(), next;
	int i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		next = uuid_new();
		assert_true(memcmp(&last, &next, sizeof(next)) < 0);
		version_and_variant(&next, 7);
		last = next;
	}
}

static void
they_stay_so_when_the_clock_stands_or_is_put_back(void **state)
{
	struct uuid last = uuid_new(), next;
	int64_t now = time(NULL);
	int i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		held_s = i < MANY / 2 ? now + 5 : now - 5;
		next = uuid_new();
		assert_true(memcmp(&last, &next, sizeof(next)) < 0);
		last = next;
	}
	held_s = 0;
}

static void
random_ids_are_version_4_and_never_twice(void **state)
{
	static struct uuid ids[MANY];
	size_t i;

	(void)state;
	for (i = 0; i < MANY; i++) {
		ids[i] = uuid_random();
		version_and_variant(&ids[i], 4);
	}
	qsort(ids, MANY, sizeof(ids[0]), compare);
	for (i = 1; i < MANY; i++)
		assert_false(uuid_equal(&ids[i - 1], &ids[i]));
}

static void
text_goes_both_ways(void **state)
{
	static const char text[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
	static const uint8_t bytes[] = { 0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0,
		0x7c, 0xc3, 0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f };
	char out[UUID_TEXT_SIZE];
	struct uuid u;

	(void)state; /* the example of RFC 9562, A.6 */
	assert_int_equal(uuid_parse(text, &u), ERR_OK);
	assert_memory_equal(u.b, bytes, sizeof(bytes));
	uuid_text(&u, out);
	assert_string_equal(out, text);
}

static void
anything_else_is_refused_and_leaves_the_id_alone(void **state)
{
	static const char *const wrong[] = { "",
		"017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398f ",
		" 017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
		"017f22e279b07cc398c4dc0c0c07398f",
		"017f22e2_79b0-7cc3-98c4-dc0c0c07398f",
		"017f22e27-9b0-7cc3-98c4-dc0c0c07398f",
		"{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
		"g17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398\xc3",
		"urn:uuid:017f22e2-79b0-7cc3-98c4-dc0" };
	struct uuid u = uuid_random(), before = u;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(uuid_parse(wrong[i], &u), ERR_INVALID_FIELD);
		assert_true(uuid_equal(&u, &before));
	}
}

static void
nil_means_none(void **state)
{
	struct uuid u = { { 0 } };

	(void)state;
	assert_true(uuid_is_nil(&u));
	u.b[15] = 1;
	assert_false(uuid_is_nil(&u));
	assert_int_equal(
	    uuid_parse("00000000-0000-0000-0000-000000000000", &u), ERR_OK);
	assert_true(uuid_is_nil(&u));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_ids_are_version_7_and_of_now),
		cmocka_unit_test(new_ids_are_strictly_ordered_in_time),
		cmocka_unit_test(
		    they_stay_so_when_the_clock_stands_or_is_put_back),
		cmocka_unit_test(random_ids_are_version_4_and_never_twice),
		cmocka_unit_test(text_goes_both_ways),
		cmocka_unit_test(
		    anything_else_is_refused_and_leaves_the_id_alone),
		cmocka_unit_test(nil_means_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
