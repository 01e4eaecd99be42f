#include "io/ward_inside.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CODE_OF_SIGNAL = 128, CODE_NOT_STARTED = 127 };

struct ward {
    pid_t pid;
    struct keeper keeper;
    struct keeper_order order;
    sigset_t mask_before;
    int terminal_fd; /* its group is in the foreground there; -1: it is not */
    int code;
    bool has_ended;
};

static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
enum { N_FORWARDED = sizeof forwarded / sizeof forwarded[0] };

static void heeded_set(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGCHLD);
    sigaddset(ret, SIGTTOU); /* who is in the background may give the terminal away */
    for (size_t i = 0; i < N_FORWARDED; i++)
        sigaddset(ret, forwarded[i]);
}

/* ---- in the child ---- */

struct pipes {
    int go[2];   /* the child runs when the keeper stands; an end of it: it never does */
    int fate[2]; /* errno of an exec that failed */
};

static void signals_default(const sigset_t *mask)
{
    for (int sig = 1; sig < NSIG; sig++)
        signal(sig, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
}

static _Noreturn void child_run(const struct ward *ward, const struct ward_request *request,
                                const struct pipes *pipes, pid_t parent)
{
    char go = 0;
    setpgid(0, 0);
    /* For the case that even the keeper is killed. A program with other rights forgets it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    close(pipes->go[1]);
    if (getppid() != parent || read(pipes->go[0], &go, 1) != 1)
        _exit(CODE_NOT_STARTED);
    if (ward->terminal_fd >= 0)
        tcsetpgrp(ward->terminal_fd, getpid());
    umask((mode_t)request->umask);
    if (request->output_to_errors)
        dup2(STDERR_FILENO, STDOUT_FILENO);
    signals_default(&ward->mask_before);
    execvpe(request->argv[0], (char *const *)(uintptr_t)request->argv,
            (char *const *)(uintptr_t)request->environment);
    int code = errno;
    if (write(pipes->fate[1], &code, sizeof code) < 0)
        _exit(CODE_NOT_STARTED);
    _exit(CODE_NOT_STARTED);
}

/* ---- starting ---- */

static int terminal_of_ours(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (isatty(fd) && tcgetpgrp(fd) == getpgrp())
            return fd;
    return -1;
}

static bool pipes_open(struct pipes *ret, struct err *err)
{
    if (pipe2(ret->go, O_CLOEXEC) != 0)
        return err_errno(err, errno, "no pipe to the command");
    if (pipe2(ret->fate, O_CLOEXEC) == 0)
        return true;
    err_errno(err, errno, "no pipe to the command");
    close(ret->go[0]);
    close(ret->go[1]);
    return false;
}

static bool child_fork(struct ward *ward, const struct ward_request *request,
                       const struct pipes *pipes, struct err *err)
{
    pid_t parent = getpid();
    ward->pid = fork();
    if (ward->pid == 0)
        child_run(ward, request, pipes, parent);
    if (ward->pid < 0)
        return err_errno(err, errno, "the command cannot be started");
    setpgid(ward->pid, ward->pid);
    return true;
}

/* The child waits at the pipe until somebody looks after it. */
static bool child_go(struct ward *ward, const struct ward_request *request,
                     const struct pipes *pipes, struct err *err)
{
    int code = 0;
    if (!keeper_start(ward->pid, &ward->order, &ward->keeper, err))
        return false;
    if (write(pipes->go[1], "g", 1) != 1)
        return err_errno(err, errno, "the command cannot be started");
    ssize_t n = read(pipes->fate[0], &code, sizeof code);
    return n != (ssize_t)sizeof code ||
           err_errno(err, code, "the command %s cannot be started", request->argv[0]);
}

bool ward_start(const struct ward_request *request, struct ward **ret, struct err *err)
{
    struct pipes pipes;
    sigset_t heeded;
    if (!pipes_open(&pipes, err))
        return false;
    struct ward *ward = NEW(struct ward);
    ward->order = (struct keeper_order){request->term_at_boot_ms, request->kill_at_boot_ms};
    ward->terminal_fd = terminal_of_ours();
    heeded_set(&heeded);
    sigprocmask(SIG_BLOCK, &heeded, &ward->mask_before);
    bool ok = child_fork(ward, request, &pipes, err);
    close(pipes.fate[1]);
    ok = ok && child_go(ward, request, &pipes, err);
    close(pipes.go[0]);
    close(pipes.go[1]);
    close(pipes.fate[0]);
    if (!ok) {
        ward_free(ward);
        return false;
    }
    *ret = ward;
    return true;
}

void ward_extend(struct ward *ward, int64_t term_at_boot_ms, int64_t kill_at_boot_ms)
{
    ward->order = (struct keeper_order){term_at_boot_ms, kill_at_boot_ms};
    keeper_tell(&ward->keeper, &ward->order);
}

/* ---- waiting ---- */

static void terminal_give(const struct ward *ward, pid_t group)
{
    if (ward->terminal_fd >= 0)
        tcsetpgrp(ward->terminal_fd, group);
}

/* SIGKILL for what is left before the leader of the group is reaped: its number cannot be another's yet. */
static void ward_end(struct ward *ward)
{
    int status = 0;
    keeper_dismiss(&ward->keeper);
    kill(-ward->pid, SIGKILL);
    while (waitpid(ward->pid, &status, 0) < 0 && errno == EINTR)
        ;
    ward->code = WIFSIGNALED(status) ? CODE_OF_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
    ward->has_ended = true;
    terminal_give(ward, getpgrp());
    sigprocmask(SIG_SETMASK, &ward->mask_before, NULL);
}

/* A keeper that somebody killed is replaced; without one the ward must not run. */
static void keeper_mind(struct ward *ward)
{
    if (waitpid(ward->keeper.pid, NULL, WNOHANG) != ward->keeper.pid)
        return;
    close(ward->keeper.order_fd);
    ward->keeper.pid = 0;
    if (!keeper_start(ward->pid, &ward->order, &ward->keeper, NULL))
        kill(-ward->pid, SIGKILL);
}

/* With a terminal we stop as the shell expects; an orphan is not stopped, and then the ward must go on. */
static bool ward_is_stopped(struct ward *ward)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)ward->pid, &info, WSTOPPED | WNOHANG) != 0 || info.si_pid == 0 ||
        ward->terminal_fd < 0)
        return false;
    terminal_give(ward, getpgrp());
    kill(0, SIGTSTP);
    return true;
}

