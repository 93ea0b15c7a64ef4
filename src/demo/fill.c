/*
 * Fills the demo clinic, to see how Epione is with many. Patients are sealed and
 * indexed by the code that the server runs; the rest is of the past, so that
 * nobody's day changes. A batch is a transaction: there as a whole or not at all.
 */
#include "base/fiber.h"
#include "base/instant.h"
#include "base/loop.h"
#include "care/patient_index.h"
#include "demo/commands.h"
#include "demo/invented.h"
#include "ctl/operator.h"
#include "data/db.h"
#include "data/keys.h"
#include "data/record_key.h"
#include "sql.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MOST	 1000000000
#define BATCH_MS 120000
#define HANDS	 2 /* one seals while the other's batch is written */
#define YEAR_S	 (365 * 86400)

enum { PATIENTS, VISITS, EVENTS, SESSIONS, KINDS };

struct fill;
struct hand {
	struct fill *fill;
	struct uuid after; /* the patient whose turn was last */
};

/* What is filled in, as docs/SCALE.md has it: bytes and microseconds of each. */
struct kind {
	const char *name;
	int64_t batch, bytes, micros;
	enum err (*put)(struct hand *, struct op *, int64_t from, int64_t n);
};

/* The cost of one kind. */
struct amount {
	int64_t have, want; /* have: when we began */
};

struct fill {
	struct operator_options db;
	const char *people_file;
	struct amount amounts[KINDS];
	struct uuid *accounts, *clinicians;
	size_t accounts_n, clinicians_n;
	struct arena *arena;
	struct uuid clinic;
	uint32_t run;
	/* of the kind that is filled in now */
	const struct kind *kind;
	struct amount *amount;
	int64_t taken, done, began_ms, said_ms;
	unsigned hands; /* at work */
	struct fiber *waiter;
	enum err r;
};

static volatile sig_atomic_t stopped;

static void
stop(int number)
{
	(void)number;
	stopped = 1;
}

/* Patients */

