#include "authority/lock_inside.h"

#include "acme/name.h"
#include "base/failpoint.h"
#include "inventory/event.h"

#include <stdio.h>

bool lock_name(const char *text, char **ret_name, struct err *err)
{
    char *name = NULL;
    if (!name_normalise(text, &name, err))
        return false;
    *ret_name = mem_strdup(str_starts(str_of(name), STR("*.")) ? name + 2 : name);
    mem_free(name);
    return true;
}

void lock_key(const char *name, char out[LOCK_KEY_MAX])
{
    snprintf(out, LOCK_KEY_MAX, "name:%.253s", name);
}

bool lock_time_read(struct house *house, struct lock_time *ret, struct err *err)
{
    self_read(&ret->me);
    ret->boot_ms = clock_boot_ms(house->clock);
    return store_now(house->store, house_now(house), &ret->now_ms, err);
}

bool lock_time_is_over(const struct lock_time *time, const char *boot_id, int64_t expires_at_ms,
                       int64_t expires_boot_ms)
{
    bool same_boot = boot_id != NULL && strcmp(boot_id, self_boot(&time->me)) == 0;
    return same_boot ? expires_boot_ms <= time->boot_ms : expires_at_ms <= time->now_ms;
}

/* ---- a transaction of one's own, unless one is open ---- */

/* The verdict of a refusal is no reason to roll back: the ticket it left is to stay. */
struct deed {
    bool (*act)(struct house *house, void *arg, struct err *refusal, struct err *err);
    void *arg;
};

static bool deed_do(struct house *house, const struct deed *deed, struct err *err)
{
    struct err refusal = {0};
    if (store_in_transaction(house->store)) {
        if (!deed->act(house, deed->arg, &refusal, err))
            return false;
    } else {
        if (!store_begin(house->store, err))
            return false;
        if (!deed->act(house, deed->arg, &refusal, err) || !store_commit(house->store, err)) {
            store_rollback(house->store);
            return false;
        }
    }
    if (refusal.kind != ERR_NONE && err != NULL)
        *err = refusal;
    return refusal.kind == ERR_NONE;
}

/* ---- the ledger ---- */

static char *owner_text(const char *name, int64_t fencing)
{
    return mem_printf("lock:%s:%lld", name, (long long)fencing);
}

static bool owner_settle(struct house *house, const char *name, int64_t fencing,
                         enum ledger_outcome outcome, struct err *err)
{
    AUTO(mem_fini)
    char *owner = owner_text(name, fencing);
    return ledger_settle(house, owner, outcome, err);
}

static bool order_reserve(struct house *house, const struct lock_ask *ask, int64_t fencing,
                          struct ledger_answer *ret, struct err *refusal, struct err *err)
{
    AUTO(mem_fini)
    char *owner = owner_text(ask->name, fencing);
    char until[TIME_TEXT_MAX];
    *ret = (struct ledger_answer){.may = true};
    if (ask->order == NULL)
        return true;
    if (!ledger_reserve(house, ask->order, owner, ret, err))
        return false;
    if (ret->may)
        return true;
    time_format(ret->at_ms, false, until);
    err_throttled(refusal, ret->at_ms, "the lock of %s is free, but %s: not before %s", ask->name,
                  ret->text, until);
    return true;
}

/* ---- taking ---- */

struct taking {
    const struct lock_ask *ask;
    struct lock_grant grant;
};

static bool grant_write(struct house *house, struct taking *t, const struct lock_seen *seen,
                        const struct lock_time *time, struct err *err)
{
    const struct lock_ask *ask = t->ask;
    AUTO(mem_fini)
    char *client = ask->client != NULL ? mem_printf("client:%s", ask->client) : NULL;
    const struct self *me = &time->me;
    int64_t n = 0;
    t->grant.granted_at_ms = time->now_ms;
    t->grant.expires_at_ms = time->now_ms + ask->ttl_ms;
    t->grant.expires_boot_ms = time->boot_ms + ask->ttl_ms;
    if (!store_run(house->store, &n, err, SQL_LOCK_TAKE, "tttittiiiii", seen->key,
                   client != NULL ? client : me->holder, client != NULL ? NULL : me->host,
                   client != NULL ? INT64_C(0) : me->pid, self_boot(me), ask->purpose, time->now_ms,
                   t->grant.expires_at_ms, t->grant.expires_boot_ms, t->grant.fencing,
                   seen->fencing))
        return false;
    CHECK(n == 1);
    return true;
}

