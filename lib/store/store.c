#include "store/driver.h"

#include "base/failpoint.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

const struct statement_text statement_texts[SQL_N] = {
#define X(name, text) [SQL_##name] = {#name, text},
#include "store/sql/all.def"
#undef X
};

const struct migration migrations[] = {
#define M(number, what, sql) {number, what, sql},
#include "store/migrations.def"
#undef M
};
const size_t n_migrations = sizeof migrations / sizeof migrations[0];

void doing_set(enum sql_name name, char out[DOING_MAX])
{
    snprintf(out, DOING_MAX, "statement %s", statement_texts[name].name);
}

int store_schema(void)
{
    return migrations[n_migrations - 1].number;
}

bool store_is_server(const char *path)
{
    return str_starts(str_of(path), STR("postgresql://")) ||
           str_starts(str_of(path), STR("postgres://"));
}

bool store_exists(const char *path)
{
    struct stat st;
    if (!store_is_server(path))
        return lstat(path, &st) == 0;
#ifdef CHANCERY_POSTGRESQL
    return postgres_store_exists(path);
#else
    return true;
#endif
}

bool store_open(const struct store_options *options, struct store **ret_store, struct err *err)
{
    struct store_options whole = *options;
    CHECK(options->path != NULL);
    if (whole.busy_timeout_ms == 0)
        whole.busy_timeout_ms = STORE_BUSY_TIMEOUT_MS;
    if (!store_is_server(options->path))
        return sqlite_store_open(&whole, ret_store, err);
#ifdef CHANCERY_POSTGRESQL
    return postgres_store_open(&whole, ret_store, err);
#else
    return err_set(err, ERR_CONFIG,
                   "store: this program was built without PostgreSQL (libpq): use `sqlite:`");
#endif
}

void store_close(struct store *store)
{
    if (store != NULL)
        store->driver->close(store);
}

void store_hurry_when(struct store *store, bool (*is_hurried)(void *arg), void *arg)
{
    store->is_hurried = is_hurried;
    store->hurried_arg = arg;
}

bool store_retry_open(struct store *store, struct err *err)
{
    CHECK(store->n_walks == 0 && !store->in_transaction);
    return store->driver->retry_open(store, err);
}

/* ---- transactions ---- */

bool store_begin(struct store *store, struct err *err)
{
    CHECK(!store->in_transaction);
    if (!store->driver->begin(store, err))
        return false;
    store->in_transaction = true;
    return true;
}

bool store_commit(struct store *store, struct err *err)
{
    bool changed = false;
    CHECK(store->in_transaction);
    FAILPOINT("store.commit.before");
    if (!store->driver->commit(store, &changed, err)) {
        store_rollback(store);
        return false;
    }
    FAILPOINT("store.commit.after");
    store->in_transaction = false;
    if (changed)
        store->n_commits++;
    return true;
}

void store_rollback(struct store *store)
{
    if (!store->in_transaction)
        return;
    store->in_transaction = false;
    store->driver->rollback(store);
}

bool store_in_transaction(const struct store *store)
{
    return store->in_transaction;
}

int64_t store_n_commits(const struct store *store)
{
    return store->n_commits;
}

int64_t store_n_writes(const struct store *store)
{
    return store->n_writes;
}

/* ---- statements ---- */

static size_t binds_read(const char *format, va_list *ap, struct bind binds[BINDS_MAX])
{
    size_t n = strlen(format);
    CHECK(n <= BINDS_MAX);
    for (size_t i = 0; i < n; i++) {
        binds[i] = (struct bind){.letter = format[i]};
        switch (format[i]) {
        case 'i':
            binds[i].number = va_arg(*ap, int64_t);
            break;
        case 'B':
            binds[i].number = va_arg(*ap, int) != 0;
            break;
        case 't':
            binds[i].text = va_arg(*ap, const char *);
            break;
        default:
            CHECK(format[i] == 'b');
            binds[i].blob = va_arg(*ap, struct str);
        }
    }
    return n;
}

