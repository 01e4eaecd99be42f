#include "monitoring/monitoring.h"

#include "crypto/key.h"
#include "inventory/event.h"
#include "inventory/lifetime.h"
#include "inventory/look.h"
#include "inventory/plan.h"
#include "inventory/register.h"
#include "monitoring/watch.h"

enum {
    WATCHES_MAX = 64,
    GRACE_AFTER_DELIVERY_MS = 60 * 1000,
    LOOKS_IN_GRACE = 6,
    WRONG_AGAIN_MS = 5 * 60 * 1000,
    DELIVERED_SOON_MS = 5 * 1000
};

struct monitoring {
    struct house *house;
    const struct asks *asks;
    size_t asks_cursor;
    struct look look;
    struct list watches;
    size_t n_watches, n_out;
    bool taken_in;           /* the forced first look */
    int64_t forced_after_id; /* forced: endpoints up to this id were taken */
    bool forced_over;
    int64_t next_due_at_ms, began_at_ms;
    struct monitoring_result result;
};

struct monitoring *monitoring_new(struct house *house, const struct monitoring_options *options)
{
    struct monitoring *m = NEW(struct monitoring);
    m->house = house;
    m->asks = options->asks;
    m->next_due_at_ms = INT64_MAX;
    m->began_at_ms = house_now(house);
    m->forced_over = true;
    list_init(&m->watches);
    return m;
}

void monitoring_free(struct monitoring *m)
{
    if (m == NULL)
        return;
    LIST_EACH (it, &m->watches)
        watch_free(LIST_OWNER(it, struct watch, in_monitoring));
    mem_free(m);
}

static bool watch_is_on(const struct monitoring *m, int64_t endpoint_id)
{
    LIST_EACH (it, &m->watches) {
        if (LIST_OWNER(it, struct watch, in_monitoring)->id == endpoint_id)
            return true;
    }
    return false;
}

/* ---- taking up what is due ---- */

static const struct endpoint_config *settings_find(const struct set_config *set,
                                                   const char *endpoint)
{
    for (size_t i = 0; i < set->n_endpoints; i++) {
        if (strcmp(set->endpoints[i].text, endpoint) == 0)
            return &set->endpoints[i];
    }
    return NULL;
}

/* ABSENT when there is none. */
static bool unit_load(struct watch *watch, struct err *err)
{
    struct certificate **unit = NULL;
    size_t n = 0;
    if (!held_unit(watch->house, watch->set, true, &unit, &n, err))
        return false;
    if (n == 0)
        return err_set(err, ERR_ABSENT, "set %s has no certificate yet", watch->set);
    certificates_free(watch->unit, watch->n_unit);
    watch->unit = unit;
    watch->n_unit = n;
    return true;
}

/* False with err ABSENT: there is nothing to compare with, the endpoint rests until there is. */
static bool watch_load(struct watch *watch, struct err *err)
{
    if (!register_set(watch->house, watch->set, &watch->config, err) || !unit_load(watch, err))
        return false;
    watch->settings = settings_find(watch->config, watch->endpoint);
    return watch->settings != NULL ||
           err_set(err, ERR_ABSENT, "endpoint %s is no longer configured", watch->endpoint);
}

/* A set that cannot be read now may be mended later: only what is not there rests. */
static bool endpoint_skip(struct monitoring *m, int64_t id, const struct err *why, struct err *err)
{
    if (why->kind == ERR_STORE)
        return err_set(err, why->kind, "%s", why->text);
    if (why->kind == ERR_ABSENT)
        return store_run(m->house->store, NULL, err, SQL_ENDPOINT_REST, "i", id);
    return store_run(m->house->store, NULL, err, SQL_ENDPOINT_AGAIN, "ii", id,
                     house_now(m->house) + WRONG_AGAIN_MS);
}

