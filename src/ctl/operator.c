#include "ctl/operator.h"
#include "ctl/command.h"

#include "base/arena.h"
#include "base/conf.h"
#include "base/crypto.h"
#include "base/instant.h"
#include "base/keyring.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/secret.h"
#include "data/conninfo.h"
#include "data/db.h"

#include <getopt.h>
#include <libpq-fe.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define WORK_MS		  30000
#define SECURE_HEAP_BYTES (1024 * 1024)

static bool said; /* why it failed: nothing more general is added */

enum err
operator_say(enum err e, const char *sentence)
{
	size_t n = strlen(sentence);

	fprintf(stderr, "%s: %s%s", program.name, sentence,
	    n > 0 && sentence[n - 1] == '\n' ? "" : "\n");
	said = true;
	return e;
}

/* A file is read once: its values are pointed at. */
static bool
config_apply(struct operator_options *o)
{
	static const char *applied;
	char message[PATH_MAX + 256] = "";

	if (o->config == NULL || o->config == applied)
		return true;
	applied = o->config;
	if (conf_read(o->config, message) != ERR_OK) {
		operator_say(ERR_INVALID_FIELD, message);
		return false;
	}
	if (o->database == NULL) {
		o->database = conf()->database;
		o->password = conf()->database_password;
	}
	if (o->root_key == NULL)
		o->root_key = conf()->root_key;
	if (o->origin == NULL)
		o->origin = conf()->origin;
	return true;
}

bool
operator_options_read(int argc, char *argv[], struct operator_options *o)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "database", required_argument, NULL, 'd' },
		{ "root-key", required_argument, NULL, 'k' },
		{ "origin", required_argument, NULL, 'o' },
		{ "clinic", required_argument, NULL, 'l' },
		{ "name", required_argument, NULL, 'n' },
		{ "role", required_argument, NULL, 'r' },
		{ "email", required_argument, NULL, 'e' },
		{ "from", required_argument, NULL, 'f' },
		{ "to", required_argument, NULL, 't' },
		{ "class", required_argument, NULL, 's' },
		{ "wait", no_argument, NULL, 'w' },
		{ "checkpoint", required_argument, NULL, 'h' },
		{ "from-dump", required_argument, NULL, 'u' },
		{ "nobody", no_argument, NULL, 'y' },
		{ "json", no_argument, NULL, 'j' },
		{ "orphans", no_argument, NULL, 'p' },
		{ "shares", required_argument, NULL, 'a' },
		{ "needed", required_argument, NULL, 'b' },
		{ NULL, 0, NULL, 0 },
	};
	static char name[] = "epionectl";
	const char **to[128] = { ['c'] = &o->config,
		['d'] = &o->database,
		['k'] = &o->root_key,
		['o'] = &o->origin,
		['l'] = &o->clinic,
		['n'] = &o->name,
		['r'] = &o->role,
		['e'] = &o->email,
		['f'] = &o->from,
		['t'] = &o->to,
		['s'] = &o->class,
		['w'] = &o->wait,
		['h'] = &o->checkpoint,
		['u'] = &o->from_dump,
		['y'] = &o->nobody,
		['j'] = &o->json,
		['p'] = &o->orphans,
		['a'] = &o->shares,
		['b'] = &o->needed };
	int c;

	memset(o, 0, sizeof(*o));
	/* getopt takes the word before the first for the program's name */
	argc++;
	argv--;
	argv[0] = name;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c < 0 || c > 127 || to[c] == NULL)
			return false; /* getopt has said why */
		*to[c] = optarg != NULL ? optarg : "";
	}
	if (optind < argc)
		o->rest = argv[optind++];
	if (optind < argc) {
		operator_say(
		    ERR_INVALID_FIELD, "there is an argument too many");
		return false;
	}
	return config_apply(o);
}

struct work {
	const struct operator_options *options;
	enum err (*fn)(struct tx *, const struct operator_options *);
	enum err r;
};

/* The owner's connection: statements of the server prepare there as well. */
static void
work_run(void *arg)
{
	struct work *w = arg;
	const struct db_options db = {
		.conninfo = w->options->database,
		.password = w->options->password,
		.connections = 1,
		.queue_max = 4,
		.statement_timeout_ms = WORK_MS,
	};
	struct arena *a = arena_new();
	struct tx *tx;

	if ((w->r = db_start(&db)) == ERR_OK) {
		tx = tx_new(a, instant_monotonic() + WORK_MS);
		if ((w->r = w->fn(tx, w->options)) == ERR_OK)
			w->r = tx_commit(tx);
		tx_close(tx);
		db_stop();
	}
	arena_free(a);
}

/* What an operator should know is said in sentences; the rest is noise. */
static void
log_quiet(enum log_level level, const char *line)
{
	if (level >= LOG_LEVEL_WARN)
		fprintf(stderr, "%s\n", line);
}

static bool
keys_read(const struct operator_options *o)
{
	const char *reason = NULL;

	if ((o->database == NULL && o->from_dump == NULL) ||
	    o->root_key == NULL) {
		operator_say(ERR_MISSING_FIELD,
		    "say where: --config FILE, or --database CONNINFO and "
		    "--root-key FILE");
		return false;
	}
	if (secret_init(SECURE_HEAP_BYTES) != ERR_OK ||
	    crypto_init() != ERR_OK) {
		operator_say(ERR_INTERNAL,
		    "the memory for keys cannot be locked: raise the limit on "
		    "locked memory (ulimit -l)");
		return false;
	}
	if (keyring_root_load(o->root_key, &reason) != ERR_OK) {
		operator_say(ERR_INTERNAL, reason);
		return false;
	}
	return true;
}

/* The pool tries again and again and keeps the reasons to itself; whoever waits
 * at a console is told the first one, at once. */
static bool
database_answers(const struct operator_options *o)
{
	struct conninfo_settings s;
	const char *reason = NULL;
	bool answers;
	PGconn *pg;

	if (conninfo_check(o->database, &reason) != ERR_OK) {
		operator_say(ERR_INVALID_FIELD, reason);
		return false;
	}
	conninfo_settings(&s, o->database, o->password, program.name);
	pg = PQconnectdbParams(s.keys, s.values, 1);
	answers = PQstatus(pg) == CONNECTION_OK;
	if (!answers)
		operator_say(ERR_UNAVAILABLE, PQerrorMessage(pg));
	PQfinish(pg);
	return answers;
}

bool
operator_ready(struct operator_options *o)
{
	log_sink(log_quiet);
	return config_apply(o) && keys_read(o) &&
	    (o->from_dump != NULL || database_answers(o));
}

int
operator_end(enum err r)
{
	if (r == ERR_OK)
		return 0;
	if (!said)
		operator_say(r, err_title(r));
	return 1;
}

int
operator_work(const struct operator_options *o,
    enum err (*fn)(struct tx *, const struct operator_options *))
{
	struct work w = { o, fn, ERR_INTERNAL };

	log_sink(log_quiet);
	if (!keys_read(o) || !database_answers(o))
		return 1;
	if (loop_poll_run(work_run, &w) != ERR_OK)
		w.r = ERR_INTERNAL;
	return operator_end(w.r);
}
