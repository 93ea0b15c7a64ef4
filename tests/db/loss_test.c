#include "harness.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/*= IN-04: kill -9 at any moment leaves no half state, and no false answer */

#define SLOW_SLOT 7777 /* tests/db/schema.sql: its COMMIT takes 30 s */

static struct uuid
id_of(unsigned n)
{
	struct uuid u = { { 2 } };

	u.b[13] = (uint8_t)(n >> 16);
	u.b[14] = (uint8_t)(n >> 8);
	u.b[15] = (uint8_t)n;
	return u;
}

struct writer {
	struct uuid id;
	int64_t slot;
	int64_t nap_ms; /* before the commit */
	int64_t deadline_ms;
	enum err got, commit;
	bool done;
};

static void
write_one(void *arg)
{
	struct writer *w = arg;
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a,
	    instant_monotonic() +
		(w->deadline_ms > 0 ? w->deadline_ms : PATIENCE_MS));
	struct entry_add_in in = { .id = w->id,
		.slot = w->slot,
		.late = INT64_MIN,
		.other = INT64_MIN };
	struct nap_in nap = { .ms = w->nap_ms };
	struct nap_row row;

	w->got = sql_entry_add(tx, &in, NULL);
	if (w->got == ERR_OK && w->nap_ms > 0)
		w->got = sql_nap(tx, &nap, &row);
	w->commit = w->got == ERR_OK ? tx_commit(tx) : ERR_OK;
	tx_close(tx);
	w->done = true;
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

/* The server's only connection is where a test wants it: asleep, in a nap or
 * in a COMMIT. */
static void
asleep(void)
{
	super_until("SELECT count(*) FROM pg_stat_activity WHERE usename = "
		    "'epione_server' AND wait_event = 'PgSleep'",
	    1);
}

static pid_t
backend_pid(void)
{
	struct tx *tx = test_tx();
	struct whoami_row row;

	assert_int_equal(sql_whoami(tx, &row), ERR_OK);
	assert_int_equal(tx_commit(tx), ERR_OK);
	tx_close(tx);
	return (pid_t)row.pid;
}

/* kill -9 of one backend takes the whole cluster through recovery. */
static void
wait_well(unsigned connections)
{
	/* what a lost client left asleep is not taken for the next test's */
	super_until("SELECT count(*) FROM pg_stat_activity WHERE usename = "
		    "'epione_server' AND state = 'active'",
	    0);
	pool_wait(connections);
	(void)backend_pid();
	assert_int_equal(db_stats().busy, 0);
	assert_int_equal(db_stats().waiting, 0);
}

static void
lost_before_the_commit_is_unavailable(void **state)
{
	struct writer w = { .id = id_of(1), .slot = 1, .nap_ms = 30000 };
	pid_t pid;

	(void)state;
	pool_start(1, 10);
	pid = backend_pid();
	spawn(write_one, &w);
	asleep();
	assert_int_equal(kill(pid, SIGKILL), 0);
	wait_for(&w.done);
	assert_int_equal(w.got, ERR_UNAVAILABLE);
	assert_int_equal(db_stats().lost, 1);
	wait_well(1);
	assert_int_equal(super("SELECT count(*) FROM entry"), 0);
}

static void
lost_during_the_commit_is_unknown(void **state)
{
	struct writer w = { .id = id_of(1), .slot = SLOW_SLOT };
	pid_t pid;

	(void)state;
	pool_start(1, 10);
	pid = backend_pid();
	spawn(write_one, &w);
	asleep();
	assert_false(w.done);
	assert_int_equal(kill(pid, SIGKILL), 0);
	wait_for(&w.done);
	assert_int_equal(w.got, ERR_OK);
	assert_int_equal(w.commit, ERR_UNKNOWN_OUTCOME);
	wait_well(1);
}

static void
terminated_during_the_commit_is_unknown(void **state)
{
	struct writer w = { .id = id_of(1), .slot = SLOW_SLOT };

	(void)state;
	pool_start(1, 10);
	spawn(write_one, &w);
	asleep();
	super("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
	      "WHERE usename = 'epione_server'");
	wait_for(&w.done);
	assert_int_equal(w.commit, ERR_UNKNOWN_OUTCOME); /* FATAL 57P01 */
	wait_well(1);
}

static void
out_of_time_during_the_commit_is_unknown(void **state)
{
	struct writer w = {
		.id = id_of(1), .slot = SLOW_SLOT, .deadline_ms = 3000
	};

	(void)state;
	pool_start(1, 10);
	spawn(write_one, &w);
	wait_for(&w.done);
	assert_int_equal(w.commit, ERR_UNKNOWN_OUTCOME);
	assert_int_equal(db_stats().timeouts, 1);
	wait_well(1);
}

