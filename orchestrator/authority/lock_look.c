/* The lock of a name as it is: its row, and orders of ours. */
#include "authority/lock_inside.h"

enum { KEY_LEN = 5 /* "name:" */, N_COLUMNS = 10 };
static const char CLIENT[] = "client:";

/* ---- rows ---- */

void lock_row_fini(struct lock_row *row)
{
    mem_free(row->name);
    mem_free(row->client);
    mem_free(row->host);
    mem_free(row->purpose);
    mem_free(row->set);
    *row = (struct lock_row){0};
}

void lock_seen_fini(struct lock_seen *seen)
{
    lock_row_fini(&seen->row);
}

void lock_row_tell(const struct lock_row *row, struct buf *out)
{
    buf_printf(out, "`%s`", row->purpose != NULL ? row->purpose : "?");
    if (row->client != NULL)
        buf_printf(out, " of client %s", row->client);
    else
        buf_printf(out, ", pid %lld on %s", (long long)row->pid,
                   row->host != NULL ? row->host : "?");
}

static char *row_client(const struct rows *rows)
{
    const char *holder = rows_text(rows, 1);
    bool is_client = holder != NULL && str_starts(str_of(holder), str_of(CLIENT));
    return is_client ? mem_strdup(holder + sizeof(CLIENT) - 1) : NULL;
}

void lock_row_read(const struct rows *rows, const struct lock_time *time, struct lock_seen *ret)
{
    bool has_holder = !rows_is_null(rows, 1);
    ret->fencing = rows_int(rows, 5);
    ret->is_dead = has_holder && self_knows_dead(&time->me, rows_text(rows, 1), rows_text(rows, 8),
                                                 rows_int(rows, 3));
    ret->is_live =
        has_holder && !ret->is_dead &&
        !lock_time_is_over(time, rows_text(rows, 8), rows_int(rows, 7), rows_int(rows, 9));
    ret->is_leftover = has_holder && !ret->is_live;
    ret->row = (struct lock_row){
        .name = mem_strdup(rows_text(rows, 0) + KEY_LEN),
        .client = row_client(rows),
        .host = mem_strdup(rows_text(rows, 2)),
        .pid = rows_int(rows, 3),
        .purpose = mem_strdup(rows_text(rows, 4)),
        .fencing = ret->fencing,
        .granted_at_ms = rows_int(rows, 6),
        .expires_at_ms = rows_int(rows, 7),
        .is_free = !ret->is_live,
    };
}

bool lock_seen_read(struct house *house, const char *name, const struct lock_time *time,
                    struct lock_seen *ret, struct err *err)
{
    struct rows rows;
    lock_key(name, ret->key);
    if (!store_query(house->store, &rows, err, SQL_LOCK_GET, "t", ret->key))
        return false;
    if (rows_next(&rows))
        lock_row_read(&rows, time, ret);
    else
        ret->row = (struct lock_row){.name = mem_strdup(name), .is_free = true};
    return rows_end(&rows, err);
}

bool lock_get(struct house *house, const char *name, struct lock_row *ret, struct err *err)
{
    struct lock_time time;
    AUTO(lock_seen_fini)
    struct lock_seen seen = {0};
    int64_t since_ms, n_waiting = 0;
    char *set = NULL;
    if (!lock_time_read(house, &time, err) || !lock_seen_read(house, name, &time, &seen, err) ||
        !store_int(house->store, 0, &n_waiting, err, SQL_LOCK_WAIT_COUNT, "t", name) ||
        !lock_order_find(house, name, &time, false, &set, &since_ms, err))
        return false;
    *ret = seen.row;
    ret->set = set;
    ret->n_waiting = n_waiting;
    seen.row = (struct lock_row){0};
    return true;
}

bool lock_each(struct house *house, lock_visit *visit, void *arg, struct err *err)
{
    struct lock_time time;
    struct rows rows;
    bool go_on = true;
    if (!lock_time_read(house, &time, err) ||
        !store_query(house->store, &rows, err, SQL_LOCK_ALL, ""))
        return false;
    while (go_on && rows_next(&rows)) {
        AUTO(lock_seen_fini)
        struct lock_seen seen = {0};
        lock_row_read(&rows, &time, &seen);
        seen.row.n_waiting = rows_int(&rows, N_COLUMNS);
        go_on = !seen.is_live || visit(arg, &seen.row);
    }
    return rows_end(&rows, err);
}