static bool run(struct store *store, enum sql_name name, const struct bind *binds, size_t n,
                int64_t *ret_changes, int64_t *ret_id, struct err *err)
{
    int64_t changes = 0;
    CHECK(name < SQL_N);
    if (!store->driver->run(store, name, binds, n, &changes, ret_id, err))
        return false;
    if (!store->in_transaction && changes > 0)
        store->n_commits++;
    store->n_writes += changes > 0;
    if (ret_changes != NULL)
        *ret_changes = changes;
    return true;
}

bool store_run(struct store *store, int64_t *ret_changes, struct err *err, enum sql_name name,
               const char *format, ...)
{
    struct bind binds[BINDS_MAX];
    va_list ap;
    va_start(ap, format);
    size_t n = binds_read(format, &ap, binds);
    va_end(ap);
    return run(store, name, binds, n, ret_changes, NULL, err);
}

bool store_insert(struct store *store, int64_t *ret_id, struct err *err, enum sql_name name,
                  const char *format, ...)
{
    struct bind binds[BINDS_MAX];
    va_list ap;
    int64_t id = 0;
    va_start(ap, format);
    size_t n = binds_read(format, &ap, binds);
    va_end(ap);
    if (!run(store, name, binds, n, NULL, &id, err))
        return false;
    if (ret_id != NULL)
        *ret_id = id;
    return true;
}

static bool query(struct store *store, struct rows *ret_rows, enum sql_name name,
                  const struct bind *binds, size_t n, struct err *err)
{
    CHECK(name < SQL_N);
    if (!store->driver->query(store, ret_rows, name, binds, n, err))
        return false;
    store->n_walks++;
    return true;
}

bool store_query(struct store *store, struct rows *ret_rows, struct err *err, enum sql_name name,
                 const char *format, ...)
{
    struct bind binds[BINDS_MAX];
    va_list ap;
    va_start(ap, format);
    size_t n = binds_read(format, &ap, binds);
    va_end(ap);
    return query(store, ret_rows, name, binds, n, err);
}

bool store_int(struct store *store, int64_t otherwise, int64_t *ret_value, struct err *err,
               enum sql_name name, const char *format, ...)
{
    struct bind binds[BINDS_MAX];
    struct rows rows;
    va_list ap;
    va_start(ap, format);
    size_t n = binds_read(format, &ap, binds);
    va_end(ap);
    if (!query(store, &rows, name, binds, n, err))
        return false;
    int64_t value = otherwise;
    if (rows_next(&rows) && !rows_is_null(&rows, 0))
        value = rows_int(&rows, 0);
    if (!rows_end(&rows, err))
        return false;
    *ret_value = value;
    return true;
}

bool rows_next(struct rows *rows)
{
    return rows->store->driver->next(rows);
}

int64_t rows_int(const struct rows *rows, int column)
{
    return rows->store->driver->get_int(rows, column);
}

bool rows_is_null(const struct rows *rows, int column)
{
    return rows->store->driver->is_null(rows, column);
}

const char *rows_text(const struct rows *rows, int column)
{
    return rows->store->driver->get_text(rows, column);
}

struct str rows_blob(const struct rows *rows, int column)
{
    return rows->store->driver->get_blob(rows, column);
}

bool rows_end(struct rows *rows, struct err *err)
{
    struct store *store = rows->store;
    CHECK(store != NULL);
    bool ok = store->driver->end(rows, err);
    store->n_walks--;
    *rows = (struct rows){0};
    return ok;
}

/* ---- the whole ---- */

bool store_now(struct store *store, int64_t otherwise_ms, int64_t *ret_now_ms, struct err *err)
{
    if (store->driver->now != NULL)
        return store->driver->now(store, ret_now_ms, err);
    *ret_now_ms = otherwise_ms;
    return true;
}

bool store_check(struct store *store, struct err *err)
{
    return store->driver->check(store, err);
}

bool store_backup(struct store *store, const char *path, struct err *err)
{
    CHECK(!store->in_transaction);
    return store->driver->backup(store, path, err);
}
