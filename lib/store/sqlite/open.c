#include "store/sqlite/sqlite.h"

#include <stdio.h>
#include <unistd.h>

enum { HURRIED_WAIT_MS = 500 };

/* SQLite asks again after each wait; the sum of the waits is the deadline, so no clock is
 * needed. */
static int busy_wait(void *arg, int n_before)
{
    static const int waits_ms[] = {1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100};
    enum { N = sizeof waits_ms / sizeof waits_ms[0] };
    struct sqlite_store *store = arg;
    if (n_before == 0)
        store->busy_waited_ms = 0;
    int64_t most_ms = store->base.busy_timeout_ms;
    if (store->base.is_hurried != NULL && store->base.is_hurried(store->base.hurried_arg) &&
        most_ms > HURRIED_WAIT_MS)
        most_ms = HURRIED_WAIT_MS;
    int64_t left_ms = most_ms - store->busy_waited_ms;
    if (left_ms <= 0)
        return 0;
    int64_t wait_ms = waits_ms[n_before < N ? n_before : N - 1];
    if (wait_ms > left_ms)
        wait_ms = left_ms;
    sqlite3_sleep((int)wait_ms);
    store->busy_waited_ms += wait_ms;
    return 1;
}

bool connection_exec(struct sqlite_store *store, const char *doing, const char *sql,
                     struct err *err)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK || store_fault(store, code, doing, err);
}

bool connection_int(struct sqlite_store *store, const char *doing, const char *sql, int64_t *ret,
                    struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        code = sqlite3_reset(stmt);
    bool ok = code == SQLITE_OK || store_fault(store, code, doing, err);
    sqlite3_finalize(stmt);
    if (ok)
        *ret = value;
    return ok;
}

/* "?", "#" and "%" of a path mean something else in a URI. */
static char *uri_immutable(const char *path)
{
    AUTO(buf_fini)
    struct buf uri = BUF(16384);
    buf_add_cstr(&uri, "file:");
    for (const char *p = path; *p != '\0'; p++)
        if (strchr("?#%", *p) != NULL)
            buf_printf(&uri, "%%%02X", (unsigned)(unsigned char)*p);
        else
            buf_add_char(&uri, *p);
    buf_add_cstr(&uri, "?immutable=1");
    CHECK(!uri.overflow);
    return buf_take(&uri);
}

/* least() and greatest() as PostgreSQL has them: NULLs do not count. */
static void extreme_find(sqlite3_context *context, int n, sqlite3_value **values)
{
    bool wants_greatest = sqlite3_user_data(context) != NULL;
    sqlite3_value *found = NULL;
    for (int i = 0; i < n; i++) {
        if (sqlite3_value_type(values[i]) == SQLITE_NULL)
            continue;
        double value = sqlite3_value_double(values[i]);
        double so_far = found != NULL ? sqlite3_value_double(found) : 0;
        if (found == NULL || (wants_greatest ? value > so_far : value < so_far))
            found = values[i];
    }
    if (found != NULL)
        sqlite3_result_value(context, found);
}

static void functions_add(sqlite3 *db)
{
    static int greatest;
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    CHECK(sqlite3_create_function(db, "least", -1, flags, NULL, extreme_find, NULL, NULL) ==
          SQLITE_OK);
    CHECK(sqlite3_create_function(db, "greatest", -1, flags, &greatest, extreme_find, NULL, NULL) ==
          SQLITE_OK);
}

static bool db_open(struct sqlite_store *store, const char *name, int flags, struct err *err)
{
    int code = sqlite3_open_v2(name, &store->db,
                               flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code != SQLITE_OK) {
        store_fault(store, code, "open", err);
        connection_close(store);
        return false;
    }
    functions_add(store->db);
    sqlite3_busy_handler(store->db, busy_wait, store);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    return true;
}

/* The change of journal mode is the one lock SQLite does not wait for by itself. */
static bool log_switch_on(struct sqlite_store *store, struct err *err)
{
    const char *sql = "PRAGMA journal_mode = WAL";
    int code, n = 0;
    do
        code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);
    while ((code & 0xff) == SQLITE_BUSY && busy_wait(store, n++) != 0);
    if (code != SQLITE_OK)
        return store_fault(store, code, "switch the write-ahead log on", err);
    sqlite3_stmt *stmt = NULL;
    bool is_wal =
        sqlite3_prepare_v2(store->db, "PRAGMA journal_mode", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW &&
        strcmp((const char *)sqlite3_column_text(stmt, 0), "wal") == 0;
    sqlite3_finalize(stmt);
    if (!is_wal)
        return err_set(
            err, ERR_STORE,
            "store %s: its filesystem offers no shared memory for a write-ahead log: put it on a "
            "local disk",
            store->base.path);
    return true;
}

static bool connection_settle(struct sqlite_store *store, struct err *err)
{
    if (!connection_exec(
            store, "set up",
            "PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;"
            "PRAGMA cache_size = -2048; PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON;",
            err))
        return false;
    if (store->base.read_only)
        return true;
    if (!store->is_memory && !log_switch_on(store, err))
        return false;
    /* A checkpoint each 4 MiB; a log that a long reader let grow is cut back afterwards. */
    return connection_exec(store, "set up",
                           store->no_sync
                               ? "PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 1000;"
                                 "PRAGMA journal_size_limit = 8388608;"
                               : "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 1000;"
                                 "PRAGMA journal_size_limit = 8388608;",
                           err);
}

/* In a folder that cannot be written (a mounted snapshot) SQLite cannot make the index of the
 * log. Without a log the file alone is the truth, and nobody else can be writing there. */
