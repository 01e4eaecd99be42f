/*
 * A scratch folder for tests of files: made empty, in memory where possible (a sync is free there), removed with all
 * it holds.
 */
#ifndef TESTS_UNIT_SCRATCH_H
#define TESTS_UNIT_SCRATCH_H

#include "base/buf.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCRATCH_PATH_MAX = 512 };

static char scratch_dir[SCRATCH_PATH_MAX];

static inline int scratch_make(void **state)
{
    (void)state;
    const char *where = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(scratch_dir, sizeof scratch_dir, "%s/chancery-test-XXXXXX", where);
    return mkdtemp(scratch_dir) != NULL ? 0 : -1;
}

static inline int scratch_remove_one(const char *path, const struct stat *st, int type,
                                     struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static inline int scratch_remove(void **state)
{
    (void)state;
    return nftw(scratch_dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* scratch_dir/<name>, in one of a few turning buffers. */
static inline const char *scratch(const char *name)
{
    static char texts[16][SCRATCH_PATH_MAX * 2];
    static unsigned turn;
    char *text = texts[turn++ % 16];
    snprintf(text, sizeof texts[0], "%s/%s", scratch_dir, name);
    return text;
}

static inline void scratch_put(const char *name, const char *bytes, mode_t mode)
{
    int fd = open(scratch(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, bytes, strlen(bytes)) == (ssize_t)strlen(bytes));
    CHECK(fchmod(fd, mode) == 0);
    close(fd);
}

/* The file as text; "" when it cannot be read. */
static inline const char *scratch_get(const char *name)
{
    static char text[4096];
    int fd = open(scratch(name), O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : 0;
    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0)
        close(fd);
    return text;
}

static inline mode_t scratch_mode(const char *name)
{
    struct stat st;
    return lstat(scratch(name), &st) == 0 ? st.st_mode & 07777 : 0;
}

#endif
