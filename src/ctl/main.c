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

static void
usage_print(FILE *to, const struct command *c)
{
	fprintf(to, "usage: epionectl %s %s\n", c->name, c->arguments);
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

static int
help_print(FILE *to)
{
	size_t i;

	fputs("usage: epionectl COMMAND [ARGUMENTS]\n\n", to);
	for (i = 0; i < COMMANDS; i++)
		fprintf(to, "  %-18s %s\n", commands[i].name, commands[i].help);
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
		return help_print(stderr);
	for (i = words; i < argc; i++)
		if (is_help(argv[i])) {
			usage_print(stdout, c);
			printf("%s %s\n", c->name, c->help);
			return 0;
		}
	if (crypto_init() != ERR_OK) {
		fputs("epionectl: libcrypto could not be started\n", stderr);
		return 1;
	}
	return c->fn(argc - words, argv + words);
}