/* Nobody released it: the holder died, slept or lost its way. */
static bool leftover_end(struct house *house, const struct lock_seen *seen, struct err *err)
{
    AUTO(buf_fini)
    struct buf who = BUF(1024);
    char until[TIME_TEXT_MAX];
    lock_row_tell(&seen->row, &who);
    time_format(seen->row.expires_at_ms, false, until);
    if (!owner_settle(house, seen->row.name, seen->fencing, LEDGER_UNKNOWN, err))
        return false;
    return event_write(
        house, EVENT_LOCK_LOST, NULL, 0,
        "the lock of %s was not released by %s: %s; number %lld is refused from now on",
        seen->row.name, buf_cstr(&who), seen->is_dead ? "the process is gone" : "its time ran out",
        (long long)seen->fencing);
}

static bool taking_act(struct house *house, void *arg, struct err *refusal, struct err *err)
{
    struct taking *t = arg;
    const struct lock_ask *ask = t->ask;
    struct lock_time time;
    AUTO(lock_seen_fini)
    struct lock_seen seen = {0};
    bool may = false;
    if (!lock_time_read(house, &time, err) ||
        !lock_seen_read(house, ask->name, &time, &seen, err) ||
        !lock_is_clear(house, ask, &seen, &time, true, &may, refusal, err))
        return false;
    if (!may)
        return lock_ticket_keep(house, ask, &time, err);
    if (seen.is_leftover && !leftover_end(house, &seen, err))
        return false;
    t->grant.fencing = seen.fencing + 1;
    if (ask->order != NULL && !lock_sweep(house, err))
        return false;
    if (!order_reserve(house, ask, t->grant.fencing, &t->grant.headroom, refusal, err) ||
        !lock_ticket_drop(house, ask, &time.me, err))
        return false;
    return !t->grant.headroom.may || grant_write(house, t, &seen, &time, err);
}

bool lock_take(struct house *house, const struct lock_ask *ask, struct lock_grant *ret,
               struct err *err)
{
    struct taking t = {.ask = ask};
    CHECK(ask->ttl_ms >= LOCK_TTL_LEAST_MS && ask->ttl_ms <= LOCK_TTL_MOST_MS);
    FAILPOINT("lock.take.before");
    if (!deed_do(house, &(struct deed){taking_act, &t}, err))
        return false;
    FAILPOINT("lock.take.after");
    *ret = t.grant;
    return true;
}

bool lock_may_take(struct house *house, const struct lock_ask *ask, bool *ret, struct err *err)
{
    struct lock_time time;
    AUTO(lock_seen_fini)
    struct lock_seen seen = {0};
    struct err refusal;
    return lock_time_read(house, &time, err) &&
           lock_seen_read(house, ask->name, &time, &seen, err) &&
           lock_is_clear(house, ask, &seen, &time, false, ret, &refusal, err);
}

/* ---- holding ---- */

struct holding {
    const char *name;
    int64_t fencing, ttl_ms;
    enum ledger_outcome outcome;
    struct lock_grant grant;
};

/* Why a number is not the holder's any more. */
static bool loss_tell(struct house *house, const struct holding *h, const struct lock_time *time,
                      struct err *refusal, struct err *err)
{
    AUTO(lock_seen_fini)
    struct lock_seen seen = {0};
    AUTO(buf_fini)
    struct buf who = BUF(1024);
    if (!lock_seen_read(house, h->name, time, &seen, err))
        return false;
    lock_row_tell(&seen.row, &who);
    if (!seen.is_live)
        err_set(refusal, ERR_HELD, "the lock of %s is not held with number %lld any more: it %s",
                h->name, (long long)h->fencing,
                seen.is_leftover && seen.fencing == h->fencing ? "ran out"
                                                               : "was released, broken or ran out");
    else
        err_set(refusal, ERR_HELD,
                "the lock of %s is not held with number %lld any more: %s has it with number %lld",
                h->name, (long long)h->fencing, buf_cstr(&who), (long long)seen.fencing);
    return true;
}

