/*
 * What a database must offer to be the store: SQLite on one host (sqlite/), PostgreSQL for several (postgres/). store.c is the only caller, and
 * holds what is the same for both: the binding letters, the transaction that is open or not, the figures.
 *
 * Both run the same SQL texts (sql/). They are written so that both understand them: placeholders ?1, ?2 ...; `IS DISTINCT FROM`
 * for NULLs; least() and greatest() for the smaller and larger of two; ON CONFLICT; no type is taken from the value that happens to be bound.
 */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "store/table.h"

enum { BINDS_MAX = 40 };
struct bind {
    char letter; /* i, B, t, b as in store.h */
    int64_t number;
    const char *text; /* NULL: NULL */
    struct str blob;  /* p NULL: NULL */
};

/* The functions return false with kind STORE. doing of a message is "commit", "statement ORDER_DUE" ... */
struct store_driver {
    void (*close)(struct store *store); /* frees it */
    bool (*retry_open)(struct store *store, struct err *err);
    bool (*begin)(struct store *store, struct err *err);
    bool (*commit)(struct store *store, bool *ret_changed, struct err *err);
    void (*rollback)(struct store *store);
    /* ret_id NULL: no row id is wanted. */
    bool (*run)(struct store *store, enum sql_name name, const struct bind *binds, size_t n,
                int64_t *ret_changes, int64_t *ret_id, struct err *err);
    bool (*query)(struct store *store, struct rows *ret_rows, enum sql_name name,
                  const struct bind *binds, size_t n, struct err *err);
    bool (*next)(struct rows *rows);
    bool (*is_null)(const struct rows *rows, int column);
    int64_t (*get_int)(const struct rows *rows, int column);
    const char *(*get_text)(const struct rows *rows, int column);
    struct str (*get_blob)(const struct rows *rows, int column);
    bool (*end)(struct rows *rows, struct err *err);
    /* May be NULL: the store has no clock of its own. */
    bool (*now)(struct store *store, int64_t *ret_now_ms, struct err *err);
    bool (*check)(struct store *store, struct err *err);
    bool (*backup)(struct store *store, const char *path, struct err *err);
    /* table.h; the table that is loaded stands in store->loading. settle may be NULL. */
    bool (*tables)(struct store *store, struct arena *arena, struct table **ret, size_t *ret_n,
                   struct err *err);
    bool (*scan)(struct store *store, const struct table *table, table_visit *visit, void *arg,
                 struct err *err);
    bool (*load_begin)(struct store *store, struct err *err);
    bool (*load_row)(struct store *store, const struct cell *cells, struct err *err);
    bool (*load_end)(struct store *store, struct err *err);
    bool (*settle)(struct store *store, const struct table *tables, size_t n, struct err *err);
    bool (*mark_moved)(struct store *store, struct err *err);
};

struct store { /* the beginning of each driver's own */
    const struct store_driver *driver;
    char *path; /* for messages: real path of the file, or the server without its password */
    bool read_only, in_transaction;
    int64_t busy_timeout_ms;
    bool (*is_hurried)(void *arg); /* NULL: never */
    void *hurried_arg;
    int64_t n_commits, n_writes;
    int n_walks;
    const struct table *loading; /* NULL: none */
};

struct statement_text {
    const char *name, *sql;
};
extern const struct statement_text statement_texts[SQL_N];
enum { DOING_MAX = 96 };
/* "statement ORDER_DUE". */
void doing_set(enum sql_name name, char out[DOING_MAX]);

/* The schema number of a store that was moved away. */
enum { SCHEMA_MOVED = 1000000 };
/* Returns false: who opened it is told where it went. where may be NULL. */
bool store_moved_set(const char *path, const char *where, struct err *err);
struct migration {
    int number;
    const char *what, *sql;
};
extern const struct migration migrations[];
extern const size_t n_migrations;

bool sqlite_store_open(const struct store_options *options, struct store **ret_store,
                       struct err *err);
bool postgres_store_exists(const char *url);
bool postgres_store_open(const struct store_options *options, struct store **ret_store,
                         struct err *err);

#endif
