#include "renewal/renewal_inside.h"

#include "inventory/register.h"

/* What can be known of at once: with more in the queue, what is due is in it already. */
enum { KNOWN_MAX = 4096 };

void resting_free(struct resting *resting)
{
    list_remove(&resting->in_run);
    mem_free(resting->set);
    mem_free(resting);
}

static struct resting *resting_find(const struct renewal *r, const char *set)
{
    LIST_EACH (it, &r->resting) {
        struct resting *resting = LIST_OWNER(it, struct resting, in_run);
        if (strcmp(resting->set, set) == 0)
            return resting;
    }
    return NULL;
}

void renewal_rest(struct renewal *r, const char *set, int64_t at_ms, bool is_held)
{
    if (!asks_lasts(r->options.asks))
        return;
    struct resting *resting = resting_find(r, set);
    if (resting == NULL) {
        resting = NEW(struct resting);
        resting->set = mem_strdup(set);
        list_push_back(&r->resting, &resting->in_run);
    }
    resting->at_ms = at_ms;
    resting->is_held = is_held;
}

static bool is_under_way(const struct renewal *r, const char *set)
{
    LIST_EACH (it, &r->jobs)
        if (strcmp(LIST_OWNER(it, struct job, in_run)->record->order->set_name, set) == 0)
            return true;
    LIST_EACH (it, &r->queue)
        if (strcmp(LIST_OWNER(it, struct waiting, in_queue)->set, set) == 0)
            return true;
    return false;
}

/* ---- one set, by name ---- */

static bool order_take(struct renewal *r, const char *set, struct err *err)
{
    struct rows rows;
    if (!store_query(r->house->store, &rows, err, SQL_ORDER_OPEN_ROW_OF_SET, "t", set))
        return false;
    if (rows_next(&rows))
        intake_open_order(r, &rows);
    return rows_end(&rows, err);
}

struct taking_one {
    struct renewal *renewal;
    struct err *err;
    bool ok;
};

/* What has an order is PLAN_CONTINUE. */
static bool take_line(void *arg, const struct plan_line *line)
{
    struct taking_one *t = arg;
    if (!is_under_way(t->renewal, line->set) && resting_find(t->renewal, line->set) == NULL)
        t->ok = intake_line(t->renewal, line, t->err);
    return t->ok;
}

static bool set_take(struct renewal *r, const char *set, struct err *err)
{
    struct taking_one t = {r, err, true};
    struct resting *resting = resting_find(r, set);
    if (resting != NULL)
        resting_free(resting);
    if (is_under_way(r, set))
        return true;
    return order_take(r, set, err) && plan_set(r->house, set, take_line, &t, err) && t.ok;
}

bool renewal_intake_more(struct renewal *r, char *const *sets, struct err *err)
{
    for (char *const *set = sets; *set != NULL; set++)
        if (!set_take(r, *set, err))
            return false;
    return true;
}

/* ---- what became due ---- */

/* An order within the run's patience is under way already. */
static bool orders_take(struct renewal *r, int64_t from_ms, struct err *err)
{
    struct rows rows;
    if (!store_query(r->house->store, &rows, err, SQL_ORDER_OPEN_ROWS_DUE, "ii", from_ms,
                     house_now(r->house)))
        return false;
    while (rows_next(&rows)) {
        const char *set = rows_text(&rows, 1);
        if (!is_under_way(r, set) && resting_find(r, set) == NULL &&
            asks_want(r->options.asks, ASK_RENEW, set))
            intake_open_order(r, &rows);
    }
    return rows_end(&rows, err);
}

static bool due_take(struct renewal *r, int64_t from_ms, struct err *err)
{
    struct taking_one t = {r, err, true};
    int64_t now_ms = house_now(r->house);
    if (from_ms > now_ms) /* the clock was set back */
        from_ms = now_ms;
    if (!orders_take(r, from_ms, err) || !plan_each_due(r->house, from_ms, take_line, &t, err) ||
        !t.ok)
        return false;
    r->taken_until_ms = now_ms;
    return true;
}

