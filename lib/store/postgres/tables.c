#include "store/postgres/postgres.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what there is ---- */

/* A walk over one store waits for the other, however long that takes. The types are those that translate.c writes. */
bool postgres_tables(struct store *base, struct arena *arena, struct table **ret, size_t *ret_n,
                     struct err *err)
{
    struct postgres_store *store = postgres_of(base);
    const char *doing = "read its tables";
    const char *sql =
        "SELECT c.relname, a.attname, a.atttypid FROM pg_class AS c"
        " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
        " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'"
        " AND c.relname <> 'chancery_schema' ORDER BY c.oid, a.attnum";
    PGresult *result = NULL;
    if (!server_exec(store, doing, "SET LOCAL idle_in_transaction_session_timeout = 0", NULL,
                     err) ||
        !server_exec(store, doing, sql, &result, err))
        return false;
    struct table *tables = arena_alloc(arena, TABLES_MAX * sizeof *tables);
    struct column *columns = NULL;
    size_t n = 0;
    for (int i = 0; i < PQntuples(result); i++) {
        const char *name = PQgetvalue(result, i, 0);
        int64_t oid = 0;
        if (n == 0 || strcmp(tables[n - 1].name, name) != 0) {
            CHECK(n < TABLES_MAX);
            columns = arena_alloc(arena, COLUMNS_MAX * sizeof *columns);
            tables[n++] = (struct table){arena_strdup(arena, name), columns, 0};
        }
        str_to_i64(str_of(PQgetvalue(result, i, 2)), &oid);
        CHECK(tables[n - 1].n_columns < COLUMNS_MAX);
        columns[tables[n - 1].n_columns++] = (struct column){
            arena_strdup(arena, PQgetvalue(result, i, 1)),
            oid == 20    ? CELL_INT
            : oid == 701 ? CELL_REAL
            : oid == 17  ? CELL_BLOB
                         : CELL_TEXT,
        };
    }
    PQclear(result);
    *ret = tables;
    *ret_n = n;
    return true;
}

static void columns_list(const struct table *table, struct buf *out)
{
    for (size_t i = 0; i < table->n_columns; i++)
        buf_printf(out, "%s\"%s\"", i > 0 ? ", " : "", table->columns[i].name);
}

/* ---- reading, a row at a time ---- */

static void cell_fill(const PGresult *row, int i, char type, struct arena *arena, struct cell *out)
{
    const char *text = PQgetvalue(row, 0, i);
    *out = (struct cell){.is_null = PQgetisnull(row, 0, i) != 0};
    if (out->is_null)
        return;
    if (type == CELL_INT) {
        str_to_i64(str_of(text), &out->number);
    } else if (type == CELL_REAL) {
        out->real = strtod(text, NULL);
    } else if (type == CELL_TEXT) {
        out->bytes = str_mem(text, (size_t)PQgetlength(row, 0, i));
    } else {
        size_t len = 0;
        unsigned char *bytes = PQunescapeBytea((const unsigned char *)text, &len);
        CHECK(bytes != NULL);
        out->bytes = str_mem(arena_strndup(arena, (const char *)bytes, len), len);
        PQfreemem(bytes);
    }
}

static bool row_visit(const struct table *table, const PGresult *row, struct arena *arena,
                      table_visit *visit, void *arg, struct err *err)
{
    struct cell cells[COLUMNS_MAX];
    arena_reset(arena);
    for (size_t i = 0; i < table->n_columns; i++)
        cell_fill(row, (int)i, table->columns[i].type, arena, &cells[i]);
    return visit(arg, cells, err);
}

bool postgres_scan(struct store *base, const struct table *table, table_visit *visit, void *arg,
                   struct err *err)
{
    struct postgres_store *store = postgres_of(base);
    AUTO(buf_fini)
    struct buf sql = BUF(16 * 1024);
    buf_add_cstr(&sql, "SELECT ");
    columns_list(table, &sql);
    buf_printf(&sql, " FROM \"%s\"", table->name);
    if (!server_ready(store, "read a table", err))
        return false;
    bool ok = PQsendQuery(store->conn, buf_cstr(&sql)) && PQsetSingleRowMode(store->conn);
    if (!ok)
        return postgres_fault(store, NULL, "read a table", err);
    struct arena *arena = arena_new();
    PGresult *result;
    while ((result = PQgetResult(store->conn)) != NULL) {
        ExecStatusType status = PQresultStatus(result);
        if (ok && status == PGRES_SINGLE_TUPLE)
            ok = row_visit(table, result, arena, visit, arg, err);
        else if (ok && status != PGRES_TUPLES_OK)
            ok = postgres_fault(store, result, "read a table", err);
        PQclear(result);
    }
    arena_free(arena);
    return ok;
}

