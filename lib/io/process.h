/*
 * Programs without a shell: argv, a fixed cleared environment, an own process group, a deadline, capped output.
 *
 * At the deadline the whole group gets SIGTERM, 2 s later SIGKILL. Only descriptors 0 (empty, or `input`), 1 and 2 (one pipe, first
 * 64 KiB kept) are inherited. A grandchild that keeps the pipe open does not delay done beyond the deadline: when the
 * program itself has ended, what is left of its group gets SIGKILL then, and the result is the program's own.
 */
#ifndef IO_PROCESS_H
#define IO_PROCESS_H

#include "io/loop.h"

struct process_request {
    const char *const *
        argv; /* argv[0] is an absolute path, or a bare word looked up in /usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin */
    const char *const *
        environment; /* "NAME=value"; PATH, LANG=C.UTF-8 are added when absent; NULL-terminated, may be NULL */
    const char *directory; /* NULL: "/" */
    struct str input;      /* fed to descriptor 0; copied */
    int64_t timeout_ms;    /* 0: 30 s */
};
struct process_result {
    int exit_code; /* -1 when killed by a signal */
    int signal;
    bool timed_out;    /* the program was still running at the deadline */
    struct str output; /* of both streams; may hold any byte */
    int64_t took_ms;
};
struct process_call;
/* err only when the program could not be started (ABSENT, DENIED, LOCAL; CONFIG for a relative path, or a file that is
 * neither a binary nor begins with "#!"); then result is NULL. Both are borrowed for the call. */
typedef void process_done(void *arg, const struct process_result *result, const struct err *err);
struct process_call *process_start(struct loop *loop, const struct process_request *request,
                                   process_done *done, void *arg);
void process_cancel(struct process_call *call); /* kills the group; NULL allowed; not after done */
bool process_result_ok(const struct process_result *result);

#endif
