#include "store/sqlite/sqlite.h"

#include <stdio.h>

/* ---- what there is ---- */

static bool prepare(struct sqlite_store *store, const char *doing, const char *sql,
                    sqlite3_stmt **ret, struct err *err)
{
    int code = sqlite3_prepare_v2(store->db, sql, -1, ret, NULL);
    return code == SQLITE_OK || store_fault(store, code, doing, err);
}

/* As PostgreSQL is told it (postgres/translate.c). */
static char type_of(const char *declared)
{
    return strcmp(declared, "INTEGER") == 0 ? CELL_INT
           : strcmp(declared, "REAL") == 0  ? CELL_REAL
           : strcmp(declared, "BLOB") == 0  ? CELL_BLOB
                                            : CELL_TEXT;
}

static bool columns_read(struct sqlite_store *store, struct arena *arena, struct table *table,
                         struct err *err)
{
    struct column *columns = arena_alloc(arena, COLUMNS_MAX * sizeof *columns);
    sqlite3_stmt *stmt = NULL;
    if (!prepare(store, "read its columns",
                 "SELECT name, type FROM pragma_table_info(?1) ORDER BY cid", &stmt, err))
        return false;
    sqlite3_bind_text(stmt, 1, table->name, -1, SQLITE_STATIC);
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        CHECK(table->n_columns < COLUMNS_MAX);
        columns[table->n_columns++] = (struct column){
            arena_strdup(arena, (const char *)sqlite3_column_text(stmt, 0)),
            type_of((const char *)sqlite3_column_text(stmt, 1)),
        };
    }
    table->columns = columns;
    sqlite3_finalize(stmt);
    return code == SQLITE_DONE || store_fault(store, code, "read its columns", err);
}

bool sqlite_tables(struct store *base, struct arena *arena, struct table **ret, size_t *ret_n,
                   struct err *err)
{
    struct sqlite_store *store = sqlite_of(base);
    struct table *tables = arena_alloc(arena, TABLES_MAX * sizeof *tables);
    const char *doing = "read its tables";
    sqlite3_stmt *stmt = NULL;
    size_t n = 0;
    if (!prepare(store, doing,
                 "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE "
                 "'sqlite\\_%' ESCAPE '\\' ORDER BY rowid",
                 &stmt, err))
        return false;
    int code;
    while ((code = sqlite3_step(stmt)) == SQLITE_ROW) {
        CHECK(n < TABLES_MAX);
        tables[n++] =
            (struct table){.name = arena_strdup(arena, (const char *)sqlite3_column_text(stmt, 0))};
    }
    sqlite3_finalize(stmt);
    bool ok = code == SQLITE_DONE || store_fault(store, code, doing, err);
    for (size_t i = 0; ok && i < n; i++)
        ok = columns_read(store, arena, &tables[i], err);
    if (!ok)
        return false;
    *ret = tables;
    *ret_n = n;
    return true;
}

static void columns_list(const struct table *table, struct buf *out)
{
    for (size_t i = 0; i < table->n_columns; i++)
        buf_printf(out, "%s\"%s\"", i > 0 ? ", " : "", table->columns[i].name);
}

/* ---- reading ---- */

/* SQLite lets a column hold what it was not declared for; then the register is not what we wrote. */
static bool cell_read(const struct sqlite_store *store, const struct table *table, size_t i,
                      sqlite3_stmt *stmt, struct cell *out, struct err *err)
{
    int type = sqlite3_column_type(stmt, (int)i);
    char wanted = table->columns[i].type;
    *out = (struct cell){.is_null = type == SQLITE_NULL};
    if (type == SQLITE_NULL)
        return true;
    if (wanted == CELL_INT && type == SQLITE_INTEGER)
        out->number = sqlite3_column_int64(stmt, (int)i);
    else if (wanted == CELL_REAL && (type == SQLITE_FLOAT || type == SQLITE_INTEGER))
        out->real = sqlite3_column_double(stmt, (int)i);
    else if ((wanted == CELL_TEXT && type == SQLITE_TEXT) ||
             (wanted == CELL_BLOB && (type == SQLITE_BLOB || type == SQLITE_TEXT))) {
        const void *p = sqlite3_column_blob(stmt, (int)i);
        out->bytes = str_mem(p != NULL ? p : "", (size_t)sqlite3_column_bytes(stmt, (int)i));
    } else {
        return err_set(err, ERR_STORE,
                       "store %s: table %s, column %s holds a value of another type than it was "
                       "declared for; nothing was changed",
                       store->base.path, table->name, table->columns[i].name);
    }
    return true;
}