/* ---- writing: COPY, for a row a question would wait for the network each time ---- */

bool postgres_load_begin(struct store *base, struct err *err)
{
    struct postgres_store *store = postgres_of(base);
    AUTO(buf_fini)
    struct buf sql = BUF(16 * 1024);
    buf_printf(&sql, "COPY \"%s\" (", base->loading->name);
    columns_list(base->loading, &sql);
    buf_add_cstr(&sql, ") FROM STDIN");
    if (!server_ready(store, "fill a table", err))
        return false;
    PGresult *result = PQexec(store->conn, buf_cstr(&sql));
    bool ok = PQresultStatus(result) == PGRES_COPY_IN ||
              postgres_fault(store, result, "fill a table", err);
    PQclear(result);
    return ok;
}

static void text_add(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        switch (text.p[i]) {
        case '\\':
            buf_add_cstr(out, "\\\\");
            break;
        case '\n':
            buf_add_cstr(out, "\\n");
            break;
        case '\r':
            buf_add_cstr(out, "\\r");
            break;
        case '\t':
            buf_add_cstr(out, "\\t");
            break;
        default:
            buf_add_char(out, text.p[i]);
        }
}

static void cell_add(struct buf *out, char type, const struct cell *cell)
{
    if (cell->is_null)
        buf_add_cstr(out, "\\N");
    else if (type == CELL_INT)
        buf_printf(out, "%" PRId64, cell->number);
    else if (type == CELL_REAL)
        buf_printf(out, "%.17g", cell->real);
    else if (type == CELL_TEXT)
        text_add(out, cell->bytes);
    else {
        buf_add_cstr(out, "\\\\x");
        for (size_t i = 0; i < cell->bytes.len; i++)
            buf_printf(out, "%02x", (unsigned)(unsigned char)cell->bytes.p[i]);
    }
}

bool postgres_load_row(struct store *base, const struct cell *cells, struct err *err)
{
    struct postgres_store *store = postgres_of(base);
    AUTO(buf_fini)
    struct buf line = BUF(256 << 20);
    for (size_t i = 0; i < base->loading->n_columns; i++) {
        if (i > 0)
            buf_add_char(&line, '\t');
        cell_add(&line, base->loading->columns[i].type, &cells[i]);
    }
    buf_add_char(&line, '\n');
    CHECK(!line.overflow && line.len < INT32_MAX);
    return PQputCopyData(store->conn, line.p, (int)line.len) == 1 ||
           postgres_fault(store, NULL, "fill a table", err);
}

bool postgres_load_end(struct store *base, struct err *err)
{
    struct postgres_store *store = postgres_of(base);
    bool ok =
        PQputCopyEnd(store->conn, NULL) == 1 || postgres_fault(store, NULL, "fill a table", err);
    PGresult *result;
    while ((result = PQgetResult(store->conn)) != NULL) {
        if (ok && PQresultStatus(result) != PGRES_COMMAND_OK)
            ok = postgres_fault(store, result, "fill a table", err);
        PQclear(result);
    }
    return ok;
}

/* Which tables count their ids by themselves the server knows. */
bool postgres_settle(struct store *base, const struct table *tables, size_t n, struct err *err)
{
    char sql[512];
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < tables[i].n_columns; k++) {
            if (strcmp(tables[i].columns[k].name, "id") != 0)
                continue;
            snprintf(sql, sizeof sql,
                     "SELECT setval(pg_get_serial_sequence('\"%s\"', 'id'), max(id)) FROM \"%s\" "
                     "HAVING max(id) IS NOT NULL AND pg_get_serial_sequence('\"%s\"', 'id') IS NOT "
                     "NULL",
                     tables[i].name, tables[i].name, tables[i].name);
            if (!server_exec(postgres_of(base), "set its counters", sql, NULL, err))
                return false;
        }
    }
    return true;
}

/* Whoever has it open misses the leases; whoever opens it sees the number. */
bool postgres_mark_moved(struct store *base, struct err *err)
{
    char sql[160];
    snprintf(sql, sizeof sql,
             "ALTER TABLE lease RENAME TO lease_moved; INSERT INTO chancery_schema (number) VALUES "
             "(%d)",
             SCHEMA_MOVED);
    return server_exec(postgres_of(base), "mark it as moved", sql, NULL, err);
}
