#include "authority/lease.h"

#include "authority/self.h"
#include "base/failpoint.h"
#include "inventory/config.h"
#include "io/files.h"

#include <stdio.h>

struct lease {
    char *name;
    int64_t fencing;
    struct file_lock *lock;
};

/* ---- looking ---- */

void lease_holder_fini(struct lease_holder *holder)
{
    mem_free(holder->name);
    mem_free(holder->host);
    mem_free(holder->purpose);
    *holder = (struct lease_holder){0};
}

static bool lease_now(struct house *house, int64_t *ret_now_ms, struct err *err)
{
    return store_now(house->store, house_now(house), ret_now_ms, err);
}

static void holder_read(struct house *house, const struct rows *rows, int64_t now_ms,
                        struct lease_holder *ret)
{
    struct self me;
    self_read(&me);
    const char *boot_id = rows_text(rows, 8);
    bool same_boot = boot_id != NULL && strcmp(boot_id, me.boot_id) == 0;
    bool over =
        same_boot ? rows_int(rows, 9) <= clock_boot_ms(house->clock) : rows_int(rows, 7) <= now_ms;
    *ret = (struct lease_holder){
        .name = mem_strdup(rows_text(rows, 0)),
        .host = mem_strdup(rows_text(rows, 2)),
        .pid = rows_int(rows, 3),
        .purpose = mem_strdup(rows_text(rows, 4)),
        .fencing = rows_int(rows, 5),
        .granted_at_ms = rows_int(rows, 6),
        .expires_at_ms = rows_int(rows, 7),
        .is_free = rows_is_null(rows, 1) || over,
    };
}

bool lease_holder(struct house *house, const char *name, struct lease_holder *ret, struct err *err)
{
    struct rows rows;
    bool found = false;
    int64_t now_ms;
    if (!lease_now(house, &now_ms, err) ||
        !store_query(house->store, &rows, err, SQL_LEASE_GET, "t", name))
        return false;
    if (rows_next(&rows)) {
        found = true;
        holder_read(house, &rows, now_ms, ret);
    }
    if (!rows_end(&rows, err))
        return false;
    return found || err_set(err, ERR_ABSENT, "nobody ever held the lease \"%s\"", name);
}

static bool held_by_another(struct house *house, const char *name, struct err *err)
{
    struct lease_holder holder = {0};
    char since[TIME_TEXT_MAX];
    if (!lease_holder(house, name, &holder, err))
        return false;
    time_format(holder.granted_at_ms, false, since);
    err_set(err, ERR_HELD, "the lease \"%s\" is held by `%s`, pid %lld on %s, since %s", name,
            holder.purpose != NULL ? holder.purpose : "?", (long long)holder.pid,
            holder.host != NULL ? holder.host : "?", since);
    lease_holder_fini(&holder);
    return false;
}

/* ---- taking ---- */

static bool take_row(struct house *house, enum sql_name sql, const char *name, const char *purpose,
                     int64_t ttl_ms, int64_t *ret_fencing, struct err *err)
{
    struct self me;
    int64_t n = 0, now_ms, boot_ms = clock_boot_ms(house->clock);
    self_read(&me);
    if (!lease_now(house, &now_ms, err))
        return false;
    bool ok = sql == SQL_SET_LEASE_TAKE
                  ? store_run(house->store, &n, err, sql, "tttittiiiii", name, me.holder, me.host,
                              me.pid, self_boot(&me), purpose, now_ms, now_ms + ttl_ms, boot_ms,
                              boot_ms + ttl_ms, house->fencing)
                  : store_run(house->store, &n, err, sql, "tttittiiii", name, me.holder, me.host,
                              me.pid, self_boot(&me), purpose, now_ms, now_ms + ttl_ms, boot_ms,
                              boot_ms + ttl_ms);
    if (!ok)
        return false;
    if (n == 0)
        return held_by_another(house, name, err);
    return store_int(house->store, 0, ret_fencing, err, SQL_LEASE_FENCING, "t", name);
}

