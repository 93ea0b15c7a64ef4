#include "base/conf.h"
#include "base/crypto.h"
#include "base/keyring.h"
#include "base/loop.h"
#include "base/secret.h"
#include "demo/commands.h"
#include "demo/seed.h"
#include "data/db.h"
#include "data/keys.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define SECURE_HEAP_BYTES (1024 * 1024)

#define LINK_SIZE 512

struct demo_options {
	const char *config, *database, *people, *fees;
};

struct demo_work {
	const struct demo_options *options;
	char links[2][LINK_SIZE]; /* the first administrator's, the officer's */
	json_t *demo;
	bool done;
};

static bool
options_read(int argc, char **argv, struct demo_options *o)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "database", required_argument, NULL, 'd' },
		{ "people", required_argument, NULL, 'p' },
		{ "fees", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	const char **to[128] = { ['c'] = &o->config,
		['d'] = &o->database,
		['p'] = &o->people,
		['f'] = &o->fees };
	int c;

	memset(o, 0, sizeof(*o));
	optind = 0;
	while ((c = getopt_long(argc + 1, argv - 1, "", options, NULL)) != -1) {
		if (c < 0 || c > 127 || to[c] == NULL)
			return false;
		*to[c] = optarg == NULL ? "" : optarg;
	}
	return optind == argc + 1;
}

static bool
settings_read(const struct demo_options *o)
{
	char problem[PATH_MAX + 256] = "";
	const char *reason = problem;

	if (conf_read(o->config, problem) == ERR_OK &&
	    secret_init(SECURE_HEAP_BYTES) == ERR_OK &&
	    crypto_init() == ERR_OK &&
	    keyring_root_load(conf()->root_key, &reason) == ERR_OK)
		return true;
	fprintf(stderr, "epione-demo: %s\n", reason);
	return false;
}

static void
work_run(void *arg)
{
	struct demo_work *w = arg;
	const struct db_options db = { .conninfo = w->options->database,
		.connections = 2,
		.queue_max = 16,
		.statement_timeout_ms = 30000 };
	struct arena *a = arena_new();

	if (db_start(&db) == ERR_OK && keys_verify() == ERR_OK) {
		if (w->options->people == NULL)
			w->demo = demo_make(a, w->links[0], w->links[1],
			    w->options->fees != NULL);
		w->done = w->demo != NULL &&
		    (w->options->people == NULL || demo_refresh(a, w->demo));
	}
	db_stop();
	arena_free(a);
}

/* Two lines of standard input: a command line would show them to everybody. */
static bool
links_read(struct demo_work *w)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		if (fgets(w->links[i], LINK_SIZE, stdin) == NULL) {
			fputs("epione-demo: two links are wanted on standard "
			      "input\n",
			    stderr);
			return false;
		}
		w->links[i][strcspn(w->links[i], "\n")] = '\0';
	}
	return true;
}

int
demo_seed_main(int argc, char **argv)
{
	struct demo_options o;
	struct demo_work w = { .options = &o };
	int c;

	if (!options_read(argc, argv, &o) || o.config == NULL ||
	    o.database == NULL)
		return command_usage(demo_seed_main);
	if (!settings_read(&o) || (o.people == NULL && !links_read(&w)))
		return 1;
	if (o.people != NULL &&
	    (w.demo = json_load_file(o.people, 0, NULL)) == NULL) {
		fprintf(stderr, "epione-demo: %s is not readable\n", o.people);
		return 1;
	}
	if (loop_poll_run(work_run, &w) != ERR_OK || !w.done)
		return 1;
	c = json_dumpf(w.demo, stdout, JSON_INDENT(1));
	json_decref(w.demo);
	return c == 0 ? 0 : 1;
}

static const char *
member(json_t *person, const char *name)
{
	const char *text = json_string_value(json_object_get(person, name));

	return text == NULL ? "" : text;
}

/* One line for each person; with passwords, or with the codes of now. */
static int
people_print(int argc, char **argv, bool codes, command_fn *self)
{
	struct arena *a;
	struct demo_options o;
	json_t *demo, *person;
	size_t i;

	if (!options_read(argc, argv, &o) || o.people == NULL)
		return command_usage(self);
	if ((demo = json_load_file(o.people, 0, NULL)) == NULL) {
		fprintf(stderr, "epione-demo: %s is not readable\n", o.people);
		return 1;
	}
	a = arena_new();
	printf("%-11s %-26s %-18s %s\n", "role", "email",
	    codes ? "code now" : "password", codes ? "" : "TOTP secret");
	json_array_foreach (json_object_get(demo, "people"), i, person)
		printf("%-11s %-26s %-18s %s\n", member(person, "role"),
		    member(person, "email"),
		    codes ? demo_code(a, member(person, "totp_secret"))
			  : member(person, "password"),
		    codes ? "" : member(person, "totp_secret"));
	arena_free(a);
	json_decref(demo);
	return 0;
}

int
demo_people_main(int argc, char **argv)
{
	return people_print(argc, argv, false, demo_people_main);
}

int
demo_codes_main(int argc, char **argv)
{
	return people_print(argc, argv, true, demo_codes_main);
}
