#include "authority/lock_hold.h"

#include "base/failpoint.h"

#include <poll.h>

enum {
    BEATS = 3,      /* a time to live */
    TERM_PART = 4,  /* that much of it before its end the command is asked to end */
    KILL_PART = 12, /* and ended; also how often a beat that failed is tried again */
    LOST_GRACE_MS = 2000,
    LOOK_MS = 200,
    TRY_MS = 60 * 1000, /* at most at once: a server answers in between */
};

static int64_t boot_now(void)
{
    return clock_boot_ms(&clock_system);
}

/* ---- the way over the store ---- */

static bool way_take_now(struct lock_store_way *way, struct lock_grant *ret, struct err *err)
{
    way->keep_at_boot_ms = boot_now() + LOCK_TICKET_MS / 3;
    return lock_take(way->house, &way->ask, ret, err);
}

/* Looking costs no write; asking again keeps the ticket. */
static bool way_take(void *self, int64_t wait_ms, struct lock_grant *ret, struct err *err)
{
    struct lock_store_way *way = self;
    int64_t until_ms = boot_now() + wait_ms;
    way->ask.ticket = wait_ms > 0 ? &way->ticket : NULL;
    for (;;) {
        bool may = true;
        if (boot_now() < way->keep_at_boot_ms && !lock_may_take(way->house, &way->ask, &may, err))
            return false;
        if (may && way_take_now(way, ret, err))
            return true;
        if (may && (err->kind != ERR_HELD || boot_now() >= until_ms))
            return false;
        if (boot_now() >= until_ms)
            way->keep_at_boot_ms = 0; /* the last try tells who has it */
        else
            poll(NULL, 0, LOOK_MS);
    }
}

static void way_leave(void *self)
{
    struct lock_store_way *way = self;
    struct err err;
    way->ask.ticket = &way->ticket;
    lock_leave(way->house, &way->ask, &err);
}

static bool way_renew(void *self, int64_t fencing, struct lock_grant *ret, struct err *err)
{
    struct lock_store_way *way = self;
    return lock_renew(way->house, way->ask.name, fencing, way->ask.ttl_ms, ret, err);
}

static bool way_release(void *self, int64_t fencing, enum ledger_outcome outcome, struct err *err)
{
    struct lock_store_way *way = self;
    return lock_release(way->house, way->ask.name, fencing, outcome, err);
}

struct lock_way lock_way_of_store(struct lock_store_way *self)
{
    return (struct lock_way){self, way_take, way_leave, way_renew, way_release};
}

/* ---- taking ---- */