static bool watch_begin(struct monitoring *m, const struct rows *rows, struct err *err)
{
    struct watch *watch = NEW(struct watch);
    struct err why = {0};
    watch->house = m->house;
    watch->n_out = &m->n_out;
    watch->id = rows_int(rows, 0);
    watch->set = mem_strdup(rows_text(rows, 1));
    watch->endpoint = mem_strdup(rows_text(rows, 2));
    watch->old_verdict = mem_strdup(rows_text(rows, 3));
    watch->since_at_ms = rows_int(rows, 4);
    if (!watch_load(watch, &why)) {
        int64_t id = watch->id;
        watch_free(watch);
        return endpoint_skip(m, id, &why, err);
    }
    watch->starts = true;
    list_push_back(&m->watches, &watch->in_monitoring);
    m->n_watches++;
    return true;
}

static bool take_rows(struct monitoring *m, struct rows *rows, struct err *err)
{
    bool ok = true;
    while (ok && m->n_watches < WATCHES_MAX && rows_next(rows)) {
        int64_t id = rows_int(rows, 0);
        if (!m->forced_over && id <= m->forced_after_id)
            continue;
        m->forced_after_id = m->forced_over ? m->forced_after_id : id;
        if (!watch_is_on(m, id) && asks_want(m->asks, ASK_VERIFY, rows_text(rows, 1)))
            ok = watch_begin(m, rows, err);
    }
    return rows_end(rows, ok ? err : NULL) && ok;
}

static bool ask_is_forced(const struct ask *ask)
{
    return ask->forced && (ask->parts & ASK_RENEW) == 0;
}

/* What is there from the beginning and forced is looked at from the first endpoint to the last; a set that is asked for later is made due. */
static bool take_asked(struct monitoring *m, struct err *err)
{
    const struct ask *ask;
    while ((ask = asks_next(m->asks, ASK_VERIFY, &m->asks_cursor)) != NULL) {
        if (!ask_is_forced(ask))
            continue;
        if (!m->taken_in || ask->set == NULL) {
            m->forced_over = false;
            m->forced_after_id = 0;
        } else if (!store_run(m->house->store, NULL, err, SQL_ENDPOINT_HASTEN_SET, "ti", ask->set,
                              house_now(m->house))) {
            return false;
        }
    }
    return true;
}

static bool take_forced(struct monitoring *m, struct err *err)
{
    struct rows rows;
    size_t before = m->n_watches;
    if (!store_query(m->house->store, &rows, err, SQL_ENDPOINT_ALL, "") ||
        !take_rows(m, &rows, err))
        return false;
    m->forced_over = m->n_watches < WATCHES_MAX || m->n_watches == before;
    return true;
}

/* Of a run that is to end only what it delivered is waited for: in a large house another endpoint is due every second. */
static bool next_due_find(struct monitoring *m, struct err *err)
{
    int64_t now_ms = house_now(m->house);
    if (asks_lasts(m->asks))
        return store_int(m->house->store, INT64_MAX, &m->next_due_at_ms, err, SQL_ENDPOINT_NEXT,
                         "i", now_ms);
    return store_int(m->house->store, INT64_MAX, &m->next_due_at_ms, err,
                     SQL_ENDPOINT_NEXT_DELIVERED, "iii", now_ms, now_ms + DELIVERED_SOON_MS,
                     m->began_at_ms);
}

static bool take_due(struct monitoring *m, struct err *err)
{
    struct rows rows;
    bool wants_all = asks_want_all(m->asks, ASK_VERIFY);
    if (m->n_watches >= WATCHES_MAX)
        return true;
    if (!m->forced_over)
        return take_forced(m, err) && next_due_find(m, err);
    return store_query(m->house->store, &rows, err, SQL_ENDPOINT_DUE, "ii", house_now(m->house),
                       wants_all ? (int64_t)WATCHES_MAX * 4 : INT64_MAX) &&
           take_rows(m, &rows, err) && next_due_find(m, err);
}

static bool monitoring_look(struct monitoring *m, struct err *err)
{
    size_t cursor = m->asks_cursor;
    bool is_asked = asks_next(m->asks, ASK_VERIFY, &cursor) != NULL;
    if (!take_asked(m, err))
        return false;
    m->taken_in = true;
    if (asks_lasts(m->asks) && !is_asked && m->forced_over && !look_is_due(&m->look, m->house))
        return true;
    if (!take_due(m, err))
        return false;
    look_done(&m->look, m->house, m->next_due_at_ms);
    return true;
}

