#include "io/files_at.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

bool folder_each(int dirfd, entry_visit *visit, void *arg, const char *where, struct err *err)
{
    int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
    if (stream == NULL) {
        err_errno(err, errno, "%s", where);
        fd_fini(&fd);
        return false;
    }
    const struct dirent *entry;
    while ((errno = 0, entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!visit(arg, entry->d_name, entry->d_type)) {
            errno = 0;
            break;
        }
    }
    int why = errno;
    closedir(stream);
    return why == 0 || err_errno(err, why, "%s", where);
}

/* The names of one folder: their bytes in an arena, one array to sort. */
struct names {
    struct arena *arena;
    const char **names;
    size_t n, cap;
    struct str suffix;
};

static void names_fini(struct names *list)
{
    arena_free(list->arena);
    mem_free(list->names);
}

static bool names_add(void *arg, const char *name, unsigned char d_type)
{
    struct names *list = arg;
    size_t len = strlen(name);
    if (name[0] == '.' || !str_ends(str_mem(name, len), list->suffix) ||
        (d_type != DT_REG && d_type != DT_LNK && d_type != DT_UNKNOWN))
        return true;
    if (list->n == list->cap) {
        size_t cap = list->cap == 0 ? 64 : list->cap * 2;
        list->names = mem_grow(list->names, list->cap, cap, sizeof *list->names);
        list->cap = cap;
    }
    list->names[list->n++] = arena_strndup(list->arena, name, len);
    return true;
}

static int names_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct file_stamp stamp_of(const struct stat *st)
{
    return (struct file_stamp){
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
        .size = (int64_t)st->st_size,
        .inode = (uint64_t)st->st_ino,
    };
}

/* False for what is not a regular file, has gone, or is a link somebody else planted. */
static bool stamp_at(int dirfd, const char *name, struct file_stamp *ret)
{
    struct stat st;
    if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (S_ISLNK(st.st_mode) &&
        ((st.st_uid != 0 && st.st_uid != geteuid()) || fstatat(dirfd, name, &st, 0) != 0))
        return false;
    if (!S_ISREG(st.st_mode))
        return false;
    *ret = stamp_of(&st);
    return true;
}

bool folder_walk(const char *folder, const char *suffix, file_visit *visit, void *arg,
                 struct err *err)
{
    AUTO(fd_fini)
    int dirfd = folder_open(folder, true, err);
    if (dirfd < 0)
        return false;
    AUTO(names_fini)
    struct names list = {.arena = arena_new(), .suffix = str_of(suffix)};
    if (!folder_each(dirfd, names_add, &list, folder, err))
        return false;
    if (list.n > 0)
        qsort(list.names, list.n, sizeof *list.names, names_compare);
    for (size_t i = 0; i < list.n; i++) {
        struct file_stamp stamp;
        if (stamp_at(dirfd, list.names[i], &stamp) && !visit(arg, list.names[i], &stamp))
            break;
    }
    return true;
}

bool file_stat(const char *path, struct file_stamp *ret, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return err_errno(err, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_CONFIG, "%s: not a regular file", path);
    *ret = stamp_of(&st);
    return true;
}
