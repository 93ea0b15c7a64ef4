#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

#include <stddef.h>

/*
 * A subcommand. argv[0] is the first word after its name, argv[argc] is NULL.
 * Returns the exit status: 0 only on success, 2 for arguments that it does not
 * understand. "--help" never reaches it.
 */
typedef int command_fn(int argc, char **argv);

struct command {
	const char *name; /* one word or two */
	const char *arguments;
	const char *help;
	command_fn *fn;
};
/* What a word of the usage means. */
struct command_option {
	const char *name, *help;
};

/* The program that this is linked into; its main() is command_main. */
struct program {
	const char *name;
	const struct command *commands;
	size_t commands_n;
	const struct command_option *options;
	size_t options_n;
};
extern const struct program program;

int command_main(int argc, char **argv);

/* The command's usage line on standard error; returns 2. */
int command_usage(command_fn *);

#endif
