#include "leader/request_desk.h"

#include "base/list.h"
#include "inventory/asks.h"
#include "inventory/look.h"
#include "leader/request.h"

enum { POLL_MS = 500, SOON_MS = 5000, TAKE_FOR_MS = 10 * 60 * 1000, REST_EVERY_MS = 1000 };

struct taken { /* a request that is being carried out */
    struct list in_desk;
    struct request request;
};

struct request_desk {
    struct house *house;
    const struct concerns *concerns;
    unsigned parts; /* that the concerns of this leader can do */
    int64_t patience_ms;
    bool lasts, has_errand, has_new, is_held;
    struct list taken;
    int64_t seen_id;
    int64_t look_at_boot_ms, began_at_boot_ms;
    struct look look; /* at whether they are at rest */
};

struct request_desk *request_desk_new(struct house *house, const struct concerns *concerns,
                                      const struct leader_options *options, bool lasts)
{
    struct request_desk *desk = NEW(struct request_desk);
    desk->house = house;
    desk->concerns = concerns;
    desk->parts = (options->renews ? ASK_RENEW : 0U) | (options->delivers ? ASK_DELIVER : 0U) |
                  (options->verifies ? ASK_VERIFY : 0U);
    desk->patience_ms = options->patience_ms;
    desk->lasts = lasts;
    desk->began_at_boot_ms = clock_boot_ms(house->clock);
    list_init(&desk->taken);
    return desk;
}

static void taken_free(struct taken *taken)
{
    list_remove(&taken->in_desk);
    request_fini(&taken->request);
    mem_free(taken);
}

void request_desk_free(struct request_desk *desk)
{
    if (desk == NULL)
        return;
    LIST_EACH (it, &desk->taken)
        taken_free(LIST_OWNER(it, struct taken, in_desk));
    mem_free(desk);
}

/* ---- taking up ---- */

/* An earlier leader may have issued it and died before it could say so. */
static bool is_issued(struct request_desk *desk, const struct request *r, const char *set,
                      bool *ret, struct err *err)
{
    int64_t issued = 0;
    if (!store_int(desk->house->store, 0, &issued, err, SQL_REQUEST_IS_ISSUED, "ti", set,
                   r->certificate_id))
        return false;
    *ret = issued != 0;
    return true;
}

static bool ask_add(struct request_desk *desk, const struct request *r, const char *set,
                    struct err *err)
{
    struct ask ask = {.set = set,
                      .parts = request_parts(r->kind),
                      .forced = r->forced,
                      .retries = r->retries,
                      .id = r->id,
                      .override_reason = r->override_reason};
    bool issued = false;
    if (set != NULL && r->forced && (ask.parts & ASK_RENEW) != 0 &&
        !is_issued(desk, r, set, &issued, err))
        return false;
    ask.forced = ask.forced && !issued;
    asks_add(desk->concerns->asks, &ask);
    return true;
}

static void taken_tell(struct request_desk *desk, const struct request *r)
{
    house_say(desk->house, NULL, "request", "request %lld taken up: %s%s%s, of pid %lld on %s",
              (long long)r->id, request_kind_name(r->kind), r->sets != NULL ? " " : "",
              r->sets != NULL ? r->sets[0] : "", (long long)r->pid, r->host);
}

static bool request_take(struct request_desk *desk, int64_t id, struct err *err)
{
    struct taken *taken = NEW(struct taken);
    struct house *house = desk->house;
    if (!request_load(house, id, &taken->request, err)) {
        mem_free(taken);
        return false;
    }
    const struct request *r = &taken->request;
    list_push_back(&desk->taken, &taken->in_desk);
    for (size_t i = 0; r->sets != NULL && r->sets[i] != NULL; i++)
        if (!ask_add(desk, r, r->sets[i], err))
            return false;
    if (r->sets == NULL && !ask_add(desk, r, NULL, err))
        return false;
    taken_tell(desk, r);
    return store_run(house->store, NULL, err, SQL_REQUEST_TAKE, "iii", id, house->fencing,
                     house_now(house));
}

