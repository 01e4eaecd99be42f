/* Standing TXT records that a person should look after, for status, plan and check. */
#ifndef CMD_PERSIST_VIEW_H
#define CMD_PERSIST_VIEW_H

#include "cmd/command.h"

/* A list of {set, owner, value, until, text}; of the named sets only when some were named. Empty when nothing is wrong. The caller frees.
 * False: kind STORE in in->err. */
bool persist_troubles(struct invocation *in, struct house *house, struct json **ret);
/* "SET: standing record at ..." a line each. */
void persist_troubles_print(const struct json *troubles);

#endif