static bool open_read_only(struct sqlite_store *store, int *ret_schema, struct err *err)
{
    if (!place_folder_is_writable(store->base.path) && !place_has_log(store->base.path)) {
        AUTO(mem_fini)
        char *uri = uri_immutable(store->base.path);
        return db_open(store, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, err) &&
               migrate_inspect(store, false, store_schema(), ret_schema, err);
    }
    if (db_open(store, store->base.path, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOFOLLOW, err) &&
        migrate_inspect(store, false, store_schema(), ret_schema, err))
        return true;
    if (!place_folder_is_writable(store->base.path))
        err_wrap(err,
                 "the folder is read-only and changes wait in %s-wal: copy both files to a folder "
                 "of your own",
                 store->base.path);
    return false;
}

static bool open_to_read(struct sqlite_store *store, struct err *err)
{
    int schema;
    if (!open_read_only(store, &schema, err))
        return false;
    if (schema < store_schema())
        return err_set(
            err, ERR_STORE,
            "store %s: written by an older chancery (schema %d, this program needs %d): run "
            "`chancery renew` or `chancery serve` once, which brings it up to date",
            store->base.path, schema, store_schema());
    return connection_settle(store, err);
}

/* SQLite falls back to reading in silence; the log and its index need a folder that can be
 * written. */
static bool is_writable(struct sqlite_store *store, struct err *err)
{
    if (store->is_memory ||
        (sqlite3_db_readonly(store->db, "main") == 0 && place_folder_is_writable(store->base.path)))
        return true;
    return store_fault(store, SQLITE_READONLY, "open for writing", err);
}

static bool open_to_write(struct sqlite_store *store, bool may_be_blank, struct err *err)
{
    int schema;
    int flags =
        SQLITE_OPEN_READWRITE | (store->is_memory ? SQLITE_OPEN_MEMORY : SQLITE_OPEN_NOFOLLOW);
    return db_open(store, store->base.path, flags, err) && is_writable(store, err) &&
           migrate_inspect(store, may_be_blank, store_schema(), &schema, err) &&
           connection_settle(store, err) && migrate_all(store, err);
}

bool connection_open(struct sqlite_store *store, bool may_be_blank, struct err *err)
{
    bool ok =
        store->base.read_only ? open_to_read(store, err) : open_to_write(store, may_be_blank, err);
    if (!ok)
        connection_close(store);
    else if (!store->is_memory)
        store->inode = place_inode(store->base.path);
    store->distrust = !ok;
    return ok;
}

void connection_close(struct sqlite_store *store)
{
    statements_forget(store);
    sqlite3_close(store->db);
    store->db = NULL;
}

static void sqlite_close(struct store *base)
{
    struct sqlite_store *store = sqlite_of(base);
    connection_close(store);
    mem_free(base->path);
    mem_free(store);
}

/* SQLite would play the log of the old file into the one that was put in its place. */
static bool replacement_check(const struct sqlite_store *store, struct err *err)
{
    if (place_inode(store->base.path) == store->inode || !place_has_log(store->base.path))
        return true;
    return err_set(err, ERR_STORE,
                   "store %s: another file was put in its place, but %s-wal still belongs to the "
                   "old one: put the old file back, or stop chancery and remove that log",
                   store->base.path, store->base.path);
}

static bool sqlite_retry_open(struct store *base, struct err *err)
{
    struct sqlite_store *store = sqlite_of(base);
    if (store->is_memory)
        return true;
    connection_close(store);
    store->distrust = true;
    AUTO(mem_fini)
    char *path = NULL;
    return place_prepare(base->path, false, &path, err) && replacement_check(store, err) &&
           connection_open(store, false, err);
}

bool connection_ready(struct sqlite_store *store, const char *doing, struct err *err)
{
    bool lost =
        store->base.in_transaction && (store->db == NULL || sqlite3_get_autocommit(store->db) != 0);
    if (!store->distrust && !lost)
        return true;
    if (store->base.in_transaction || store->base.n_walks > 0)
        return err_set(
            err, ERR_STORE,
            "store %s: %s: refused because an earlier step of the same change failed; nothing of "
            "the change was kept",
            store->base.path, doing);
    return store_retry_open(&store->base, err);
}

static const struct store_driver sqlite_driver = {
    .close = sqlite_close,
    .retry_open = sqlite_retry_open,
    .begin = sqlite_begin,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .run = sqlite_run,
    .query = sqlite_query,
    .next = sqlite_rows_next,
    .is_null = sqlite_rows_is_null,
    .get_int = sqlite_rows_int,
    .get_text = sqlite_rows_text,
    .get_blob = sqlite_rows_blob,
    .end = sqlite_rows_end,
    .check = sqlite_check,
    .backup = sqlite_backup,
    .tables = sqlite_tables,
    .scan = sqlite_scan,
    .load_begin = sqlite_load_begin,
    .load_row = sqlite_load_row,
    .load_end = sqlite_load_end,
    .mark_moved = sqlite_mark_moved,
};

bool sqlite_store_open(const struct store_options *options, struct store **ret_store,
                       struct err *err)
{
    struct sqlite_store *store = NEW(struct sqlite_store);
    store->base.driver = &sqlite_driver;
    store->base.read_only = options->read_only;
    store->base.busy_timeout_ms = options->busy_timeout_ms;
    store->is_memory = strcmp(options->path, ":memory:") == 0;
    store->no_sync = options->no_sync;
    store_hurry_when(&store->base, options->is_hurried, options->hurried_arg);
    bool create = options->create && !options->read_only;
    bool ok = true;
    if (store->is_memory)
        store->base.path = mem_strdup(":memory:");
    else
        ok = place_prepare(options->path, create, &store->base.path, err);
    if (!ok || !connection_open(store, create || store->is_memory, err)) {
        sqlite_close(&store->base);
        return false;
    }
    *ret_store = &store->base;
    return true;
}
