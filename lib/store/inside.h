/*
 * What the files of lib/store share, and nobody else sees but their own unit tests.
 *
 * open.c makes a connection, place.c judges where the file lies, migrate.c brings the schema up
 * to date, rows.c runs statements, fault.c turns result codes of SQLite into sentences that say
 * what to do.
 */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include "store/store.h"

#include <sqlite3.h>

/* One prepared statement. Those in store->statements are kept; a spare is a copy for a walk
 * within a walk and goes with it. */
struct statement {
    sqlite3_stmt *stmt;
    enum sql_name name;
    bool open, spare;
};

struct store {
    sqlite3 *db;    /* NULL only after a failed store_retry_open */
    char *path;     /* real path of the file, or ":memory:" */
    uint64_t inode; /* of the file as first opened */
    bool is_memory, read_only, no_sync;
    int64_t busy_timeout_ms, busy_waited_ms;
    bool (*is_hurried)(void *arg); /* NULL: never */
    void *hurried_arg;
    bool in_transaction;
    bool distrust; /* the disk or the file failed us: open anew before the next use */
    int64_t n_changes_at_begin, n_commits;
    int n_walks;
    struct statement statements[SQL_N];
};

struct statement_text {
    const char *name, *sql;
};
extern const struct statement_text statement_texts[SQL_N];

/* A statement ready for binding, from the cache or a spare copy. Kind STORE. */
struct statement *statement_take(struct store *store, enum sql_name name, struct err *err);
void statement_give_back(struct statement *statement);
void statements_forget(struct store *store);

/* open.c */
bool connection_open(struct store *store, bool may_be_blank, struct err *err);
void connection_close(struct store *store);
bool connection_exec(struct store *store, const char *doing, const char *sql, struct err *err);
/* First column of the first row of a PRAGMA or SELECT. */
bool connection_int(struct store *store, const char *doing, const char *sql, int64_t *ret,
                    struct err *err);
/* Opens anew when the last error says so; false inside a lost transaction. */
bool store_ready(struct store *store, const char *doing, struct err *err);

/* migrate.c */
struct migration {
    int number;
    const char *what, *sql;
};
/* Refuses what is not ours, is newer, or (unless may_be_blank) holds nothing yet. Changes
 * nothing. */
bool migrate_inspect(struct store *store, bool may_be_blank, int newest, int *ret_schema,
                     struct err *err);
bool migrate_run(struct store *store, const struct migration *list, size_t n, struct err *err);
bool migrate_all(struct store *store, struct err *err);

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
bool store_fault(struct store *store, int code, const char *doing, struct err *err);

#endif
