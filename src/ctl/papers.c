#include "base/conf.h"
#include "ctl/commands.h"
#include "gate/openapi.h"

#include <stdio.h>

/* What the tables say, for people: nothing here needs a database. */

int
access_main(int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return command_usage(access_main);
	access_print(stdout);
	return 0;
}

int
openapi_main(int argc, char **argv)
{
	json_t *o;
	int failed;

	(void)argv;
	if (argc != 0)
		return command_usage(openapi_main);
	o = openapi_document();
	failed = json_dumpf(o, stdout, JSON_INDENT(1));
	json_decref(o);
	puts("");
	return failed == 0 ? 0 : 1;
}

int
settings_main(int argc, char **argv)
{
	(void)argv;
	if (argc != 0)
		return command_usage(settings_main);
	conf_explain(stdout);
	return 0;
}
