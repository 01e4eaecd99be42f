#include "io/notify.h"

#include "base/buf.h"
#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { STATUS_MAX = 501, STATE_PATIENCE_US = 500 * 1000 };

struct notify {
    int fd; /* -1: nobody listens */
    struct sockaddr_un address;
    socklen_t address_len;
    int64_t watchdog_ms;
    char status[STATUS_MAX];
};

/* ---- opening ---- */

static bool address_read(struct notify *notify, const char *text, struct err *err)
{
    size_t len = strlen(text);
    bool is_abstract = text[0] == '@';
    if ((text[0] != '/' && !is_abstract) || len < 2)
        return err_set(err, ERR_CONFIG,
                       "NOTIFY_SOCKET=%.100s: a path or \"@name\" is expected; the service manager "
                       "is told nothing",
                       text);
    if (len >= sizeof notify->address.sun_path)
        return err_set(err, ERR_CONFIG,
                       "NOTIFY_SOCKET=%.100s: too long; the service manager is told nothing", text);
    notify->address.sun_family = AF_UNIX;
    memcpy(notify->address.sun_path, text, len);
    if (is_abstract)
        notify->address.sun_path[0] = '\0';
    /* A name of the abstract namespace ends with its length, not with a zero. */
    notify->address_len =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (is_abstract ? 0 : 1));
    return true;
}

static bool socket_open(struct notify *notify, struct err *err)
{
    const struct timeval patience = {.tv_usec = STATE_PATIENCE_US};
    notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify->fd < 0)
        return err_errno(err, errno, "a socket to tell the service manager");
    setsockopt(notify->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return true;
}

/* Meant for another process of the unit, or no number: nobody waits for our signs of life. */
static int64_t watchdog_read(const struct notify_environment *e)
{
    int64_t usec = 0, pid = 0;
    if (e->watchdog_usec == NULL || !str_to_i64(str_of(e->watchdog_usec), &usec) || usec <= 0)
        return 0;
    if (e->watchdog_pid != NULL && (!str_to_i64(str_of(e->watchdog_pid), &pid) || pid != e->pid))
        return 0;
    return usec < 2000 ? 1 : usec / 2000;
}

bool notify_open(const struct notify_environment *environment, struct notify **ret, struct err *err)
{
    struct notify *notify = NEW(struct notify);
    notify->fd = -1;
    *ret = notify;
    if (environment->socket == NULL || environment->socket[0] == '\0')
        return true;
    if (!address_read(notify, environment->socket, err) || !socket_open(notify, err))
        return false;
    notify->watchdog_ms = watchdog_read(environment);
    return true;
}

void notify_close(struct notify *notify)
{
    if (notify == NULL)
        return;
    if (notify->fd >= 0)
        close(notify->fd);
    mem_free(notify);
}

bool notify_is_on(const struct notify *notify)
{
    return notify->fd >= 0;
}

int64_t notify_watchdog_ms(const struct notify *notify)
{
    return notify->watchdog_ms;
}

/* ---- telling ---- */

/* A manager that is gone or full must not cost a renewal: what cannot be told is left untold. */
static bool tell(struct notify *notify, const char *text, int flags)
{
    ssize_t n;
    if (notify->fd < 0)
        return false;
    do {
        n = sendto(notify->fd, text, strlen(text), flags | MSG_NOSIGNAL,
                   (const struct sockaddr *)&notify->address, notify->address_len);
    } while (n < 0 && errno == EINTR);
    return n >= 0;
}

void notify_ready(struct notify *notify)
{
    tell(notify, "READY=1", 0);
}

void notify_reloading(struct notify *notify)
{
    struct timespec now = {0};
    char text[80];
    clock_gettime(CLOCK_MONOTONIC, &now);
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%" PRId64,
             (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
    tell(notify, text, 0);
}

void notify_stopping(struct notify *notify)
{
    tell(notify, "STOPPING=1", 0);
}

void notify_alive(struct notify *notify)
{
    tell(notify, "WATCHDOG=1", MSG_DONTWAIT);
}

void notify_status(struct notify *notify, const char *fmt, ...)
{
    char status[STATUS_MAX], text[STATUS_MAX + 16];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(status, sizeof status, fmt, ap);
    va_end(ap);
    for (char *p = status; *p != '\0'; p++)
        if ((unsigned char)*p < ' ')
            *p = ' ';
    if (strcmp(status, notify->status) == 0)
        return;
    snprintf(text, sizeof text, "STATUS=%s", status);
    if (tell(notify, text, MSG_DONTWAIT))
        memcpy(notify->status, status, sizeof status);
}
