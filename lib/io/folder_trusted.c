#include "io/folder_trusted.h"

#include "io/files_at.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPEN_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, READ_LEN = 16 * 1024 };

struct names {
    struct arena *arena;
    const char *names[TRUSTED_FILES_MAX];
    size_t n;
    struct str suffix;
    bool too_many;
};

static bool name_add(void *arg, const char *name, unsigned char d_type)
{
    struct names *list = arg;
    (void)d_type;
    if (name[0] == '.' || !str_ends(str_of(name), list->suffix))
        return true;
    if (list->n == TRUSTED_FILES_MAX) {
        list->too_many = true;
        return false;
    }
    list->names[list->n++] = arena_strdup(list->arena, name);
    return true;
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool stat_is_trusted(const struct stat *st, const char *what, struct err *err)
{
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return err_set(err, ERR_DENIED,
                       "%s belongs to user %u: only what root or the user of this run (%u) owns is "
                       "trusted; chown mends that",
                       what, (unsigned)st->st_uid, (unsigned)geteuid());
    if ((st->st_mode & 022) != 0)
        return err_set(err, ERR_DENIED,
                       "%s can be written by %s (mode %04o): not trusted; chmod go-w takes that "
                       "away",
                       what, (st->st_mode & 002) != 0 ? "everybody" : "its group",
                       (unsigned)st->st_mode & 07777);
    return true;
}

/* Where the kernel cannot keep links below the folder, none is followed. */
static int entry_open(int dirfd, const char *name)
{
    struct open_how how = {.flags = OPEN_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    int fd = (int)syscall(SYS_openat2, dirfd, name, &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        fd = openat(dirfd, name, OPEN_FLAGS | O_NOFOLLOW);
    return fd;
}

static bool bytes_read(int fd, size_t max, struct buf *out, struct err *err)
{
    char piece[READ_LEN];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, errno, "read it");
        if (n == 0)
            break;
        buf_add(out, piece, (size_t)n);
    }
    return !out->overflow || err_set(err, ERR_BROKEN, "it has more than %zu bytes", max);
}

static bool entry_read(int dirfd, const char *name, size_t max, struct buf *out, struct err *err)
{
    struct stat st;
    AUTO(fd_fini)
    int fd = entry_open(dirfd, name);
    if (fd < 0 && (errno == EXDEV || errno == ELOOP))
        return err_set(err, ERR_DENIED, "it is a link that leads out of its folder: not followed");
    if (fd < 0 || fstat(fd, &st) != 0)
        return err_errno(err, errno, "open it");
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_BROKEN, "it is no regular file");
    return stat_is_trusted(&st, "it", err) && bytes_read(fd, max, out, err);
}

bool folder_read_trusted(const char *folder, const char *suffix, size_t max, trusted_visit *visit,
                         void *arg, struct err *err)
{
    struct stat st;
    AUTO(fd_fini)
    int dirfd = folder_open(folder, true, err);
    if (dirfd < 0)
        return false;
    if (fstat(dirfd, &st) != 0)
        return err_errno(err, errno, "%s", folder);
    if (!stat_is_trusted(&st, folder, err))
        return false;
    struct names list = {.arena = arena_new(), .suffix = str_of(suffix)};
    bool ok = folder_each(dirfd, name_add, &list, folder, err);
    if (ok && list.too_many)
        ok = err_set(err, ERR_BROKEN, "%s holds more than %d files *%s", folder, TRUSTED_FILES_MAX,
                     suffix);
    if (ok && list.n > 0)
        qsort(list.names, list.n, sizeof list.names[0], name_compare);
    for (size_t i = 0; ok && i < list.n; i++) {
        AUTO(buf_fini)
        struct buf bytes = BUF(max);
        struct err why = {0};
        bool is_read = entry_read(dirfd, list.names[i], max, &bytes, &why);
        visit(arg, list.names[i], buf_str(&bytes), is_read ? NULL : &why);
    }
    arena_free(list.arena);
    return ok;
}
