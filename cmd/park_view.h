/* DNS providers whose API wants to be left alone for a while, for status and plan. */
#ifndef CMD_PARK_VIEW_H
#define CMD_PARK_VIEW_H

#include "cmd/command.h"

/* A list of {provider, until, text}, mostly empty. The caller frees. False: kind STORE in in->err. */
bool parks_list(struct invocation *in, struct json **ret);
/* "provider corp is asked nothing until ...: ..." a line each. */
void parks_print(const struct json *parks);

#endif
