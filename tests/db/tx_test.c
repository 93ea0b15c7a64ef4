#include "harness.h"

#include "base/offload.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct uuid
id_of(unsigned n)
{
	struct uuid u = { { 1 } };

	u.b[14] = (uint8_t)(n >> 8);
	u.b[15] = (uint8_t)n;
	return u;
}

static struct entry_add_in
entry(unsigned n)
{
	return (struct entry_add_in){ .id = id_of(n),
		.slot = INT64_MIN,
		.late = INT64_MIN,
		.other = INT64_MIN };
}

static struct entry_add_later_in
entry_later(unsigned n)
{
	return (struct entry_add_later_in){ .id = id_of(n),
		.slot = INT64_MIN,
		.late = INT64_MIN,
		.other = INT64_MIN };
}

static int64_t
entries(void)
{
	return super("SELECT count(*) FROM entry");
}

/* Transactions that the server holds open for us. */
static void
nothing_left_open(void)
{
	super_until("SELECT count(*) FROM pg_stat_activity WHERE "
		    "usename = 'epione_server' AND xact_start IS NOT NULL",
	    0);
}

static void
commit_keeps_and_close_alone_does_not(void **state)
{
	struct entry_add_in in = entry(1);
	struct tx *tx = test_tx();

	(void)state;
	pool_start(1, 10);
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_OK);
	tx_close(tx);
	tx_close(tx); /* idempotent */
	pool_wait(1);
	tx = test_tx();
	in = entry(2);
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_OK);
	assert_int_equal(entries(), 0);
	assert_int_equal(tx_commit(tx), ERR_OK);
	assert_int_equal(entries(), 1);
	tx_close(tx);
	nothing_left_open();
	assert_int_equal(db_stats().reconnects, 0);
	assert_int_equal(db_stats().busy, 0);
}

static void
nothing_done_needs_no_connection(void **state)
{
	struct tx *tx = test_tx();

	(void)state; /* there is no pool at all */
	assert_int_equal(tx_commit(tx), ERR_OK);
	tx_close(tx);
	tx = test_tx();
	tx_close(tx);
}

static void
after_the_end_nothing_goes(void **state)
{
	struct entry_add_in in = entry(1);
	struct entry_add_later_in later = entry_later(2);
	struct tx *tx = test_tx();

	(void)state;
	pool_start(1, 10);
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_INTERNAL);
	assert_int_equal(sql_entry_add_later(tx, &later), ERR_INTERNAL);
	assert_int_equal(tx_commit(tx), ERR_INTERNAL);
	tx_close(tx);
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_INTERNAL);
	assert_int_equal(entries(), 1);
}

