#include "io/files_at.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { DIR_MODE = 0755, LINK_TEXT_MAX = NAME_TEXT_MAX + 16 };

static const char versions_name[] = "versions";
static const char current_name[] = "current";

/* One set of folders, opened: <dir> and <dir>/versions. */
struct place {
    const char *dir;
    char *versions; /* path, for texts */
    int dir_fd, versions_fd;
};

static void place_fini(struct place *place)
{
    fd_fini(&place->dir_fd);
    fd_fini(&place->versions_fd);
    mem_fini(&place->versions);
}

static bool version_is_plain(const char *version, struct err *err)
{
    return name_is_plain(version) ||
           err_set(err, ERR_CONFIG, "\"%s\" cannot be the name of a version",
                   version != NULL ? version : "");
}

static bool place_open(struct place *place, const char *dir, struct err *err)
{
    *place = (struct place){.dir = dir, .dir_fd = -1, .versions_fd = -1};
    place->versions = mem_printf("%s/%s", dir, versions_name);
    place->dir_fd = folder_open(dir, false, err);
    if (place->dir_fd < 0)
        return false;
    place->versions_fd = folder_open_at(place->dir_fd, versions_name, dir, err);
    return place->versions_fd >= 0;
}

static bool place_open_or_make(struct place *place, const char *dir, uint32_t dir_mode,
                               const struct file_owner *owner, struct err *err)
{
    *place = (struct place){.dir = dir, .dir_fd = -1, .versions_fd = -1};
    place->versions = mem_printf("%s/%s", dir, versions_name);
    place->dir_fd = folder_open_or_make(dir, DIR_MODE, err);
    if (place->dir_fd < 0)
        return false;
    place->versions_fd =
        folder_open_or_make_at(place->dir_fd, versions_name, dir_mode, owner, dir, err);
    return place->versions_fd >= 0;
}

/* The text of the link `name`; "" when nothing has that name. A thing that is no link is CONFIG. */
static bool link_text(int dirfd, const char *name, const char *where, char out[LINK_TEXT_MAX],
                      struct err *err)
{
    ssize_t n = readlinkat(dirfd, name, out, LINK_TEXT_MAX - 1);
    out[n > 0 ? n : 0] = '\0';
    if (n >= 0 || errno == ENOENT)
        return true;
    if (errno == EINVAL)
        return err_set(err, ERR_CONFIG, "%s/%s: is there and not a link", where, name);
    return err_errno(err, errno, "%s/%s", where, name);
}

/* The version that current names, "" when there is no current. Anything but versions/<version> is
 * somebody else's. */
static bool current_version(int dirfd, const char *dir, char out[LINK_TEXT_MAX], struct err *err)
{
    char text[LINK_TEXT_MAX];
    const size_t skip = sizeof versions_name;
    if (!link_text(dirfd, current_name, dir, text, err))
        return false;
    if (text[0] == '\0') {
        out[0] = '\0';
        return true;
    }
    if (strncmp(text, versions_name, skip - 1) != 0 || text[skip - 1] != '/' ||
        !name_is_plain(text + skip))
        return err_set(err, ERR_DENIED, "%s/%s: points to %s, which is not one of our versions",
                       dir, current_name, text);
    memmove(out, text + skip, strlen(text + skip) + 1);
    return true;
}

static bool version_is_current(const struct place *place, const char *version, bool *ret_is,
                               struct err *err)
{
    char now[LINK_TEXT_MAX];
    if (!current_version(place->dir_fd, place->dir, now, err))
        return false;
    *ret_is = strcmp(now, version) == 0;
    return true;
}

static bool entry_count(void *arg, const char *name, unsigned char d_type)
{
    size_t *n = arg;
    (void)name;
    (void)d_type;
    (*n)++;
    return true;
}

static bool folder_equals(int folder, const struct file_item *items, size_t n_items,
                          const char *where, bool *ret_equal, struct err *err)
{
    size_t n = 0;
    if (!folder_each(folder, entry_count, &n, where, err))
        return false;
    bool equal = n == n_items;
    for (size_t i = 0; equal && i < n_items; i++)
        equal = file_equals_at(folder, items[i].name, items[i].bytes);
    *ret_equal = equal;
    return true;
}

