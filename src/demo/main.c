/* epione-demo: a clinic of nobody, to look at; not installed. */
#include "demo/commands.h"

static const struct command commands[] = {
#define COMMAND(name, arguments, help, fn) { name, arguments, help, fn },
#include "demo/commands.def"
#undef COMMAND
};

static const struct command_option options[] = {
	{ "--config", "the server's settings, for what is not given here" },
	{ "--database", "libpq connection string of the tables' owner" },
	{ "--people", "the file with the demo's people" },
	{ "--fees", "visits cost something" },
	{ "--patients", "sealed, with names that can be searched for" },
	{ "--visits", "of the year that is over, for patients in turn" },
	{ "--events", "of the log, over the same year" },
	{ "--sessions", "of the last four weeks, all ended" },
};

const struct program program = { "epione-demo", commands,
	sizeof(commands) / sizeof(commands[0]), options,
	sizeof(options) / sizeof(options[0]) };

int
main(int argc, char **argv)
{
	return command_main(argc, argv);
}
