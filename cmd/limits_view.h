/* Limits of CAs and the sets that wait for them: what limits, plan and status show. */
#ifndef CMD_LIMITS_VIEW_H
#define CMD_LIMITS_VIEW_H

#include "cmd/command.h"

/* An array of {ca, directory, limit, of, rate, used, left, left_ordinary, reserved, next_at, full_at, told, told_at, is_guess}; ca: the authority's
 * name, or null. only_near: what is nearly used up, or closed by the CA's word. Kind STORE. */
bool limits_list(struct invocation *in, bool only_near, struct json **ret);
/* An array of {set, at, why}: sets that a limit puts off, the next one first. Kind STORE. */
bool limited_list(struct invocation *in, struct json **ret);
/* A line each; of the sets the first few. */
void limits_print(const struct json *limits);
void limited_print(const struct json *limited);

#endif
