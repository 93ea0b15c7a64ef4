#ifndef DEMO_COMMANDS_H
#define DEMO_COMMANDS_H

#include "ctl/command.h"

#define COMMAND(name, arguments, help, fn) command_fn fn;
#include "demo/commands.def"
#undef COMMAND

#endif
