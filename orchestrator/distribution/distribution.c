#include "distribution/distribution.h"

#include "distribution/deployment.h"
#include "inventory/look.h"

/* In memory at once; and how long act may write files before others of the loop have their turn. */
enum { DEPLOYMENTS_MAX = 256, ACT_MS = 250 };

struct distribution {
    struct deliveries deliveries;
    const struct asks *asks;
    size_t asks_cursor;
    struct look look;
    struct distribution_result result;
    struct list deployments;
    size_t n_deployments;
    bool taken_in;
    int64_t next_due_at_ms;
};

struct distribution *distribution_new(struct house *house,
                                      const struct distribution_options *options)
{
    struct distribution *x = NEW(struct distribution);
    x->asks = options->asks;
    x->next_due_at_ms = INT64_MAX;
    x->deliveries = (struct deliveries){
        .house = house, .asks = options->asks, .servers = server_desk_new(house)};
    list_init(&x->deliveries.dirty);
    list_init(&x->deliveries.ready);
    list_init(&x->deployments);
    return x;
}

void distribution_free(struct distribution *x)
{
    if (x == NULL)
        return;
    server_desk_free(x->deliveries.servers);
    LIST_EACH (it, &x->deployments)
        deployment_free(LIST_OWNER(it, struct deployment, in_run));
    mem_free(x);
}

/* ---- taking up what is due ---- */

static bool ask_is_forced(const struct ask *ask)
{
    return ask->forced && (ask->parts & ASK_RENEW) == 0;
}

/* What is asked for by hand does not wait. Once an ask. */
static bool hasten(struct distribution *x, struct err *err)
{
    struct store *store = x->deliveries.house->store;
    int64_t now_ms = house_now(x->deliveries.house);
    const struct ask *ask;
    x->taken_in = true;
    while ((ask = asks_next(x->asks, ASK_DELIVER, &x->asks_cursor)) != NULL) {
        enum sql_name statement =
            ask_is_forced(ask) ? SQL_DEPLOYMENT_FORCE_SET : SQL_DEPLOYMENT_HASTEN_SET;
        if (ask->set == NULL && ask_is_forced(ask) &&
            !store_run(store, NULL, err, SQL_DEPLOYMENT_FORCE_ALL, "i", now_ms))
            return false;
        if (ask->set != NULL && !store_run(store, NULL, err, statement, "ti", ask->set, now_ms))
            return false;
    }
    return true;
}

static bool is_under_way(const struct distribution *x, int64_t id)
{
    LIST_EACH (it, &x->deployments)
        if (LIST_OWNER(it, struct deployment, in_run)->record->id == id)
            return true;
    return false;
}

struct ids {
    int64_t ids[DEPLOYMENTS_MAX];
    size_t n;
};

/* Rows under way are due as well, so that a kill leaves them due: among the first DEPLOYMENTS_MAX
 * rows there are as many others as there is room for. */
static bool due_read(struct distribution *x, struct ids *due, struct rows *rows, struct err *err)
{
    while (x->n_deployments + due->n < DEPLOYMENTS_MAX && rows_next(rows))
        if (!is_under_way(x, rows_int(rows, 0)))
            due->ids[due->n++] = rows_int(rows, 0);
    return rows_end(rows, err);
}

static bool due_find(struct distribution *x, struct ids *due, struct err *err)
{
    struct store *store = x->deliveries.house->store;
    int64_t now_ms = house_now(x->deliveries.house);
    struct rows rows;
    const struct ask *ask;
    size_t cursor = 0;
    if (asks_want_all(x->asks, ASK_DELIVER))
        return store_query(store, &rows, err, SQL_DEPLOYMENT_DUE, "ii", now_ms,
                           (int64_t)DEPLOYMENTS_MAX) &&
               due_read(x, due, &rows, err);
    while ((ask = asks_next(x->asks, ASK_DELIVER, &cursor)) != NULL)
        if (!store_query(store, &rows, err, SQL_DEPLOYMENT_DUE_OF_SET, "ti", ask->set, now_ms) ||
            !due_read(x, due, &rows, err))
            return false;
    return true;
}

static bool intake(struct distribution *x, struct err *err)
{
    struct ids due = {.n = 0};
    if (!hasten(x, err))
        return false;
    if (x->n_deployments >= DEPLOYMENTS_MAX || loop_n_stops(x->deliveries.house->loop) > 0)
        return true;
    if (!due_find(x, &due, err))
        return false;
    for (size_t i = 0; i < due.n; i++) {
        if (is_under_way(x, due.ids[i]))
            continue;
        struct deployment_record *record = NULL;
        if (!deployment_record_take(x->deliveries.house, due.ids[i], &record, err))
            return false;
        if (record == NULL)
            continue;
        struct deployment *d = deployment_new(&x->deliveries, record);
        list_push_back(&x->deployments, &d->in_run);
        x->n_deployments++;
    }
    return true;
}