/* The server was told to give up on the COMMIT: an answer. (statement_timeout
 * does not reach what runs at COMMIT.) */
static void
cancelled_during_the_commit_is_unavailable(void **state)
{
	struct writer w = { .id = id_of(1), .slot = SLOW_SLOT };

	(void)state;
	pool_start(1, 10);
	spawn(write_one, &w);
	asleep();
	super("SELECT pg_cancel_backend(pid) FROM pg_stat_activity "
	      "WHERE usename = 'epione_server'");
	wait_for(&w.done);
	assert_int_equal(w.commit, ERR_UNAVAILABLE);
	assert_int_equal(super("SELECT count(*) FROM entry"), 0);
	assert_int_equal(db_stats().reconnects, 0);
}

static void
lost_between_two_statements_is_unavailable(void **state)
{
	struct tx *tx = test_tx();
	struct entry_add_in in = {
		.id = id_of(1), .slot = 1, .late = INT64_MIN, .other = INT64_MIN
	};
	struct whoami_row row;

	(void)state;
	pool_start(1, 10);
	assert_int_equal(sql_entry_add(tx, &in, NULL), ERR_OK);
	assert_int_equal(sql_whoami(tx, &row), ERR_OK);
	super("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
	      "WHERE usename = 'epione_server'");
	log_until("db_disconnected");
	assert_int_equal(tx_commit(tx), ERR_UNAVAILABLE); /* was not sent */
	assert_int_equal(sql_whoami(tx, &row), ERR_UNAVAILABLE);
	tx_close(tx);
	wait_well(1);
	assert_int_equal(super("SELECT count(*) FROM entry"), 0);
}

/* A proxy that lets the COMMIT through and its answer not; or, slow, some bytes
 * at a time of all that is answered */

enum cut { CUT_ANSWER, CUT_AFTER_TAG, SLOW };

struct proxy {
	int client, server, listener;
	enum cut cut;
	bool cut_done;
	size_t answered;
};

