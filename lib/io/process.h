/*
 * Programs without a shell: argv, a fixed cleared environment, an own process group, a deadline, capped output.
 *
 * At the deadline the whole group gets SIGTERM, 2 s later SIGKILL. Only descriptors 0 (empty, or `input`), 1 and 2 (one pipe, first
 * 64 KiB kept; or, where the output is data, a pipe each) are inherited. A grandchild that keeps the pipe open does not delay done beyond the deadline: when the
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
    bool errors_apart; /* 2 is a pipe of its own: what is said there does not spoil the output */
};
struct process_result {
    int exit_code; /* -1 when killed by a signal */
    int signal;
    bool timed_out;    /* the program was still running at the deadline */
    struct str output; /* of both streams, or of 1 alone; may hold any byte */
    struct str errors; /* of 2, when it was asked for apart; the first 4 KiB */
    bool is_cut;       /* there was more output than is kept */
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
/* For output that is data, with errors_apart: false when it must not be used - the program failed, took too long, or wrote too much. Kind CONFIG;
 * the text ends with what the program complained of (escaped, its last 300 bytes). */
bool process_result_check(const struct process_result *result, struct err *err);

#endif
