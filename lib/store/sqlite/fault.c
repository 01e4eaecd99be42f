#include "store/sqlite/sqlite.h"

#include <errno.h>

struct advice {
    int code;
    const char *why, *what_to_do;
};

static const struct advice advices[] = {
    {SQLITE_FULL, "the disk is full",
     "free space there; nothing of this change was kept, all before it is safe"},
    {SQLITE_BUSY, "another process keeps it locked",
     "`fuser -v` on the file names it: let it end, or end it, then try again"},
    {SQLITE_LOCKED, "it is locked by a walk of our own", "this is a bug: report it"},
    {SQLITE_READONLY, "the file or its filesystem is read-only",
     "check owner and mode of file and folder, and how the disk is mounted"},
    {SQLITE_NOTADB, "the file is not a chancery store",
     "restore a backup (chancery restore) or correct `store:`; the file was left as it is"},
    {SQLITE_CORRUPT, "the file is damaged",
     "stop chancery, keep a copy of the file with its -wal, and restore a backup (chancery "
     "restore)"},
    {SQLITE_CANTOPEN, "the file cannot be opened", "check owner and mode of file and folder"},
    {SQLITE_PERM, "access is refused", "check owner and mode of file and folder"},
    {SQLITE_IOERR, "the disk reports an error",
     "check the disk (dmesg); all that was acknowledged before stays"},
    {SQLITE_NOMEM, "out of memory", "give the process more memory"},
    {SQLITE_TOOBIG, "a value is too large", "this is a bug: report it"},
    {SQLITE_CONSTRAINT, "a rule of the schema forbids it",
     "that change was not made; this is a bug: report it"},
    {SQLITE_PROTOCOL, "its locks are in disorder", "end other programs that use the file"},
};

static const struct advice *advice_find(int primary)
{
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
        if (advices[i].code == primary)
            return &advices[i];
    return NULL;
}

/* A full disk shows as an I/O error where SQLite extends its shared index instead of the log. */
static int code_effective(const struct sqlite_store *store, int code)
{
    int primary = code & 0xff;
    if (primary == SQLITE_IOERR && store->db != NULL) {
        int number = sqlite3_system_errno(store->db);
        if (number == ENOSPC || number == EDQUOT)
            return SQLITE_FULL;
    }
    return primary;
}

static bool code_is_of_the_disk(int primary)
{
    return primary == SQLITE_IOERR || primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

static void detail_add(const struct sqlite_store *store, int code, int primary, struct buf *out)
{
    if (store->db == NULL)
        return;
    if (primary == SQLITE_CONSTRAINT || primary == SQLITE_CORRUPT)
        buf_printf(out, " (%s)", sqlite3_errmsg(store->db));
    if (primary == SQLITE_BUSY && store->busy_waited_ms > 0)
        buf_printf(out, " (waited %d.%d s)", (int)(store->busy_waited_ms / 1000),
                   (int)(store->busy_waited_ms % 1000 / 100));
    int number = sqlite3_system_errno(store->db);
    if ((primary == SQLITE_CANTOPEN || primary == SQLITE_IOERR) && number != 0)
        buf_printf(out, " (%s, code %d)", strerror(number), code);
}

/* The next use opens it anew, and is told where it went. */
static bool is_moved(const struct sqlite_store *store, int primary)
{
    return primary == SQLITE_ERROR && store->db != NULL &&
           strstr(sqlite3_errmsg(store->db), "no such table") != NULL;
}

bool store_fault(struct sqlite_store *store, int code, const char *doing, struct err *err)
{
    int primary = code_effective(store, code);
    if (is_moved(store, primary)) {
        store->distrust = true;
        return err_set(err, ERR_STORE,
                       "store %s: %s: a table is gone (%s): the register was moved while it was "
                       "open: see what `store:` of chancery.yaml should be",
                       store->base.path, doing, sqlite3_errmsg(store->db));
    }
    if (code_is_of_the_disk(primary))
        store->distrust = true;
    const struct advice *advice = advice_find(primary);
    AUTO(buf_fini)
    struct buf detail = BUF(512);
    detail_add(store, code, primary, &detail);
    if (advice == NULL)
        return err_set(err, ERR_STORE, "store %s: %s: %s (code %d); this is a bug: report it",
                       store->base.path, doing,
                       store->db != NULL ? sqlite3_errmsg(store->db) : sqlite3_errstr(code), code);
    return err_set(err, ERR_STORE, "store %s: %s: %s%s: %s", store->base.path, doing, advice->why,
                   buf_cstr(&detail), advice->what_to_do);
}
