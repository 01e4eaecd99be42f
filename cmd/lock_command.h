/* The command `lock` and its neighbours. */
#ifndef CMD_LOCK_COMMAND_H
#define CMD_LOCK_COMMAND_H

#include "acme/name.h"
#include "authority/lock_hold.h"
#include "cmd/command.h"

/* lock --break. */
enum exit_code lock_break_run(struct invocation *in);

#endif
