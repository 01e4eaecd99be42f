#include "store/sqlite/sqlite.h"

#include "base/failpoint.h"

#include <stdio.h>

/* "Chcy": tells our files from any other SQLite database. */
enum { APPLICATION_ID = 0x43686379 };

static bool schema_read(struct sqlite_store *store, int *ret_schema, int64_t *ret_application,
                        int64_t *ret_n, struct err *err)
{
    int64_t schema, application, n;
    if (!connection_int(store, "read its schema", "PRAGMA user_version", &schema, err) ||
        !connection_int(store, "read its schema", "PRAGMA application_id", &application, err) ||
        !connection_int(store, "read its schema", "SELECT count(*) FROM sqlite_schema", &n, err))
        return false;
    *ret_schema = (int)schema;
    *ret_application = application;
    *ret_n = n;
    return true;
}

static bool moved_tell(struct sqlite_store *store, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    bool found = sqlite3_prepare_v2(store->db, "SELECT value FROM meta WHERE name = 'moved to'", -1,
                                    &stmt, NULL) == SQLITE_OK &&
                 sqlite3_step(stmt) == SQLITE_ROW;
    store_moved_set(store->base.path, found ? (const char *)sqlite3_column_text(stmt, 0) : NULL,
                    err);
    sqlite3_finalize(stmt);
    return false;
}

bool migrate_inspect(struct sqlite_store *store, bool may_be_blank, int newest, int *ret_schema,
                     struct err *err)
{
    int schema;
    int64_t application, n_objects;
    if (!schema_read(store, &schema, &application, &n_objects, err))
        return false;
    bool is_blank = schema == 0 && n_objects == 0;
    if (is_blank && !may_be_blank)
        return err_set(
            err, ERR_STORE,
            "store %s: is empty: restore a backup (chancery restore), or make a new register with "
            "`chancery init`",
            store->base.path);
    if (!is_blank && application != APPLICATION_ID)
        return err_set(err, ERR_STORE,
                       "store %s: is a database of another program: correct `store:`; the file was "
                       "left as it is",
                       store->base.path);
    if (schema == SCHEMA_MOVED)
        return moved_tell(store, err);
    if (schema > newest)
        return err_set(err, ERR_STORE,
                       "store %s: written by a newer chancery (schema %d, this program knows %d): "
                       "use the newer "
                       "program",
                       store->base.path, schema, newest);
    *ret_schema = schema;
    return true;
}

static bool migration_apply(struct sqlite_store *store, const struct migration *m, struct err *err)
{
    char doing[160], version[96];
    snprintf(doing, sizeof doing, "migrate to schema %d (%s)", m->number, m->what);
    snprintf(version, sizeof version, "PRAGMA user_version = %d; PRAGMA application_id = %d;",
             m->number, APPLICATION_ID);
    int64_t schema;
    if (!connection_exec(store, doing, "BEGIN IMMEDIATE", err))
        return false;
    /* Another process may have been first while we waited for the lock. */
    bool ok = connection_int(store, doing, "PRAGMA user_version", &schema, err);
    if (ok && schema < m->number) {
        FAILPOINT("store.migrate.before");
        ok = connection_exec(store, doing, m->sql, err) &&
             connection_exec(store, doing, version, err);
        FAILPOINT("store.migrate.after");
    }
    ok = ok && connection_exec(store, doing, "COMMIT", err);
    if (!ok && sqlite3_get_autocommit(store->db) == 0)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return ok;
}

bool migrate_run(struct sqlite_store *store, const struct migration *list, size_t n,
                 struct err *err)
{
    int64_t schema;
    if (!connection_int(store, "read its schema", "PRAGMA user_version", &schema, err))
        return false;
    for (size_t i = 0; i < n; i++)
        if (list[i].number > schema && !migration_apply(store, &list[i], err))
            return false;
    return true;
}

bool migrate_all(struct sqlite_store *store, struct err *err)
{
    return migrate_run(store, migrations, n_migrations, err);
}
