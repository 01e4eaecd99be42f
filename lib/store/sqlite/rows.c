#include "store/sqlite/sqlite.h"

static bool prepare(struct sqlite_store *store, enum sql_name name, bool keep, sqlite3_stmt **ret,
                    struct err *err)
{
    char doing[DOING_MAX];
    int code = sqlite3_prepare_v3(store->db, statement_texts[name].sql, -1,
                                  keep ? SQLITE_PREPARE_PERSISTENT : 0, ret, NULL);
    if (code == SQLITE_OK)
        return true;
    doing_set(name, doing);
    return store_fault(store, code, doing, err);
}

struct statement *statement_take(struct sqlite_store *store, enum sql_name name, struct err *err)
{
    CHECK(name < SQL_N);
    struct statement *s = &store->statements[name];
    bool spare = s->open;
    if (spare)
        s = NEW(struct statement);
    if (s->stmt == NULL && !prepare(store, name, !spare, &s->stmt, err)) {
        if (spare)
            mem_free(s);
        return NULL;
    }
    s->name = name;
    s->spare = spare;
    s->open = true;
    return s;
}

void statement_give_back(struct statement *s)
{
    if (s->spare) {
        sqlite3_finalize(s->stmt);
        mem_free(s);
        return;
    }
    sqlite3_reset(s->stmt);
    sqlite3_clear_bindings(s->stmt);
    s->open = false;
}

void statements_forget(struct sqlite_store *store)
{
    for (size_t i = 0; i < SQL_N; i++) {
        sqlite3_finalize(store->statements[i].stmt);
        store->statements[i] = (struct statement){0};
    }
}

static int bind_one(sqlite3_stmt *stmt, int i, const struct bind *bind,
                    sqlite3_destructor_type life)
{
    switch (bind->letter) {
    case 'i':
    case 'B':
        return sqlite3_bind_int64(stmt, i, bind->number);
    case 't':
        return sqlite3_bind_text(stmt, i, bind->text, -1, life);
    default:
        if (bind->blob.p != NULL && bind->blob.len == 0)
            return sqlite3_bind_zeroblob(stmt, i, 0);
        return sqlite3_bind_blob64(stmt, i, bind->blob.p, bind->blob.len, life);
    }
}

/* life: STATIC where the statement ends before the caller's arguments do, TRANSIENT for walks. */
static struct statement *statement_bind(struct sqlite_store *store, enum sql_name name,
                                        const struct bind *binds, size_t n,
                                        sqlite3_destructor_type life, struct err *err)
{
    char doing[DOING_MAX];
    doing_set(name, doing);
    if (!connection_ready(store, doing, err))
        return NULL;
    struct statement *s = statement_take(store, name, err);
    if (s == NULL)
        return NULL;
    CHECK(n == (size_t)sqlite3_bind_parameter_count(s->stmt));
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < n; i++)
        code = bind_one(s->stmt, (int)i + 1, &binds[i], life);
    if (code == SQLITE_OK)
        return s;
    store_fault(store, code, doing, err);
    statement_give_back(s);
    return NULL;
}

static bool statement_fault(struct sqlite_store *store, const struct statement *s, int code,
                            struct err *err)
{
    char doing[DOING_MAX];
    doing_set(s->name, doing);
    return store_fault(store, code, doing, err);
}

bool sqlite_run(struct store *base, enum sql_name name, const struct bind *binds, size_t n,
                int64_t *ret_changes, int64_t *ret_id, struct err *err)
{
    struct sqlite_store *store = sqlite_of(base);
    struct statement *s = statement_bind(store, name, binds, n, SQLITE_STATIC, err);
    if (s == NULL)
        return false;
    int64_t before = sqlite3_total_changes64(store->db);
    int code = sqlite3_step(s->stmt);
    CHECK(code != SQLITE_ROW);
    bool ok = code == SQLITE_DONE || statement_fault(store, s, code, err);
    int64_t changes =
        sqlite3_total_changes64(store->db) == before ? 0 : sqlite3_changes64(store->db);
    statement_give_back(s);
    if (!ok)
        return false;
    *ret_changes = changes;
    if (ret_id != NULL)
        *ret_id = changes > 0 ? sqlite3_last_insert_rowid(store->db) : 0;
    return true;
}

bool sqlite_query(struct store *base, struct rows *ret_rows, enum sql_name name,
                  const struct bind *binds, size_t n, struct err *err)
{
    struct statement *s = statement_bind(sqlite_of(base), name, binds, n, SQLITE_TRANSIENT, err);
    if (s == NULL)
        return false;
    *ret_rows = (struct rows){base, s, SQLITE_OK};
    return true;
}

static sqlite3_stmt *rows_stmt(const struct rows *rows, int column)
{
    const struct statement *s = rows->statement;
    CHECK(s != NULL && rows->state == SQLITE_ROW && column >= 0 &&
          column < sqlite3_column_count(s->stmt));
    return s->stmt;
}

bool sqlite_rows_next(struct rows *rows)
{
    struct statement *s = rows->statement;
    CHECK(s != NULL);
    if (rows->state == SQLITE_OK || rows->state == SQLITE_ROW)
        rows->state = sqlite3_step(s->stmt);
    return rows->state == SQLITE_ROW;
}

int64_t sqlite_rows_int(const struct rows *rows, int column)
{
    return sqlite3_column_int64(rows_stmt(rows, column), column);
}

bool sqlite_rows_is_null(const struct rows *rows, int column)
{
    return sqlite3_column_type(rows_stmt(rows, column), column) == SQLITE_NULL;
}

const char *sqlite_rows_text(const struct rows *rows, int column)
{
    return (const char *)sqlite3_column_text(rows_stmt(rows, column), column);
}

struct str sqlite_rows_blob(const struct rows *rows, int column)
{
    sqlite3_stmt *stmt = rows_stmt(rows, column);
    const void *p = sqlite3_column_blob(stmt, column);
    int len = sqlite3_column_bytes(stmt, column);
    if (p == NULL && sqlite3_column_type(stmt, column) != SQLITE_NULL)
        return STR("");
    return str_mem(p, (size_t)len);
}

bool sqlite_rows_end(struct rows *rows, struct err *err)
{
    struct statement *s = rows->statement;
    CHECK(s != NULL);
    bool ok = rows->state == SQLITE_OK || rows->state == SQLITE_ROW || rows->state == SQLITE_DONE;
    if (!ok) {
        /* Other statements may have run since: the reset brings this one's own message back. */
        sqlite3_reset(s->stmt);
        statement_fault(sqlite_of(rows->store), s, rows->state, err);
    }
    statement_give_back(s);
    return ok;
}
