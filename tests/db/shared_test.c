#include "harness.h"

#include <string.h>

/* Fibers must not assert: each leaves here what it saw. */
struct traveller {
	unsigned id;
	int64_t slot, late; /* of the entry it adds; INT64_MIN: none */
	int64_t nap_ms;
	int64_t deadline_ms;
	enum err got;
	int64_t pid;
	bool done;
};

static int64_t
entries(void)
{
	return super("SELECT count(*) FROM entry");
}

static struct traveller
traveller(unsigned id)
{
	return (struct traveller){ .id = id,
		.slot = INT64_MIN,
		.late = INT64_MIN,
		.deadline_ms = PATIENCE_MS };
}

static void
travel(void *arg)
{
	struct traveller *t = arg;
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a, instant_monotonic() + t->deadline_ms);
	struct entry_add_later_in add = { .id = { { (uint8_t)t->id } },
		.slot = t->slot,
		.late = t->late,
		.other = INT64_MIN };
	struct nap_in nap = { .ms = t->nap_ms };
	struct nap_row row = { 0 };
	struct tx_call *call;

	tx_share_trip(tx);
	t->got = sql_entry_add_later(tx, &add);
	if (t->got == ERR_OK)
		t->got = sql_nap_send(tx, &nap, &call);
	if (t->got == ERR_OK)
		t->got = tx_commit(tx);
	if (t->got == ERR_OK)
		t->got = sql_nap_take(tx, call, &row);
	t->pid = row.pid;
	tx_close(tx);
	arena_free(a);
	t->done = true;
}

/* All at once: the first two are trips of their own, and nap so long. */
static void
travel_all(struct traveller *t, size_t n, int64_t nap_ms)
{
	int64_t until = instant_monotonic() + PATIENCE_MS;
	size_t i;

	t[0].nap_ms = t[1].nap_ms = nap_ms;
	for (i = 0; i < n; i++)
		spawn(travel, &t[i]);
	for (i = 0; i < n; i++)
		while (!t[i].done && instant_monotonic() < until)
			fiber_sleep(5);
	for (i = 0; i < n; i++)
		assert_true(t[i].done);
}

static void
who_comes_meanwhile_is_one_transaction(void **state)
{
	struct traveller t[10];
	unsigned i;

	(void)state;
	pool_start(4, 20);
	pool_wait(4);
	for (i = 0; i < 10; i++)
		t[i] = traveller(i + 1);
	travel_all(t, 10, 300);
	for (i = 0; i < 10; i++) {
		assert_int_equal(t[i].got, ERR_OK);
		assert_true(t[i].pid > 0);
	}
	assert_int_equal(entries(), 10);
	assert_int_equal(db_stats().transactions, 3);
	assert_int_equal(db_stats().shared, 1);
	assert_int_equal(db_stats().busy, 0);
	assert_int_equal(
	    super("SELECT count(DISTINCT xmin::text) FROM entry"), 3);
}

static void
one_that_fails_has_its_error_alone(void **state)
{
	struct traveller t[6];
	unsigned i;

	(void)state;
	pool_start(4, 20);
	pool_wait(4);
	for (i = 0; i < 6; i++)
		t[i] = traveller(i + 1);
	t[2].slot = t[4].slot = 5;
	travel_all(t, 6, 300);
	for (i = 0; i < 6; i++)
		assert_int_equal(t[i].got, i == 4 ? ERR_SLOT_TAKEN : ERR_OK);
	assert_int_equal(entries(), 5);
	assert_int_equal(db_stats().busy, 0);
}

/* The COMMIT says it, and not whose fault it is. */
static void
a_commit_that_fails_is_tried_by_each(void **state)
{
	struct traveller t[6];
	unsigned i;

	(void)state;
	pool_start(4, 20);
	pool_wait(4);
	for (i = 0; i < 6; i++)
		t[i] = traveller(i + 1);
	t[3].late = t[5].late = 5;
	travel_all(t, 6, 300);
	for (i = 0; i < 6; i++)
		if (i != 3 && i != 5)
			assert_int_equal(t[i].got, ERR_OK);
	assert_int_equal(
	    (t[3].got == ERR_EMAIL_TAKEN) + (t[5].got == ERR_EMAIL_TAKEN), 1);
	assert_int_equal((t[3].got == ERR_OK) + (t[5].got == ERR_OK), 1);
	assert_int_equal(entries(), 5);
}

static void
nobodys_deadline_ends_it_for_others(void **state)
{
	struct traveller t[5];
	unsigned i;

	(void)state;
	pool_start(4, 20);
	pool_wait(4);
	for (i = 0; i < 5; i++)
		t[i] = traveller(i + 1);
	t[3].nap_ms = 6000;
	t[4].deadline_ms = 6000; /* it leaves at 300, and is there at 6300 */
	travel_all(t, 5, 300);
	for (i = 0; i < 5; i++)
		assert_int_equal(t[i].got, ERR_OK);
	assert_int_equal(db_stats().timeouts, 0);
	assert_int_equal(db_stats().lost, 0);
}

static void
the_last_deadline_ends_it_for_all(void **state)
{
	struct traveller t[5];
	unsigned i;

	(void)state;
	pool_start(4, 20);
	pool_wait(4);
	for (i = 0; i < 5; i++)
		t[i] = traveller(i + 1);
	for (i = 2; i < 5; i++)
		t[i].deadline_ms = 1500;
	t[3].nap_ms = 30000;
	travel_all(t, 5, 300);
	assert_int_equal(t[0].got, ERR_OK);
	assert_int_equal(t[1].got, ERR_OK);
	for (i = 2; i < 5; i++)
		assert_true(t[i].got == ERR_UNKNOWN_OUTCOME ||
		    t[i].got == ERR_UNAVAILABLE);
	super_until("SELECT count(*) FROM pg_stat_activity WHERE "
		    "usename = 'epione_server' AND state = 'active'",
	    0);
	assert_int_equal(entries(), 2);
}

static void
who_waits_too_long_leaves(void **state)
{
	struct traveller t[4];
	unsigned i;

	(void)state;
	pool_start(1, 20);
	pool_wait(1);
	for (i = 0; i < 4; i++)
		t[i] = traveller(i + 1);
	t[2].deadline_ms = 50;
	travel_all(t, 4, 3000);
	assert_int_equal(t[2].got, ERR_UNAVAILABLE);
	assert_int_equal(t[0].got, ERR_OK);
	assert_int_equal(t[1].got, ERR_OK);
	assert_int_equal(t[3].got, ERR_OK);
	assert_int_equal(entries(), 3);
	assert_int_equal(db_stats().waiting, 0);
}

static void
the_queue_is_bounded(void **state)
{
	struct traveller t[8];
	unsigned i, busy = 0;

	(void)state;
	pool_start(4, 3);
	pool_wait(4);
	for (i = 0; i < 8; i++)
		t[i] = traveller(i + 1);
	travel_all(t, 8, 300);
	for (i = 0; i < 8; i++)
		busy += t[i].got == ERR_BUSY;
	assert_int_equal(busy, 3);
	assert_int_equal(entries(), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_comes_meanwhile_is_one_transaction),
		cmocka_unit_test(one_that_fails_has_its_error_alone),
		cmocka_unit_test(a_commit_that_fails_is_tried_by_each),
		cmocka_unit_test(nobodys_deadline_ends_it_for_others),
		cmocka_unit_test(the_last_deadline_ends_it_for_all),
		cmocka_unit_test(who_waits_too_long_leaves),
		cmocka_unit_test(the_queue_is_bounded),
	};

	return harness_run(tests);
}