static enum lock_end end_of(const struct err *err)
{
    if (err->kind == ERR_HELD)
        return LOCK_END_BUSY;
    return err->kind == ERR_THROTTLED ? LOCK_END_REFUSED : LOCK_END_NO_WAY;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The first try does not wait, so that who waits can be told. */
static bool hold_take(const struct lock_way *way, const struct lock_plan *plan,
                      struct lock_grant *ret, struct err *err)
{
    int64_t until_ms = boot_now() + plan->wait_ms;
    if (way->take(way->self, 0, ret, err))
        return true;
    if (err->kind != ERR_HELD || plan->wait_ms == 0)
        return false;
    if (plan->says_waits != NULL)
        plan->says_waits(plan->arg, err);
    do {
        int64_t asked_ms = boot_now(), wait_ms = smaller(until_ms - asked_ms, TRY_MS);
        if (way->take(way->self, wait_ms > 0 ? wait_ms : 0, ret, err))
            return true;
        if (boot_now() < asked_ms + LOOK_MS) /* a server that does not let us wait */
            poll(NULL, 0, LOOK_MS);
    } while (err->kind == ERR_HELD && boot_now() < until_ms);
    way->leave(way->self);
    return false;
}

/* ---- holding ---- */

struct holding {
    const struct lock_way *way;
    const struct lock_plan *plan;
    struct ward *ward;
    int64_t term_at_boot_ms, beat_at_boot_ms;
    bool is_lost, is_asleep; /* asleep: stopped together with us */
    struct err why;          /* the last beat that failed */
};

static int64_t term_at(const struct holding *h, const struct lock_grant *grant)
{
    return grant->expires_boot_ms - h->plan->ttl_ms / TERM_PART;
}

static int64_t kill_at(const struct holding *h, const struct lock_grant *grant)
{
    return grant->expires_boot_ms - h->plan->ttl_ms / KILL_PART;
}

static void holding_is_confirmed(struct holding *h, const struct lock_grant *grant)
{
    h->term_at_boot_ms = term_at(h, grant);
    h->beat_at_boot_ms = boot_now() + h->plan->ttl_ms / BEATS;
    h->why = (struct err){0};
}

static void holding_is_lost(struct holding *h)
{
    int64_t grace_ms = smaller(LOST_GRACE_MS, h->plan->ttl_ms / BEATS);
    h->is_lost = true;
    h->beat_at_boot_ms = INT64_MAX;
    ward_extend(h->ward, boot_now(), boot_now() + grace_ms);
}

/* By then the keeper had asked it to end, or could have. */
static void lateness_judge(struct holding *h)
{
    if (h->is_lost || boot_now() < h->term_at_boot_ms)
        return;
    h->is_lost = true;
    if (h->why.kind == ERR_NONE)
        err_set(&h->why, ERR_HELD,
                "this process did not come to its beat in time: it was stopped, waited for the "
                "store, or the machine slept");
}

static void holding_beat(struct holding *h, int64_t fencing, struct lock_grant *grant)
{
    struct lock_grant fresh = {0};
    struct err err = {0};
    FAILPOINT("lock.beat");
    bool ok = h->way->renew(h->way->self, fencing, &fresh, &err);
    if (ok && boot_now() >= h->term_at_boot_ms) {
        lateness_judge(h);
        holding_is_lost(h);
    } else if (ok) {
        grant->expires_at_ms = fresh.expires_at_ms;
        grant->expires_boot_ms = fresh.expires_boot_ms;
        holding_is_confirmed(h, &fresh);
        ward_extend(h->ward, h->term_at_boot_ms, kill_at(h, &fresh));
        if (h->is_asleep)
            ward_resume(h->ward);
        h->is_asleep = false;
    } else if (err.kind == ERR_HELD) {
        h->why = err;
        holding_is_lost(h);
    } else {
        h->why = err;
        h->beat_at_boot_ms = boot_now() + h->plan->ttl_ms / KILL_PART;
    }
}

static void holding_mind(struct holding *h, struct lock_grant *grant)
{
    for (;;) {
        enum ward_news news = ward_wait(h->ward, h->beat_at_boot_ms);
        if (news == WARD_ENDED)
            return;
        h->is_asleep = h->is_asleep || news == WARD_WOKE;
        if (!h->is_lost)
            holding_beat(h, grant->fencing, grant);
    }
}

static void holding_release(struct holding *h, struct lock_result *ret, struct err *err)
{
    struct err why = {0};
    bool is_issued = !h->is_lost && ret->code == 0;
    bool ok = h->way->release(h->way->self, ret->grant.fencing,
                              is_issued ? LEDGER_ISSUED : LEDGER_UNKNOWN, &why);
    if (!ok && why.kind == ERR_HELD && !h->is_lost) {
        h->is_lost = true;
        h->why = why;
    }
    ret->end = h->is_lost ? LOCK_END_LOST : LOCK_END_ENDED;
    ret->is_unreleased = !ok && !h->is_lost;
    if (h->is_lost)
        *err = h->why;
    else if (!ok)
        *err = why;
}

static void holding_run(struct holding *h, struct lock_result *ret, struct err *err)
{
    struct ward_request request = h->plan->command(h->plan->arg, &ret->grant);
    struct err ignored;
    holding_is_confirmed(h, &ret->grant);
    request.term_at_boot_ms = h->term_at_boot_ms;
    request.kill_at_boot_ms = kill_at(h, &ret->grant);
    if (!ward_start(&request, &h->ward, err)) {
        ret->end = LOCK_END_NOT_STARTED;
        h->way->release(h->way->self, ret->grant.fencing, LEDGER_UNUSED, &ignored);
        return;
    }
    holding_mind(h, &ret->grant);
    lateness_judge(h);
    ret->code = ward_code(h->ward);
    ward_free(h->ward);
    holding_release(h, ret, err);
}

void lock_hold(const struct lock_way *way, const struct lock_plan *plan, struct lock_result *ret,
               struct err *err)
{
    struct holding h = {.way = way, .plan = plan};
    *ret = (struct lock_result){0};
    if (hold_take(way, plan, &ret->grant, err)) {
        err_clear(err);
        holding_run(&h, ret, err);
    } else {
        ret->grant = (struct lock_grant){0};
        ret->end = end_of(err);
    }
}
