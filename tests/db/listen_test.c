#include "harness.h"

#include "data/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one connection hears of what others commit. */

static const char *const channels[] = { "epione_one", "epione_two", NULL };

static struct {
	unsigned began, heard;
	char channel[64], payload[64];
	bool stop_at_once;
} saw;

static void
heard(void *arg, const char *channel, const char *payload)
{
	assert_ptr_equal(arg, &saw);
	saw.heard++;
	snprintf(saw.channel, sizeof(saw.channel), "%s", channel);
	snprintf(saw.payload, sizeof(saw.payload), "%s", payload);
	if (saw.stop_at_once)
		listen_stop();
}

static void
began(void *arg)
{
	(void)arg;
	saw.began++;
}

static void
wait_until(const unsigned *n, unsigned want)
{
	int64_t end = instant_monotonic() + PATIENCE_MS;

	while (*n < want && instant_monotonic() < end)
		fiber_sleep(5);
	assert_int_equal(*n, want);
}

static void
start(void)
{
	const struct listen_options o = { .conninfo = getenv("SERVER_URL"),
		.channels = channels,
		.heard = heard,
		.began = began,
		.arg = &saw };

	memset(&saw, 0, sizeof(saw));
	assert_int_equal(listen_start(&o), ERR_OK);
	assert_int_equal(listen_start(&o), ERR_INTERNAL);
	wait_until(&saw.began, 1);
	assert_true(listen_ready());
}

static void
what_is_committed_is_heard(void **state)
{
	(void)state;
	start();
	super("NOTIFY epione_two, 'of two'");
	wait_until(&saw.heard, 1);
	assert_string_equal(saw.channel, "epione_two");
	assert_string_equal(saw.payload, "of two");
	super("BEGIN; NOTIFY epione_one, 'never'; ROLLBACK");
	super("NOTIFY epione_other, 'not ours'");
	super("SELECT pg_notify('epione_one', n::text) "
	      "FROM generate_series(1, 1000) n");
	wait_until(&saw.heard, 1001);
	assert_string_equal(saw.payload, "1000");
	listen_stop();
	listen_stop();
	assert_false(listen_ready());
}

static void
a_lost_connection_is_made_anew_and_said(void **state)
{
	(void)state;
	start();
	super("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
	      "WHERE application_name = 'epione listener'");
	wait_until(&saw.began, 2);
	assert_true(logged("listen_disconnected"));
	super("NOTIFY epione_one, 'again'");
	wait_until(&saw.heard, 1);
	listen_stop();
}

static void
a_database_that_is_away_is_waited_for(void **state)
{
	char command[256];

	(void)state;
	start();
	snprintf(command, sizeof(command), "tools/cluster.sh stop %s",
	    getenv("CLUSTER"));
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	log_until("listen_disconnected");
	assert_false(listen_ready());
	snprintf(command, sizeof(command), "tools/cluster.sh start %s",
	    getenv("CLUSTER"));
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c) */
	wait_until(&saw.began, 2);
	super("NOTIFY epione_one, 'back'");
	wait_until(&saw.heard, 1);
	listen_stop();
}

static void
who_hears_may_stop_listening(void **state)
{
	(void)state;
	start();
	saw.stop_at_once = true;
	super("SELECT pg_notify('epione_one', n::text) "
	      "FROM generate_series(1, 10) n");
	wait_until(&saw.heard, 1);
	fiber_sleep(50);
	assert_int_equal(saw.heard, 1);
	assert_false(listen_ready());
}

static void
what_cannot_be_listened_to_is_refused(void **state)
{
	static const char *const none[] = { NULL };
	static const char *const odd[] = { "a; DROP TABLE visit", NULL };
	struct listen_options o = { .conninfo = getenv("SERVER_URL"),
		.channels = none,
		.heard = heard };

	(void)state;
	assert_int_equal(listen_start(&o), ERR_INTERNAL);
	o.channels = odd;
	assert_int_equal(listen_start(&o), ERR_INTERNAL);
	o.channels = channels;
	o.conninfo = "host=db.example sslmode=require";
	assert_int_equal(listen_start(&o), ERR_INTERNAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_committed_is_heard),
		cmocka_unit_test(a_lost_connection_is_made_anew_and_said),
		cmocka_unit_test(a_database_that_is_away_is_waited_for),
		cmocka_unit_test(who_hears_may_stop_listening),
		cmocka_unit_test(what_cannot_be_listened_to_is_refused),
	};

	return harness_run(tests);
}
