/* epionectl: what the operator of an installation does. */
#include "ctl/commands.h"

static const struct command commands[] = {
#define COMMAND(name, arguments, help, fn) { name, arguments, help, fn },
#include "ctl/commands.def"
#undef COMMAND
};

static const struct command_option options[] = {
	{ "--config", "the server's settings, for what is not given here" },
	{ "--database", "libpq connection string of the tables' owner" },
	{ "--root-key", "the file with the root key" },
	{ "--clinic", "which one, if there are several" },
	{ "--name", "how people see it" },
	{ "--role", "admin, clinician, scheduler or compliance" },
	{ "--email", "the address to sign in with" },
	{ "--class",
	    "of keys: patient, account, job or incident; audit by key rotate" },
	{ "--wait", "shows how far it is, until it is done" },
	{ "--nobody",
	    "what belongs to no clinic: unknown sign-in names, foreign "
	    "origins, requests without a session" },
	{ "--from",
	    "the first moment, such as 2026-11-28 or "
	    "2026-11-28T09:00:00Z (default: a day before --to)" },
	{ "--to", "the moment before which it ends (default: now)" },
	{ "--json", "an object in each line" },
	{ "--checkpoint",
	    "a checkpoint of one clinic that was kept apart from the "
	    "database" },
	{ "--from-dump", "a plain dump, to check the log in it" },
	{ "--origin", "where the portal is, such as https://clinic.example" },
	{ "--shares", "how many there are to be, 2 to 20" },
	{ "--needed", "how many of them make the key" },
	{ "--orphans",
	    "names what the store and the database do not both have" },
	{ "--dir", "the folder of the migrations (default sql/migrations)" },
	{ "--status", "lists what was applied and what is to come" },
	{ "--dry-run", "lists what is to come" },
};

const struct program program = { "epionectl", commands,
	sizeof(commands) / sizeof(commands[0]), options,
	sizeof(options) / sizeof(options[0]) };

int
main(int argc, char **argv)
{
	return command_main(argc, argv);
}