#define MEMBER(                                                                \
    name, kind, from, to, flags, patient, clinician, scheduler, ...)           \
	c->values.text[PATIENT_##name] = c->written                            \
					     .text[PATIENT_##name] = p.name;   \
	c->changed[c->changed_n++] = patient_member_name(PATIENT_##name);
static void
change_invent(
    struct arena *a, uint32_t run, uint32_t n, struct patient_change *c)
{
	struct invented p;

	*c = (struct patient_change){ .changed_n = 0 };
	invented_person(a, run, n, &p);
#include "tables/patient_members.def"
}
#undef MEMBER

static enum err
patients_put(struct hand *hand, struct op *op, int64_t from, int64_t n)
{
	const struct record_key **keys = arena_calloc(
	    op->arena, (size_t)n, sizeof(struct record_key *));
	struct uuid *ids = arena_calloc(op->arena, (size_t)n, sizeof(*ids));
	struct patient_words words = { 0 };
	struct patient_change c;
	int64_t i;
	enum err r;

	for (i = 0; i < n; i++)
		ids[i] = uuid_new();
	if ((r = keys_index_load(op->tx, &op->who.clinic)) != ERR_OK ||
	    (r = record_keys_new(
		 op->tx, KEY_CLASS_patient, ids, (size_t)n, keys)) != ERR_OK)
		return r;
	for (i = 0; i < n; i++) {
		change_invent(
		    op->arena, hand->fill->run, (uint32_t)(from + i), &c);
		if ((r = patient_index_make(op, &c)) != ERR_OK ||
		    (r = patient_insert(op, keys[i], &ids[i], &c)) != ERR_OK ||
		    (r = patient_words_add(op, &ids[i], &c, &words)) != ERR_OK)
			return r;
	}
	return patient_words_insert(op, &words);
}

/* Visits */

/* The patient whose turn it is: after the last the first comes again. */
static enum err
patients_next(struct hand *hand, struct op *op, int64_t n,
    struct fill_patients_row **rows, size_t *count)
{
	struct fill_patients_in in = { hand->after, n };
	enum err r;

	if ((r = sql_fill_patients(op->tx, &in, rows, count)) != ERR_OK)
		return r;
	if (*count == 0 && !uuid_is_nil(&in.after)) {
		in.after = (struct uuid){ { 0 } };
		r = sql_fill_patients(op->tx, &in, rows, count);
	}
	if (r == ERR_OK && *count == 0)
		return operator_say(ERR_NOT_FOUND,
		    "there are no patients yet whose these could be: "
		    "--patients N");
	if (r == ERR_OK)
		hand->after = (*rows)[*count - 1].id;
	return r;
}

/* From a year ago to yesterday, in slots of a quarter of an hour. */
static int64_t
past(const struct fill *f, int64_t i, int64_t now)
{
	int64_t span = YEAR_S - 86400;
	double part = (double)i / (double)(f->amount->want + 1);

	return (now - YEAR_S + (int64_t)(part * (double)span)) / 900 * 900;
}

static enum err
visits_put(struct hand *hand, struct op *op, int64_t from, int64_t n)
{
	const struct fill *f = hand->fill;
	struct fill_patients_row *rows;
	struct fill_visit_in in;
	size_t count;
	int64_t i, v;
	enum err r;

	if ((r = patients_next(hand, op, n, &rows, &count)) != ERR_OK)
		return r;
	for (i = 0; i < n; i++) {
		v = from + i;
		in = (struct fill_visit_in){ .id = uuid_new(),
			.key = rows[(size_t)i % count].key,
			.patient_id = rows[(size_t)i % count].id,
			.clinician_id =
			    f->clinicians[(size_t)v % f->clinicians_n],
			.starts_at = past(f, v, op->now),
			.reason = invented_reason((uint64_t)v),
			.status = v % 12 == 5 ? "cancelled"
			    : v % 25 == 7     ? "no_show"
					      : "ended" };
		in.ends_at = in.starts_at + 1200;
		if ((r = sql_fill_visit(op->tx, &in)) != ERR_OK)
			return r;
	}
	return ERR_OK;
}

/* Events and sessions */

static enum err
events_put(struct hand *hand, struct op *op, int64_t from, int64_t n)
{
	const struct fill *f = hand->fill;
	struct fill_patients_row *rows;
	struct uuid *ids;
	struct fill_events_in in;
	size_t count, i;
	int64_t added;
	enum err r;

	if ((r = patients_next(hand, op, 1000, &rows, &count)) != ERR_OK)
		return r;
	ids = arena_calloc(op->arena, count, sizeof(*ids));
	for (i = 0; i < count; i++)
		ids[i] = rows[i].id;
	in = (struct fill_events_in){ .n = n,
		.from_at = past(f, from, op->now),
		.to_at = past(f, from + n, op->now),
		.actors = { f->clinicians, f->clinicians_n },
		.patients = { ids, count } };
	return sql_fill_events(op->tx, &in, &added);
}

static enum err
sessions_put(struct hand *hand, struct op *op, int64_t from, int64_t n)
{
	const struct fill *f = hand->fill;
	struct fill_sessions_in in = { n, { f->accounts, f->accounts_n } };
	int64_t added;

	(void)from;
	return sql_fill_sessions(op->tx, &in, &added);
}

static const struct kind kinds[KINDS] = {
	[PATIENTS] = { "patients", 400, 2400, 500, patients_put },
	[VISITS] = { "visits", 1000, 1050, 900, visits_put },
	[EVENTS] = { "events", 20000, 250, 50, events_put },
	[SESSIONS] = { "sessions", 20000, 450, 100, sessions_put },
};

/* Batches */

static enum err
clinic_enter(struct fill *f, struct tx *tx)
{
	const struct context_set_in in = { .clinic = f->clinic };

	tx_set_clinic(tx, &f->clinic);
	return sql_context_set(tx, &in);
}

static enum err
batch(struct hand *hand, int64_t from, int64_t n)
{
	struct fill *f = hand->fill;
	struct arena *a = arena_new();
	struct op op = { .arena = a, .now = instant_now() };
	enum err r;

	op.who.clinic = f->clinic;
	op.tx = tx_new(a, instant_monotonic() + BATCH_MS);
	if ((r = clinic_enter(f, op.tx)) == ERR_OK &&
	    (r = f->kind->put(hand, &op, from, n)) == ERR_OK)
		r = tx_commit(op.tx);
	tx_close(op.tx);
	arena_free(a);
	return r;
}

/* Where somebody looks on, the line is written over; else one now and then. */
static void
progress_say(struct fill *f, bool last)
{
	int64_t now = instant_monotonic(), ms = now - f->began_ms + 1;
	int64_t all = f->amount->want - f->amount->have;
	int64_t sum = f->amount->have + f->done, rate = f->done * 1000 / ms;
	int64_t left = (all - f->done) / (rate > 0 ? rate : 1);
	bool terminal = isatty(STDERR_FILENO) == 1;

	if (!last && now - f->said_ms < (terminal ? 500 : 5000))
		return;
	f->said_ms = now;
	fprintf(stderr, "%s%s: %lld of %lld, %lld a second",
	    terminal ? "\r\033[K" : "", f->kind->name, (long long)sum,
	    (long long)f->amount->want, (long long)rate);
	if (!last && f->done > 0)
		fprintf(stderr, ", about %lld s left", (long long)left);
	if (last || !terminal)
		fputc('\n', stderr);
}

static void
hand_work(void *arg)
{
	struct hand hand = { .fill = arg };
	struct fill *f = arg;
	int64_t all = f->amount->want - f->amount->have, from, n;
	enum err r;

	while (f->r == ERR_OK && !stopped && f->taken < all) {
		from = f->taken;
		n = all - from < f->kind->batch ? all - from : f->kind->batch;
		f->taken += n;
		if ((r = batch(&hand, f->amount->have + from, n)) != ERR_OK)
			f->r = r;
		else
			f->done += n;
		progress_say(f, false);
	}
	if (--f->hands == 0 && f->waiter != NULL)
		fiber_wake(f->waiter);
}

static enum err
kind_fill(struct fill *f, const struct kind *kind, struct amount *amount)
{
	unsigned i;

	if (amount->have >= amount->want || stopped)
		return ERR_OK;
	f->kind = kind;
	f->amount = amount;
	f->taken = f->done = 0;
	f->began_ms = f->said_ms = instant_monotonic();
	f->waiter = fiber_self();
	for (i = 0; i < HANDS; i++)
		if (fiber_start(hand_work, f) == ERR_OK)
			f->hands++;
	while (f->hands > 0)
		fiber_park();
	progress_say(f, true);
	return f->r;
}

/* Before and after */

static enum err
look(struct fill *f, struct tx *tx)
{
	struct fill_count_in in = { { f->accounts, f->accounts_n } };
	struct fill_count_row row;
	enum err r;

	if ((r = clinic_choose(tx, NULL, &f->clinic)) != ERR_OK ||
	    (r = sql_fill_count(tx, &in, &row)) != ERR_OK)
		return r;
	if (row.known != (int64_t)f->accounts_n)
		return operator_say(ERR_INVALID_FIELD,
		    "this is not the clinic whose people --people names: only "
		    "a demo clinic is filled");
	f->amounts[PATIENTS].have = row.patients;
	f->amounts[VISITS].have = row.visits;
	f->amounts[EVENTS].have = row.events;
	f->amounts[SESSIONS].have = row.sessions;
	return ERR_OK;
}

/* The months of the log that its events lie in. */
static enum err
months_make(struct fill *f, struct tx *tx)
{
	struct fill_months_in in = { instant_now() - YEAR_S };
	struct fill_months_row made;
	enum err r;

	if (f->amounts[EVENTS].want <= f->amounts[EVENTS].have)
		return ERR_OK;
	if ((r = sql_fill_months(tx, &in, &made)) != ERR_OK)
		return r;
	return tx_commit(tx);
}

static enum err
analyze(struct fill *f, struct tx *tx)
{
	enum err r;

	(void)f;
	if ((r = sql_fill_analyze(tx)) != ERR_OK)
		return r;
	return tx_commit(tx);
}

static enum err
apart(struct fill *f, enum err (*fn)(struct fill *, struct tx *))
{
	struct arena *a = arena_new();
	struct tx *tx = tx_new(a, instant_monotonic() + BATCH_MS);
	enum err r = fn(f, tx);

	tx_close(tx);
	arena_free(a);
	return r;
}

/* Free bytes where the demo's files are; its database lies beside them. */
static int64_t
disk_free(const struct fill *f)
{
	char *copy = arena_text(f->arena, f->people_file);
	struct statvfs fs;

	if (statvfs(dirname(copy), &fs) != 0)
		return INT64_MAX;
	return (int64_t)(fs.f_bavail * fs.f_frsize);
}

/* Bytes as megabytes, microseconds as seconds. */
static long long
millions(int64_t n)
{
	return n / 1000000 + 1;
}

/* Says what it takes; false if there is no room. What is written goes through
 * the database's log as well, of which up to 1 GB is kept. */
static bool
room_say(const struct fill *f)
{
	int64_t need = 0, log, micros = 0, more, left = disk_free(f);
	size_t i;

	for (i = 0; i < KINDS; i++) {
		more = f->amounts[i].want - f->amounts[i].have;
		if (more <= 0)
			continue;
		need += more * kinds[i].bytes;
		micros += more * kinds[i].micros;
		fprintf(stderr, "%lld %s, ", (long long)more, kinds[i].name);
	}
	if (need == 0) {
		fputs("There are as many already.\n", stderr);
		return true;
	}
	log = need < 1000000000 ? need : 1000000000;
	fprintf(stderr,
	    "to add: about %lld s, %lld MB of disk and %lld MB more on the "
	    "way; %lld MB are free.\n",
	    millions(micros), millions(need), millions(log), millions(left));
	if (left > need + log + 100000000)
		return true;
	operator_say(ERR_UNAVAILABLE,
	    "the disk is too small for that: ask for less, or make room");
	return false;
}

static enum err
fill_all(struct fill *f)
{
	size_t i;
	enum err r;

	if ((r = apart(f, look)) != ERR_OK)
		return r;
	if (!room_say(f))
		return ERR_UNAVAILABLE;
	r = apart(f, months_make);
	for (i = 0; i < KINDS && r == ERR_OK; i++)
		r = kind_fill(f, &kinds[i], &f->amounts[i]);
	if (r == ERR_OK)
		r = apart(f, analyze);
	if (r == ERR_OK && stopped)
		r = operator_say(ERR_UNAVAILABLE,
		    "stopped; what is there is whole, and the same command "
		    "goes on");
	return r;
}

static void
fill_run(void *arg)
{
	struct fill *f = arg;
	const struct db_options db = { .conninfo = f->db.database,
		.password = f->db.password,
		.connections = HANDS,
		.queue_max = 16,
		.statement_timeout_ms = BATCH_MS };

	if ((f->r = db_start(&db)) == ERR_OK &&
	    (f->r = keys_verify()) == ERR_OK)
		f->r = fill_all(f);
	db_stop();
}

/* What was asked for */

static bool
number_read(const char *name, const char *text, int64_t *n)
{
	char *end;

	errno = 0;
	*n = strtoll(text, &end, 10);
	if (errno == 0 && end != text && *end == '\0' && *n >= 0 && *n <= MOST)
		return true;
	fprintf(stderr, "epione-demo: --%s wants a number from 0 to %d\n", name,
	    MOST);
	return false;
}

static bool
options_read(int argc, char **argv, struct fill *f)
{
	static const struct option options[] = {
		{ "patients", required_argument, NULL, PATIENTS },
		{ "visits", required_argument, NULL, VISITS },
		{ "events", required_argument, NULL, EVENTS },
		{ "sessions", required_argument, NULL, SESSIONS },
		{ "config", required_argument, NULL, 'c' },
		{ "database", required_argument, NULL, 'd' },
		{ "people", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	optind = 0;
	while ((c = getopt_long(argc + 1, argv - 1, "", options, NULL)) != -1) {
		if (c == '?')
			return false;
		if (c == 'c')
			f->db.config = optarg;
		else if (c == 'd')
			f->db.database = optarg;
		else if (c == 'p')
			f->people_file = optarg;
		else if (!number_read(
			     options[c].name, optarg, &f->amounts[c].want))
			return false;
	}
	return optind == argc + 1;
}

static void
person_take(struct fill *f, json_t *person)
{
	const char *id = json_string_value(json_object_get(person, "id"));
	const char *role = json_string_value(json_object_get(person, "role"));

	if (id == NULL || role == NULL ||
	    uuid_parse(id, &f->accounts[f->accounts_n]) != ERR_OK)
		return;
	if (strcmp(role, "clinician") == 0)
		f->clinicians[f->clinicians_n++] = f->accounts[f->accounts_n];
	f->accounts_n++;
}

static bool
people_read(struct fill *f)
{
	json_t *demo = json_load_file(f->people_file, 0, NULL), *person,
	       *people = json_object_get(demo, "people");
	size_t i, n = json_array_size(people);

	f->accounts = arena_calloc(f->arena, n + 1, sizeof(*f->accounts));
	f->clinicians = arena_calloc(f->arena, n + 1, sizeof(*f->clinicians));
	json_array_foreach (people, i, person)
		person_take(f, person);
	json_decref(demo);
	if (f->clinicians_n > 0)
		return true;
	operator_say(ERR_INVALID_FIELD,
	    "--people wants the file of the demo's people: var/people.json");
	return false;
}

int
demo_fill_main(int argc, char **argv)
{
	struct fill f = { .r = ERR_INTERNAL };
	const struct sigaction on = { .sa_handler = stop,
		.sa_flags = (int)SA_RESETHAND };

	if (!options_read(argc, argv, &f) || f.db.config == NULL ||
	    f.db.database == NULL || f.people_file == NULL)
		return command_usage(demo_fill_main);
	f.arena = arena_new();
	f.run = (uint32_t)instant_now();
	if (people_read(&f) && operator_ready(&f.db)) {
		sigaction(SIGINT, &on, NULL);
		sigaction(SIGTERM, &on, NULL);
		if (loop_poll_run(fill_run, &f) != ERR_OK)
			f.r = ERR_INTERNAL;
	}
	arena_free(f.arena);
	return operator_end(f.r);
}
