/*
 * The store: one database, one writer, one transaction a loop turn.
 *
 * SQLite in WAL mode with synchronous=FULL, because everything else loses acknowledged commits on a power cut. The file is
 * local and 0600. Migrations are numbered; a newer schema is refused. SQL lives here and nowhere else: each statement
 * has a name in statements.h (one .def file a table) and is prepared once; callers bind by a format string and read columns by
 * position. All times are UTC unix milliseconds.
 *
 *     struct rows rows;
 *     if (!store_query(store, &rows, err, SQL_ORDER_DUE, "i", now_ms)) return false;
 *     while (rows_next(&rows)) { int64_t id = rows_int(&rows, 0); ... }
 *     if (!rows_end(&rows, err)) return false;
 *
 * Binding letters: i int64_t · t const char * (NULL binds NULL) · b struct str as BLOB · B int (0 or 1).
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/clock.h"
#include "store/statements.h"

struct store;

struct store_options {
    const char *path;          /* a file, or ":memory:" */
    bool create;               /* make it when absent (0600, its folder 0700) */
    bool read_only;            /* for status, show ...: no migration, no lock, works beside a running leader */
    int64_t busy_timeout_ms;   /* how long to wait for another writer; default 5000 */
    bool no_sync;              /* tests and dry runs only */
};
/* Kinds: STORE (cannot open, newer schema, not a database, integrity), with what to do in the text. */
bool store_open(const struct store_options *options, struct store **ret_store, struct err *err);
void store_close(struct store *store);

/* One write transaction; begin is IMMEDIATE, nesting is a bug. Commit can fail with STORE (full disk): then all is rolled back. */
bool store_begin(struct store *store, struct err *err);
bool store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store);
bool store_in_transaction(const struct store *store);

/* Runs a statement that gives no rows. ret_changes may be NULL: rows changed. Kind STORE. */
bool store_run(struct store *store, int64_t *ret_changes, struct err *err, enum sql_name name, const char *format, ...);
/* As store_run and gives the new row id (INSERT). */
bool store_insert(struct store *store, int64_t *ret_id, struct err *err, enum sql_name name, const char *format, ...);

struct rows {
    struct store *store;
    void *statement;
    int state;
};
bool store_query(struct store *store, struct rows *ret_rows, struct err *err, enum sql_name name, const char *format, ...);
bool rows_next(struct rows *rows);
int64_t rows_int(const struct rows *rows, int column);
bool rows_is_null(const struct rows *rows, int column);
const char *rows_text(const struct rows *rows, int column); /* NULL for NULL; valid until the next rows_next */
struct str rows_blob(const struct rows *rows, int column);
/* Ends the walk (also early) and tells whether it went well. Must be called after each successful store_query. */
bool rows_end(struct rows *rows, struct err *err);
/* One integer of the first row and column; otherwise when there is no row. */
bool store_int(struct store *store, int64_t otherwise, int64_t *ret_value, struct err *err, enum sql_name name,
               const char *format, ...);

/* Figures for status and bench. */
int64_t store_n_commits(const struct store *store);
int store_schema(void); /* the schema number this program writes */
bool store_check(struct store *store, struct err *err);   /* integrity_check and foreign keys */
bool store_backup(struct store *store, const char *path, struct err *err); /* online copy, 0600 */

#endif