static bool rested_take(struct renewal *r, struct err *err)
{
    int64_t now_ms = house_now(r->house);
    LIST_EACH (it, &r->resting) {
        struct resting *resting = LIST_OWNER(it, struct resting, in_run);
        if (resting->at_ms > now_ms && resting->at_ms <= now_ms + MS_DAY)
            continue;
        AUTO(mem_fini)
        char *set = mem_strdup(resting->set);
        if (!set_take(r, set, err))
            return false;
    }
    return true;
}

static int64_t rested_at_ms(const struct renewal *r)
{
    int64_t at_ms = INT64_MAX;
    LIST_EACH (it, &r->resting)
        if (LIST_OWNER(it, struct resting, in_run)->at_ms < at_ms)
            at_ms = LIST_OWNER(it, struct resting, in_run)->at_ms;
    return at_ms;
}

/* Renewal information is looked at when it is due, not whenever something was written. */
static bool look(struct renewal *r, struct err *err)
{
    int64_t next_at_ms = INT64_MAX, ari_at_ms = INT64_MAX;
    if (!rested_take(r, err) || !due_take(r, r->taken_until_ms, err) ||
        !store_int(r->house->store, INT64_MAX, &ari_at_ms, err, SQL_ARI_FIRST, "") ||
        !store_int(r->house->store, INT64_MAX, &next_at_ms, err, SQL_RENEWAL_NEXT, "i",
                   house_now(r->house)))
        return false;
    if (ari_at_ms <= house_now(r->house))
        ari_desk_look(r->ari);
    else if (ari_at_ms < next_at_ms)
        next_at_ms = ari_at_ms;
    if (rested_at_ms(r) < next_at_ms)
        next_at_ms = rested_at_ms(r);
    look_done(&r->look, r->house, next_at_ms);
    return true;
}

int64_t renewal_look_at_ms(const struct renewal *r)
{
    if (!asks_lasts(r->options.asks) || loop_n_stops(r->house->loop) > 0)
        return INT64_MAX;
    return look_next_at_ms(&r->look, r->house);
}

/* ---- what is asked for ---- */

static bool ask_take(struct renewal *r, const struct ask *ask, struct err *err)
{
    if (ask->set != NULL)
        return set_take(r, ask->set, err);
    size_t n = r->n_jobs;
    LIST_EACH (it, &r->queue)
        n++;
    return n > KNOWN_MAX || due_take(r, 0, err);
}

bool renewal_intake_new(struct renewal *r, struct err *err)
{
    const struct ask *ask;
    if (loop_n_stops(r->house->loop) > 0)
        return true;
    while ((ask = asks_next(r->options.asks, ASK_RENEW, &r->asks_cursor)) != NULL)
        if (!ask_take(r, ask, err))
            return false;
    return !asks_lasts(r->options.asks) || !look_is_due(&r->look, r->house) || look(r, err);
}

/* ---- is it at rest? ---- */

/* Records that an order left behind are taken away beside it, as far as the desk can. */
static bool sweep_at_ms(const struct renewal *r, const char *set, int64_t *ret_at_ms,
                        struct err *err)
{
    int64_t is_open = 0;
    if (!store_int(r->house->store, 0, &is_open, err, SQL_SWEEP_IS_OPEN, "t", set))
        return false;
    if (is_open != 0)
        *ret_at_ms = txt_desk_is_busy(r->driver.desk) ? 0 : txt_desk_next_at_ms(r->driver.desk);
    return true;
}

bool renewal_set_at_ms(const struct renewal *r, const char *set, int64_t *ret_at_ms,
                       struct err *err)
{
    const struct resting *resting = resting_find(r, set);
    size_t cursor = r->asks_cursor;
    if (!r->taken_in || is_under_way(r, set) ||
        asks_next(r->options.asks, ASK_RENEW, &cursor) != NULL) {
        *ret_at_ms = 0;
        return true;
    }
    if (resting != NULL) {
        *ret_at_ms = resting->is_held ? INT64_MAX : resting->at_ms;
        return true;
    }
    int64_t order_ms = INT64_MAX, sweep_ms = INT64_MAX;
    if (!store_int(r->house->store, INT64_MAX, &order_ms, err, SQL_ORDER_OPEN_NEXT_OF_SET, "t",
                   set) ||
        !sweep_at_ms(r, set, &sweep_ms, err))
        return false;
    *ret_at_ms = order_ms < sweep_ms ? order_ms : sweep_ms;
    return true;
}
