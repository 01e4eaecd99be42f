/*
 * Kills the process at its k-th outward call, for tests: preloaded into chancery.
 *
 * Outward calls are those after which something outside the process may have changed: write, send, connect, fsync, rename ... One counter
 * over all threads. KILL_AT=k dies (SIGKILL) right before call k. COUNT_FILE gets the numbers of calls and of syncs of a
 * run that ended by itself. STOP_AT_SYNC=k stops (SIGSTOP) right after the k-th fsync or fdatasync: the moment of a power cut. SYNC_LIES=1 makes
 * each sync a lie, so that a test can see whether its power cuts bite. Only calls of the process itself count: programs it starts get a
 * cleared environment.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long n_calls, n_syncs;
static long kill_at, stop_at_sync;
static int sync_lies;
static const char *count_file;

__attribute__((constructor)) static void shim_begin(void)
{
    const char *at = getenv("KILL_AT");
    kill_at = at != NULL ? atol(at) : 0;
    const char *sync = getenv("STOP_AT_SYNC");
    stop_at_sync = sync != NULL ? atol(sync) : 0;
    sync_lies = getenv("SYNC_LIES") != NULL;
    count_file = getenv("COUNT_FILE");
}

__attribute__((destructor)) static void shim_end(void)
{
    if (count_file == NULL)
        return;
    FILE *f = fopen(count_file, "w");
    if (f != NULL) {
        fprintf(f, "%ld %ld\n", atomic_load(&n_calls), atomic_load(&n_syncs));
        fclose(f);
    }
}

static void call_begins(void)
{
    if (atomic_fetch_add(&n_calls, 1) + 1 == kill_at)
        kill(getpid(), SIGKILL);
}

static void sync_ends(int result)
{
    if (result == 0 && atomic_fetch_add(&n_syncs, 1) + 1 == stop_at_sync)
        kill(getpid(), SIGSTOP);
}

#define WRAP(type, name, parameters, arguments)                                                    \
    type name parameters;                                                                          \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
        if (real == NULL)                                                                          \
            *(void **)(&real) = dlsym(RTLD_NEXT, #name);                                           \
        call_begins();                                                                             \
        return real arguments;                                                                     \
    }
#define WRAP_SYNC(name)                                                                            \
    int name(int fd);                                                                              \
    int name(int fd)                                                                               \
    {                                                                                              \
        static int (*real)(int fd);                                                                \
        if (real == NULL)                                                                          \
            *(void **)(&real) = dlsym(RTLD_NEXT, #name);                                           \
        call_begins();                                                                             \
        int result = sync_lies ? 0 : real(fd);                                                     \
        sync_ends(result);                                                                         \
        return result;                                                                             \
    }

WRAP(ssize_t, write, (int fd, const void *p, size_t len), (fd, p, len))
WRAP(ssize_t, pwrite, (int fd, const void *p, size_t len, off_t at), (fd, p, len, at))
WRAP(ssize_t, pwrite64, (int fd, const void *p, size_t len, off64_t at), (fd, p, len, at))
WRAP(ssize_t, writev, (int fd, const struct iovec *v, int n_v), (fd, v, n_v))
WRAP(ssize_t, send, (int fd, const void *p, size_t len, int flags), (fd, p, len, flags))
WRAP(ssize_t, sendto,
     (int fd, const void *p, size_t len, int flags, const struct sockaddr *to, socklen_t to_len),
     (fd, p, len, flags, to, to_len))
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
WRAP(int, connect, (int fd, const struct sockaddr *to, socklen_t len), (fd, to, len))
WRAP_SYNC(fsync)
WRAP_SYNC(fdatasync)
WRAP(int, ftruncate, (int fd, off_t len), (fd, len))
WRAP(int, ftruncate64, (int fd, off64_t len), (fd, len))
WRAP(int, rename, (const char *from, const char *to), (from, to))
WRAP(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
WRAP(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags),
     (a, from, b, to, flags))
WRAP(int, unlink, (const char *path), (path))
WRAP(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
WRAP(int, symlinkat, (const char *to, int fd, const char *path), (to, fd, path))
WRAP(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode))
WRAP(int, rmdir, (const char *path), (path))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode))
WRAP(int, fchown, (int fd, uid_t owner, gid_t group), (fd, owner, group))
WRAP(pid_t, fork, (void), ())

/* Opening changes something only where it may create. */
#define WRAP_OPEN(name, parameters, arguments)                                                     \
    int name parameters;                                                                           \
    int name parameters                                                                            \
    {                                                                                              \
        static int(*real) parameters;                                                              \
        va_list ap;                                                                                \
        va_start(ap, flags);                                                                       \
        mode_t mode = (flags & (O_CREAT | __O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;             \
        va_end(ap);                                                                                \
        if (real == NULL)                                                                          \
            *(void **)(&real) = dlsym(RTLD_NEXT, #name);                                           \
        if ((flags & O_CREAT) != 0)                                                                \
            call_begins();                                                                         \
        return real arguments;                                                                     \
    }
WRAP_OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
WRAP_OPEN(openat, (int fd, const char *path, int flags, ...), (fd, path, flags, mode))
WRAP_OPEN(openat64, (int fd, const char *path, int flags, ...), (fd, path, flags, mode))
