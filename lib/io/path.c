#include "io/files_at.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LINKS_MAX = 16, WALK_REST_MAX = 2 * PATH_MAX };

/* A path half gone: the folder reached, and what is still to go. */
struct walk {
    int fd;
    char rest[WALK_REST_MAX];
    int n_links;
    const char *path; /* for texts */
};

static int here_open(const char *path)
{
    return open(path[0] == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static bool walk_init(struct walk *w, const char *path, struct err *err)
{
    *w = (struct walk){.fd = -1, .path = path};
    size_t len = strlen(path);
    if (len == 0 || len >= PATH_MAX)
        return err_set(err, ERR_CONFIG, "a path of %zu bytes cannot be used", len);
    memcpy(w->rest, path, len + 1);
    w->fd = here_open(path);
    return w->fd >= 0 || err_errno(err, errno, "%s", path);
}

static void walk_fini(struct walk *w)
{
    fd_fini(&w->fd);
}

/* Cuts the next component off; false when none is left, or it is too long (walk_is_over tells).
 * *ret_last: only slashes follow. */
static bool walk_next(struct walk *w, char out[NAME_TEXT_MAX], bool *ret_last)
{
    const char *p = w->rest + strspn(w->rest, "/");
    size_t len = strcspn(p, "/");
    if (len == 0 || len >= NAME_TEXT_MAX)
        return false;
    memcpy(out, p, len);
    out[len] = '\0';
    p += len;
    p += strspn(p, "/");
    *ret_last = *p == '\0';
    memmove(w->rest, p, strlen(p) + 1);
    return true;
}

/* The owner is asked of the very link object that is read, so it cannot be exchanged in between. */
static bool walk_follow(struct walk *w, int link_fd, const struct stat *st, struct err *err)
{
    char target[PATH_MAX];
    char rest[WALK_REST_MAX];
    if (st->st_uid != 0 && st->st_uid != geteuid())
        return err_set(err, ERR_DENIED, "%s: goes through a link that user %u planted", w->path,
                       (unsigned)st->st_uid);
    if (++w->n_links > LINKS_MAX)
        return err_set(err, ERR_CONFIG, "%s: more than %d links on the way", w->path, LINKS_MAX);
    ssize_t n = readlinkat(link_fd, "", target, sizeof target - 1);
    if (n <= 0)
        return err_errno(err, n == 0 ? ENOENT : errno, "%s: read link", w->path);
    target[n] = '\0';
    int len = snprintf(rest, sizeof rest, "%s/%s", target, w->rest);
    if (len < 0 || (size_t)len >= sizeof rest)
        return err_set(err, ERR_CONFIG, "%s: its links are too long", w->path);
    memcpy(w->rest, rest, (size_t)len + 1);
    if (target[0] != '/')
        return true;
    int root = here_open("/");
    if (root < 0)
        return err_errno(err, errno, "/");
    fd_fini(&w->fd);
    w->fd = root;
    return true;
}

/* Goes into the folder `name`, or puts the target of the link `name` before what is left. */
static bool walk_into(struct walk *w, const char *name, bool may_follow, struct err *err)
{
    struct stat st;
    AUTO(fd_fini)
    int fd = openat(w->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_errno(err, errno, "%s", w->path);
    if (fstat(fd, &st) != 0)
        return err_errno(err, errno, "%s", w->path);
    if (S_ISLNK(st.st_mode)) {
        if (!may_follow)
            return err_set(err, ERR_DENIED, "%s: is a link, not a folder", w->path);
        return walk_follow(w, fd, &st, err);
    }
    if (!S_ISDIR(st.st_mode))
        return err_errno(err, ENOTDIR, "%s", w->path);
    int left = w->fd;
    w->fd = fd;
    fd = left;
    return true;
}

static bool walk_is_over(const struct walk *w, struct err *err)
{
    return w->rest[strspn(w->rest, "/")] == '\0' ||
           err_set(err, ERR_CONFIG, "%s: a part of the path is too long", w->path);
}

/* Up to the last component, which is put in name. */
static bool walk_to_parent(struct walk *w, char name[NAME_TEXT_MAX], struct err *err)
{
    bool last = false;
    while (walk_next(w, name, &last)) {
        if (last && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
            return true;
        if (!walk_into(w, name, true, err))
            return false;
    }
    return walk_is_over(w, err) && err_set(err, ERR_CONFIG, "%s: names no file or folder", w->path);
}

/* O_PATH descriptors can be neither synced nor listed. */
static int walk_reopen(const struct walk *w, struct err *err)
{
    int fd = openat(w->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        err_errno(err, errno, "%s", w->path);
    return fd;
}

int folder_open(const char *path, bool follow_last, struct err *err)
{
    AUTO(walk_fini)
    struct walk w;
    char name[NAME_TEXT_MAX];
    bool last = false;
    if (!walk_init(&w, path, err))
        return -1;
    while (walk_next(&w, name, &last))
        if (!walk_into(&w, name, follow_last || !last, err))
            return -1;
    return walk_is_over(&w, err) ? walk_reopen(&w, err) : -1;
}

int folder_open_parent(const char *path, char ret_name[NAME_TEXT_MAX], struct err *err)
{
    AUTO(walk_fini)
    struct walk w;
    char name[NAME_TEXT_MAX];
    if (!walk_init(&w, path, err) || !walk_to_parent(&w, name, err))
        return -1;
    int fd = walk_reopen(&w, err);
    if (fd >= 0)
        memcpy(ret_name, name, sizeof name);
    return fd;
}

int folder_open_or_make(const char *path, uint32_t mode, struct err *err)
{
    char name[NAME_TEXT_MAX];
    struct err first = {.kind = ERR_NONE};
    int fd = folder_open(path, false, &first);
    if (fd >= 0 || first.kind != ERR_ABSENT) {
        if (fd < 0 && err != NULL)
            *err = first;
        return fd;
    }
    AUTO(fd_fini)
    int parent = folder_open_parent(path, name, err);
    if (parent < 0)
        return -1;
    return folder_open_or_make_at(parent, name, mode, NULL, path, err);
}

enum { FILE_FLAGS = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC };

/* In one call where no link is on the way, as nearly always. -1: the walk will tell, and judge links by their owners. */
static int file_open_linkless(const char *path)
{
    size_t len = strlen(path);
    struct open_how how = {.flags = FILE_FLAGS, .resolve = RESOLVE_NO_SYMLINKS};
    if (len == 0 || path[len - 1] == '/' || path[len - 1] == '.')
        return -1;
    return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
}

int file_open(const char *path, struct err *err)
{
    int linkless = file_open_linkless(path);
    if (linkless >= 0)
        return linkless;
    AUTO(walk_fini)
    struct walk w;
    char name[NAME_TEXT_MAX];
    if (!walk_init(&w, path, err))
        return -1;
    while (walk_to_parent(&w, name, err)) {
        int fd = openat(w.fd, name, FILE_FLAGS | O_NOFOLLOW);
        if (fd >= 0)
            return fd;
        /* ELOOP says it is a link; going into it judges its owner and goes on with its target. */
        if (errno != ELOOP) {
            err_errno(err, errno, "%s", path);
            return -1;
        }
        if (!walk_into(&w, name, true, err))
            return -1;
    }
    return -1;
}

bool folder_make(const char *path, uint32_t mode, struct err *err)
{
    AUTO(walk_fini)
    struct walk w;
    char name[NAME_TEXT_MAX];
    bool last = false;
    if (!walk_init(&w, path, err))
        return false;
    while (walk_next(&w, name, &last)) {
        struct stat st;
        if (fstatat(w.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT) {
            if (!walk_into(&w, name, true, err))
                return false;
            continue;
        }
        AUTO(fd_fini)
        int parent = walk_reopen(&w, err);
        int fd = parent < 0 ? -1 : folder_open_or_make_at(parent, name, mode, NULL, path, err);
        if (fd < 0)
            return false;
        fd_fini(&w.fd);
        w.fd = fd;
    }
    return walk_is_over(&w, err);
}