/* Runs inside the caller's transaction, or in one of its own. */
static bool in_transaction(struct house *house, bool (*act)(struct house *, void *, struct err *),
                           void *arg, struct err *err)
{
    if (store_in_transaction(house->store))
        return act(house, arg, err);
    if (!store_begin(house->store, err))
        return false;
    if (act(house, arg, err) && store_commit(house->store, err))
        return true;
    store_rollback(house->store);
    return false;
}

struct taking {
    const char *name, *purpose;
    int64_t ttl_ms;
    bool seize; /* the kernel lock is ours */
    bool
        frees_dead; /* there is no kernel lock: a holder on this host that is no process any more */
    int64_t fencing;
};

/* Beside a server there is no file to lock. Who named a process of this very machine and numbering that is gone holds nothing. */
static bool dead_free(struct house *house, const char *name, const struct self *me, struct err *err)
{
    struct rows rows;
    bool is_dead = false;
    int64_t fencing = 0;
    if (!store_query(house->store, &rows, err, SQL_LEASE_GET, "t", name))
        return false;
    if (rows_next(&rows)) {
        is_dead = self_knows_dead(me, rows_text(&rows, 1), rows_text(&rows, 8), rows_int(&rows, 3));
        fencing = rows_int(&rows, 5);
    }
    return rows_end(&rows, err) &&
           (!is_dead || store_run(house->store, NULL, err, SQL_LEASE_DROP, "ti", name, fencing));
}

static bool taking_act(struct house *house, void *arg, struct err *err)
{
    struct taking *taking = arg;
    struct self me;
    self_read(&me);
    if (taking->seize &&
        !store_run(house->store, NULL, err, SQL_LEASE_SEIZE, "tt", taking->name, me.host))
        return false;
    if (taking->frees_dead && !dead_free(house, taking->name, &me, err))
        return false;
    return take_row(house, SQL_LEASE_TAKE, taking->name, taking->purpose, taking->ttl_ms,
                    &taking->fencing, err);
}

static bool kernel_lock_take(struct house *house, const char *name, struct file_lock **ret,
                             struct err *err)
{
    AUTO(mem_fini)
    char *path = mem_printf("%s.%s.lock", house->config->store_path, name);
    return file_lock_take(path, ret, err);
}

bool lease_take(struct house *house, const char *name, const char *purpose, int64_t ttl_ms,
                bool kernel_lock, struct lease **ret, struct err *err)
{
    bool has_file = !store_is_server(house->config->store_path);
    struct taking taking = {.name = name,
                            .purpose = purpose,
                            .ttl_ms = ttl_ms,
                            .seize = kernel_lock && has_file,
                            .frees_dead = kernel_lock && !has_file};
    struct file_lock *lock = NULL;
    struct err why = {0};
    if (taking.seize && !kernel_lock_take(house, name, &lock, err)) {
        if (err->kind == ERR_HELD && !held_by_another(house, name, &why) && why.kind == ERR_HELD)
            *err = why;
        return false;
    }
    FAILPOINT("lease.take.before");
    if (!in_transaction(house, taking_act, &taking, err)) {
        file_lock_drop(lock);
        return false;
    }
    FAILPOINT("lease.take.after");
    struct lease *lease = NEW(struct lease);
    lease->name = mem_strdup(name);
    lease->fencing = taking.fencing;
    lease->lock = lock;
    *ret = lease;
    return true;
}

bool lease_look(struct house *house, const char *name, struct err *err)
{
    struct rows rows;
    struct self me;
    int64_t now_ms;
    bool is_free = true;
    if (!store_is_server(house->config->store_path))
        return true;
    self_read(&me);
    if (!lease_now(house, &now_ms, err) ||
        !store_query(house->store, &rows, err, SQL_LEASE_GET, "t", name))
        return false;
    if (rows_next(&rows)) {
        struct lease_holder holder;
        holder_read(house, &rows, now_ms, &holder);
        is_free = holder.is_free || self_knows_dead(&me, rows_text(&rows, 1), rows_text(&rows, 8),
                                                    rows_int(&rows, 3));
        lease_holder_fini(&holder);
    }
    return rows_end(&rows, err) && (is_free || held_by_another(house, name, err));
}