static void
later_travels_with_what_waits(void **state)
{
	struct entry_add_later_in a = entry_later(1), b = entry_later(2);
	struct entry_get_in get = { .id = id_of(1) };
	struct entry_get_row row;
	struct tx *tx = test_tx();

	(void)state;
	pool_start(1, 10);
	assert_int_equal(sql_entry_add_later(tx, &a), ERR_OK);
	assert_int_equal(db_stats().transactions, 0); /* nothing was sent */
	assert_int_equal(db_stats().busy, 0);
	assert_int_equal(sql_entry_get(tx, &get, &row), ERR_OK); /* sees it */
	assert_int_equal(sql_entry_add_later(tx, &b), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	assert_int_equal(entries(), 2);
	tx_close(tx);
}

static void
others_add(unsigned n)
{
	struct entry_add_in in = entry(n);
	struct tx *tx = test_tx();

	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	tx_close(tx);
}

static void
what_is_sent_travels_with_the_next_that_waits(void **state)
{
	const struct entry_get_in in = { id_of(1) };
	const struct series_in one = { 1 };
	struct entry_get_row row;
	struct series_row *rows;
	struct tx_call *call;
	struct tx *tx;
	uint64_t trips;
	size_t n;

	(void)state;
	pool_start(2, 10);
	tx = test_tx();
	trips = db_stats().round_trips;
	assert_int_equal(sql_entry_get_send(tx, &in, &call), ERR_OK);
	assert_int_equal(db_stats().round_trips, trips);
	assert_int_equal(sql_series(tx, &one, &rows, &n), ERR_OK);
	assert_int_equal(db_stats().round_trips, trips + 1);
	others_add(1);
	trips = db_stats().round_trips;
	/* as it was when it travelled; and asked again, as it is now */
	assert_int_equal(sql_entry_get_take(tx, call, &row), ERR_NOT_FOUND);
	assert_int_equal(db_stats().round_trips, trips);
	assert_int_equal(sql_entry_get(tx, &in, &row), ERR_OK);
	tx_close(tx);
	nothing_left_open();
}

static void
what_is_sent_is_taken_once_in_any_order(void **state)
{
	const struct entry_get_in one = { id_of(1) }, two = { id_of(2) };
	struct tx_call *first, *second;
	struct entry_get_row row;
	struct tx *tx;
	uint64_t trips;

	(void)state;
	pool_start(2, 10);
	others_add(1);
	tx = test_tx();
	trips = db_stats().round_trips;
	assert_int_equal(sql_entry_get_send(tx, &one, &first), ERR_OK);
	assert_int_equal(sql_entry_get_send(tx, &two, &second), ERR_OK);
	assert_int_equal(sql_entry_get_take(tx, second, &row), ERR_NOT_FOUND);
	assert_int_equal(sql_entry_get_take(tx, first, &row), ERR_OK);
	assert_int_equal(db_stats().round_trips, trips + 1);
	assert_int_equal(sql_entry_get_take(tx, first, &row), ERR_INTERNAL);
	tx_close(tx);
	tx = test_tx();
	assert_int_equal(sql_entry_get_send(tx, &one, &first), ERR_OK);
	assert_int_equal(sql_entry_get_send(tx, &two, &second), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK); /* carries both */
	assert_int_equal(sql_entry_get_take(tx, first, &row), ERR_OK);
	tx_close(tx); /* and the other is not wanted */
	nothing_left_open();
}

/* Two connections: one is for searches at most. */
static void
searches_leave_a_connection_to_the_others(void **state)
{
	const struct series_in one = { 1 };
	const struct nap_in nap = { 5000 };
	struct series_row *rows;
	struct nap_row slept;
	struct tx *first, *second, *other;
	int64_t start;
	size_t n;

	(void)state;
	pool_start(2, 10);
	first = test_tx();
	assert_int_equal(tx_search(first, 5000), ERR_OK);
	assert_int_equal(sql_series(first, &one, &rows, &n), ERR_OK);
	start = instant_monotonic();
	second = test_tx_ms(700);
	assert_int_equal(tx_search(second, 500), ERR_OK);
	assert_int_equal(sql_series(second, &one, &rows, &n), ERR_UNAVAILABLE);
	/* it waited, while there was time left to do it in */
	assert_true(instant_monotonic() - start >= 150);
	other = test_tx();
	assert_int_equal(sql_series(other, &one, &rows, &n), ERR_OK);
	tx_close(other);
	tx_close(first);
	tx_close(second);
	first = test_tx();
	assert_int_equal(tx_search(first, 50), ERR_OK);
	assert_int_equal(sql_nap(first, &nap, &slept), ERR_UNAVAILABLE);
	tx_close(first);
	nothing_left_open();
}

static void
later_alone_travels_with_the_commit(void **state)
{
	struct entry_add_later_in in = entry_later(1);
	struct tx *tx = test_tx();
	int i;

	(void)state;
	pool_start(1, 10);
	for (i = 0; i < 2000; i++) { /* more than a socket holds at once */
		in.id = id_of((unsigned)i);
		assert_int_equal(sql_entry_add_later(tx, &in), ERR_OK);
	}
	assert_int_equal(tx_commit(tx), ERR_OK);
	assert_int_equal(entries(), 2000);
	tx_close(tx);
	tx = test_tx();
	in.id = id_of(2001);
	assert_int_equal(sql_entry_add_later(tx, &in), ERR_OK);
	tx_close(tx);
	assert_int_equal(entries(), 2000);
}

static void
an_error_of_later_shows_at_the_next_wait(void **state)
{
	struct entry_add_later_in in = entry_later(1);
	struct entry_get_in get = { .id = id_of(1) };
	struct entry_get_row row;
	struct tx *tx = test_tx();

	(void)state;
	pool_start(1, 10);
	in.slot = 5;
	assert_int_equal(sql_entry_add_later(tx, &in), ERR_OK);
	in.id = id_of(2);
	assert_int_equal(sql_entry_add_later(tx, &in), ERR_OK);
	assert_int_equal(sql_entry_get(tx, &get, &row), ERR_SLOT_TAKEN);
	assert_int_equal(sql_entry_get(tx, &get, &row), ERR_SLOT_TAKEN);
	assert_int_equal(tx_commit(tx), ERR_SLOT_TAKEN);
	tx_close(tx);
	tx = test_tx();
	in.id = id_of(3);
	assert_int_equal(sql_entry_add_later(tx, &in), ERR_OK);
	in.id = id_of(4);
	assert_int_equal(sql_entry_add_later(tx, &in), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_SLOT_TAKEN); /* not UNKNOWN */
	tx_close(tx);
	assert_int_equal(entries(), 0);
	nothing_left_open();
	assert_int_equal(db_stats().reconnects, 0);
}

/*= IN-04: constraints decide, and their names say what to tell */
static void
constraints_name_the_error(void **state)
{
	struct entry_add_in in = entry(1);
	struct tx *tx = test_tx();

	(void)state;
	pool_start(1, 10);
	in.slot = in.late = 1;
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	tx_close(tx);

	tx = test_tx();
	in.id = id_of(2);
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_SLOT_TAKEN);
	assert_false(tx_retryable(tx));
	tx_close(tx);

	tx = test_tx(); /* deferred: only the COMMIT finds out */
	in.slot = 2;
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_EMAIL_TAKEN);
	tx_close(tx);

	tx = test_tx();
	in.late = 3;
	in.other = 0;
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_INTERNAL);
	assert_true(logged("\"sqlstate\":\"23514\""));
	assert_true(logged("nobody_knows_this"));
	tx_close(tx);
	assert_int_equal(entries(), 1);
	nothing_left_open();
}