/* ---- orders of ours ---- */

/* A leader that is gone, or froze until its lease ran out, has no order in flight; should it wake, it finds its set lease ended. */
static bool order_is_live(const struct rows *rows, const struct lock_time *time)
{
    return !self_knows_dead(&time->me, rows_text(rows, 11), rows_text(rows, 12),
                            rows_int(rows, 13)) &&
           !lock_time_is_over(time, rows_text(rows, 12), rows_int(rows, 14), rows_int(rows, 15)) &&
           !lock_time_is_over(time, rows_text(rows, 8), rows_int(rows, 7), rows_int(rows, 9));
}

bool lock_order_find(struct house *house, const char *name, const struct lock_time *time,
                     bool writes, char **ret_set, int64_t *ret_since_ms, struct err *err)
{
    AUTO(mem_fini)
    char *wild = mem_printf("*.%s", name);
    struct rows rows;
    bool ok = true;
    char *set = NULL;
    int64_t since_ms = 0;
    if (!store_query(house->store, &rows, err, SQL_LOCK_ORDERS, "tt", name, wild))
        return false;
    while (ok && set == NULL && rows_next(&rows)) {
        if (order_is_live(&rows, time)) {
            set = mem_strdup(rows_text(&rows, N_COLUMNS));
            since_ms = rows_int(&rows, 6);
        } else if (writes) {
            ok = store_run(house->store, NULL, err, SQL_LEASE_DROP, "ti", rows_text(&rows, 0),
                           rows_int(&rows, 5));
        }
    }
    if (!rows_end(&rows, ok ? err : NULL) || !ok) {
        mem_free(set);
        return false;
    }
    *ret_set = set;
    *ret_since_ms = since_ms;
    return true;
}

bool lock_lets_order(struct house *house, const char *set, int64_t order_id, struct err *err)
{
    struct lock_time time;
    struct rows rows;
    AUTO(lock_seen_fini)
    struct lock_seen seen = {0};
    if (!lock_time_read(house, &time, err) ||
        !store_query(house->store, &rows, err, SQL_LOCKS_OF_SET, "ti", set, order_id))
        return false;
    while (!seen.is_live && rows_next(&rows)) {
        lock_seen_fini(&seen);
        lock_row_read(&rows, &time, &seen);
    }
    if (!rows_end(&rows, err))
        return false;
    if (!seen.is_live)
        return true;
    if (lock_ticket_of_set(house, set, seen.row.name, &time, err))
        lock_is_held(&seen.row, err);
    return false;
}

/* ---- may it be taken? ---- */

void lock_is_held(const struct lock_row *row, struct err *refusal)
{
    AUTO(buf_fini)
    struct buf who = BUF(1024);
    char since[TIME_TEXT_MAX];
    lock_row_tell(row, &who);
    time_format(row->granted_at_ms, false, since);
    err_set(refusal, ERR_HELD, "the lock of %s is held by %s, since %s", row->name, buf_cstr(&who),
            since);
}

static bool order_is_clear(struct house *house, const struct lock_ask *ask,
                           const struct lock_time *time, bool writes, bool *ret_may,
                           struct err *refusal, struct err *err)
{
    AUTO(mem_fini)
    char *set = NULL;
    int64_t since_ms = 0;
    char since[TIME_TEXT_MAX];
    if (!lock_order_find(house, ask->name, time, writes, &set, &since_ms, err))
        return false;
    *ret_may = set == NULL;
    time_format(since_ms, false, since);
    if (set != NULL)
        err_set(refusal, ERR_HELD, "an order of set %s is in flight for %s, since %s", set,
                ask->name, since);
    return true;
}

bool lock_is_clear(struct house *house, const struct lock_ask *ask, const struct lock_seen *seen,
                   const struct lock_time *time, bool writes, bool *ret_may, struct err *refusal,
                   struct err *err)
{
    bool is_next = false;
    *ret_may = false;
    if (seen->is_live) {
        lock_is_held(&seen->row, refusal);
        return true;
    }
    return lock_queue_look(house, ask, time, writes, &is_next, refusal, err) &&
           (!is_next || order_is_clear(house, ask, time, writes, ret_may, refusal, err));
}
