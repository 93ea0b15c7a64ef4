#include "base/crypto.h"
#include "ctl/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct command {
	const char *name; /* one word or two */
	const char *arguments;
	const char *help;
	command_fn *fn;
};

static const struct command commands[] = {
#define COMMAND(name, arguments, help, fn) { name, arguments, help, fn },
#include "ctl/commands.def"
#undef COMMAND
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* What the words of the usage mean. */
static const struct {
	const char *name, *help;
} options[] = {
	{ "--config", "the server's settings, for what is not given here" },
	{ "--database", "libpq connection string of the tables' owner" },
	{ "--root-key", "the file with the root key" },
	{ "--clinic", "which one, if there are several" },
	{ "--name", "how people see it" },
	{ "--role", "admin, clinician, scheduler or compliance" },
	{ "--email", "the address to sign in with" },
	{ "--nobody",
	    "what belongs to no clinic: unknown sign-in names, foreign "
	    "origins, requests without a session" },
	{ "--from",
	    "the first moment, such as 2026-11-28 or "
	    "2026-11-28T09:00:00Z (default: a day before --to)" },
	{ "--to", "the moment before which it ends (default: now)" },
	{ "--json", "an object in each line" },
	{ "--origin", "where the portal is, such as https://clinic.example" },
	{ "--dir", "the folder of the migrations (default sql/migrations)" },
	{ "--status", "lists what was applied and what is to come" },
	{ "--dry-run", "lists what is to come" },
	{ "--people", "the file with the demo's people" },
	{ "--patients", "sealed, with names that can be searched for" },
	{ "--visits", "of the year that is over, for patients in turn" },
	{ "--events", "of the log, over the same year" },
	{ "--sessions", "of the last four weeks, all ended" },
};

static void
usage_print(FILE *to, const struct command *c)
{
	fprintf(to, "usage: epionectl %s%s%s\n", c->name,
	    *c->arguments == '\0' ? "" : " ", c->arguments);
}

static void
command_help(const struct command *c)
{
	size_t i;

	usage_print(stdout, c);
	printf("%s %s\n", c->name, c->help);
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strstr(c->arguments, options[i].name) != NULL)
			printf(
			    "  %-12s %s\n", options[i].name, options[i].help);
}

int
command_usage(command_fn *fn)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (commands[i].fn == fn)
			usage_print(stderr, &commands[i]);
	return 2;
}

/* Is `word` the first of this command's two words? */
static bool
begins_with(const struct command *c, const char *word)
{
	size_t n = strlen(word);

	return strncmp(c->name, word, n) == 0 && c->name[n] == ' ';
}

/* All commands, or those that begin with a word; how many. */
static size_t
commands_print(FILE *to, const char *word)
{
	size_t i, n = 0;

	for (i = 0; i < COMMANDS; i++)
		if (word == NULL || begins_with(&commands[i], word)) {
			fprintf(to, "  %-18s %s\n", commands[i].name,
			    commands[i].help);
			n++;
		}
	return n;
}

static int
help_print(FILE *to)
{
	fputs("usage: epionectl COMMAND [ARGUMENTS]\n\n", to);
	commands_print(to, NULL);
	fputs("\nepionectl COMMAND --help says what a command takes.\n", to);
	return to == stdout ? 0 : 2;
}

static bool
is_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* How many words of the command line are this command's name; 0 for none. */
static int
words_matched(const struct command *c, int argc, char **argv)
{
	const char *space = strchr(c->name, ' ');
	size_t first = space == NULL ? strlen(c->name)
				     : (size_t)(space - c->name);

	if (argc < 1 || strlen(argv[0]) != first ||
	    strncmp(argv[0], c->name, first) != 0)
		return 0;
	if (space == NULL)
		return 1;
	return argc > 1 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static const struct command *
command_find(int argc, char **argv, int *words)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if ((*words = words_matched(&commands[i], argc, argv)) > 0)
			return &commands[i];
	return NULL;
}

/* No command: half of one, such as "key", or none at all. */
static int
not_found(int argc, char **argv)
{
	bool help = argc > 1 && is_help(argv[1]);

	if (argc == 0)
		return help_print(stderr);
	if (commands_print(help ? stdout : stderr, argv[0]) > 0)
		return help ? 0 : 2;
	fprintf(stderr, "epionectl: %s: there is no such command\n", argv[0]);
	return help_print(stderr);
}

int
main(int argc, char **argv)
{
	const struct command *c;
	int words, i;

	argc--;
	argv++;
	if (argc > 0 && (is_help(argv[0]) || strcmp(argv[0], "help") == 0))
		return help_print(stdout);
	if ((c = command_find(argc, argv, &words)) == NULL)
		return not_found(argc, argv);
	for (i = words; i < argc; i++)
		if (is_help(argv[i])) {
			command_help(c);
			return 0;
		}
	if (crypto_init() != ERR_OK) {
		fputs("epionectl: libcrypto could not be started\n", stderr);
		return 1;
	}
	return c->fn(argc - words, argv + words);
}
