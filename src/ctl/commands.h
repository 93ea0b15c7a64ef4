#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl/command.h"

#define COMMAND(name, arguments, help, fn) command_fn fn;
#include "ctl/commands.def"
#undef COMMAND

#endif