/* ---- what was seen ---- */

/* Servers reload in their own time: after a delivery a wrong sight is looked at again before it counts. */
static bool watch_has_grace(struct watch *watch, bool *ret_grace, struct err *err)
{
    static const int64_t pauses_ms[LOOKS_IN_GRACE] = {250, 500, 1000, 2000, 3000, 4000};
    int64_t delivered_at_ms = 0, now_ms = house_now(watch->house);
    if (!store_int(watch->house->store, 0, &delivered_at_ms, err, SQL_ENDPOINT_DELIVERED_AT, "t",
                   watch->set))
        return false;
    *ret_grace =
        watch->n_looks < LOOKS_IN_GRACE && now_ms - delivered_at_ms < GRACE_AFTER_DELIVERY_MS;
    if (*ret_grace)
        watch->again_at_ms = now_ms + pauses_ms[watch->n_looks - 1];
    return true;
}

static void watch_tell(const struct watch *watch, enum endpoint_verdict verdict, bool changed,
                       const char *text)
{
    bool fine = verdict == ENDPOINT_IS_MATCH;
    house_say_end(watch->house, watch->set, "verify", !fine, "%s: %s", watch->endpoint, text);
    if (changed)
        event_write(watch->house, fine ? EVENT_ENDPOINT_MATCH : EVENT_ENDPOINT_WRONG, watch->set, 0,
                    "%s: %s", watch->endpoint, text);
}

static bool watch_save(struct monitoring *m, struct watch *watch, enum endpoint_verdict verdict,
                       const char *text, struct err *err)
{
    struct lifetime life;
    if (!lifetime_of_set(m->house, watch->set, &life, err))
        return false;
    /* Of what lives for a day only, six hours would be a quarter. */
    int64_t now_ms = house_now(m->house),
            every_ms = lifetime_look_ms(&life, watch->config->verify_every_ms);
    bool fine = verdict == ENDPOINT_IS_MATCH;
    bool changed = watch->old_verdict == NULL ||
                   strcmp(watch->old_verdict, endpoint_verdict_name(verdict)) != 0;
    int64_t pause_ms = fine || every_ms < WRONG_AGAIN_MS ? every_ms : WRONG_AGAIN_MS;
    int64_t next_ms = now_ms + pause_ms - (int64_t)random_below((uint64_t)(pause_ms / 10 + 1));

    m->result.n_endpoints++;
    if (fine)
        m->result.n_match++;
    watch_tell(watch, verdict, changed, text);
    return store_run(m->house->store, NULL, err, SQL_ENDPOINT_SAVE, "itiitii", watch->id,
                     endpoint_verdict_name(verdict), now_ms, changed ? now_ms : watch->since_at_ms,
                     fine ? NULL : text, unit_newest(watch->unit, watch->n_unit)->id, next_ms);
}

static void watch_end(struct monitoring *m, struct watch *watch)
{
    m->n_watches--;
    watch_free(watch);
}

static bool watch_settle(struct monitoring *m, struct watch *watch, struct err *err)
{
    enum endpoint_verdict verdict;
    bool grace = false;
    int64_t is_there = 0;
    AUTO(buf_fini)
    struct buf text = BUF(8 * 1024);
    /* Another process may have read the set's file again meanwhile. */
    if (!store_int(m->house->store, 0, &is_there, err, SQL_ENDPOINT_EXISTS, "i", watch->id))
        return false;
    if (is_there == 0) {
        watch_end(m, watch);
        return true;
    }
    if (!watch_judge(watch, &verdict, &text, err))
        return false;
    if (verdict != ENDPOINT_IS_MATCH && !watch_has_grace(watch, &grace, err))
        return false;
    if (grace) {
        house_say(m->house, watch->set, "verify", "%s: not yet: %s", watch->endpoint,
                  buf_cstr(&text));
        watch_reset(watch);
        return true;
    }
    bool ok = watch_save(m, watch, verdict, buf_cstr(&text), err);
    watch_end(m, watch);
    return ok;
}

