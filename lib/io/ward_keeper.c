/* The keeper of a ward: ends the group when its time is over, or when we are gone. */
#include "io/ward_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIPE_FD = 3, TIMER_FD = 4, FIRST_FREE_FD = 5 };

/* In the keeper: nothing here allocates, logs or touches what the store or the loop own. */
static void descriptors_leave(int pipe_fd, int timer_fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    int high_pipe = fcntl(pipe_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    int high_timer = fcntl(timer_fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    dup2(high_pipe, PIPE_FD);
    dup2(high_timer, TIMER_FD);
    close_range(FIRST_FREE_FD, ~0U, 0);
}

static void timer_set(int64_t at_boot_ms)
{
    struct itimerspec at = {.it_value = {.tv_sec = (time_t)(at_boot_ms / MS_SECOND),
                                         .tv_nsec = (long)(at_boot_ms % MS_SECOND) * 1000000}};
    if (at_boot_ms <= 0)
        at.it_value = (struct timespec){.tv_nsec = 1};
    timerfd_settime(TIMER_FD, TFD_TIMER_ABSTIME, &at, NULL);
}

static _Noreturn void group_end(pid_t group)
{
    kill(-group, SIGKILL);
    _exit(0);
}

static void order_obey(pid_t group, const struct keeper_order *order, bool *has_warned)
{
    int64_t now_ms = clock_boot_ms(&clock_system);
    if (now_ms >= order->kill_at_boot_ms)
        group_end(group);
    if (now_ms < order->term_at_boot_ms) {
        *has_warned = false;
    } else if (!*has_warned) {
        kill(-group, SIGTERM);
        kill(-group, SIGCONT);
        *has_warned = true;
    }
    timer_set(*has_warned ? order->kill_at_boot_ms : order->term_at_boot_ms);
}

static _Noreturn void keeper_run(pid_t group, struct keeper_order order)
{
    bool has_warned = false;
    for (;;) {
        struct pollfd fds[] = {{.fd = PIPE_FD, .events = POLLIN},
                               {.fd = TIMER_FD, .events = POLLIN}};
        uint64_t ticks;
        order_obey(group, &order, &has_warned);
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            group_end(group);
        if (fds[0].revents != 0) {
            ssize_t n = read(PIPE_FD, &order, sizeof order);
            if (n != (ssize_t)sizeof order)
                group_end(group);
        }
        if (fds[1].revents != 0 && read(TIMER_FD, &ticks, sizeof ticks) < 0 && errno != EAGAIN)
            group_end(group);
    }
}

static void keeper_hide(void)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    prctl(PR_SET_NAME, "chancery-keeper", 0, 0, 0);
    setsid();
}

bool keeper_start(pid_t group, const struct keeper_order *order, struct keeper *ret,
                  struct err *err)
{
    int ends[2];
    int timer_fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (timer_fd < 0)
        return err_errno(err, errno, "no timer for the end of the command");
    if (pipe2(ends, O_CLOEXEC) != 0) {
        err_errno(err, errno, "no pipe to who looks after the command");
        close(timer_fd);
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        keeper_hide();
        descriptors_leave(ends[0], timer_fd);
        keeper_run(group, *order);
    }
    int code = errno;
    close(ends[0]);
    close(timer_fd);
    if (pid < 0) {
        close(ends[1]);
        return err_errno(err, code, "nobody can be started to look after the command");
    }
    *ret = (struct keeper){pid, ends[1]};
    return true;
}

/* SIGPIPE is ignored: a keeper that is gone makes the write fail. */
bool keeper_tell(const struct keeper *keeper, const struct keeper_order *order)
{
    return write(keeper->order_fd, order, sizeof *order) == (ssize_t)sizeof *order;
}

void keeper_dismiss(struct keeper *keeper)
{
    if (keeper->pid <= 0)
        return;
    kill(keeper->pid, SIGKILL);
    while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(keeper->order_fd);
    keeper->pid = 0;
}