struct finding {
    struct request_desk *desk;
    int64_t ids[64];
    size_t n;
};

static bool request_found(void *arg, const struct request *r)
{
    struct finding *f = arg;
    unsigned parts = request_parts(r->kind);
    f->desk->seen_id = r->id;
    if (r->kind == REQUEST_NONE)
        f->desk->has_errand = true;
    else if ((parts & f->desk->parts) == parts)
        f->ids[f->n++] = r->id;
    return f->n < sizeof f->ids / sizeof f->ids[0];
}

/* A run that is to end takes up no more after a while: what is filed then is met by the next. */
static bool desk_takes(const struct request_desk *desk)
{
    return loop_n_stops(desk->house->loop) == 0 &&
           (desk->lasts ||
            clock_boot_ms(desk->house->clock) < desk->began_at_boot_ms + TAKE_FOR_MS);
}

static bool desk_find(struct request_desk *desk, struct finding *ret, struct err *err)
{
    *ret = (struct finding){.desk = desk};
    return request_each_open(desk->house, desk->seen_id, request_found, ret, err);
}

bool request_desk_look(struct request_desk *desk, struct err *err)
{
    struct finding f;
    int64_t seen_id = desk->seen_id;
    if (!desk_takes(desk) || clock_boot_ms(desk->house->clock) < desk->look_at_boot_ms)
        return true;
    desk->look_at_boot_ms = clock_boot_ms(desk->house->clock) + POLL_MS;
    if (!desk_find(desk, &f, err))
        return false;
    if (f.n > 0) {
        desk->has_new = true;
        desk->seen_id = seen_id; /* they are taken in the turn's transaction */
    }
    return true;
}

bool request_desk_has_new(const struct request_desk *desk)
{
    return desk->has_new;
}

void request_desk_hold(struct request_desk *desk, bool is_held)
{
    desk->is_held = is_held;
}

int64_t request_desk_look_at_ms(const struct request_desk *desk)
{
    return desk_takes(desk)
               ? house_now(desk->house) + desk->look_at_boot_ms - clock_boot_ms(desk->house->clock)
               : INT64_MAX;
}

static bool desk_take(struct request_desk *desk, struct err *err)
{
    struct finding f;
    if (!desk->has_new || desk->is_held)
        return true;
    desk->has_new = false;
    if (!desk_find(desk, &f, err))
        return false;
    for (size_t i = 0; i < f.n; i++)
        if (!request_take(desk, f.ids[i], err))
            return false;
    return true;
}

/* ---- is it done? ---- */

static int64_t patience_until_ms(const struct request_desk *desk, const struct request *r)
{
    int64_t patience_ms = r->patience_ms > desk->patience_ms ? r->patience_ms : desk->patience_ms;
    return house_now(desk->house) + patience_ms;
}

static bool set_is_at_rest(struct request_desk *desk, const struct request *r, const char *set,
                           bool *ret, struct err *err)
{
    int64_t at_ms = 0;
    if (!concerns_set_at_ms(desk->concerns, request_parts(r->kind), set, &at_ms, err))
        return false;
    *ret = at_ms > patience_until_ms(desk, r);
    return true;
}

static bool named_are_at_rest(struct request_desk *desk, const struct request *r, bool *ret,
                              struct err *err)
{
    *ret = true;
    for (size_t i = 0; *ret && r->sets[i] != NULL; i++)
        if (!set_is_at_rest(desk, r, r->sets[i], ret, err))
            return false;
    return true;
}

static bool is_any(struct request_desk *desk, bool *ret, struct err *err, enum sql_name sql,
                   int64_t from_ms, int64_t until_ms)
{
    int64_t any = 0;
    if (!store_int(desk->house->store, 0, &any, err, sql, "ii", from_ms, until_ms))
        return false;
    *ret = any != 0;
    return true;
}

static bool due_sets_are_at_rest(struct request_desk *desk, const struct request *r, bool *ret,
                                 struct err *err)
{
    struct rows rows;
    bool ok = true;
    *ret = true;
    if (!store_query(desk->house->store, &rows, err, SQL_REQUEST_DUE_SETS, "i", r->filed_at_ms))
        return false;
    while (ok && *ret && rows_next(&rows))
        ok = set_is_at_rest(desk, r, rows_text(&rows, 0), ret, err);
    return rows_end(&rows, ok ? err : NULL) && ok;
}

