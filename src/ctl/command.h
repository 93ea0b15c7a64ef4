#ifndef CTL_COMMAND_H
#define CTL_COMMAND_H

/*
 * A subcommand. argv[0] is the first word after its name, argv[argc] is NULL.
 * Returns the exit status: 0 only on success, 2 for arguments that it does not
 * understand. "--help" never reaches it.
 */
typedef int command_fn(int argc, char **argv);

#define COMMAND(name, arguments, help, fn) command_fn fn;
#include "ctl/commands.def"
#undef COMMAND

/* The command's usage line on standard error; returns 2. */
int command_usage(command_fn *);

#endif
