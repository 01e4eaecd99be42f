#include "leader/store_move.h"

#include "authority/lease.h"
#include "base/failpoint.h"
#include "crypto/key.h"
#include "inventory/config.h"
#include "inventory/event.h"
#include "store/table.h"

#include <inttypes.h>
#include <stdio.h>

enum { LEAD_MS = 30 * 1000, LANES = 4 };

/* The sum of the digests of the rows: it does not depend on their order, which no store promises. */
struct sum {
    uint64_t lanes[LANES];
    int64_t n_rows;
};

static void number_add(struct buf *out, uint64_t number)
{
    for (int i = 0; i < 8; i++)
        buf_add_char(out, (char)(number >> (8 * i)));
}

static void cell_add(struct buf *out, char type, const struct cell *cell)
{
    uint64_t bits = (uint64_t)cell->number;
    buf_add_char(out, cell->is_null ? 'n' : type);
    if (cell->is_null)
        return;
    if (type == CELL_REAL)
        memcpy(&bits, &cell->real, sizeof bits);
    if (type == CELL_INT || type == CELL_REAL) {
        number_add(out, bits);
    } else {
        number_add(out, cell->bytes.len);
        buf_add(out, cell->bytes.p, cell->bytes.len);
    }
}

static void row_add(struct sum *sum, const struct table *table, const struct cell *cells)
{
    AUTO(buf_fini)
    struct buf row = BUF(256 << 20);
    unsigned char digest[32];
    buf_add_cstr(&row, table->name);
    for (size_t i = 0; i < table->n_columns; i++)
        cell_add(&row, table->columns[i].type, &cells[i]);
    CHECK(!row.overflow);
    sha256(row.p, row.len, digest);
    for (size_t lane = 0; lane < LANES; lane++) {
        uint64_t number;
        memcpy(&number, digest + 8 * lane, sizeof number);
        sum->lanes[lane] += number;
    }
    sum->n_rows++;
}

/* ---- the two sides ---- */

struct side {
    struct store *store;
    struct table *tables;
    size_t n_tables;
};

struct moving {
    const struct table *table;
    struct store *to; /* NULL: only counted */
    struct sum *sum;
};

static bool row_visit(void *arg, const struct cell *cells, struct err *err)
{
    const struct moving *moving = arg;
    row_add(moving->sum, moving->table, cells);
    return moving->to == NULL || table_load_row(moving->to, cells, err);
}

static bool tables_differ(const struct table *a, const struct table *b)
{
    bool differ = strcmp(a->name, b->name) != 0 || a->n_columns != b->n_columns;
    for (size_t i = 0; !differ && i < a->n_columns; i++)
        differ = strcmp(a->columns[i].name, b->columns[i].name) != 0 ||
                 a->columns[i].type != b->columns[i].type;
    return differ;
}

static bool sides_match(const struct side *from, const struct side *to, struct err *err)
{
    bool match = from->n_tables == to->n_tables;
    for (size_t i = 0; match && i < from->n_tables; i++)
        match = !tables_differ(&from->tables[i], &to->tables[i]);
    return match ||
           err_set(err, ERR_CONFIG,
                   "the two stores do not have the same tables; nothing was changed: use a blank "
                   "file or database as the target");
}

static bool side_sum(const struct side *side, struct sum *sum, struct err *err)
{
    for (size_t i = 0; i < side->n_tables; i++) {
        struct moving moving = {&side->tables[i], NULL, sum};
        if (!table_scan(side->store, &side->tables[i], row_visit, &moving, err))
            return false;
    }
    return true;
}

static bool is_empty(const struct side *to, struct err *err)
{
    struct sum sum = {0};
    if (!side_sum(to, &sum, err))
        return false;
    return sum.n_rows == 0 ||
           err_set(err, ERR_CONFIG,
                   "the target holds %" PRId64 " rows already; nothing was changed: name a blank "
                   "file or database (`chancery init` is not needed there)",
                   sum.n_rows);
}

