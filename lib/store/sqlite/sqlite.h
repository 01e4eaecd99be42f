/*
 * The store in one file, by SQLite. What the files of this folder share, and nobody else sees but their own unit tests.
 *
 * open.c makes a connection, place.c judges where the file lies, migrate.c brings the schema up
 * to date, rows.c runs statements, fault.c turns result codes of SQLite into sentences that say
 * what to do.
 */
#ifndef STORE_SQLITE_SQLITE_H
#define STORE_SQLITE_SQLITE_H

#include "store/driver.h"

#include <sqlite3.h>

/* One prepared statement. Those in store->statements are kept; a spare is a copy for a walk
 * within a walk and goes with it. */
struct statement {
    sqlite3_stmt *stmt;
    enum sql_name name;
    bool open, spare;
};

struct sqlite_store {
    struct store base;
    sqlite3 *db;    /* NULL only after a failed store_retry_open */
    uint64_t inode; /* of the file as first opened */
    bool is_memory, no_sync;
    int64_t busy_waited_ms;
    bool distrust; /* the disk or the file failed us: open anew before the next use */
    int64_t n_changes_at_begin;
    sqlite3_stmt *load; /* of the table that is loaded */
    struct statement statements[SQL_N];
};
static inline struct sqlite_store *sqlite_of(struct store *store)
{
    return (struct sqlite_store *)(void *)store;
}

/* rows.c, transaction.c, backup.c: the driver's functions; see driver.h. */
bool sqlite_run(struct store *store, enum sql_name name, const struct bind *binds, size_t n,
                int64_t *ret_changes, int64_t *ret_id, struct err *err);
bool sqlite_query(struct store *store, struct rows *ret_rows, enum sql_name name,
                  const struct bind *binds, size_t n, struct err *err);
bool sqlite_rows_next(struct rows *rows);
bool sqlite_rows_is_null(const struct rows *rows, int column);
int64_t sqlite_rows_int(const struct rows *rows, int column);
const char *sqlite_rows_text(const struct rows *rows, int column);
struct str sqlite_rows_blob(const struct rows *rows, int column);
bool sqlite_rows_end(struct rows *rows, struct err *err);
bool sqlite_begin(struct store *store, struct err *err);
bool sqlite_commit(struct store *store, bool *ret_changed, struct err *err);
void sqlite_rollback(struct store *store);
bool sqlite_check(struct store *store, struct err *err);
bool sqlite_backup(struct store *store, const char *path, struct err *err);

/* tables.c; see table.h. */
bool sqlite_tables(struct store *store, struct arena *arena, struct table **ret, size_t *ret_n,
                   struct err *err);
bool sqlite_scan(struct store *store, const struct table *table, table_visit *visit, void *arg,
                 struct err *err);
bool sqlite_load_begin(struct store *store, struct err *err);
bool sqlite_load_row(struct store *store, const struct cell *cells, struct err *err);
bool sqlite_load_end(struct store *store, struct err *err);
bool sqlite_mark_moved(struct store *store, struct err *err);

/* A statement ready for binding, from the cache or a spare copy. Kind STORE. */
struct statement *statement_take(struct sqlite_store *store, enum sql_name name, struct err *err);
void statement_give_back(struct statement *statement);
void statements_forget(struct sqlite_store *store);

/* open.c */
bool connection_open(struct sqlite_store *store, bool may_be_blank, struct err *err);
void connection_close(struct sqlite_store *store);
bool connection_exec(struct sqlite_store *store, const char *doing, const char *sql,
                     struct err *err);
/* First column of the first row of a PRAGMA or SELECT. */
bool connection_int(struct sqlite_store *store, const char *doing, const char *sql, int64_t *ret,
                    struct err *err);
/* Opens anew when the last error says so; false inside a lost transaction. */
bool connection_ready(struct sqlite_store *store, const char *doing, struct err *err);

/* migrate.c */
/* Refuses what is not ours, is newer, or (unless may_be_blank) holds nothing yet. Changes
 * nothing. */
bool migrate_inspect(struct sqlite_store *store, bool may_be_blank, int newest, int *ret_schema,
                     struct err *err);
bool migrate_run(struct sqlite_store *store, const struct migration *list, size_t n,
                 struct err *err);
bool migrate_all(struct sqlite_store *store, struct err *err);

/* place.c: finds the real path, makes folder and file when asked to, refuses unsafe places.
 * The caller frees the path. */
bool place_prepare(const char *path, bool create, char **ret_path, struct err *err);
bool place_has_log(const char *path);
/* 0 when there is no such file. */
uint64_t place_inode(const char *path);
bool place_folder_is_writable(const char *path);
/* Name of a filesystem that other machines share, by its statfs magic ("NFS"), or NULL. */
const char *place_network_name(uint32_t magic);
/* True for types as in mountinfo ("fuse.sshfs") that are network filesystems behind FUSE. */
bool place_fuse_is_network(struct str type);

/* fault.c: returns false. doing: "commit", "statement ORDER_DUE". Sets distrust where the
 * code asks for it. */
bool store_fault(struct sqlite_store *store, int code, const char *doing, struct err *err);

#endif
