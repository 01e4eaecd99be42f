/*
 * Named failpoints: a place where a test may kill, fail or delay the program.
 *
 *     FAILPOINT("order.finalize.before_send");
 *
 * They exist only in builds with CHANCERY_FAILPOINTS (presets debug and crash); elsewhere the macro
 * is nothing. A specification is "name=act[@n][;name=act...]": act is kill (SIGKILL to ourselves),
 * exit, sleep:MS or error; @n lets the n-th passing act (default 1). cmd/ reads it from the
 * environment and arms it here; "list:FILE" as the whole specification appends each name passed to
 * FILE, which is how the sweep learns them.
 */
#ifndef BASE_FAILPOINT_H
#define BASE_FAILPOINT_H

#include "base/err.h"

#ifdef CHANCERY_FAILPOINTS
#define FAILPOINT(name) ((void)failpoint_pass(name))
/* True when the armed act is "error". */
#define FAILPOINT_ERROR(name) failpoint_pass(name)
#else
#define FAILPOINT(name)       ((void)0)
#define FAILPOINT_ERROR(name) false
#endif
bool failpoint_pass(const char *name);
bool failpoint_arm(const char *specification, struct err *err);

#endif
