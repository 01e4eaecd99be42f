#include "store/postgres/postgres.h"

#include <stdio.h>
#include <stdlib.h>

/* What the server is called in messages: all that the URL says, but for the password. */
static bool url_show(const char *url, char **ret, struct err *err)
{
    static const char *const shown[] = {"user", "host", "hostaddr", "port", "dbname"};
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &why);
    AUTO(buf_fini)
    struct buf out = BUF(1024);
    if (options == NULL) {
        err_set(err, ERR_CONFIG,
                "store: the address of the server cannot be read: %.200s; it looks like "
                "postgresql://user@host/database",
                why != NULL ? why : "out of memory");
        PQfreemem(why);
        return false;
    }
    buf_add_cstr(&out, "postgresql:");
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        for (PQconninfoOption *o = options; o->keyword != NULL; o++)
            if (strcmp(o->keyword, shown[i]) == 0 && o->val != NULL && o->val[0] != '\0')
                buf_printf(&out, " %s=%.200s", o->keyword, o->val);
    PQconninfoFree(options);
    *ret = mem_strdup(buf_cstr(&out));
    return true;
}

/* Between two statements the client library takes the server's last word for a notice. */
static void notice_take(void *arg, const PGresult *result)
{
    struct postgres_store *store = arg;
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (severity != NULL && state != NULL && strcmp(severity, "FATAL") == 0)
        snprintf(store->farewell, sizeof store->farewell, "%s", state);
}

/* What came since the last answer is read before the next statement is sent: to a connection that is gone the library would forget the code. */
static bool server_is_there(struct postgres_store *store)
{
    if (PQconsumeInput(store->conn))
        PQisBusy(store->conn);
    return store->farewell[0] == '\0' && PQstatus(store->conn) == CONNECTION_OK;
}

static void disconnect(struct postgres_store *store)
{
    PQfinish(store->conn);
    store->conn = NULL;
    memset(store->prepared, 0, sizeof store->prepared);
}

static bool exec(struct postgres_store *store, const char *doing, const char *sql, bool is_lock,
                 PGresult **ret, struct err *err)
{
    PGresult *result = answer_await(store, PQsendQuery(store->conn, sql), is_lock);
    ExecStatusType status = PQresultStatus(result);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
              postgres_fault(store, result, doing, err);
    if (ok && ret != NULL)
        *ret = result;
    else
        PQclear(result);
    return ok;
}

bool server_exec(struct postgres_store *store, const char *doing, const char *sql, PGresult **ret,
                 struct err *err)
{
    return exec(store, doing, sql, false, ret, err);
}

bool server_exec_lock(struct postgres_store *store, const char *doing, const char *sql,
                      struct err *err)
{
    return exec(store, doing, sql, true, NULL, err);
}

bool server_int(struct postgres_store *store, const char *doing, const char *sql, int64_t *ret,
                struct err *err)
{
    PGresult *result = NULL;
    if (!server_exec(store, doing, sql, &result, err))
        return false;
    *ret = 0;
    if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
        str_to_i64(str_of(PQgetvalue(result, 0, 0)), ret);
    PQclear(result);
    return true;
}

static bool server_check(struct postgres_store *store, struct err *err)
{
    int version = PQserverVersion(store->conn);
    if (version >= POSTGRES_OLDEST)
        return true;
    return err_set(err, ERR_STORE, "store %s: the server is PostgreSQL %d; at least %d is needed",
                   store->base.path, version / 10000, POSTGRES_OLDEST / 10000);
}

/* Who stands still or is cut off in the middle of a change keeps the writers' lock until the server ends its transaction: before the others'
 * patience is at an end, so that they wait and do not fail, and well before its lease is over. */
#define SILENCE_IN_CHANGE_MS 3000
_Static_assert(SILENCE_IN_CHANGE_MS < STORE_BUSY_TIMEOUT_MS, "writers outwait a silent one");

/* Who only reads may take its time: its output may be a pager's. An acknowledged commit must survive a power cut, whatever the server does by default. */
static bool session_settle(struct postgres_store *store, struct err *err)
{
    char sql[256];
    snprintf(sql, sizeof sql,
             "SET client_min_messages = warning; SET synchronous_commit = %s;"
             "SET idle_in_transaction_session_timeout = %d; SET lock_timeout = %lld",
             store->no_sync ? "off" : "on", store->base.read_only ? 0 : SILENCE_IN_CHANGE_MS,
             (long long)(store->base.busy_timeout_ms > 0 ? store->base.busy_timeout_ms : 1));
    return server_exec(store, "set up", sql, NULL, err);
}