static bool ward_has_ended(struct ward *ward)
{
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)ward->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
        return false;
    ward_end(ward);
    return true;
}

enum ward_news ward_wait(struct ward *ward, int64_t until_boot_ms)
{
    sigset_t heeded;
    heeded_set(&heeded);
    for (;;) {
        if (ward_has_ended(ward))
            return WARD_ENDED;
        keeper_mind(ward);
        if (ward_is_stopped(ward))
            return WARD_WOKE;
        int64_t left_ms = until_boot_ms - clock_boot_ms(&clock_system);
        if (left_ms <= 0)
            return WARD_TIME;
        struct timespec left = {.tv_sec = (time_t)(left_ms / MS_SECOND),
                                .tv_nsec = (long)(left_ms % MS_SECOND) * 1000000};
        int sig = sigtimedwait(&heeded, NULL, &left);
        if (sig > 0 && sig != SIGCHLD && sig != SIGTTOU)
            kill(-ward->pid, sig);
    }
}

void ward_resume(struct ward *ward)
{
    if (ward->terminal_fd >= 0 && tcgetpgrp(ward->terminal_fd) == getpgrp())
        terminal_give(ward, ward->pid);
    kill(-ward->pid, SIGCONT);
}

int ward_code(const struct ward *ward)
{
    return ward->code;
}

void ward_free(struct ward *ward)
{
    if (ward == NULL)
        return;
    if (ward->pid > 0 && !ward->has_ended) {
        kill(ward->pid, SIGKILL);
        ward_end(ward);
    }
    if (!ward->has_ended)
        sigprocmask(SIG_SETMASK, &ward->mask_before, NULL);
    mem_free(ward);
}