static bool rows_move(const struct side *from, const struct side *to, struct sum *sum,
                      struct err *err)
{
    for (size_t i = 0; i < from->n_tables; i++) {
        struct moving moving = {&from->tables[i], to->store, sum};
        if (!table_load_begin(to->store, &to->tables[i], err))
            return false;
        bool ok = table_scan(from->store, &from->tables[i], row_visit, &moving, err);
        if (!table_load_end(to->store, ok ? err : NULL) || !ok)
            return false;
    }
    return tables_settle(to->store, to->tables, to->n_tables, err);
}

static bool sums_match(const struct side *to, const struct sum *sum, struct err *err)
{
    struct sum there = {0};
    if (!side_sum(to, &there, err))
        return false;
    return (there.n_rows == sum->n_rows &&
            memcmp(there.lanes, sum->lanes, sizeof there.lanes) == 0) ||
           err_set(err, ERR_STORE,
                   "what was read back from the target is not what was written; nothing was kept, "
                   "the source is unharmed");
}

/* ---- the whole ---- */

static bool target_fill(const struct store_move *move, struct house *to_house, int64_t fencing,
                        struct sum *sum, size_t *ret_n_tables, struct err *err)
{
    struct arena *arena = arena_new();
    struct side from = {.store = move->from}, to = {.store = move->to};
    bool ok = store_tables(from.store, arena, &from.tables, &from.n_tables, err) &&
              store_tables(to.store, arena, &to.tables, &to.n_tables, err) &&
              sides_match(&from, &to, err) && is_empty(&to, err) &&
              rows_move(&from, &to, sum, err) && sums_match(&to, sum, err);
    *ret_n_tables = from.n_tables;
    arena_free(arena);
    /* The lead of the source came along. */
    return ok && store_run(move->to, NULL, err, SQL_LEASE_DROP, "ti", "leader", fencing) &&
           event_write(to_house, EVENT_STORE_MOVED, NULL, 0,
                       "the register was copied here with %" PRId64 " rows%s", sum->n_rows,
                       move->keeps_source ? "; the source was kept, and must not be used beside it"
                                          : "");
}

static bool source_end(const struct store_move *move, struct err *err)
{
    FAILPOINT("store.move.between");
    if ((move->keeps_source || store_mark_moved(move->from, move->where, err)) &&
        store_commit(move->from, err))
        return true;
    store_rollback(move->from);
    return err_wrap(err,
                    "the register is in %s now, but the source could not be marked as moved: do "
                    "not use it any more",
                    move->where);
}

static bool both_begin(const struct store_move *move, struct err *err)
{
    if (!store_begin(move->from, err))
        return false;
    if (store_begin(move->to, err))
        return true;
    store_rollback(move->from);
    return false;
}

static bool led_move(const struct store_move *move, struct house *house, struct lease *lease,
                     struct sum *sum, size_t *ret_n_tables, struct err *err)
{
    struct house to_house = *house;
    to_house.store = move->to;
    if (!both_begin(move, err))
        return false;
    if (lease_guard(house, lease, err) &&
        target_fill(move, &to_house, lease_fencing(lease), sum, ret_n_tables, err)) {
        FAILPOINT("store.move.before");
        if (store_commit(move->to, err))
            return source_end(move, err);
    }
    store_rollback(move->to);
    store_rollback(move->from);
    return false;
}

bool store_move(const struct store_move *move, struct store_move_result *ret, struct err *err)
{
    struct config config = {.store_path = (char *)(uintptr_t)move->from_path};
    struct house house = {.clock = move->clock, .config = &config, .store = move->from};
    struct lease *lease = NULL;
    struct sum sum = {0};
    struct store_move_result result = {0};
    if (!lease_take(&house, "leader", "store copy", LEAD_MS, true, &lease, err))
        return false;
    bool ok = led_move(move, &house, lease, &sum, &result.n_tables, err);
    /* In a source that was marked there is no lease any more; this lets the lock beside its file go. */
    lease_drop(&house, lease);
    if (!ok)
        return false;
    result.n_rows = sum.n_rows;
    for (size_t i = 0; i < LANES; i++)
        snprintf(result.digest + 16 * i, 17, "%016" PRIx64, sum.lanes[i]);
    *ret = result;
    return true;
}