/*= AU-03: what a row holds is in no log, whatever goes wrong with it */
static void
errors_are_logged_without_values(void **state)
{
	struct divide_in in = { .canary = "PHI-CANARY-7" };
	struct divide_row row;
	struct tx *tx = test_tx();

	(void)state;
	pool_start(1, 10);
	assert_int_equal(sql_divide(tx, &in, &row), ERR_INTERNAL);
	assert_true(logged("22P02"));
	assert_true(logged("\"statement\":\"divide\""));
	assert_false(logged("CANARY"));
	tx_close(tx);
}

/* Deadlines, queue */

struct napper {
	int64_t ms, deadline_ms;
	enum err got;
	int64_t took_ms, ended;
	int64_t pid;
	bool done, commit;
};

static int64_t naps_ended;

static void
nap(void *arg)
{
	struct napper *n = arg;
	struct arena *a = arena_new();
	int64_t start = instant_monotonic();
	struct tx *tx = tx_new(a, start + n->deadline_ms);
	struct nap_in in = { .ms = n->ms };
	struct nap_row row = { 0 };

	n->got = sql_nap(tx, &in, &row);
	if (n->got == ERR_OK && n->commit)
		n->got = tx_commit(tx);
	tx_close(tx);
	n->pid = row.pid;
	n->took_ms = instant_monotonic() - start;
	n->ended = ++naps_ended;
	n->done = true;
	arena_free(a);
}

static void
wait_for(const bool *done)
{
	int64_t until = instant_monotonic() + PATIENCE_MS;

	while (!*done && instant_monotonic() < until)
		fiber_sleep(5);
	assert_true(*done);
}

static void
a_deadline_ends_the_wait_and_the_connection(void **state)
{
	struct napper n = { .ms = 15000, .deadline_ms = 300 };
	struct napper after = { .ms = 1, .deadline_ms = PATIENCE_MS };

	(void)state;
	pool_start(1, 10);
	nap(&n);
	assert_int_equal(n.got, ERR_UNAVAILABLE);
	assert_in_range(n.took_ms, 290, 10000);
	assert_int_equal(db_stats().timeouts, 1);
	nap(&after); /* on a new connection */
	assert_int_equal(after.got, ERR_OK);
	assert_int_equal(db_stats().reconnects, 1);
	/* the server notices that nobody waits any more */
	super_until("SELECT count(*) FROM pg_stat_activity WHERE "
		    "usename = 'epione_server' AND state = 'active'",
	    0);
}

static void
a_deadline_that_passed_sends_nothing(void **state)
{
	struct entry_add_in in = entry(1);
	struct tx *tx = test_tx_ms(0);

	(void)state;
	pool_start(1, 10);
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_UNAVAILABLE);
	tx_close(tx);
	tx = test_tx_ms(2000);
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_OK);
	fiber_sleep(2050);
	assert_int_equal(tx_commit(tx), ERR_UNAVAILABLE); /* never sent */
	tx_close(tx);
	nothing_left_open();
	assert_int_equal(entries(), 0);
	assert_int_equal(db_stats().reconnects, 0);
}