/* A folder that already holds the bytes may still have the owner and modes of an older
 * configuration. */
static bool folder_dress(int folder, uint32_t dir_mode, const struct file_owner *owner,
                         const struct file_item *items, size_t n_items, const char *where,
                         struct err *err)
{
    for (size_t i = 0; i < n_items; i++) {
        AUTO(fd_fini)
        int fd = file_open_at(folder, items[i].name);
        if (fd < 0)
            return err_errno(err, errno, "%s/%s", where, items[i].name);
        if (!fd_dress(fd, items[i].mode, owner, items[i].name, err) ||
            !fd_sync(fd, items[i].name, err))
            return false;
    }
    return fd_dress(folder, dir_mode, owner, where, err) && fd_sync(folder, where, err);
}

/* All files under a temporary name; the folder opens to its readers last. */
static bool temporary_write(const struct place *place, const char *name, uint32_t dir_mode,
                            const struct file_owner *owner, const struct file_item *items,
                            size_t n_items, struct err *err)
{
    int made = folder_make_at(place->versions_fd, name, place->versions, err);
    if (made <= 0)
        return made < 0 ? false : err_errno(err, EEXIST, "make a folder in %s", place->versions);
    AUTO(fd_fini)
    int folder = folder_open_at(place->versions_fd, name, place->versions, err);
    for (size_t i = 0; folder >= 0 && i < n_items; i++)
        if (!file_write_at(folder, items[i].name, items[i].bytes, items[i].mode, owner,
                           place->versions, err))
            return false;
    return folder >= 0 && fd_dress(folder, dir_mode, owner, place->versions, err) &&
           fd_sync(folder, place->versions, err);
}

/* Out of sight in one step, so that a kill never leaves half a version under its name. */
static bool version_remove(const struct place *place, const char *version, struct err *err)
{
    char temporary[NAME_TEXT_MAX];
    name_temporary(temporary);
    return rename_at(place->versions_fd, version, temporary, place->versions, err) &&
           entry_remove_at(place->versions_fd, temporary, place->versions, err);
}

enum found { FOUND_FAILED, FOUND_NONE, FOUND_EQUAL, FOUND_OTHER };

