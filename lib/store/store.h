/*
 * The store: one database, one writer, one transaction a loop turn.
 *
 * SQLite in WAL mode with synchronous=FULL, because everything else loses acknowledged commits
 * on a power cut. The file is local and 0600. Migrations are numbered; a newer schema is
 * refused. SQL lives here and nowhere else: each statement has a name in statements.h (one .def
 * file a table) and is prepared once; callers bind by a format string and read columns by
 * position. All times are UTC unix milliseconds.
 *
 *     struct rows rows;
 *     if (!store_query(store, &rows, err, SQL_ORDER_DUE, "i", now_ms)) return false;
 *     while (rows_next(&rows)) { int64_t id = rows_int(&rows, 0); ... }
 *     if (!rows_end(&rows, err)) return false;
 *
 * Binding letters: i int64_t · t const char * (NULL binds NULL) · b struct str as BLOB (p NULL
 * binds NULL) · B int (0 or 1).
 *
 * A walk may ask the statement it walks over again: a second copy is prepared. A store belongs
 * to one thread and must not live across a fork. After an error of the disk nothing the
 * connection believes is trusted: the next store_begin, or the next statement outside a
 * transaction, opens the file anew. A failed statement alone is undone and the transaction may
 * go on; when SQLite had to undo the whole transaction (full disk), every further statement and
 * the commit fail until store_rollback.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/clock.h"
#include "store/statements.h"

struct store;

#define STORE_BUSY_TIMEOUT_MS 5000

struct store_options {
    const char *path;        /* a file, ":memory:", or postgresql://user@host/database */
    bool create;             /* make it when absent (0600, its folder 0700) */
    bool read_only;          /* for status, show ...: no migration, works beside a running leader */
    int64_t busy_timeout_ms; /* wait for another writer; 0: as above; negative: not at all */
    bool no_sync;            /* tests and dry runs only */
    /* As store_hurry_when, from the very opening on. May be NULL. */
    bool (*is_hurried)(void *arg);
    void *hurried_arg;
};
/* A server's address rather than a file? */
bool store_is_server(const char *path);
/* Is a register there? A server that cannot be asked counts as one that has it: opening tells why it cannot be used. */
bool store_exists(const char *path);
/* Kinds: STORE (cannot open, newer schema, not a database, integrity), with what to do in the
 * text. */
bool store_open(const struct store_options *options, struct store **ret_store, struct err *err);
void store_close(struct store *store);
/* From now on, while is_hurried says so - somebody asked for an end -, another writer is waited for
 * half a second at most. It is asked often, also in the middle of a wait. */
void store_hurry_when(struct store *store, bool (*is_hurried)(void *arg), void *arg);
/* Closes the connection and opens the same file again, never a new one: for a file that was
 * moved, replaced or on a disk that failed. The store stays the same object; while it cannot
 * be opened every call fails with STORE. No walk and no transaction may be open. */
bool store_retry_open(struct store *store, struct err *err);

/* One write transaction; begin is IMMEDIATE, nesting is a bug. Commit can fail with STORE
 * (full disk): then all is rolled back. Rollback outside a transaction does nothing. On a
 * read-only store the transaction is one consistent view. */
bool store_begin(struct store *store, struct err *err);
bool store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store);
bool store_in_transaction(const struct store *store);

/* Runs a statement that gives no rows. ret_changes may be NULL: rows changed. Kind STORE. */
bool store_run(struct store *store, int64_t *ret_changes, struct err *err, enum sql_name name,
               const char *format, ...);
/* As store_run and gives the new row id of a plain INSERT; 0 when ON CONFLICT DO NOTHING
 * inserted nothing. */
bool store_insert(struct store *store, int64_t *ret_id, struct err *err, enum sql_name name,
                  const char *format, ...);

struct rows {
    struct store *store;
    void *statement;
    int state;
};
bool store_query(struct store *store, struct rows *ret_rows, struct err *err, enum sql_name name,
                 const char *format, ...);
bool rows_next(struct rows *rows);
int64_t rows_int(const struct rows *rows, int column);
bool rows_is_null(const struct rows *rows, int column);
/* NULL for NULL; valid until the next rows_next. */
const char *rows_text(const struct rows *rows, int column);
struct str rows_blob(const struct rows *rows, int column);
/* Ends the walk (also early) and tells whether it went well. Must be called after each
 * successful store_query. */
bool rows_end(struct rows *rows, struct err *err);
/* One integer of the first row and column; otherwise when there is no row or it is NULL. */
bool store_int(struct store *store, int64_t otherwise, int64_t *ret_value, struct err *err,
               enum sql_name name, const char *format, ...);

/* The clock by which all hosts that share the store judge leases: the server's; otherwise_ms where there is none. UTC. */
bool store_now(struct store *store, int64_t otherwise_ms, int64_t *ret_now_ms, struct err *err);

/* Figures for status and bench. */
int64_t store_n_commits(const struct store *store); /* commits that changed something */
int64_t store_n_writes(
    const struct store *store); /* statements that changed something, also in this transaction */
int store_schema(void);         /* the schema number this program writes */
bool store_check(struct store *store, struct err *err); /* integrity_check and foreign keys */
/* An online copy, 0600, checked and synced; path appears only when it is whole and must not
 * exist before. Not in a transaction. */
bool store_backup(struct store *store, const char *path, struct err *err);

#endif