static bool renewing_act(struct house *house, void *arg, struct err *refusal, struct err *err)
{
    struct holding *h = arg;
    struct lock_time time;
    char key[LOCK_KEY_MAX];
    int64_t n = 0;
    lock_key(h->name, key);
    if (!lock_time_read(house, &time, err))
        return false;
    h->grant = (struct lock_grant){.fencing = h->fencing,
                                   .expires_at_ms = time.now_ms + h->ttl_ms,
                                   .expires_boot_ms = time.boot_ms + h->ttl_ms};
    if (!store_run(house->store, &n, err, SQL_LOCK_RENEW, "tiiitii", key, h->fencing,
                   h->grant.expires_at_ms, h->grant.expires_boot_ms, self_boot(&time.me),
                   time.boot_ms, time.now_ms))
        return false;
    return n == 1 || loss_tell(house, h, &time, refusal, err);
}

bool lock_renew(struct house *house, const char *name, int64_t fencing, int64_t ttl_ms,
                struct lock_grant *ret, struct err *err)
{
    struct holding h = {.name = name, .fencing = fencing, .ttl_ms = ttl_ms};
    CHECK(ttl_ms >= LOCK_TTL_LEAST_MS && ttl_ms <= LOCK_TTL_MOST_MS);
    FAILPOINT("lock.renew");
    if (!deed_do(house, &(struct deed){renewing_act, &h}, err))
        return false;
    *ret = h.grant;
    return true;
}

static bool releasing_act(struct house *house, void *arg, struct err *refusal, struct err *err)
{
    struct holding *h = arg;
    struct lock_time time;
    char key[LOCK_KEY_MAX];
    int64_t n = 0;
    lock_key(h->name, key);
    if (!lock_time_read(house, &time, err) ||
        !owner_settle(house, h->name, h->fencing, h->outcome, err) ||
        !store_run(house->store, &n, err, SQL_LOCK_DROP, "titii", key, h->fencing,
                   self_boot(&time.me), time.boot_ms, time.now_ms))
        return false;
    return n == 1 || loss_tell(house, h, &time, refusal, err);
}

bool lock_release(struct house *house, const char *name, int64_t fencing,
                  enum ledger_outcome outcome, struct err *err)
{
    struct holding h = {.name = name, .fencing = fencing, .outcome = outcome};
    FAILPOINT("lock.release");
    return deed_do(house, &(struct deed){releasing_act, &h}, err);
}

struct breaking {
    const char *name, *reason, *who;
};

static bool breaking_act(struct house *house, void *arg, struct err *refusal, struct err *err)
{
    const struct breaking *b = arg;
    struct lock_time time;
    AUTO(lock_seen_fini)
    struct lock_seen seen = {0};
    AUTO(buf_fini)
    struct buf holder = BUF(1024);
    if (!lock_time_read(house, &time, err) || !lock_seen_read(house, b->name, &time, &seen, err))
        return false;
    if (!seen.is_live) {
        err_set(refusal, ERR_ABSENT, "nobody holds the lock of %s", b->name);
        return true;
    }
    lock_row_tell(&seen.row, &holder);
    return store_run(house->store, NULL, err, SQL_LEASE_DROP, "ti", seen.key, seen.fencing) &&
           owner_settle(house, b->name, seen.fencing, LEDGER_UNKNOWN, err) &&
           event_write(house, EVENT_LOCK_BROKEN, NULL, 0,
                       "the lock of %s, held by %s with number %lld, was broken by %s: %s", b->name,
                       buf_cstr(&holder), (long long)seen.fencing, b->who, b->reason);
}

bool lock_break(struct house *house, const char *name, const char *reason, const char *who,
                struct err *err)
{
    struct breaking b = {name, reason, who};
    return deed_do(house, &(struct deed){breaking_act, &b}, err);
}

/* ---- giving up ---- */

static bool leaving_act(struct house *house, void *arg, struct err *refusal, struct err *err)
{
    struct self me;
    (void)refusal;
    self_read(&me);
    return lock_ticket_drop(house, arg, &me, err);
}

bool lock_leave(struct house *house, const struct lock_ask *ask, struct err *err)
{
    struct lock_ask leaving = *ask;
    return deed_do(house, &(struct deed){leaving_act, &leaving}, err);
}
