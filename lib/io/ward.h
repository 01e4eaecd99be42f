/*
 * A ward: a program that may run only so long, whatever becomes of us.
 *
 * Unlike process.h it is a person's own program: it inherits descriptors 0, 1 and 2, the environment the caller hands it and the terminal,
 * has a process group of its own, and no loop is needed. What it must not do is outlive its time. So beside it stands a keeper, a little process
 * that knows until when the ward may run and holds one end of a pipe:
 *
 *   - the time comes nearer and nobody extends it (we are stopped, hang in a call, lost the lock): the group of the ward gets SIGTERM at term_at,
 *     SIGKILL at kill_at. Both are instants of CLOCK_BOOTTIME, so a suspended machine comes back to them
 *   - we are gone, even by SIGKILL: the pipe ends and the group gets SIGKILL at once
 *   - the ward has ended: what is left of its group gets SIGKILL, and the keeper is dismissed
 *
 * A keeper that is killed is replaced. Who stops the keeper as well, or the whole machine, stops all that this module can promise.
 *
 * On a terminal the ward's group is in the foreground; when it is stopped (Ctrl-Z) we stop with it, and when we are continued the caller
 * decides first whether it may go on (ward_wait gives WARD_WOKE; ward_resume). SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 that reach us go on to its group.
 */
#ifndef IO_WARD_H
#define IO_WARD_H

#include "base/clock.h"

struct ward_request {               /* borrowed */
    const char *const *argv;        /* argv[0] is looked up in PATH; NULL-terminated */
    const char *const *environment; /* all of it; NULL-terminated */
    unsigned umask;
    bool output_to_errors; /* what it writes to 1 goes to 2 */
    int64_t term_at_boot_ms, kill_at_boot_ms;
};
struct ward;
/* Once a process. ABSENT, DENIED, LOCAL: it could not be started, nothing runs. */
bool ward_start(const struct ward_request *request, struct ward **ret, struct err *err);
/* It may run longer, or must end sooner. */
void ward_extend(struct ward *ward, int64_t term_at_boot_ms, int64_t kill_at_boot_ms);
enum ward_news {
    WARD_TIME,  /* the instant has come */
    WARD_ENDED, /* it has ended: ward_code */
    WARD_WOKE   /* we were stopped together with it, and it still is: ward_resume or ward_extend */
};
enum ward_news ward_wait(struct ward *ward, int64_t until_boot_ms);
void ward_resume(struct ward *ward);
/* After WARD_ENDED: its exit code, or 128 and the number of the signal that ended it. */
int ward_code(const struct ward *ward);
/* Ends what still runs (SIGKILL). NULL allowed. */
void ward_free(struct ward *ward);

#endif