int64_t lease_fencing(const struct lease *lease)
{
    return lease->fencing;
}

struct renewing {
    const struct lease *lease;
    int64_t ttl_ms;
};

static bool renew_row(struct house *house, const char *name, int64_t fencing, int64_t ttl_ms,
                      int64_t *ret_n, struct err *err)
{
    struct self me;
    int64_t now_ms;
    self_read(&me);
    return lease_now(house, &now_ms, err) &&
           store_run(house->store, ret_n, err, SQL_LEASE_RENEW, "tiiit", name, fencing,
                     now_ms + ttl_ms, clock_boot_ms(house->clock) + ttl_ms, self_boot(&me));
}

static bool renewing_act(struct house *house, void *arg, struct err *err)
{
    const struct renewing *renewing = arg;
    int64_t n = 0;
    if (!renew_row(house, renewing->lease->name, renewing->lease->fencing, renewing->ttl_ms, &n,
                   err))
        return false;
    return n == 1 || held_by_another(house, renewing->lease->name, err);
}

bool lease_renew(struct house *house, struct lease *lease, int64_t ttl_ms, struct err *err)
{
    struct renewing renewing = {lease, ttl_ms};
    return in_transaction(house, renewing_act, &renewing, err);
}

static bool dropping_act(struct house *house, void *arg, struct err *err)
{
    const struct lease *lease = arg;
    return store_run(house->store, NULL, err, SQL_LEASE_DROP, "ti", lease->name, lease->fencing);
}

void lease_drop(struct house *house, struct lease *lease)
{
    if (lease == NULL)
        return;
    in_transaction(house, dropping_act, lease, NULL);
    file_lock_drop(lease->lock);
    mem_free(lease->name);
    mem_free(lease);
}

static bool guard_row(struct house *house, const char *name, int64_t fencing, struct err *err)
{
    int64_t n = 0;
    if (!store_int(house->store, 0, &n, err, SQL_LEASE_GUARD, "ti", name, fencing))
        return false;
    return n == 1 || held_by_another(house, name, err);
}

bool lease_guard(struct house *house, const struct lease *lease, struct err *err)
{
    return guard_row(house, lease->name, lease->fencing, err);
}

/* ---- set leases ---- */

static void set_lease_name(const char *set, char out[160])
{
    snprintf(out, 160, "set:%.140s", set);
}

bool set_lease_take(struct house *house, const char *set, const char *purpose, int64_t ttl_ms,
                    int64_t *ret_fencing, struct err *err)
{
    char name[160];
    set_lease_name(set, name);
    return take_row(house, SQL_SET_LEASE_TAKE, name, purpose, ttl_ms, ret_fencing, err);
}

bool set_lease_drop(struct house *house, const char *set, int64_t fencing, struct err *err)
{
    char name[160];
    set_lease_name(set, name);
    return store_run(house->store, NULL, err, SQL_LEASE_DROP, "ti", name, fencing);
}

bool set_leases_free(struct house *house, struct err *err)
{
    return store_run(house->store, NULL, err, SQL_SET_LEASES_FREE, "i", house->fencing);
}

bool set_lease_guard(struct house *house, const char *set, int64_t fencing, struct err *err)
{
    char name[160];
    set_lease_name(set, name);
    return guard_row(house, name, fencing, err);
}

bool set_lease_renew(struct house *house, const char *set, int64_t fencing, int64_t ttl_ms,
                     struct err *err)
{
    char name[160];
    int64_t n;
    set_lease_name(set, name);
    return renew_row(house, name, fencing, ttl_ms, &n, err);
}