/* Endpoints that were all asked for are looked at one after the other. */
static bool looks_are_over(struct request_desk *desk, const struct request *r)
{
    const struct monitoring *m = desk->concerns->monitoring;
    return r->kind != REQUEST_VERIFY || m == NULL || monitoring_n_watches(m) == 0;
}

/* What was due when it was filed, and what follows from it. */
static bool due_are_at_rest(struct request_desk *desk, const struct request *r, bool *ret,
                            struct err *err)
{
    bool at_rest = true, is_delivering = false, is_looking = false;
    unsigned parts = request_parts(r->kind);
    /* No set has this name: what all of them wait for still counts. */
    if (!set_is_at_rest(desk, r, "", &at_rest, err) ||
        ((parts & ASK_RENEW) != 0 && at_rest && !due_sets_are_at_rest(desk, r, &at_rest, err)) ||
        !is_any(desk, &is_delivering, err, SQL_DELIVERY_IS_SOON, r->filed_at_ms - MS_DAY,
                patience_until_ms(desk, r)) ||
        !is_any(desk, &is_looking, err, SQL_VERIFICATION_IS_SOON, r->filed_at_ms,
                house_now(desk->house) + SOON_MS))
        return false;
    is_delivering = is_delivering && (parts & ASK_DELIVER) != 0;
    *ret = at_rest && !is_delivering && !is_looking && looks_are_over(desk, r);
    return true;
}

static bool taken_settle(struct request_desk *desk, struct taken *taken, struct err *err)
{
    const struct request *r = &taken->request;
    bool at_rest = false;
    if (!(r->sets != NULL ? named_are_at_rest(desk, r, &at_rest, err)
                          : due_are_at_rest(desk, r, &at_rest, err)))
        return false;
    if (!at_rest)
        return true;
    if (!store_run(desk->house->store, NULL, err, SQL_REQUEST_DONE, "ii", r->id,
                   house_now(desk->house)))
        return false;
    house_say(desk->house, NULL, "request", "request %lld is done", (long long)r->id);
    asks_drop(desk->concerns->asks, r->id);
    taken_free(taken);
    return true;
}

/* Asked after a turn in which something was written, and now and then: what waits for time comes to rest without a word. */
static bool desk_settle(struct request_desk *desk, struct err *err)
{
    if (list_is_empty(&desk->taken) || !look_is_due(&desk->look, desk->house))
        return true;
    LIST_EACH (it, &desk->taken)
        if (!taken_settle(desk, LIST_OWNER(it, struct taken, in_desk), err))
            return false;
    look_done(&desk->look, desk->house, house_now(desk->house) + REST_EVERY_MS);
    return true;
}

/* ---- the concern ---- */

/* First what is at rest, then what is new: the other concerns must see an ask before they can be at rest with it. */
static bool desk_collect(void *self, struct err *err)
{
    struct request_desk *desk = self;
    return desk_settle(desk, err) && desk_take(desk, err);
}

static void desk_act(void *self)
{
    (void)self;
}

static int64_t desk_next_at_ms(const void *self)
{
    const struct request_desk *desk = self;
    if (desk->has_new && !desk->is_held)
        return 0;
    return list_is_empty(&desk->taken) ? INT64_MAX : look_next_at_ms(&desk->look, desk->house);
}

static bool desk_is_busy(const void *self)
{
    const struct request_desk *desk = self;
    bool has_work = (desk->has_new && !desk->is_held) || !list_is_empty(&desk->taken);
    return has_work && loop_n_stops(desk->house->loop) == 0;
}

struct concern request_desk_concern(struct request_desk *desk)
{
    return (struct concern){"requests",      desk,        desk_collect, desk_act,
                            desk_next_at_ms, desk_is_busy};
}

bool request_desk_has_errand(const struct request_desk *desk)
{
    return desk->has_errand;
}