/* A newer certificate may have been delivered between two looks. */
static bool watch_look_again(struct watch *watch, struct err *err)
{
    struct err why = {0};
    watch->again_at_ms = 0;
    watch->starts = true;
    return unit_load(watch, &why) || why.kind != ERR_STORE ||
           err_set(err, why.kind, "%s", why.text);
}

/* ---- the concern ---- */

static bool monitoring_collect(void *self, struct err *err)
{
    struct monitoring *m = self;
    int64_t now_ms = house_now(m->house);
    LIST_EACH (it, &m->watches) {
        struct watch *watch = LIST_OWNER(it, struct watch, in_monitoring);
        if (watch->is_over && !watch_settle(m, watch, err))
            return false;
    }
    LIST_EACH (it, &m->watches) {
        struct watch *watch = LIST_OWNER(it, struct watch, in_monitoring);
        if (watch->again_at_ms != 0 && watch->again_at_ms <= now_ms &&
            !watch_look_again(watch, err))
            return false;
    }
    return monitoring_look(m, err);
}

static void monitoring_act(void *self)
{
    struct monitoring *m = self;
    LIST_EACH (it, &m->watches) {
        struct watch *watch = LIST_OWNER(it, struct watch, in_monitoring);
        if (watch->starts)
            watch_start(watch);
    }
}

static int64_t monitoring_next_at_ms(const void *self)
{
    const struct monitoring *m = self;
    bool lasts = asks_lasts(m->asks) && loop_n_stops(m->house->loop) == 0;
    int64_t next_at_ms = lasts ? look_next_at_ms(&m->look, m->house) : m->next_due_at_ms;
    LIST_EACH (it, &m->watches) {
        const struct watch *watch = LIST_OWNER(it, struct watch, in_monitoring);
        if (watch->again_at_ms != 0 && watch->again_at_ms < next_at_ms)
            next_at_ms = watch->again_at_ms;
    }
    return next_at_ms;
}

static bool monitoring_is_busy(const void *self)
{
    const struct monitoring *m = self;
    bool over = false;
    LIST_EACH (it, &m->watches)
        over = over || LIST_OWNER(it, struct watch, in_monitoring)->is_over;
    return !m->taken_in || !m->forced_over || m->n_out > 0 || over;
}

struct concern monitoring_concern(struct monitoring *m)
{
    return (struct concern){"monitoring",          m,
                            monitoring_collect,    monitoring_act,
                            monitoring_next_at_ms, monitoring_is_busy};
}

size_t monitoring_n_watches(const struct monitoring *m)
{
    return m->n_watches;
}

bool monitoring_set_at_ms(const struct monitoring *m, const char *set, int64_t *ret_at_ms,
                          struct err *err)
{
    int64_t at_ms = INT64_MAX;
    size_t cursor = m->asks_cursor;
    bool is_busy =
        !m->taken_in || !m->forced_over || asks_next(m->asks, ASK_VERIFY, &cursor) != NULL;
    LIST_EACH (it, &m->watches)
        is_busy = is_busy || strcmp(LIST_OWNER(it, struct watch, in_monitoring)->set, set) == 0;
    if (!is_busy &&
        !store_int(m->house->store, INT64_MAX, &at_ms, err, SQL_ENDPOINT_NEXT_OF_SET, "t", set))
        return false;
    if (at_ms > house_now(m->house) + DELIVERED_SOON_MS)
        at_ms = INT64_MAX;
    *ret_at_ms = is_busy ? 0 : at_ms;
    return true;
}

bool monitoring_result(struct monitoring *m, struct monitoring_result *ret, struct err *err)
{
    struct rows rows;
    *ret = m->result;
    if (!store_query(m->house->store, &rows, err, SQL_ENDPOINT_VERDICTS, ""))
        return false;
    while (rows_next(&rows)) {
        if (asks_is_own(m->asks, rows_text(&rows, 0)) &&
            strcmp(rows_text(&rows, 1), endpoint_verdict_name(ENDPOINT_IS_MATCH)) != 0)
            ret->n_wrong++;
    }
    return rows_end(&rows, err);
}
