#include "store/postgres/postgres.h"

#include "base/failpoint.h"

#include <stdio.h>

/* The schema number stands in a table of its own, which also tells our schema from any other. */
static bool schema_read(struct postgres_store *store, int64_t *ret_schema, int64_t *ret_n_tables,
                        struct err *err)
{
    const char *doing = "read its schema";
    int64_t has_number = 0;
    *ret_schema = 0;
    if (!server_int(store, doing,
                    "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()",
                    ret_n_tables, err) ||
        !server_int(store, doing,
                    "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND "
                    "tablename = 'chancery_schema'",
                    &has_number, err))
        return false;
    return has_number == 0 ||
           server_int(store, doing, "SELECT max(number) FROM chancery_schema", ret_schema, err);
}

static bool migration_apply(struct postgres_store *store, const struct migration *m,
                            struct err *err)
{
    char doing[160], number[128];
    AUTO(buf_fini)
    struct buf text = BUF(256 * 1024);
    snprintf(doing, sizeof doing, "migrate to schema %d (%s)", m->number, m->what);
    snprintf(number, sizeof number,
             "CREATE TABLE IF NOT EXISTS chancery_schema (number BIGINT PRIMARY KEY);"
             "INSERT INTO chancery_schema (number) VALUES (%d)",
             m->number);
    postgres_translate(m->sql, &text);
    CHECK(!text.overflow);
    FAILPOINT("store.migrate.before");
    bool ok = server_exec(store, doing, buf_cstr(&text), NULL, err) &&
              server_exec(store, doing, number, NULL, err);
    FAILPOINT("store.migrate.after");
    return ok;
}

/* All that is missing in one transaction; who waited for another finds it done. */
static bool migrations_apply(struct postgres_store *store, struct err *err)
{
    int64_t schema, n_tables;
    bool ok = server_exec(store, "migrate", "BEGIN", NULL, err) &&
              writer_lock(store, "migrate", err) && schema_read(store, &schema, &n_tables, err);
    for (size_t i = 0; ok && i < n_migrations; i++)
        if (migrations[i].number > schema)
            ok = migration_apply(store, &migrations[i], err);
    if (ok)
        return server_exec(store, "migrate", "COMMIT", NULL, err);
    if (PQtransactionStatus(store->conn) != PQTRANS_IDLE)
        server_exec(store, "migrate", "ROLLBACK", NULL, NULL);
    return false;
}

static bool moved_tell(struct postgres_store *store, struct err *err)
{
    PGresult *result = NULL;
    if (!server_exec(store, "read its schema", "SELECT value FROM meta WHERE name = 'moved to'",
                     &result, err))
        return false;
    store_moved_set(store->base.path, PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : NULL, err);
    PQclear(result);
    return false;
}

bool postgres_migrate(struct postgres_store *store, bool may_be_blank, struct err *err)
{
    int64_t schema, n_tables;
    const char *path = store->base.path;
    if (!schema_read(store, &schema, &n_tables, err))
        return false;
    if (schema == SCHEMA_MOVED)
        return moved_tell(store, err);
    if (schema > store_schema())
        return err_set(
            err, ERR_STORE,
            "store %s: written by a newer chancery (schema %lld, this program knows %d): "
            "use the newer program",
            path, (long long)schema, store_schema());
    if (schema == store_schema())
        return true;
    if (schema == 0 && n_tables > 0)
        return err_set(err, ERR_STORE,
                       "store %s: holds tables of another program: give chancery a database or "
                       "schema of its own; nothing was changed",
                       path);
    if (schema == 0 && !may_be_blank)
        return err_set(err, ERR_STORE,
                       "store %s: is empty: restore a backup, or make a new register with "
                       "`chancery init`",
                       path);
    if (store->base.read_only)
        return err_set(err, ERR_STORE,
                       "store %s: written by an older chancery (schema %lld, this program needs "
                       "%d): run `chancery renew` or `chancery serve` once, which brings it up to "
                       "date",
                       path, (long long)schema, store_schema());
    return migrations_apply(store, err);
}