/* The earliest that waits for time: of the sets that are asked for, or of all. */
static bool next_due_find(struct distribution *x, struct err *err)
{
    struct store *store = x->deliveries.house->store;
    int64_t now_ms = house_now(x->deliveries.house), at_ms = INT64_MAX;
    const struct ask *ask;
    size_t cursor = 0;
    x->next_due_at_ms = INT64_MAX;
    if (asks_want_all(x->asks, ASK_DELIVER))
        return store_int(store, INT64_MAX, &x->next_due_at_ms, err, SQL_DEPLOYMENT_NEXT, "i",
                         now_ms);
    while ((ask = asks_next(x->asks, ASK_DELIVER, &cursor)) != NULL) {
        if (!store_int(store, INT64_MAX, &at_ms, err, SQL_DEPLOYMENT_NEXT_OF_SET, "ti", ask->set,
                       now_ms))
            return false;
        if (at_ms < x->next_due_at_ms)
            x->next_due_at_ms = at_ms;
    }
    return true;
}

/* ---- the turn ---- */

static void deployment_retire(struct distribution *x, struct deployment *d)
{
    if (asks_is_own(x->asks, d->record->set)) {
        x->result.n_done += d->end == DEPLOY_ENDS_DONE;
        x->result.n_failed += d->end == DEPLOY_ENDS_FAILED || d->end == DEPLOY_ENDS_HELD;
    }
    x->n_deployments--;
    deployment_free(d);
}

static bool settle(struct distribution *x, struct err *err)
{
    struct list *it;
    while ((it = list_pop_front(&x->deliveries.dirty)) != NULL) {
        struct deployment *d = LIST_OWNER(it, struct deployment, in_dirty);
        if (!deployment_settle(d, err))
            return err_wrap(err, "set %s", d->record->set);
        if (d->end != DEPLOY_RUNS)
            deployment_retire(x, d);
    }
    return true;
}

static bool distribution_collect(void *self, struct err *err)
{
    struct distribution *x = self;
    if (x->deliveries.house->rehearsal)
        return true;
    size_t cursor = x->asks_cursor;
    if (!settle(x, err))
        return false;
    if (asks_lasts(x->asks) && !look_is_due(&x->look, x->deliveries.house) &&
        asks_next(x->asks, ASK_DELIVER, &cursor) == NULL)
        return true;
    if (!intake(x, err) || !next_due_find(x, err))
        return false;
    look_done(&x->look, x->deliveries.house, x->next_due_at_ms);
    return true;
}

/* Files are written here and not on threads: they are short, but many. What is left waits for the
 * next turn. */
static void distribution_act(void *self)
{
    struct distribution *x = self;
    struct house *house = x->deliveries.house;
    int64_t until_ms = clock_boot_ms(house->clock) + ACT_MS;
    while (!list_is_empty(&x->deliveries.ready) && clock_boot_ms(house->clock) < until_ms)
        deployment_step(
            LIST_OWNER(list_pop_front(&x->deliveries.ready), struct deployment, in_ready));
    server_desk_act(x->deliveries.servers);
    if (!list_is_empty(&x->deliveries.ready) || !list_is_empty(&x->deliveries.dirty))
        loop_wake(house->loop);
}

static int64_t distribution_next_at_ms(const void *self)
{
    const struct distribution *x = self;
    struct house *house = x->deliveries.house;
    bool lasts = asks_lasts(x->asks) && loop_n_stops(house->loop) == 0;
    int64_t servers_ms = server_desk_next_at_ms(x->deliveries.servers);
    int64_t due_ms = lasts ? look_next_at_ms(&x->look, house) : x->next_due_at_ms;
    return servers_ms < due_ms ? servers_ms : due_ms;
}

static bool distribution_is_busy(const void *self)
{
    const struct distribution *x = self;
    return !x->deliveries.house->rehearsal && (!x->taken_in || x->n_deployments > 0);
}

struct concern distribution_concern(struct distribution *x)
{
    return (struct concern){"distribution",          x,
                            distribution_collect,    distribution_act,
                            distribution_next_at_ms, distribution_is_busy};
}

bool distribution_set_at_ms(const struct distribution *x, const char *set, int64_t *ret_at_ms,
                            struct err *err)
{
    size_t cursor = x->asks_cursor;
    bool is_busy = !x->taken_in || asks_next(x->asks, ASK_DELIVER, &cursor) != NULL;
    LIST_EACH (it, &x->deployments)
        is_busy =
            is_busy || strcmp(LIST_OWNER(it, struct deployment, in_run)->record->set, set) == 0;
    if (!is_busy)
        return store_int(x->deliveries.house->store, INT64_MAX, ret_at_ms, err,
                         SQL_DEPLOYMENT_NEXT_OF_SET, "ti", set, (int64_t)0);
    *ret_at_ms = 0;
    return true;
}

bool distribution_result(struct distribution *x, struct distribution_result *ret, struct err *err)
{
    struct store *store = x->deliveries.house->store;
    struct distribution_result result = x->result;
    const char *const *own = asks_own(x->asks);
    int64_t n = 0;
    if (!x->deliveries.house->rehearsal && own == NULL) {
        if (!store_int(store, 0, &n, err, SQL_DEPLOYMENT_N_BEHIND, ""))
            return false;
        result.n_behind = (size_t)n;
    }
    for (; !x->deliveries.house->rehearsal && own != NULL && *own != NULL; own++) {
        if (!store_int(store, 0, &n, err, SQL_DEPLOYMENT_N_BEHIND_OF_SET, "t", *own))
            return false;
        result.n_behind += (size_t)n;
    }
    *ret = result;
    return true;
}
