#include "base/failpoint.h"

#include "base/buf.h"

#ifdef CHANCERY_FAILPOINTS

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

enum { POINT_MAX = 32, NAME_MAX_LEN = 96, EXIT_BY_FAILPOINT = 71 };

enum act { ACT_KILL, ACT_EXIT, ACT_SLEEP, ACT_ERROR };

struct point {
    char name[NAME_MAX_LEN];
    enum act act;
    int64_t sleep_ms;
    int64_t nth;
    atomic_int_fast64_t passed;
};

/* Armed once, before any thread starts; passed from any thread. */
static struct {
    struct point points[POINT_MAX];
    size_t n;
    int list_fd; /* -1 unless names are listed */
} armed = {.list_fd = -1};

static bool act_parse(struct str text, struct point *point)
{
    static const char *const plain[] = {
        [ACT_KILL] = "kill", [ACT_EXIT] = "exit", [ACT_ERROR] = "error"};
    if (str_starts(text, STR("sleep:"))) {
        point->act = ACT_SLEEP;
        return str_to_i64(str_mem(text.p + 6, text.len - 6), &point->sleep_ms) &&
               point->sleep_ms >= 0;
    }
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (plain[i] != NULL && str_eq(text, str_of(plain[i]))) {
            point->act = (enum act)i;
            return true;
        }
    return false;
}

/* name=act[@n] */
static bool point_parse(struct str text, struct point *point, struct err *err)
{
    struct str rest = text, name, act, nth;
    point->nth = 1;
    bool good = str_split(&rest, '=', &name) && name.len > 0 && name.len < NAME_MAX_LEN &&
                str_split(&rest, '@', &act);
    if (good && rest.p != NULL)
        good = str_split(&rest, '\0', &nth) && str_to_i64(nth, &point->nth) && point->nth >= 1;
    if (!good || !act_parse(act, point))
        return err_set(err, ERR_CONFIG, "failpoint %.*s: not name=kill|exit|error|sleep:MS[@n]",
                       STR_ARG(text));
    memcpy(point->name, name.p, name.len);
    return true;
}

static bool list_open(struct str path, struct err *err)
{
    AUTO(mem_fini)
    char *name = mem_strndup(path.p, path.len);
    int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(err, errno, "failpoints: open %s", name);
    armed.list_fd = fd;
    return true;
}

static void disarm(void)
{
    memset(armed.points, 0, sizeof armed.points);
    armed.n = 0;
    if (armed.list_fd >= 0)
        close(armed.list_fd);
    armed.list_fd = -1;
}

bool failpoint_arm(const char *specification, struct err *err)
{
    struct str rest = str_of(specification), piece;
    disarm();
    if (str_starts(rest, STR("list:")))
        return list_open(str_mem(rest.p + 5, rest.len - 5), err);
    while (str_split(&rest, ';', &piece)) {
        if (piece.len == 0)
            continue;
        if (armed.n == POINT_MAX) {
            disarm();
            return err_set(err, ERR_CONFIG, "failpoints: more than %d", POINT_MAX);
        }
        if (!point_parse(piece, &armed.points[armed.n], err)) {
            disarm();
            return false;
        }
        armed.n++;
    }
    return true;
}

static void list_name(const char *name)
{
    AUTO(buf_fini)
    struct buf line = BUF(NAME_MAX_LEN + 1);
    buf_printf(&line, "%s\n", name);
    CHECK(!line.overflow);
    CHECK(write(armed.list_fd, line.p, line.len) == (ssize_t)line.len);
}

static bool act_do(const struct point *point)
{
    struct timespec pause = {.tv_sec = (time_t)(point->sleep_ms / MS_SECOND),
                             .tv_nsec = (long)(point->sleep_ms % MS_SECOND) * 1000000};
    switch (point->act) {
    case ACT_KILL:
        kill(getpid(), SIGKILL);
        break;
    case ACT_EXIT:
        _exit(EXIT_BY_FAILPOINT);
    case ACT_SLEEP:
        while (nanosleep(&pause, &pause) != 0)
            CHECK(errno == EINTR);
        break;
    case ACT_ERROR:
        return true;
    }
    return false;
}

bool failpoint_pass(const char *name)
{
    bool fails = false;
    if (armed.list_fd >= 0)
        list_name(name);
    for (size_t i = 0; i < armed.n; i++) {
        struct point *point = &armed.points[i];
        if (strcmp(point->name, name) == 0 && atomic_fetch_add(&point->passed, 1) + 1 == point->nth)
            fails |= act_do(point);
    }
    return fails;
}

#else

bool failpoint_pass(const char *name)
{
    (void)name;
    return false;
}

bool failpoint_arm(const char *specification, struct err *err)
{
    if (specification == NULL || specification[0] == '\0')
        return true;
    return err_set(err, ERR_CONFIG, "failpoints: this program was built without them");
}

#endif
