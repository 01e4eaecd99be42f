/*
 * The tables of a store as they stand, whatever they hold: for moving a whole register between a file and a server.
 *
 * What tables and columns there are is read from the schema itself, so that a table which a migration adds is moved without a word here. A cell has the
 * type its column was declared with, in both stores the same; ids are cells like any other.
 *
 *   begin both; store_tables(from), store_tables(to); for each: table_scan(from) -> table_load(to); tables_settle(to); commit both
 *
 * All inside transactions that the caller begins: that of `from` keeps every other writer out, so that what is read is one moment.
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "base/mem.h"
#include "store/store.h"

/* Letter, as the schema declares it. */
enum { CELL_INT = 'i', CELL_REAL = 'r', CELL_TEXT = 't', CELL_BLOB = 'b' };
struct cell {
    bool is_null;
    int64_t number;   /* of CELL_INT */
    double real;      /* of CELL_REAL */
    struct str bytes; /* of CELL_TEXT and CELL_BLOB; borrowed for the visit */
};
struct column {
    const char *name;
    char type;
};
struct table { /* in the caller's arena */
    const char *name;
    const struct column *columns; /* in the order in which both stores declare them */
    size_t n_columns;
};
enum { COLUMNS_MAX = 64, TABLES_MAX = 100 };

/* In the order in which they were made: what a row points at stands in a table before. */
bool store_tables(struct store *store, struct arena *arena, struct table **ret, size_t *ret_n,
                  struct err *err);
/* False ends the walk, with err set. */
typedef bool table_visit(void *arg, const struct cell *cells, struct err *err);
/* All rows, in no order. */
bool table_scan(struct store *store, const struct table *table, table_visit *visit, void *arg,
                struct err *err);

/* One after the other: begin, rows, end (also when a row failed, with err NULL). When one fails the transaction must be rolled back. */
bool table_load_begin(struct store *store, const struct table *table, struct err *err);
bool table_load_row(struct store *store, const struct cell *cells, struct err *err);
bool table_load_end(struct store *store, struct err *err);
/* New ids begin after those that were loaded. */
bool tables_settle(struct store *store, const struct table *tables, size_t n, struct err *err);

/* From the commit on nobody works with this store any more: who opens it is told to where it was moved, who has it open fails at the next lease. */
bool store_mark_moved(struct store *store, const char *where, struct err *err);

#endif