static void
the_servers_own_limit_leaves_the_connection(void **state)
{
	struct tx *tx = test_tx();
	struct nap_in in = { .ms = 3000 };
	struct nap_row row;

	(void)state;
	pool_start_at(getenv("SERVER_URL"), 1, 1500);
	assert_int_equal(sql_nap(tx, &in, &row), ERR_UNAVAILABLE);
	tx_close(tx);
	assert_int_equal(db_stats().timeouts, 1);
	nothing_left_open();
	assert_int_equal(db_stats().reconnects, 0);
}

static void
the_queue_is_fair_and_bounded(void **state)
{
	struct napper n[5];
	int i;

	(void)state;
	pool_start(1, 3);
	naps_ended = 0;
	for (i = 0; i < 5; i++) {
		n[i] = (struct napper){ .ms = 150, .deadline_ms = PATIENCE_MS };
		spawn(nap, &n[i]);
	}
	wait_for(&n[4].done);
	assert_int_equal(n[4].got, ERR_BUSY);
	assert_int_equal(n[4].ended, 1); /* before anything else did */
	wait_for(&n[3].done);
	for (i = 0; i < 4; i++)
		assert_int_equal(n[i].got, ERR_OK);
	assert_true(n[0].ended < n[1].ended && n[1].ended < n[2].ended &&
	    n[2].ended < n[3].ended);
	assert_int_equal(db_stats().refused, 1);
	assert_int_equal(db_stats().waiting, 0);
}

static void
who_waits_too_long_leaves_the_queue(void **state)
{
	struct napper first = { .ms = 5000, .deadline_ms = PATIENCE_MS };
	struct napper second = { .ms = 1, .deadline_ms = 200 };
	struct napper third = { .ms = 1, .deadline_ms = PATIENCE_MS };

	(void)state;
	pool_start(1, 10);
	spawn(nap, &first);
	spawn(nap, &second);
	spawn(nap, &third);
	wait_for(&second.done);
	assert_int_equal(second.got, ERR_UNAVAILABLE);
	assert_true(second.took_ms >= 190);
	assert_false(first.done);
	wait_for(&third.done);
	assert_int_equal(third.got, ERR_OK);
	assert_int_equal(db_stats().reconnects, 0);
}

static void
connections_work_side_by_side(void **state)
{
	struct napper n[4];
	int i;

	(void)state;
	pool_start(4, 10);
	for (i = 0; i < 4; i++) {
		n[i] = (struct napper){ .ms = 5000,
			.deadline_ms = PATIENCE_MS };
		spawn(nap, &n[i]);
	}
	super_until("SELECT count(*) FROM pg_stat_activity WHERE usename = "
		    "'epione_server' AND wait_event = 'PgSleep'",
	    4);
	for (i = 0; i < 4; i++) {
		wait_for(&n[i].done);
		assert_int_equal(n[i].got, ERR_OK);
	}
}

/* Conflicts */

static unsigned adding; /* that have added their first */

struct adder {
	int64_t first, second;
	enum err got;
	bool retryable, done;
};

static void
add_both(void *arg)
{
	struct adder *ad = arg;
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a, instant_monotonic() + PATIENCE_MS);
	struct counter_add_in in = { .id = ad->first };

	ad->got = sql_counter_add(tx, &in, NULL);
	adding++;
	while (adding < 2)
		fiber_sleep(5);
	in.id = ad->second;
	if (ad->got == ERR_OK)
		ad->got = sql_counter_add(tx, &in, NULL);
	if (ad->got == ERR_OK)
		ad->got = tx_commit(tx);
	ad->retryable = tx_retryable(tx);
	tx_close(tx);
	ad->done = true;
	arena_free(a);
}

static void
a_deadlock_is_told_and_may_be_tried_again(void **state)
{
	struct adder a = { .first = 1, .second = 2 };
	struct adder b = { .first = 2, .second = 1 };

	(void)state;
	pool_start(2, 10);
	spawn(add_both, &a);
	spawn(add_both, &b);
	wait_for(&a.done);
	wait_for(&b.done);
	assert_int_equal((a.got == ERR_OK) + (b.got == ERR_OK), 1);
	assert_int_equal((a.got == ERR_BUSY) + (b.got == ERR_BUSY), 1);
	assert_true(a.got == ERR_OK ? b.retryable : a.retryable);
	assert_false(a.got == ERR_OK ? a.retryable : b.retryable);
}

