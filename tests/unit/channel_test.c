#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/channel.h"
#include "base/fiber.h"
#include "base/loop.h"

#include <string.h>

#define BIG 60000

/* This process is both ends: it listens to inbox 0. */
static uint32_t seen[1024];
static size_t seen_n, seen_bytes;
static uint8_t message[CHANNEL_MESSAGE_MAX + 1];

static void
hear(struct bytes m)
{
	assert_true(m.n >= sizeof(uint32_t));
	memcpy(&seen[seen_n++], m.p, sizeof(uint32_t));
	seen_bytes += m.n;
}

static enum err
say(uint32_t number, size_t n)
{
	const struct bytes parts[] = { { (const uint8_t *)&number,
					   sizeof(number) },
		{ NULL, 0 }, { message, n } };

	return channel_send(0, parts, 3);
}

static void
wait_for(size_t n)
{
	int tries;

	for (tries = 0; seen_n < n && tries < 30000; tries++)
		fiber_sleep(2);
	fiber_sleep(20); /* would more come? */
	assert_int_equal(seen_n, n);
}

static void
what_came_before_is_dropped(void)
{
	assert_int_equal(channel_listen(0, hear), ERR_INTERNAL);
	assert_int_equal(channels_make(CHANNELS_MAX + 1), ERR_INTERNAL);
	assert_int_equal(channels_make(2), ERR_OK);
	assert_int_equal(channel_listen(2, hear), ERR_INTERNAL);
	assert_int_equal(say(99, 0), ERR_OK);
	assert_int_equal(channel_listen(0, hear), ERR_OK);
	wait_for(0);
}

static void
messages_arrive_whole_and_in_order(void)
{
	uint32_t i;

	for (i = 0; i < 200; i++)
		assert_int_equal(say(i, i), ERR_OK);
	wait_for(200);
	for (i = 0; i < 200; i++)
		assert_int_equal(seen[i], i);
	assert_int_equal(seen_bytes, 200 * 4 + 199 * 100);
}

static void
a_receiver_that_stands_still_costs_so_much(void)
{
	uint32_t i, sent;

	seen_n = 0;
	for (sent = 0; say(sent, BIG) == ERR_OK; sent++)
		assert_true(sent < 1000);
	assert_in_range(sent, CHANNEL_WAITING_MAX / (BIG + 4),
	    CHANNEL_WAITING_MAX / BIG + 10);
	assert_int_equal(say(sent, BIG), ERR_BUSY);
	wait_for(sent);
	for (i = 0; i < sent; i++)
		assert_int_equal(seen[i], i);
}

static void
what_waits_can_be_forgotten(void)
{
	uint32_t sent;

	seen_n = 0;
	for (sent = 0; sent < 50; sent++)
		assert_int_equal(say(sent, BIG), ERR_OK);
	channel_forget(0);
	fiber_sleep(50);
	assert_in_range(seen_n, 1, 10); /* those in the socket */
	assert_int_equal(say(7, 0), ERR_OK);
	wait_for(seen_n + 1);
}

static void
everything(void *arg)
{
	(void)arg;
	what_came_before_is_dropped();
	messages_arrive_whole_and_in_order();
	a_receiver_that_stands_still_costs_so_much();
	what_waits_can_be_forgotten();
	assert_int_equal(say(0, CHANNEL_MESSAGE_MAX), ERR_TOO_LARGE);
	assert_int_equal(channel_send(CHANNELS_MAX, NULL, 0), ERR_INTERNAL);
}

static void
messages_are_bounded_and_in_order(void **state)
{
	(void)state;
	assert_int_equal(loop_poll_run(everything, NULL), ERR_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_bounded_and_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