static int
unix_socket(const char *path, struct sockaddr_un *sun)
{
	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	snprintf(sun->sun_path, sizeof(sun->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

/* One chunk from one side to the other; false at the end. */
static bool
proxy_pass(struct proxy *p, int from, int to)
{
	static const char tag[] = "COMMIT";
	const bool slow = p->cut == SLOW && from == p->server;
	static char buf[65536]; /* more than a fiber's stack has */
	char *at;
	ssize_t n = read(from, buf,
	    !slow		    ? sizeof(buf)
		: p->answered < 400 ? 8
				    : 32);

	if (n <= 0)
		return false;
	if (slow)
		usleep(150 * 1000);
	p->answered += (size_t)n; /* less than 400: it does not let us in yet */
	at = from == p->server && p->cut != SLOW
	    ? memmem(buf, (size_t)n, tag, sizeof(tag))
	    : NULL;
	if (at == NULL)
		return write(to, buf, (size_t)n) == n;
	p->cut_done = true;
	if (p->cut == CUT_AFTER_TAG) {
		n = at + sizeof(tag) - buf; /* without ReadyForQuery */
		(void)!write(to, buf, (size_t)n);
	}
	return false;
}

/* Each way has a process of its own: a pipeline is longer than what sockets hold,
 * and who waited to pass it on would read no answers meanwhile. */
static void
proxy_connection(struct proxy *p, const char *server)
{
	struct sockaddr_un sun;
	pid_t answers;
	int status;

	p->server = unix_socket(server, &sun);
	if (connect(p->server, (struct sockaddr *)&sun, sizeof(sun)) != 0 ||
	    (answers = fork()) == -1) {
		fprintf(stderr, "proxy: %s\n", strerror(errno));
		close(p->client);
		close(p->server);
		return;
	}
	if (answers == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (proxy_pass(p, p->server, p->client))
			;
		shutdown(p->client, SHUT_RDWR);
		shutdown(p->server, SHUT_RDWR);
		_exit(p->cut_done);
	}
	while (proxy_pass(p, p->client, p->server))
		;
	shutdown(p->server, SHUT_RDWR);
	waitpid(answers, &status, 0);
	p->cut_done = WIFEXITED(status) && WEXITSTATUS(status) == 1;
	close(p->client);
	close(p->server);
}

/* A pool that did not come through in time tries anew: each attempt is
 * served, until one of them had its COMMIT cut off. */
static void
proxy_serve(struct proxy *p, const char *server)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that failed */
	signal(SIGPIPE, SIG_IGN);	  /* a pool that gave up */
	while (!p->cut_done) {
		p->client = accept(p->listener, NULL, NULL);
		proxy_connection(p, server);
	}
	_exit(0);
}

/* Returns the proxy's pid and its connection string in url. */
static pid_t
proxy_start(enum cut cut, char url[512])
{
	const char *real = getenv("SERVER_URL"), *host = strstr(real, "host=");
	struct proxy p = { .cut = cut };
	struct sockaddr_un sun;
	char path[128], server[128], folder[100];
	pid_t pid;

	snprintf(folder, sizeof(folder), "%s/proxy%d", getenv("WORK"), cut);
	snprintf(path, sizeof(path), "mkdir -p %s", folder);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", folder);
	snprintf(server, sizeof(server), "%.*s/.s.PGSQL.5432",
	    (int)strcspn(host + 5, "&"), host + 5);
	snprintf(url, 512, "%.*shost=%s&port=5432", (int)(host - real), real,
	    folder);
	p.listener = unix_socket(path, &sun);
	assert_int_equal(
	    bind(p.listener, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(p.listener, 5), 0);
	if ((pid = fork()) == 0)
		proxy_serve(&p, server);
	assert_int_not_equal(pid, -1);
	close(p.listener);
	return pid;
}

static void
an_answer_that_is_cut_off_is_unknown_though_committed(void **state)
{
	struct writer w = { .id = id_of(1), .slot = 1 };
	char url[512];
	pid_t pid = proxy_start(CUT_ANSWER, url);

	(void)state;
	pool_start_at(url, 1, 3000);
	write_one(&w);
	assert_int_equal(w.got, ERR_OK);
	assert_int_equal(w.commit, ERR_UNKNOWN_OUTCOME);
	assert_int_equal(super("SELECT count(*) FROM entry"), 1);
	waitpid(pid, NULL, 0);
}

static void
a_slow_database_is_waited_for_while_it_answers(void **state)
{
	int64_t start = instant_monotonic();
	char url[512];
	pid_t pid = proxy_start(SLOW, url);

	(void)state;
	pool_start_at(url, 1, 20000);
	assert_int_equal(db_stats().reconnects, 0);
	/* to let us in, and then to prepare, takes longer than a silence may */
	assert_true(instant_monotonic() - start > 2 * 5000);
	db_stop();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void
an_answer_that_came_counts_though_the_rest_is_lost(void **state)
{
	struct writer w = { .id = id_of(1), .slot = 1 };
	char url[512];
	pid_t pid = proxy_start(CUT_AFTER_TAG, url);

	(void)state;
	pool_start_at(url, 1, 3000);
	write_one(&w);
	assert_int_equal(w.got, ERR_OK);
	assert_int_equal(w.commit, ERR_OK);
	assert_int_equal(super("SELECT count(*) FROM entry"), 1);
	waitpid(pid, NULL, 0);
}

/* Restarts, and everything at once */

static void
cluster(const char *what)
{
	char line[256];

	snprintf(line, sizeof(line), "tools/cluster.sh %s %s", what,
	    getenv("CLUSTER"));
	assert_int_equal(system(line), 0);
}

static void
a_database_that_comes_later_is_waited_for(void **state)
{
	struct db_options o = { .conninfo = getenv("SERVER_URL"),
		.connections = 2,
		.queue_max = 10,
		.statement_timeout_ms = 3000 };
	struct writer early = { .id = id_of(1), .slot = 1, .deadline_ms = 300 };
	struct writer patient = {
		.id = id_of(2), .slot = 2, .deadline_ms = PATIENCE_MS
	};

	(void)state;
	cluster("stop");
	assert_int_equal(db_start(&o), ERR_OK);
	write_one(&early);
	assert_int_equal(early.got, ERR_UNAVAILABLE);
	assert_false(db_ready());
	spawn(write_one, &patient);
	cluster("start");
	wait_for(&patient.done);
	assert_int_equal(patient.got, ERR_OK);
	assert_int_equal(patient.commit, ERR_OK);
	wait_well(2);
	assert_int_equal(super("SELECT count(*) FROM entry"), 1);
}

static void
a_restart_is_survived(void **state)
{
	struct writer w = { .id = id_of(1), .slot = 1, .nap_ms = 30000 };
	uint64_t before;

	(void)state;
	pool_start(4, 10);
	before = db_stats().reconnects;
	spawn(write_one, &w);
	asleep();
	cluster("stop");
	wait_for(&w.done);
	assert_int_equal(w.got, ERR_UNAVAILABLE);
	while (db_ready()) /* the others are found gone as well */
		fiber_sleep(5);
	cluster("start");
	wait_well(4);
	assert_true(db_stats().reconnects >= before + 4);
	/* a line when it went and one when it came, not one per attempt */
	assert_true(logged("db_disconnected"));
}

#define CHAOS_FIBERS   24
#define CHAOS_MS       6000
#define CHAOS_PAUSE_MS 70
/* Fewer would show little: a crowded machine is given longer for them. */
#define CHAOS_COMMITS 100

struct chaos {
	unsigned next;
	enum err outcome[1 << 16];
	unsigned running, committed;
	int64_t until;
};

static void
chaos_write(void *arg)
{
	struct chaos *c = arg;
	struct writer w;
	unsigned n;

	while (instant_monotonic() < c->until) {
		n = c->next++;
		w = (struct writer){
			.id = id_of(n), .slot = 10000 + n, .deadline_ms = 2000
		};
		write_one(&w);
		c->outcome[n] = w.got != ERR_OK ? w.got : w.commit;
		c->committed += c->outcome[n] == ERR_OK;
		fiber_sleep(3);
	}
	c->running--;
}

/* Connections have to live for as long as it takes to open one and commit, else
 * nothing but their dying is seen. */
static void
chaos_pause(const struct chaos *c)
{
	const unsigned before = c->committed;
	unsigned i;

	for (i = 0;
	     i == 0 || (i < 30 && c->running > 0 && c->committed == before);
	     i++)
		fiber_sleep(CHAOS_PAUSE_MS);
}

static bool
entry_is_there(unsigned n)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM entry WHERE slot = %u",
	    10000 + n);
	return super(sql) == 1;
}

/* Whatever is said to have been committed is there, whatever is said to have
 * failed is not; only "unknown" may be either. */
static void
no_answer_is_false_while_connections_die(void **state)
{
	struct chaos *c = calloc(1, sizeof(*c));
	unsigned i, count[ERR_COUNT] = { 0 };
	int64_t committed, began = instant_monotonic();

	(void)state;
	pool_start(4, 100);
	c->until = began + CHAOS_MS;
	for (i = 0; i < CHAOS_FIBERS; i++) {
		c->running++;
		spawn(chaos_write, c);
	}
	while (c->running > 0) {
		chaos_pause(c);
		if (c->committed <= CHAOS_COMMITS &&
		    instant_monotonic() < began + PATIENCE_MS)
			c->until = instant_monotonic() + CHAOS_MS;
		if (instant_monotonic() < c->until)
			super("SELECT pg_terminate_backend(pid) FROM "
			      "pg_stat_activity WHERE usename = "
			      "'epione_server' AND random() < 0.3");
	}
	wait_well(4);
	for (i = 0; i < c->next; i++) {
		count[c->outcome[i]]++;
		if (c->outcome[i] == ERR_UNKNOWN_OUTCOME && entry_is_there(i))
			count[ERR_OK]++;
	}
	committed = super("SELECT count(*) FROM entry");
	printf(
	    "%u transactions: %u unknown, %u unavailable, %u busy; %u lost\n",
	    c->next, count[ERR_UNKNOWN_OUTCOME], count[ERR_UNAVAILABLE],
	    count[ERR_BUSY], (unsigned)db_stats().lost);
	assert_int_equal(committed, count[ERR_OK]);
	assert_true(count[ERR_OK] > CHAOS_COMMITS);
	assert_true(count[ERR_UNAVAILABLE] > 0);
	for (i = 0; i < c->next; i += 97) /* the sum could hide two wrongs */
		if (c->outcome[i] != ERR_UNKNOWN_OUTCOME)
			assert_int_equal(
			    entry_is_there(i), c->outcome[i] == ERR_OK);
	super_until("SELECT count(*) FROM pg_stat_activity WHERE "
		    "usename = 'epione_server' AND xact_start IS NOT NULL",
	    0);
	free(c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_before_the_commit_is_unavailable),
		cmocka_unit_test(lost_during_the_commit_is_unknown),
		cmocka_unit_test(terminated_during_the_commit_is_unknown),
		cmocka_unit_test(out_of_time_during_the_commit_is_unknown),
		cmocka_unit_test(cancelled_during_the_commit_is_unavailable),
		cmocka_unit_test(lost_between_two_statements_is_unavailable),
		cmocka_unit_test(
		    an_answer_that_is_cut_off_is_unknown_though_committed),
		cmocka_unit_test(
		    a_slow_database_is_waited_for_while_it_answers),
		cmocka_unit_test(
		    an_answer_that_came_counts_though_the_rest_is_lost),
		cmocka_unit_test(a_database_that_comes_later_is_waited_for),
		cmocka_unit_test(a_restart_is_survived),
		cmocka_unit_test(no_answer_is_false_while_connections_die),
	};

	signal(SIGPIPE, SIG_IGN);
	return harness_run(tests);
}
