/*
 * The service manager's notification protocol (sd_notify(3) of systemd 252, read 2026-11-22).
 *
 * A daemon that was started with NOTIFY_SOCKET in its environment tells its manager by datagrams of KEY=VALUE lines that it is ready,
 * what it does, that it reads its configuration anew, that it ends; and with WATCHDOG_USEC, at least that often, that it still
 * works. A daemon that was started by hand has no such socket: then every function here does nothing.
 *
 *   READY=1          notify_ready: started, or done with reading the configuration anew
 *   RELOADING=1      notify_reloading, with MONOTONIC_USEC
 *   STATUS=          notify_status: a line for people (`systemctl status`); sent only when it differs
 *   WATCHDOG=1       notify_alive; notify_watchdog_ms says how often
 *   STOPPING=1       notify_stopping
 *
 * Words of state wait at most half a second for room in the manager's queue; a status or a sign of life that finds none is left out, and the
 * next one is sent. The environment belongs to cmd/: it hands the values in, and children inherit neither them nor the socket.
 */
#ifndef IO_NOTIFY_H
#define IO_NOTIFY_H

#include "base/err.h"

struct notify;
/* Values of the environment; NULL: not set. pid: of whom WATCHDOG_PID must name, when it is set. */
struct notify_environment {
    const char *socket;        /* NOTIFY_SOCKET: a path, or "@name" of the abstract namespace */
    const char *watchdog_usec; /* WATCHDOG_USEC */
    const char *watchdog_pid;  /* WATCHDOG_PID */
    int64_t pid;
};
/* Never fails to give one that may be used: what cannot be reached is not told. CONFIG, LOCAL: what the environment names is no such
 * socket; *ret is then one that says nothing. */
bool notify_open(const struct notify_environment *environment, struct notify **ret,
                 struct err *err);
void notify_close(struct notify *notify); /* NULL allowed */

bool notify_is_on(const struct notify *notify);
/* Half of WATCHDOG_USEC: how often notify_alive is to be called. 0: nobody waits for it. */
int64_t notify_watchdog_ms(const struct notify *notify);

void notify_ready(struct notify *notify);
void notify_reloading(struct notify *notify);
void notify_stopping(struct notify *notify);
void notify_alive(struct notify *notify);
/* Cut at 500 bytes; a control character becomes a blank. */
void notify_status(struct notify *notify, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
