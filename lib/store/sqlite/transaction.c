#include "store/sqlite/sqlite.h"

#include "base/failpoint.h"

/* A moved or replaced file would take our commits into nothing. */
static bool file_is_there(struct sqlite_store *store, struct err *err)
{
    int moved = 0;
    if (store->is_memory ||
        sqlite3_file_control(store->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK ||
        moved == 0)
        return true;
    store->distrust = true;
    return err_set(
        err, ERR_STORE,
        "store %s: the file was moved, removed or replaced while it was open: put it back; it is "
        "opened anew at the next try",
        store->base.path);
}

bool sqlite_begin(struct store *base, struct err *err)
{
    struct sqlite_store *store = sqlite_of(base);
    if (!connection_ready(store, "begin a change", err) || !file_is_there(store, err) ||
        !connection_exec(store, "begin a change", base->read_only ? "BEGIN" : "BEGIN IMMEDIATE",
                         err))
        return false;
    store->n_changes_at_begin = sqlite3_total_changes64(store->db);
    return true;
}

bool sqlite_commit(struct store *base, bool *ret_changed, struct err *err)
{
    struct sqlite_store *store = sqlite_of(base);
    if (!connection_ready(store, "commit", err))
        return false;
    if (FAILPOINT_ERROR("store.commit.fail"))
        return store_fault(store, SQLITE_FULL, "commit", err);
    if (!connection_exec(store, "commit", "COMMIT", err))
        return false;
    *ret_changed = sqlite3_total_changes64(store->db) != store->n_changes_at_begin;
    return true;
}

void sqlite_rollback(struct store *base)
{
    struct sqlite_store *store = sqlite_of(base);
    if (store->db == NULL || sqlite3_get_autocommit(store->db) != 0)
        return;
    if (sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
        store->distrust = true;
}

/* Appends what each row says, up to ten rows; "ok" says nothing. */
static bool findings_read(struct sqlite_store *store, const char *sql, struct buf *out,
                          struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int n = 0, code = sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL);
    while (code == SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(stmt, 0);
        if (text != NULL && strcmp(text, "ok") != 0 && n++ < 10)
            buf_printf(out, "%s%s", out->len > 0 ? "; " : "", text);
        code = SQLITE_OK;
    }
    bool ok = code == SQLITE_DONE || store_fault(store, code, "check", err);
    sqlite3_finalize(stmt);
    return ok;
}

bool sqlite_check(struct store *base, struct err *err)
{
    struct sqlite_store *store = sqlite_of(base);
    AUTO(buf_fini)
    struct buf found = BUF(2048);
    if (!connection_ready(store, "check", err) ||
        !findings_read(store, "PRAGMA integrity_check(10)", &found, err) ||
        !findings_read(store,
                       "SELECT 'row ' || ifnull(rowid, '?') || ' of ' || \"table\" || ' points at "
                       "no ' || parent "
                       "FROM pragma_foreign_key_check LIMIT 10",
                       &found, err))
        return false;
    if (found.len == 0)
        return true;
    return err_set(
        err, ERR_STORE,
        "store %s: check: the file is damaged: %s: stop chancery, keep a copy of the file with its "
        "-wal, and restore a backup (chancery restore)",
        store->base.path, buf_cstr(&found));
}