static bool server_open(struct postgres_store *store, bool may_be_blank, struct err *err)
{
    AUTO(buf_fini)
    struct buf failure = BUF(2048);
    store->distrust = true;
    store->has_failed = false;
    store->silence = NULL;
    store->farewell[0] = '\0';
    store->conn = server_connect(store, &failure);
    if (store->conn == NULL)
        return err_set(err, ERR_STORE, "store %s: connect: the server cannot be reached (%s)",
                       store->base.path, buf_cstr(&failure));
    PQsetNoticeReceiver(store->conn, notice_take, store);
    if (!server_check(store, err) || !session_settle(store, err) ||
        !postgres_migrate(store, may_be_blank, err)) {
        disconnect(store);
        return false;
    }
    store->distrust = false;
    return true;
}

static bool postgres_retry_open(struct store *base, struct err *err)
{
    struct postgres_store *store = postgres_of(base);
    disconnect(store);
    return server_open(store, false, err);
}

bool server_ready(struct postgres_store *store, const char *doing, struct err *err)
{
    bool is_amid = store->base.in_transaction || store->base.n_walks > 0;
    /* Gone in the middle of a change: the statement fails, and says why. Gone while nothing of ours was under way: nothing is lost. */
    if (!store->distrust && !store->has_failed && (server_is_there(store) || is_amid))
        return true;
    if (is_amid)
        return err_set(
            err, ERR_STORE,
            "store %s: %s: refused because an earlier step of the same change failed; nothing of "
            "the change was kept",
            store->base.path, doing);
    return store_retry_open(&store->base, err);
}

static void postgres_close(struct store *base)
{
    struct postgres_store *store = postgres_of(base);
    disconnect(store);
    if (store->url != NULL)
        explicit_bzero(store->url, strlen(store->url));
    mem_free(store->url);
    mem_free(base->path);
    mem_free(store);
}

static bool postgres_check(struct store *base, struct err *err)
{
    struct postgres_store *store = postgres_of(base);
    int64_t n;
    return server_ready(store, "check", err) &&
           server_int(store, "check", "SELECT count(*) FROM meta", &n, err);
}

static bool postgres_backup(struct store *base, const char *path, struct err *err)
{
    return err_set(
        err, ERR_STORE,
        "backup %s: the store is %s: use the server's own means (pg_dump, pg_basebackup); "
        "no backup was made",
        path, base->path);
}

static bool postgres_now(struct store *base, int64_t *ret_now_ms, struct err *err)
{
    struct postgres_store *store = postgres_of(base);
    const char *sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    return server_ready(store, "read the clock", err) &&
           server_int(store, "read the clock", sql, ret_now_ms, err);
}

static const struct store_driver postgres_driver = {
    .close = postgres_close,
    .retry_open = postgres_retry_open,
    .begin = postgres_begin,
    .commit = postgres_commit,
    .rollback = postgres_rollback,
    .run = postgres_run,
    .query = postgres_query,
    .next = postgres_rows_next,
    .is_null = postgres_rows_is_null,
    .get_int = postgres_rows_int,
    .get_text = postgres_rows_text,
    .get_blob = postgres_rows_blob,
    .end = postgres_rows_end,
    .now = postgres_now,
    .check = postgres_check,
    .backup = postgres_backup,
    .tables = postgres_tables,
    .scan = postgres_scan,
    .load_begin = postgres_load_begin,
    .load_row = postgres_load_row,
    .load_end = postgres_load_end,
    .settle = postgres_settle,
    .mark_moved = postgres_mark_moved,
};

bool postgres_store_open(const struct store_options *options, struct store **ret_store,
                         struct err *err)
{
    struct postgres_store *store = NEW(struct postgres_store);
    store->base.driver = &postgres_driver;
    store->base.read_only = options->read_only;
    store->base.busy_timeout_ms = options->busy_timeout_ms;
    store->url = mem_strdup(options->path);
    store->no_sync = options->no_sync;
    store_hurry_when(&store->base, options->is_hurried, options->hurried_arg);
    bool create = options->create && !options->read_only;
    if (!url_show(options->path, &store->base.path, err) || !server_open(store, create, err)) {
        postgres_close(&store->base);
        return false;
    }
    *ret_store = &store->base;
    return true;
}

bool postgres_store_exists(const char *url)
{
    const char *sql = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = "
                      "'chancery_schema'";
    AUTO(buf_fini)
    struct buf failure = BUF(2048);
    const struct postgres_store blank = {.url = (char *)(uintptr_t)url};
    PGconn *conn = server_connect(&blank, &failure);
    PGresult *result = PQexec(conn, sql);
    bool is_blank = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 0;
    PQclear(result);
    PQfinish(conn);
    return !is_blank;
}
