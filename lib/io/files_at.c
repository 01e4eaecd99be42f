#include "io/files_at.h"
#include "base/clock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/random.h>
#include <unistd.h>

enum { NAME_PLAIN_MAX = 200, TEMPORARY_LIFE_S = 3600, COMPARE_LEN = 16 * 1024 };

static const char temporary_prefix[] = ".chancery-tmp.";

void fd_fini(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool name_is_plain(const char *name)
{
    size_t len = name != NULL ? strlen(name) : 0;
    if (len == 0 || len > NAME_PLAIN_MAX || name[0] == '.')
        return false;
    for (size_t i = 0; i < len; i++)
        if (name[i] == '/' || (unsigned char)name[i] < 0x20 || name[i] == 0x7f)
            return false;
    return true;
}

/* Tells this life of the process from an earlier one with the same number (1, in a container). */
static uint64_t life(void)
{
    static _Atomic uint64_t drawn;
    uint64_t fresh = 0, none = 0;
    if (atomic_load(&drawn) != 0)
        return atomic_load(&drawn);
    CHECK(getrandom(&fresh, sizeof fresh, 0) == (ssize_t)sizeof fresh);
    atomic_compare_exchange_strong(&drawn, &none, fresh | 1);
    return atomic_load(&drawn);
}

void name_temporary(char out[NAME_TEXT_MAX])
{
    static _Atomic uint64_t n_drawn;
    uint64_t number = atomic_fetch_add(&n_drawn, 1);
    int len = snprintf(out, NAME_TEXT_MAX, "%s%ld.%016" PRIx64 ".%" PRIu64, temporary_prefix,
                       (long)getpid(), life(), number);
    CHECK(len > 0 && len < NAME_TEXT_MAX);
}

int folder_open_at(int dirfd, const char *name, const char *where, struct err *err)
{
    struct stat st;
    int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    int why = errno;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
        err_set(err, ERR_DENIED, "%s/%s: is a link, not a folder", where, name);
    else
        err_errno(err, why, "%s/%s", where, name);
    return -1;
}

int folder_make_at(int dirfd, const char *name, const char *where, struct err *err)
{
    if (ACT_FAILS("files.folder.before") || mkdirat(dirfd, name, 0700) != 0) {
        if (errno == EEXIST)
            return 0;
        err_errno(err, errno, "make folder %s/%s", where, name);
        return -1;
    }
    FAILPOINT("files.folder.after");
    return 1;
}

int folder_open_or_make_at(int dirfd, const char *name, uint32_t mode,
                           const struct file_owner *owner, const char *where, struct err *err)
{
    int made = folder_make_at(dirfd, name, where, err);
    if (made < 0)
        return -1;
    AUTO(fd_fini)
    int fd = folder_open_at(dirfd, name, where, err);
    if (fd < 0)
        return -1;
    /* Synced even when it was there: who made it may have died before. */
    if ((made == 1 && (!fd_dress(fd, mode, owner, where, err) || !fd_sync(fd, where, err))) ||
        !fd_sync(dirfd, where, err))
        return -1;
    int ret = fd;
    fd = -1;
    return ret;
}

bool fd_sync(int fd, const char *what, struct err *err)
{
    if (ACT_FAILS("files.fsync.before") || fsync(fd) != 0)
        return err_errno(err, errno, "sync %s", what);
    FAILPOINT("files.fsync.after");
    return true;
}

bool fd_dress(int fd, uint32_t mode, const struct file_owner *owner, const char *what,
              struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return err_errno(err, errno, "%s", what);
    uid_t uid = owner != NULL && owner->set ? owner->uid : UINT32_MAX;
    gid_t gid = owner != NULL && owner->set ? owner->gid : UINT32_MAX;
    bool moves = (uid != UINT32_MAX && uid != st.st_uid) || (gid != UINT32_MAX && gid != st.st_gid);
    if (moves && (ACT_FAILS("files.chown.before") || fchown(fd, uid, gid) != 0))
        return err_errno(err, errno, "give %s to user %d, group %d", what, (int)uid, (int)gid);
    if (moves)
        FAILPOINT("files.chown.after");
    if (!moves && (st.st_mode & 07777) == (mode & 0777))
        return true;
    if (ACT_FAILS("files.chmod.before") || fchmod(fd, mode & 0777) != 0)
        return err_errno(err, errno, "set mode %04o of %s", mode & 0777, what);
    FAILPOINT("files.chmod.after");
    return true;
}

static bool bytes_write(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.p, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return false;
        }
        bytes = str_mem(bytes.p + n, bytes.len - (size_t)n);
    }
    return true;
}

static bool file_fill(int fd, struct str bytes, uint32_t mode, const struct file_owner *owner,
                      const char *what, struct err *err)
{
    if (!fd_dress(fd, mode, owner, what, err))
        return false;
    if (ACT_FAILS("files.write.before") || !bytes_write(fd, bytes))
        return err_errno(err, errno, "write %s", what);
    FAILPOINT("files.write.after");
    return fd_sync(fd, what, err);
}

