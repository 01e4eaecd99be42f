#include "io/files_at.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { PID_TEXT_MAX = 32 };

struct file_lock {
    int fd;
};

static int lock_open(const char *path, struct err *err)
{
    struct stat st;
    char name[NAME_TEXT_MAX];
    AUTO(fd_fini)
    int dirfd = folder_open_parent(path, name, err);
    if (dirfd < 0)
        return -1;
    AUTO(fd_fini)
    int fd = openat(dirfd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
                    0600);
    if (fd < 0 || fstat(fd, &st) != 0) {
        if (errno == ELOOP)
            err_set(err, ERR_DENIED, "lock %s: is a link", path);
        else
            err_errno(err, errno, "lock %s", path);
        return -1;
    }
    if (!S_ISREG(st.st_mode)) {
        err_set(err, ERR_CONFIG, "lock %s: not a regular file", path);
        return -1;
    }
    int ret = fd;
    fd = -1;
    return ret;
}

/* The number is for people only; who holds the lock is known to the kernel alone. */
static bool lock_is_held(int fd, const char *path, struct err *err)
{
    char text[PID_TEXT_MAX];
    int64_t pid;
    ssize_t n = pread(fd, text, sizeof text, 0);
    if (n > 0 && str_to_i64(str_trim(str_mem(text, (size_t)n)), &pid))
        return err_set(err, ERR_HELD, "lock %s: held by process %lld", path, (long long)pid);
    return err_set(err, ERR_HELD, "lock %s: held by another process", path);
}

/* A full disk may leave the number out; the lock holds without it. */
static void pid_write(int fd)
{
    char text[PID_TEXT_MAX];
    int len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return;
}

bool file_lock_take(const char *path, struct file_lock **ret_lock, struct err *err)
{
    AUTO(fd_fini)
    int fd = lock_open(path, err);
    if (fd < 0)
        return false;
    /* Open file description locks: not dropped when some library closes another descriptor of the
     * file. */
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &whole) != 0) {
        if (errno == EAGAIN || errno == EACCES)
            return lock_is_held(fd, path, err);
        return err_errno(err, errno, "lock %s", path);
    }
    pid_write(fd);
    *ret_lock = NEW(struct file_lock);
    (*ret_lock)->fd = fd;
    fd = -1;
    return true;
}

void file_lock_drop(struct file_lock *lock)
{
    if (lock == NULL)
        return;
    /* Never unlinked: another may have it open already and would hold a lock on a file without a
     * name. */
    int failed = ftruncate(lock->fd, 0);
    (void)failed;
    fd_fini(&lock->fd);
    mem_free(lock);
}
