/*
 * Help, man pages and completions, all from the command table.
 */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include "cmd/command.h"

#include <stdio.h>

enum exit_code help_run(struct invocation *in);
void help_command(const struct command *command, FILE *out);
/* "chancery.1", "chancery-renew.1" ... as roff (man macros). */
void man_program(struct buf *out);
void man_command(const struct command *command, struct buf *out);
void completion_bash(struct buf *out);

#endif
