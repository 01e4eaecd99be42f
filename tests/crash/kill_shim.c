/*
 * Kills the process at its k-th outward call, for tests: preloaded into chancery.
 *
 * Outward calls are those after which something outside the process may have changed: write, send, connect, fsync, rename ... One counter
 * over all threads. KILL_AT=k dies (SIGKILL) right BEFORE call k; KILL_AFTER=1 does the call first. COUNT_FILE gets the total of a run
 * that ended by itself. STOP_AT_SYNC=k stops (SIGSTOP) right after the k-th fsync or fdatasync: the moment of a power cut. Only calls of the process itself count: programs it starts get a cleared environment.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long n_calls, n_syncs;
static long kill_at, stop_at_sync;
static int kill_after;
static const char *count_file;

__attribute__((constructor)) static void shim_begin(void)
{
    const char *at = getenv("KILL_AT");
    kill_at = at != NULL ? atol(at) : 0;
    const char *sync = getenv("STOP_AT_SYNC");
    stop_at_sync = sync != NULL ? atol(sync) : 0;
    kill_after = getenv("KILL_AFTER") != NULL;
    count_file = getenv("COUNT_FILE");
}

__attribute__((destructor)) static void shim_end(void)
{
    if (count_file == NULL)
        return;
    FILE *f = fopen(count_file, "w");
    if (f != NULL) {
        fprintf(f, "%ld\n", atomic_load(&n_calls));
        fclose(f);
    }
}

static long call_begins(void)
{
    long n = atomic_fetch_add(&n_calls, 1) + 1;
    if (n == kill_at && !kill_after)
        kill(getpid(), SIGKILL);
    return n;
}

static void call_ends(long n)
{
    if (n == kill_at && kill_after)
        kill(getpid(), SIGKILL);
}

static void sync_ends(int result)
{
    if (result == 0 && atomic_fetch_add(&n_syncs, 1) + 1 == stop_at_sync)
        kill(getpid(), SIGSTOP);
}

#define NOTHING(result) ((void)(result))
#define WRAP_THEN(type, name, parameters, arguments, then)                                         \
    type name parameters;                                                                          \
    type name parameters                                                                           \
    {                                                                                              \
        static type(*real) parameters;                                                             \
        if (real == NULL)                                                                          \
            *(void **)(&real) = dlsym(RTLD_NEXT, #name);                                           \
        long n = call_begins();                                                                    \
        type result = real arguments;                                                              \
        call_ends(n);                                                                              \
        then(result);                                                                              \
        return result;                                                                             \
    }
#define WRAP(type, name, parameters, arguments) WRAP_THEN(type, name, parameters, arguments, NOTHING)

WRAP(ssize_t, write, (int fd, const void *p, size_t len), (fd, p, len))
WRAP(ssize_t, pwrite, (int fd, const void *p, size_t len, off_t at), (fd, p, len, at))
WRAP(ssize_t, pwrite64, (int fd, const void *p, size_t len, off64_t at), (fd, p, len, at))
WRAP(ssize_t, writev, (int fd, const struct iovec *v, int n_v), (fd, v, n_v))
WRAP(ssize_t, send, (int fd, const void *p, size_t len, int flags), (fd, p, len, flags))
WRAP(ssize_t, sendto, (int fd, const void *p, size_t len, int flags, const struct sockaddr *to, socklen_t to_len),
     (fd, p, len, flags, to, to_len))
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
WRAP(int, connect, (int fd, const struct sockaddr *to, socklen_t len), (fd, to, len))
WRAP_THEN(int, fsync, (int fd), (fd), sync_ends)
WRAP_THEN(int, fdatasync, (int fd), (fd), sync_ends)
WRAP(int, ftruncate, (int fd, off_t len), (fd, len))
WRAP(int, ftruncate64, (int fd, off64_t len), (fd, len))
WRAP(int, rename, (const char *from, const char *to), (from, to))
WRAP(int, renameat, (int a, const char *from, int b, const char *to), (a, from, b, to))
WRAP(int, renameat2, (int a, const char *from, int b, const char *to, unsigned flags), (a, from, b, to, flags))
WRAP(int, unlink, (const char *path), (path))
WRAP(int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
WRAP(int, symlinkat, (const char *to, int fd, const char *path), (to, fd, path))
WRAP(int, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
