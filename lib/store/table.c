#include "store/table.h"

#include "store/driver.h"

bool store_tables(struct store *store, struct arena *arena, struct table **ret, size_t *ret_n,
                  struct err *err)
{
    CHECK(store->in_transaction);
    return store->driver->tables(store, arena, ret, ret_n, err);
}

bool table_scan(struct store *store, const struct table *table, table_visit *visit, void *arg,
                struct err *err)
{
    CHECK(store->in_transaction);
    return store->driver->scan(store, table, visit, arg, err);
}

bool table_load_begin(struct store *store, const struct table *table, struct err *err)
{
    CHECK(store->in_transaction && store->loading == NULL && table->n_columns <= COLUMNS_MAX);
    store->loading = table;
    bool ok = store->driver->load_begin(store, err);
    if (!ok)
        store->loading = NULL;
    return ok;
}

bool table_load_row(struct store *store, const struct cell *cells, struct err *err)
{
    CHECK(store->loading != NULL);
    return store->driver->load_row(store, cells, err);
}

bool table_load_end(struct store *store, struct err *err)
{
    CHECK(store->loading != NULL);
    bool ok = store->driver->load_end(store, err);
    store->loading = NULL;
    return ok;
}

bool tables_settle(struct store *store, const struct table *tables, size_t n, struct err *err)
{
    CHECK(store->in_transaction);
    return store->driver->settle == NULL || store->driver->settle(store, tables, n, err);
}

bool store_moved_set(const char *path, const char *where, struct err *err)
{
    return err_set(err, ERR_STORE,
                   "store %s: was moved to %s by `chancery store copy`: write that address behind "
                   "`store:` in chancery.yaml; two registers must not both be used",
                   path, where != NULL ? where : "another place");
}

bool store_mark_moved(struct store *store, const char *where, struct err *err)
{
    CHECK(store->in_transaction);
    return store_run(store, NULL, err, SQL_META_SET, "tt", "moved to", where) &&
           store->driver->mark_moved(store, err);
}
