/*
 * The store on a server, by PostgreSQL 15 or newer through libpq: for several hosts that share one register.
 *
 * connect.c reaches a server and awaits its answers, connection.c makes of it a session of ours, transaction.c lets one writer in at a time (an advisory lock of the schema, held as long as the
 * transaction, so that what SQLite promises - one writer - holds here too), rows.c runs statements, translate.c turns the common texts into
 * this server's dialect, migrate.c keeps the schema, fault.c turns SQLSTATEs into sentences that say what to do.
 *
 * Calls block, as those of SQLite do, but none for longer than a minute, and for seconds when somebody asked for an end. A statement that fails takes its transaction with it: all that follows fails until the rollback.
 */
#ifndef STORE_POSTGRES_POSTGRES_H
#define STORE_POSTGRES_POSTGRES_H

#include "store/driver.h"

#include "base/mem.h"

#include <libpq-fe.h>

enum { POSTGRES_OLDEST = 150000, LOCK_CLASS = 0x43686379 };

struct postgres_store {
    struct store base;
    char *url; /* with its password, if there is one: never shown */
    PGconn *conn;
    const char *silence; /* why the answer to the last statement was not awaited; NULL: it came */
    char farewell[6];    /* SQLSTATE with which the server ended the connection; "": it did not */
    bool no_sync;
    bool distrust;            /* the connection failed us: connect anew before the next use */
    bool has_failed;          /* a statement of the open transaction failed: it is lost */
    bool has_changed;         /* a statement of the open transaction changed something */
    bool prepared[2 * SQL_N]; /* as it stands; and with the row id handed back */
};
static inline struct postgres_store *postgres_of(struct store *store)
{
    return (struct postgres_store *)(void *)store;
}

/* connect.c: waits that end in time, and within seconds when somebody asked for an end. */
/* NULL: failure says of each server of the address why. */
PGconn *server_connect(const struct postgres_store *store, struct buf *failure);
/* The last result of what was sent, as PQexec; NULL: none came in time (then silence is set and the connection is given up), or it was not sent. is_lock:
 * it waits for another writer. */
PGresult *answer_await(struct postgres_store *store, int was_sent, bool is_lock);

/* connection.c */
bool server_ready(struct postgres_store *store, const char *doing, struct err *err);
/* Runs a text without parameters, which may hold several statements. ret may be NULL, else the caller clears the result. */
bool server_exec(struct postgres_store *store, const char *doing, const char *sql, PGresult **ret,
                 struct err *err);
/* The same for what waits for another writer. */
bool server_exec_lock(struct postgres_store *store, const char *doing, const char *sql,
                      struct err *err);
/* First column of the first row; 0 when there is none. */
bool server_int(struct postgres_store *store, const char *doing, const char *sql, int64_t *ret,
                struct err *err);

/* transaction.c */
bool postgres_begin(struct store *store, struct err *err);
bool postgres_commit(struct store *store, bool *ret_changed, struct err *err);
void postgres_rollback(struct store *store);
/* Waits for other writers as long as the store's patience is. Inside a transaction. */
bool writer_lock(struct postgres_store *store, const char *doing, struct err *err);

/* rows.c */
bool postgres_run(struct store *store, enum sql_name name, const struct bind *binds, size_t n,
                  int64_t *ret_changes, int64_t *ret_id, struct err *err);
bool postgres_query(struct store *store, struct rows *ret_rows, enum sql_name name,
                    const struct bind *binds, size_t n, struct err *err);
bool postgres_rows_next(struct rows *rows);
bool postgres_rows_is_null(const struct rows *rows, int column);
int64_t postgres_rows_int(const struct rows *rows, int column);
const char *postgres_rows_text(const struct rows *rows, int column);
struct str postgres_rows_blob(const struct rows *rows, int column);
bool postgres_rows_end(struct rows *rows, struct err *err);

/* translate.c: statements and migrations in the dialect of the server. */
void postgres_translate(const char *sql, struct buf *out);

/* tables.c; see table.h. */
bool postgres_tables(struct store *store, struct arena *arena, struct table **ret, size_t *ret_n,
                     struct err *err);
bool postgres_scan(struct store *store, const struct table *table, table_visit *visit, void *arg,
                   struct err *err);
bool postgres_load_begin(struct store *store, struct err *err);
bool postgres_load_row(struct store *store, const struct cell *cells, struct err *err);
bool postgres_load_end(struct store *store, struct err *err);
bool postgres_settle(struct store *store, const struct table *tables, size_t n, struct err *err);
bool postgres_mark_moved(struct store *store, struct err *err);

/* migrate.c */
bool postgres_migrate(struct postgres_store *store, bool may_be_blank, struct err *err);

/* fault.c: returns false. Sets distrust and has_failed where the result asks for it. */
bool postgres_fault(struct postgres_store *store, const PGresult *result, const char *doing,
                    struct err *err);

#endif
