#include "ctl/command.h"

#include "base/crypto.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static void
usage_print(FILE *to, const struct command *c)
{
	fprintf(to, "usage: %s %s%s%s\n", program.name, c->name,
	    *c->arguments == '\0' ? "" : " ", c->arguments);
}

static void
command_help(const struct command *c)
{
	size_t i;

	usage_print(stdout, c);
	printf("%s %s\n", c->name, c->help);
	for (i = 0; i < program.options_n; i++)
		if (strstr(c->arguments, program.options[i].name) != NULL)
			printf("  %-12s %s\n", program.options[i].name,
			    program.options[i].help);
}

int
command_usage(command_fn *fn)
{
	size_t i;

	for (i = 0; i < program.commands_n; i++)
		if (program.commands[i].fn == fn)
			usage_print(stderr, &program.commands[i]);
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

	for (i = 0; i < program.commands_n; i++)
		if (word == NULL || begins_with(&program.commands[i], word)) {
			fprintf(to, "  %-18s %s\n", program.commands[i].name,
			    program.commands[i].help);
			n++;
		}
	return n;
}

static int
help_print(FILE *to)
{
	fprintf(to, "usage: %s COMMAND [ARGUMENTS]\n\n", program.name);
	commands_print(to, NULL);
	fprintf(to, "\n%s COMMAND --help says what a command takes.\n",
	    program.name);
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

	for (i = 0; i < program.commands_n; i++)
		if ((*words = words_matched(&program.commands[i], argc, argv)) >
		    0)
			return &program.commands[i];
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
	fprintf(stderr, "%s: %s: there is no such command\n", program.name,
	    argv[0]);
	return help_print(stderr);
}

int
command_main(int argc, char **argv)
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
		fprintf(stderr, "%s: libcrypto could not be started\n",
		    program.name);
		return 1;
	}
	return c->fn(argc - words, argv + words);
}
