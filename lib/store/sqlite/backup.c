#include "store/sqlite/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static bool backup_fault(const char *path, const char *why, struct err *err)
{
    return err_set(err, ERR_STORE, "backup %s: %s; no backup was made, the store is unharmed", path,
                   why);
}

/* The copy is ours alone until it is renamed, so it needs no locks: a backup may lie where
 * locks do not work. */
static int copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (backup == NULL)
        return sqlite3_extended_errcode(to);
    int code = sqlite3_backup_step(backup, -1);
    int end = sqlite3_backup_finish(backup);
    return code == SQLITE_DONE ? end : code;
}

static bool copy_is_sound(sqlite3 *db)
{
    sqlite3_stmt *stmt = NULL;
    bool ok = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &stmt, NULL) == SQLITE_OK &&
              sqlite3_step(stmt) == SQLITE_ROW &&
              strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0;
    sqlite3_finalize(stmt);
    return ok;
}

static bool copy_make(struct sqlite_store *store, const char *path, const char *part,
                      struct err *err)
{
    sqlite3 *to = NULL;
    int code = sqlite3_open_v2(part, &to,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                               "unix-none");
    if (code == SQLITE_OK)
        code = copy_pages(store->db, to);
    /* One file to carry away: without this it would ask for a log beside it. */
    if (code == SQLITE_OK)
        code = sqlite3_exec(to, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE",
                            NULL, NULL, NULL);
    bool ok = code == SQLITE_OK || backup_fault(path, sqlite3_errstr(code), err);
    if (ok && !copy_is_sound(to))
        ok = backup_fault(
            path,
            "the copy does not pass its check, so the store may be damaged: run a check of it",
            err);
    sqlite3_close(to);
    return ok;
}

static bool path_sync(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0 || errno == EINVAL;
    close(fd);
    return ok;
}

/* Some filesystems know no RENAME_NOREPLACE; there a look before the rename must do. */
static bool rename_new(const char *from, const char *to)
{
    struct stat st;
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return true;
    if (errno != EINVAL && errno != ENOSYS)
        return false;
    if (lstat(to, &st) == 0) {
        errno = EEXIST;
        return false;
    }
    return rename(from, to) == 0;
}

static bool part_make(const char *path, const char *part, struct err *err)
{
    struct stat st;
    if (lstat(path, &st) == 0)
        return backup_fault(path, "exists already: name another file", err);
    if (unlink(part) != 0 && errno != ENOENT)
        return backup_fault(path, strerror(errno), err);
    int fd = open(part, O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC | O_RDWR, 0600);
    if (fd < 0)
        return backup_fault(path, strerror(errno), err);
    bool ok = fchmod(fd, 0600) == 0;
    close(fd);
    return ok || backup_fault(path, strerror(errno), err);
}

static bool part_finish(const char *path, const char *part, struct err *err)
{
    const char *slash = strrchr(path, '/');
    AUTO(mem_fini)
    char *folder = slash == NULL ? mem_strdup(".") : mem_strndup(path, (size_t)(slash - path + 1));
    if (!path_sync(part, O_RDONLY) || !rename_new(part, path) ||
        !path_sync(folder, O_RDONLY | O_DIRECTORY))
        return backup_fault(path, strerror(errno), err);
    return true;
}

bool sqlite_backup(struct store *base, const char *path, struct err *err)
{
    struct sqlite_store *store = sqlite_of(base);
    AUTO(mem_fini)
    char *part = mem_printf("%s.part", path);
    if (!connection_ready(store, "backup", err) || !part_make(path, part, err))
        return false;
    if (copy_make(store, path, part, err) && part_finish(path, part, err))
        return true;
    unlink(part);
    return false;
}