/* The session */

static void
settings_arrive(void **state)
{
	struct tx *tx = test_tx();
	struct whoami_row row;

	(void)state;
	pool_start(1, 10);
	assert_int_equal(sql_whoami(tx, &row), ERR_OK);
	assert_string_equal(row.name, "epione");
	tx_close(tx);
}

static void
a_connection_string_that_is_none_is_refused(void **state)
{
	struct db_options o = { .conninfo = "postgresql://[",
		.connections = 1 };

	(void)state;
	assert_int_equal(db_start(&o), ERR_INTERNAL);
	assert_true(logged("db_conninfo_refused"));
	o.conninfo = "dbname=x";
	o.connections = 0;
	assert_int_equal(db_start(&o), ERR_INTERNAL);
}

static void
without_a_pool_nothing_is_available(void **state)
{
	struct entry_add_in in = entry(1);
	struct tx *tx = test_tx();

	(void)state;
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_UNAVAILABLE);
	assert_false(db_ready());
	tx_close(tx);
}

struct stray {
	enum err got;
};

/* On a thread of offload there is no fiber to wait on. */
static void
ask_off_a_fiber(void *arg)
{
	struct stray *s = arg;
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a, instant_monotonic() + 1000);
	struct whoami_row row;

	s->got = sql_whoami(tx, &row);
	tx_close(tx);
	arena_free(a);
}

static void
a_wait_off_a_fiber_is_refused(void **state)
{
	struct stray s = { ERR_OK };

	(void)state;
	pool_start(1, 10);
	assert_int_equal(offload_start(1, 4), ERR_OK);
	assert_int_equal(
	    offload(ask_off_a_fiber, &s, instant_monotonic() + PATIENCE_MS),
	    ERR_OK);
	assert_int_equal(s.got, ERR_INTERNAL);
}

static void
stopping_ends_what_waits(void **state)
{
	struct napper held = { .ms = 15000, .deadline_ms = PATIENCE_MS };
	struct napper queued = { .ms = 1, .deadline_ms = PATIENCE_MS };

	(void)state;
	pool_start(1, 10);
	spawn(nap, &held);
	spawn(nap, &queued);
	fiber_sleep(100);
	db_stop();
	wait_for(&held.done);
	wait_for(&queued.done);
	assert_int_equal(held.got, ERR_UNAVAILABLE);
	assert_int_equal(queued.got, ERR_UNAVAILABLE);
	assert_in_range(queued.took_ms, 0, 10000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commit_keeps_and_close_alone_does_not),
		cmocka_unit_test(nothing_done_needs_no_connection),
		cmocka_unit_test(after_the_end_nothing_goes),
		cmocka_unit_test(later_travels_with_what_waits),
		cmocka_unit_test(what_is_sent_travels_with_the_next_that_waits),
		cmocka_unit_test(what_is_sent_is_taken_once_in_any_order),
		cmocka_unit_test(searches_leave_a_connection_to_the_others),
		cmocka_unit_test(later_alone_travels_with_the_commit),
		cmocka_unit_test(an_error_of_later_shows_at_the_next_wait),
		cmocka_unit_test(constraints_name_the_error),
		cmocka_unit_test(errors_are_logged_without_values),
		cmocka_unit_test(a_deadline_ends_the_wait_and_the_connection),
		cmocka_unit_test(a_deadline_that_passed_sends_nothing),
		cmocka_unit_test(the_servers_own_limit_leaves_the_connection),
		cmocka_unit_test(the_queue_is_fair_and_bounded),
		cmocka_unit_test(who_waits_too_long_leaves_the_queue),
		cmocka_unit_test(connections_work_side_by_side),
		cmocka_unit_test(a_deadlock_is_told_and_may_be_tried_again),
		cmocka_unit_test(settings_arrive),
		cmocka_unit_test(a_connection_string_that_is_none_is_refused),
		cmocka_unit_test(without_a_pool_nothing_is_available),
		cmocka_unit_test(a_wait_off_a_fiber_is_refused),
		cmocka_unit_test(stopping_ends_what_waits),
	};

	return harness_run(tests);
}
