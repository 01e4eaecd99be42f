#include "store/inside.h"

#include <stdarg.h>
#include <stdio.h>

const struct statement_text statement_texts[SQL_N] = {
#define X(name, text) [SQL_##name] = {#name, text},
#include "store/sql/all.def"
#undef X
};

enum { DOING_MAX = 96 };

static void doing_set(enum sql_name name, char out[DOING_MAX])
{
    snprintf(out, DOING_MAX, "statement %s", statement_texts[name].name);
}

static bool prepare(struct store *store, enum sql_name name, bool keep, sqlite3_stmt **ret,
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

struct statement *statement_take(struct store *store, enum sql_name name, struct err *err)
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

void statements_forget(struct store *store)
{
    for (size_t i = 0; i < SQL_N; i++) {
        sqlite3_finalize(store->statements[i].stmt);
        store->statements[i] = (struct statement){0};
    }
}

static int bind_one(sqlite3_stmt *stmt, int i, char letter, va_list *ap,
                    sqlite3_destructor_type life)
{
    const char *text;
    struct str blob;
    switch (letter) {
    case 'i':
        return sqlite3_bind_int64(stmt, i, va_arg(*ap, int64_t));
    case 'B':
        return sqlite3_bind_int(stmt, i, va_arg(*ap, int) != 0);
    case 't':
        text = va_arg(*ap, const char *);
        return sqlite3_bind_text(stmt, i, text, -1, life);
    default:
        CHECK(letter == 'b');
        blob = va_arg(*ap, struct str);
        if (blob.p != NULL && blob.len == 0)
            return sqlite3_bind_zeroblob(stmt, i, 0);
        return sqlite3_bind_blob64(stmt, i, blob.p, blob.len, life);
    }
}

/* life: STATIC where the statement ends before the caller's arguments do, TRANSIENT for walks. */
static struct statement *statement_bind(struct store *store, enum sql_name name, const char *format,
                                        va_list *ap, sqlite3_destructor_type life, struct err *err)
{
    char doing[DOING_MAX];
    doing_set(name, doing);
    if (!store_ready(store, doing, err))
        return NULL;
    struct statement *s = statement_take(store, name, err);
    if (s == NULL)
        return NULL;
    CHECK(strlen(format) == (size_t)sqlite3_bind_parameter_count(s->stmt));
    int code = SQLITE_OK;
    for (int i = 0; code == SQLITE_OK && format[i] != '\0'; i++)
        code = bind_one(s->stmt, i + 1, format[i], ap, life);
    if (code == SQLITE_OK)
        return s;
    store_fault(store, code, doing, err);
    statement_give_back(s);
    return NULL;
}

static bool statement_fault(struct store *store, const struct statement *s, int code,
                            struct err *err)
{
    char doing[DOING_MAX];
    doing_set(s->name, doing);
    return store_fault(store, code, doing, err);
}

static bool run(struct store *store, int64_t *ret_changes, struct err *err, enum sql_name name,
                const char *format, va_list *ap)
{
    struct statement *s = statement_bind(store, name, format, ap, SQLITE_STATIC, err);
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
    if (!store->in_transaction && changes > 0)
        store->n_commits++;
    *ret_changes = changes;
    return true;
}

bool store_run(struct store *store, int64_t *ret_changes, struct err *err, enum sql_name name,
               const char *format, ...)
{
    va_list ap;
    int64_t changes;
    va_start(ap, format);
    bool ok = run(store, &changes, err, name, format, &ap);
    va_end(ap);
    if (ok && ret_changes != NULL)
        *ret_changes = changes;
    return ok;
}

bool store_insert(struct store *store, int64_t *ret_id, struct err *err, enum sql_name name,
                  const char *format, ...)
{
    va_list ap;
    int64_t changes;
    va_start(ap, format);
    bool ok = run(store, &changes, err, name, format, &ap);
    va_end(ap);
    if (ok && ret_id != NULL)
        *ret_id = changes > 0 ? sqlite3_last_insert_rowid(store->db) : 0;
    return ok;
}

bool store_query(struct store *store, struct rows *ret_rows, struct err *err, enum sql_name name,
                 const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    struct statement *s = statement_bind(store, name, format, &ap, SQLITE_TRANSIENT, err);
    va_end(ap);
    if (s == NULL)
        return false;
    store->n_walks++;
    *ret_rows = (struct rows){store, s, SQLITE_OK};
    return true;
}

static sqlite3_stmt *rows_stmt(const struct rows *rows, int column)
{
    const struct statement *s = rows->statement;
    CHECK(s != NULL && rows->state == SQLITE_ROW && column >= 0 &&
          column < sqlite3_column_count(s->stmt));
    return s->stmt;
}

bool rows_next(struct rows *rows)
{
    struct statement *s = rows->statement;
    CHECK(s != NULL);
    if (rows->state == SQLITE_OK || rows->state == SQLITE_ROW)
        rows->state = sqlite3_step(s->stmt);
    return rows->state == SQLITE_ROW;
}

int64_t rows_int(const struct rows *rows, int column)
{
    return sqlite3_column_int64(rows_stmt(rows, column), column);
}

bool rows_is_null(const struct rows *rows, int column)
{
    return sqlite3_column_type(rows_stmt(rows, column), column) == SQLITE_NULL;
}

const char *rows_text(const struct rows *rows, int column)
{
    return (const char *)sqlite3_column_text(rows_stmt(rows, column), column);
}

struct str rows_blob(const struct rows *rows, int column)
{
    sqlite3_stmt *stmt = rows_stmt(rows, column);
    const void *p = sqlite3_column_blob(stmt, column);
    int len = sqlite3_column_bytes(stmt, column);
    if (p == NULL && sqlite3_column_type(stmt, column) != SQLITE_NULL)
        return STR("");
    return str_mem(p, (size_t)len);
}

bool rows_end(struct rows *rows, struct err *err)
{
    struct statement *s = rows->statement;
    CHECK(s != NULL);
    bool ok = rows->state == SQLITE_OK || rows->state == SQLITE_ROW || rows->state == SQLITE_DONE;
    if (!ok) {
        /* Other statements may have run since: the reset brings this one's own message back. */
        sqlite3_reset(s->stmt);
        statement_fault(rows->store, s, rows->state, err);
    }
    rows->store->n_walks--;
    statement_give_back(s);
    *rows = (struct rows){0};
    return ok;
}

bool store_int(struct store *store, int64_t otherwise, int64_t *ret_value, struct err *err,
               enum sql_name name, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    struct statement *s = statement_bind(store, name, format, &ap, SQLITE_STATIC, err);
    va_end(ap);
    if (s == NULL)
        return false;
    int code = sqlite3_step(s->stmt);
    int64_t value = otherwise;
    if (code == SQLITE_ROW && sqlite3_column_type(s->stmt, 0) != SQLITE_NULL)
        value = sqlite3_column_int64(s->stmt, 0);
    bool ok = code == SQLITE_ROW || code == SQLITE_DONE || statement_fault(store, s, code, err);
    statement_give_back(s);
    if (ok)
        *ret_value = value;
    return ok;
}
