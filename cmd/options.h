/*
 * Words and options: argv against the tables. Options may stand anywhere; "--" ends them; --name VALUE and --name=VALUE are the same.
 */
#ifndef CMD_OPTIONS_H
#define CMD_OPTIONS_H

#include "cmd/command.h"

/* command stays NULL when help was asked for or nothing was given. Kind CONFIG: unknown command or option, with the nearest known one. */
bool invocation_parse(struct invocation *in, int argc, char **argv, struct err *err);
void invocation_fini(struct invocation *in);
const char *option_common(const struct invocation *in, const char *name);
/* Before the parse succeeded: does --json stand anywhere? */
bool invocation_wants_json(int argc, char **argv);

#endif