bool file_write_at(int dirfd, const char *name, struct str bytes, uint32_t mode,
                   const struct file_owner *owner, const char *where, struct err *err)
{
    AUTO(mem_fini)
    char *what = mem_printf("%s/%s", where, name);
    AUTO(fd_fini)
    int fd = -1;
    if (ACT_FAILS("files.create.before") ||
        (fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC,
                     mode & 0600)) < 0)
        return err_errno(err, errno, "create %s", what);
    FAILPOINT("files.create.after");
    if (file_fill(fd, bytes, mode, owner, what, err))
        return true;
    unlinkat(dirfd, name, 0);
    return false;
}

/* The bytes of fd against those expected; a file that cannot be read is not equal. */
static bool bytes_are_equal(int fd, struct str expected)
{
    char chunk[COMPARE_LEN];
    bool equal = true;
    ssize_t n;
    while (equal && (n = read(fd, chunk, sizeof chunk)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        equal = n > 0 && (size_t)n <= expected.len && memcmp(chunk, expected.p, (size_t)n) == 0;
        if (equal)
            expected = str_mem(expected.p + n, expected.len - (size_t)n);
    }
    mem_cleanse(chunk, sizeof chunk);
    return equal && expected.len == 0;
}

int file_open_at(int dirfd, const char *name)
{
    struct stat st;
    AUTO(fd_fini)
    int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return -1;
    int ret = fd;
    fd = -1;
    return ret;
}

bool file_equals_at(int dirfd, const char *name, struct str bytes)
{
    AUTO(fd_fini)
    int fd = file_open_at(dirfd, name);
    return fd >= 0 && bytes_are_equal(fd, bytes);
}

bool rename_at(int dirfd, const char *from, const char *to, const char *where, struct err *err)
{
    if (ACT_FAILS("files.rename.before") || renameat(dirfd, from, dirfd, to) != 0)
        return err_errno(err, errno, "rename to %s/%s", where, to);
    FAILPOINT("files.rename.after");
    return true;
}

struct emptying {
    int dirfd;
    int why; /* errno of the first failure */
};

static bool emptying_visit(void *arg, const char *name, unsigned char d_type)
{
    struct emptying *e = arg;
    (void)d_type;
    if (unlinkat(e->dirfd, name, 0) != 0 && errno != ENOENT && e->why == 0)
        e->why = errno;
    return true;
}

/* Folders inside are not ours: they stay, and so does what holds them. */
static bool folder_remove_at(int dirfd, const char *name, const char *where, struct err *err)
{
    AUTO(fd_fini)
    int fd = folder_open_at(dirfd, name, where, err);
    struct emptying e = {.dirfd = fd};
    if (fd < 0 || !folder_each(fd, emptying_visit, &e, where, err))
        return false;
    if (e.why == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
        e.why = errno;
    return e.why == 0 || err_errno(err, e.why, "remove %s/%s", where, name);
}

bool entry_remove_at(int dirfd, const char *name, const char *where, struct err *err)
{
    if (ACT_FAILS("files.remove.before"))
        return err_errno(err, errno, "remove %s/%s", where, name);
    if (unlinkat(dirfd, name, 0) != 0 && errno != ENOENT) {
        if (errno != EISDIR && errno != EPERM)
            return err_errno(err, errno, "remove %s/%s", where, name);
        if (!folder_remove_at(dirfd, name, where, err))
            return false;
    }
    FAILPOINT("files.remove.after");
    return true;
}

static bool older_than(int dirfd, const char *name, int64_t age_s)
{
    struct stat st;
    return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           clock_wall_ms(&clock_system) / MS_SECOND - (int64_t)st.st_mtim.tv_sec > age_s;
}

/* A living process may be at work here, another thread of ours too, but not for an hour. */
static bool temporary_is_stale(int dirfd, const char *name)
{
    struct str rest = str_of(name + sizeof temporary_prefix - 1), digits;
    char ours[32];
    int64_t pid;
    if (!str_split(&rest, '.', &digits) || !str_to_i64(digits, &pid) || pid <= 0 || pid > INT32_MAX)
        return false;
    int len = snprintf(ours, sizeof ours, "%016" PRIx64 ".", life());
    bool dead = pid == getpid() ? !str_starts(rest, str_mem(ours, (size_t)len))
                                : kill((pid_t)pid, 0) != 0 && errno == ESRCH;
    return dead || older_than(dirfd, name, TEMPORARY_LIFE_S);
}

static bool sweep_visit(void *arg, const char *name, unsigned char d_type)
{
    int dirfd = *(int *)arg;
    (void)d_type;
    if (str_starts(str_of(name), str_of(temporary_prefix)) && temporary_is_stale(dirfd, name))
        entry_remove_at(dirfd, name, "", NULL);
    return true;
}

void temporaries_sweep(int dirfd)
{
    folder_each(dirfd, sweep_visit, &dirfd, "", NULL);
}