static enum found version_find(const struct place *place, const char *version, uint32_t dir_mode,
                               const struct file_owner *owner, const struct file_item *items,
                               size_t n_items, struct err *err)
{
    bool equal = false, is_current = false;
    struct err why = {.kind = ERR_NONE};
    AUTO(fd_fini)
    int folder = folder_open_at(place->versions_fd, version, place->versions, &why);
    if (folder < 0) {
        if (why.kind == ERR_ABSENT &&
            faccessat(place->versions_fd, version, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
            return FOUND_NONE;
        if (err != NULL)
            *err = why;
        return FOUND_FAILED;
    }
    if (!folder_equals(folder, items, n_items, version, &equal, err))
        return FOUND_FAILED;
    if (equal)
        return folder_dress(folder, dir_mode, owner, items, n_items, version, err) ? FOUND_EQUAL
                                                                                   : FOUND_FAILED;
    if (!version_is_current(place, version, &is_current, err))
        return FOUND_FAILED;
    if (!is_current)
        return FOUND_OTHER;
    err_set(err, ERR_BROKEN, "it is being served and holds other bytes");
    return FOUND_FAILED;
}

static bool items_are_plain(const struct file_item *items, size_t n_items, struct err *err)
{
    for (size_t i = 0; i < n_items; i++) {
        if (!name_is_plain(items[i].name))
            return err_set(err, ERR_CONFIG, "\"%s\" cannot be the name of a file",
                           items[i].name != NULL ? items[i].name : "");
        for (size_t j = 0; j < i; j++)
            if (strcmp(items[i].name, items[j].name) == 0)
                return err_set(err, ERR_CONFIG, "two files are called %s", items[i].name);
    }
    return true;
}

static bool version_write(const char *dir, const char *version, uint32_t dir_mode,
                          const struct file_owner *owner, const struct file_item *items,
                          size_t n_items, struct err *err)
{
    AUTO(place_fini)
    struct place place;
    char temporary[NAME_TEXT_MAX];
    if (!place_open_or_make(&place, dir, dir_mode, owner, err))
        return false;
    enum found found = version_find(&place, version, dir_mode, owner, items, n_items, err);
    if (found == FOUND_FAILED || found == FOUND_EQUAL)
        return found == FOUND_EQUAL && fd_sync(place.versions_fd, place.versions, err);
    temporaries_sweep(place.versions_fd);
    name_temporary(temporary);
    bool good = temporary_write(&place, temporary, dir_mode, owner, items, n_items, err) &&
                (found == FOUND_NONE || version_remove(&place, version, err)) &&
                rename_at(place.versions_fd, temporary, version, place.versions, err);
    if (!good) {
        entry_remove_at(place.versions_fd, temporary, place.versions, NULL);
        return false;
    }
    return fd_sync(place.versions_fd, place.versions, err);
}

bool generation_write(const char *dir, const char *version, uint32_t dir_mode,
                      const struct file_owner *owner, const struct file_item *items, size_t n_items,
                      struct err *err)
{
    if (version_is_plain(version, err) && items_are_plain(items, n_items, err) &&
        version_write(dir, version, dir_mode, owner, items, n_items, err))
        return true;
    return err_wrap(err, "write version %s in %s (what is served is unharmed)",
                    version != NULL ? version : "", dir);
}

/* A link under a temporary name, renamed over the final one. */
static bool link_put(int dirfd, const char *target, const char *name, const char *dir,
                     struct err *err)
{
    char temporary[NAME_TEXT_MAX];
    name_temporary(temporary);
    if (ACT_FAILS("files.link.before") || symlinkat(target, dirfd, temporary) != 0)
        return err_errno(err, errno, "make a link in %s", dir);
    FAILPOINT("files.link.after");
    bool switches =
        !FAILPOINT_ERROR("files.switch.before") && renameat(dirfd, temporary, dirfd, name) == 0;
    if (!switches) {
        err_errno(err, errno != 0 ? errno : EIO, "rename to %s/%s", dir, name);
        unlinkat(dirfd, temporary, 0);
        return false;
    }
    FAILPOINT("files.switch.after");
    return true;
}

static bool current_put(const char *dir, const char *version, struct err *err)
{
    AUTO(place_fini)
    struct place place;
    char target[LINK_TEXT_MAX];
    bool is_current = false;
    if (!place_open(&place, dir, err) || !version_is_current(&place, version, &is_current, err))
        return false;
    AUTO(fd_fini)
    int folder = folder_open_at(place.versions_fd, version, place.versions, err);
    if (folder < 0)
        return false;
    temporaries_sweep(place.dir_fd);
    int len = snprintf(target, sizeof target, "%s/%s", versions_name, version);
    CHECK(len > 0 && (size_t)len < sizeof target);
    /* Synced even when it points there already: who switched may have died before. */
    return (is_current || link_put(place.dir_fd, target, current_name, dir, err)) &&
           fd_sync(place.dir_fd, dir, err);
}

bool generation_switch(const char *dir, const char *version, struct err *err)
{
    if (version_is_plain(version, err) && current_put(dir, version, err))
        return true;
    return err_wrap(err, "switch %s to version %s", dir, version != NULL ? version : "");
}

bool generation_current(const char *dir, char **ret_version, struct err *err)
{
    char version[LINK_TEXT_MAX];
    AUTO(fd_fini)
    int dirfd = folder_open(dir, false, err);
    if (dirfd < 0 || !current_version(dirfd, dir, version, err))
        return false;
    if (version[0] == '\0')
        return err_set(err, ERR_ABSENT, "%s/%s: there is none yet", dir, current_name);
    *ret_version = mem_strdup(version);
    return true;
}

struct pruning {
    const struct place *place;
    const char *const *keep;
    size_t n_keep, n_removed;
    char current[LINK_TEXT_MAX];
    struct err *err;
    bool failed;
};

static bool pruning_keeps(const struct pruning *p, const char *name)
{
    if (strcmp(name, p->current) == 0)
        return true;
    for (size_t i = 0; i < p->n_keep; i++)
        if (strcmp(name, p->keep[i]) == 0)
            return true;
    return false;
}

static bool pruning_visit(void *arg, const char *name, unsigned char d_type)
{
    struct pruning *p = arg;
    struct stat st;
    if (!name_is_plain(name) || pruning_keeps(p, name) ||
        (d_type != DT_DIR && d_type != DT_UNKNOWN) ||
        fstatat(p->place->versions_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
        return true;
    /* One that cannot go does not keep the others; the first reason is told. */
    if (version_remove(p->place, name, p->failed ? NULL : p->err))
        p->n_removed++;
    else
        p->failed = true;
    return true;
}

static bool place_prune(struct pruning *p, const struct place *place, struct err *err)
{
    temporaries_sweep(place->dir_fd);
    temporaries_sweep(place->versions_fd);
    return current_version(place->dir_fd, place->dir, p->current, err) &&
           folder_each(place->versions_fd, pruning_visit, p, place->versions, err) && !p->failed &&
           (p->n_removed == 0 || fd_sync(place->versions_fd, place->versions, err));
}

bool generation_prune(const char *dir, const char *const *keep, size_t n_keep, struct err *err)
{
    AUTO(place_fini)
    struct place place;
    struct err why = {.kind = ERR_NONE};
    struct pruning p = {.place = &place, .keep = keep, .n_keep = n_keep, .err = &why};
    if (place_open(&place, dir, &why) ? place_prune(&p, &place, &why) : why.kind == ERR_ABSENT)
        return true;
    if (err != NULL)
        *err = why;
    return err_wrap(err, "prune old versions in %s", dir);
}

bool generation_equals(const char *dir, const char *version, const struct file_item *items,
                       size_t n_items, bool *ret_equal, struct err *err)
{
    AUTO(place_fini)
    struct place place;
    struct err why = {.kind = ERR_NONE};
    if (!version_is_plain(version, err) || !items_are_plain(items, n_items, err))
        return false;
    AUTO(fd_fini)
    int folder = -1;
    if (place_open(&place, dir, &why))
        folder = folder_open_at(place.versions_fd, version, place.versions, &why);
    if (folder >= 0)
        return folder_equals(folder, items, n_items, version, ret_equal, err);
    if (why.kind == ERR_ABSENT) {
        *ret_equal = false;
        return true;
    }
    if (err != NULL)
        *err = why;
    return false;
}

static bool name_link(int dirfd, const char *dir, const char *name, bool *ret_made, struct err *err)
{
    char wanted[LINK_TEXT_MAX], text[LINK_TEXT_MAX];
    if (!name_is_plain(name) || strcmp(name, current_name) == 0 || strcmp(name, versions_name) == 0)
        return err_set(err, ERR_CONFIG, "\"%s\" cannot be a name beside current", name);
    int len = snprintf(wanted, sizeof wanted, "%s/%s", current_name, name);
    CHECK(len > 0 && (size_t)len < sizeof wanted);
    if (!link_text(dirfd, name, dir, text, err))
        return false;
    if (strcmp(text, wanted) == 0)
        return true;
    if (text[0] != '\0')
        return err_set(err, ERR_CONFIG, "%s/%s: is a link to %s, not to %s", dir, name, text,
                       wanted);
    /* Nothing has the name, and symlinkat never replaces: whoever comes in between is refused too.
     */
    if (ACT_FAILS("files.name.before") || symlinkat(wanted, dirfd, name) != 0)
        return err_errno(err, errno, "make the link %s/%s", dir, name);
    FAILPOINT("files.name.after");
    *ret_made = true;
    return true;
}

bool generation_link_names(const char *dir, const char *const *names, size_t n_names,
                           struct err *err)
{
    bool made = false;
    AUTO(fd_fini)
    int dirfd = folder_open(dir, false, err);
    if (dirfd < 0)
        return false;
    for (size_t i = 0; i < n_names; i++)
        if (!name_link(dirfd, dir, names[i], &made, err))
            return false;
    return !made || fd_sync(dirfd, dir, err);
}
