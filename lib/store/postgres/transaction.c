#include "store/postgres/postgres.h"

#include "base/failpoint.h"

#include <stdio.h>

/* One writer of a schema at a time; the server frees the lock with the transaction, or with a connection that is lost. */
bool writer_lock(struct postgres_store *store, const char *doing, struct err *err)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT pg_advisory_xact_lock(%d, hashtext(current_schema()))",
             LOCK_CLASS);
    return server_exec_lock(store, doing, sql, err);
}

bool postgres_begin(struct store *base, struct err *err)
{
    struct postgres_store *store = postgres_of(base);
    const char *sql = base->read_only ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" : "BEGIN";
    if (!server_ready(store, "begin a change", err) ||
        !server_exec(store, "begin a change", sql, NULL, err))
        return false;
    store->has_changed = false;
    if (base->read_only || writer_lock(store, "begin a change", err))
        return true;
    postgres_rollback(base);
    return false;
}

bool postgres_commit(struct store *base, bool *ret_changed, struct err *err)
{
    struct postgres_store *store = postgres_of(base);
    PGresult *result = NULL;
    if (FAILPOINT_ERROR("store.commit.fail"))
        return err_set(err, ERR_STORE, "store %s: commit: the disk of the server is full",
                       base->path);
    if (!server_ready(store, "commit", err))
        return false;
    if (!server_exec(store, "commit", "COMMIT", &result, err))
        return false;
    /* A transaction that failed before answers COMMIT with ROLLBACK. */
    bool ok = strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    *ret_changed = store->has_changed;
    return ok || err_set(err, ERR_STORE, "store %s: commit: the change was lost", base->path);
}

void postgres_rollback(struct store *base)
{
    struct postgres_store *store = postgres_of(base);
    store->has_failed = false;
    if (store->conn == NULL || store->distrust)
        return;
    if (PQtransactionStatus(store->conn) != PQTRANS_IDLE &&
        !server_exec(store, "roll back", "ROLLBACK", NULL, NULL))
        store->distrust = true;
    store->has_failed = false;
}
