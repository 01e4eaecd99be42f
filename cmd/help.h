/*
 * Help, man pages and completions, all from the command table. Hidden commands are left out.
 */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include "cmd/command.h"

#include <stdio.h>

/* `chancery`, `chancery help [COMMAND [SUB]]`; with --json the table itself. */
enum exit_code help_run(struct invocation *in);
void help_command(const struct command *command, FILE *out);
struct json *help_json(const struct command *command);
/* "chancery.1", "chancery-renew.1" ... as roff (man macros). */
void man_program(struct buf *out);
void man_command(const struct command *command, struct buf *out);
/* "chancery-provider-list". */
void man_name(const struct command *command, struct buf *out);
void completion_bash(struct buf *out);

/* "provider list". */
void command_title(const struct command *command, struct buf *out);
/* "-c, --config FILE". */
void option_title(const struct option *option, struct buf *out);

#endif
