#include "io/program.h"

#include "base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Execute-only binaries cannot be looked into; they are binaries. */
static bool program_has_format(const char *path)
{
    char head[4];
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return true;
    ssize_t n = read(fd, head, sizeof head);
    close(fd);
    return n >= 2 && (memcmp(head, "#!", 2) == 0 || (n == 4 && memcmp(head,
                                                                      "\x7f"
                                                                      "ELF",
                                                                      4) == 0));
}

static bool program_is_fit(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return err_errno(err, errno, "program %s", path);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_DENIED, "program %s: not a regular file", path);
    if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0)
        return err_errno(err, errno, "program %s: may not be executed", path);
    return program_has_format(path) ||
           err_set(err, ERR_CONFIG, "program %s: neither a binary nor a script with a #! line",
                   path);
}

static bool program_look_up(const char *word, char **ret_path, struct err *err)
{
    struct err first = {.kind = ERR_NONE}, why;
    struct str rest = STR(PROGRAM_PATH), folder;
    while (str_split(&rest, ':', &folder)) {
        AUTO(mem_fini)
        char *path = mem_printf("%.*s/%s", STR_ARG(folder), word);
        if (program_is_fit(path, &why)) {
            *ret_path = path;
            path = NULL;
            return true;
        }
        if (why.kind != ERR_ABSENT && first.kind == ERR_NONE)
            first = why;
    }
    if (first.kind == ERR_NONE)
        return err_set(err, ERR_ABSENT, "program %s: not found in %s", word, PROGRAM_PATH);
    if (err != NULL)
        *err = first;
    return false;
}

bool program_find(const char *word, char **ret_path, struct err *err)
{
    if (word == NULL || word[0] == '\0')
        return err_set(err, ERR_CONFIG, "no program is named");
    if (strchr(word, '/') == NULL)
        return program_look_up(word, ret_path, err);
    if (word[0] != '/')
        return err_set(err, ERR_CONFIG, "program %s: neither an absolute path nor a bare word",
                       word);
    if (!program_is_fit(word, err))
        return false;
    *ret_path = mem_strdup(word);
    return true;
}

char **program_environment(const char *const *asked)
{
    static char path[] = "PATH=" PROGRAM_PATH, lang[] = "LANG=C.UTF-8";
    size_t n = 0, n_out = 0;
    bool has_path = false, has_lang = false;
    while (asked != NULL && asked[n] != NULL)
        n++;
    char **environment = NEW_N(n + 3, char *);
    for (size_t i = 0; i < n; i++) {
        has_path |= str_starts(str_of(asked[i]), STR("PATH="));
        has_lang |= str_starts(str_of(asked[i]), STR("LANG="));
        environment[n_out++] = (char *)(uintptr_t)asked[i];
    }
    if (!has_path)
        environment[n_out++] = path;
    if (!has_lang)
        environment[n_out++] = lang;
    return environment;
}

/* For kernels before 5.11. */
static void descriptors_keep_one_by_one(void)
{
    const struct dirent *entry;
    DIR *stream = opendir("/proc/self/fd");
    while (stream != NULL && (entry = readdir(stream)) != NULL) {
        int64_t fd;
        if (str_to_i64(str_of(entry->d_name), &fd) && fd > 2 && fd < INT_MAX)
            fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    }
    if (stream != NULL)
        closedir(stream);
}

void descriptors_keep(void)
{
    if (close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) != 0)
        descriptors_keep_one_by_one();
}