bool sqlite_scan(struct store *base, const struct table *table, table_visit *visit, void *arg,
                 struct err *err)
{
    struct sqlite_store *store = sqlite_of(base);
    struct cell cells[COLUMNS_MAX];
    AUTO(buf_fini)
    struct buf sql = BUF(16 * 1024);
    sqlite3_stmt *stmt = NULL;
    buf_add_cstr(&sql, "SELECT ");
    columns_list(table, &sql);
    buf_printf(&sql, " FROM \"%s\"", table->name);
    if (!prepare(store, "read a table", buf_cstr(&sql), &stmt, err))
        return false;
    int code;
    bool ok = true;
    while (ok && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (size_t i = 0; ok && i < table->n_columns; i++)
            ok = cell_read(store, table, i, stmt, &cells[i], err);
        ok = ok && visit(arg, cells, err);
    }
    ok = ok && (code == SQLITE_DONE || store_fault(store, code, "read a table", err));
    sqlite3_finalize(stmt);
    return ok;
}

/* ---- writing ---- */

bool sqlite_load_begin(struct store *base, struct err *err)
{
    struct sqlite_store *store = sqlite_of(base);
    AUTO(buf_fini)
    struct buf sql = BUF(16 * 1024);
    buf_printf(&sql, "INSERT INTO \"%s\" (", base->loading->name);
    columns_list(base->loading, &sql);
    for (size_t i = 0; i < base->loading->n_columns; i++)
        buf_printf(&sql, "%s?%zu", i > 0 ? ", " : ") VALUES (", i + 1);
    buf_add_cstr(&sql, ")");
    return prepare(store, "fill a table", buf_cstr(&sql), &store->load, err);
}

static int cell_bind(sqlite3_stmt *stmt, int i, char type, const struct cell *cell)
{
    if (cell->is_null)
        return sqlite3_bind_null(stmt, i);
    if (type == CELL_INT)
        return sqlite3_bind_int64(stmt, i, cell->number);
    if (type == CELL_REAL)
        return sqlite3_bind_double(stmt, i, cell->real);
    if (type == CELL_TEXT)
        return sqlite3_bind_text(stmt, i, cell->bytes.p, (int)cell->bytes.len, SQLITE_STATIC);
    return cell->bytes.len == 0
               ? sqlite3_bind_zeroblob(stmt, i, 0)
               : sqlite3_bind_blob64(stmt, i, cell->bytes.p, cell->bytes.len, SQLITE_STATIC);
}

bool sqlite_load_row(struct store *base, const struct cell *cells, struct err *err)
{
    struct sqlite_store *store = sqlite_of(base);
    const struct table *table = base->loading;
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < table->n_columns; i++)
        code = cell_bind(store->load, (int)i + 1, table->columns[i].type, &cells[i]);
    if (code == SQLITE_OK)
        code = sqlite3_step(store->load);
    bool ok = code == SQLITE_DONE || store_fault(store, code, "fill a table", err);
    sqlite3_reset(store->load);
    return ok;
}

bool sqlite_load_end(struct store *base, struct err *err)
{
    struct sqlite_store *store = sqlite_of(base);
    (void)err;
    sqlite3_finalize(store->load);
    store->load = NULL;
    return true;
}

/* Whoever has it open misses the leases; whoever opens it sees the number. */
bool sqlite_mark_moved(struct store *base, struct err *err)
{
    char sql[160];
    snprintf(sql, sizeof sql, "ALTER TABLE lease RENAME TO lease_moved; PRAGMA user_version = %d",
             SCHEMA_MOVED);
    return connection_exec(sqlite_of(base), "mark it as moved", sql, err);
}
