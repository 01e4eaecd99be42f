#include "renewal/renewal_inside.h"

#include "authority/lease.h"
#include "authority/lock.h"
#include "inventory/plan.h"
#include "inventory/register.h"
#include "renewal/quota.h"

struct waiting *waiting_new(const char *set, const char *why, int64_t order_id)
{
    struct waiting *w = NEW(struct waiting);
    w->set = mem_strdup(set);
    w->why = mem_strdup(why);
    w->order_id = order_id;
    return w;
}

struct waiting *waiting_new_lane(const char *set, const char *lane, unsigned tried, const char *why)
{
    struct waiting *w = waiting_new(set, why, 0);
    w->lane = mem_strdup(lane);
    w->tried = tried;
    return w;
}

void waiting_free(struct waiting *w)
{
    list_remove(&w->in_queue);
    mem_free(w->set);
    mem_free(w->why);
    mem_free(w->lane);
    mem_free(w->fallback);
    mem_free(w);
}

bool renewal_is_forced(const struct renewal *r, const char *set)
{
    return asks_by_hand(r->options.asks, set);
}

/* No order waits for more than a day and its jitter: what is further off is damage. */
enum { PUT_OFF_MAX_MS = 27 * 60 * 60 * 1000 };

static bool is_put_off(const struct renewal *r, const char *set, int64_t next_at_ms)
{
    int64_t wait_ms = next_at_ms - house_now(r->house);
    return !renewal_is_forced(r, set) && wait_ms > r->driver.patience_ms &&
           wait_ms <= PUT_OFF_MAX_MS;
}

/* What belongs to a set that is gone is given up now, whatever it waits for. */
void intake_open_order(struct renewal *r, const struct rows *rows)
{
    bool is_gone = rows_int(rows, 4) != 0;
    const char *set = rows_text(rows, 1);
    int64_t next_at_ms = rows_int(rows, 2);
    if (!is_gone && is_put_off(r, set, next_at_ms)) {
        renewal_put_off(r, set, rows_text(rows, 3), next_at_ms);
        return;
    }
    struct waiting *w = waiting_new(set, "", rows_int(rows, 0));
    w->is_gone = is_gone;
    list_push_back(&r->queue, &w->in_queue);
}

static bool intake_open_orders(struct renewal *r, struct err *err)
{
    struct rows rows;
    if (!store_query(r->house->store, &rows, err, SQL_ORDER_OPEN_IDS, ""))
        return false;
    while (rows_next(&rows)) {
        if (asks_want(r->options.asks, ASK_RENEW, rows_text(&rows, 1)))
            intake_open_order(r, &rows);
    }
    return rows_end(&rows, err);
}

struct taking_in {
    struct renewal *renewal;
    struct err *err;
    bool ok;
};

static void directory_seen(void *arg, const struct err *err)
{
    struct renewal *r = arg;
    (void)err; /* It is looked at again tomorrow. What changed in it was seen when it was kept. */
    r->driver.n_out--;
}

/* The CA whose directory is that one, if it may be asked and was not asked a moment ago. */
static struct ca *ca_to_look_at(struct renewal *r, const char *directory)
{
    const struct config *config = r->house->config;
    struct ca *ca = NULL;
    for (size_t i = 0; i < config->n_authorities; i++)
        if (strcmp(config->authorities[i].directory, directory) == 0 &&
            ca_open(r->office, config->authorities[i].name, &ca, NULL))
            return ca_directory_is_fresh(ca) ? NULL : ca;
    return NULL;
}

/* Once a day the directory of a held set's CA is looked at, once for all of its sets: new terms or profiles may end the hold. */
static bool hold_look(struct renewal *r, const struct plan_line *line, struct err *err)
{
    struct rows rows;
    struct ca *ca = NULL;
    if (line->at_ms > house_now(r->house))
        return true;
    if (!store_query(r->house->store, &rows, err, SQL_SET_HOLD_DIRECTORY, "t", line->set))
        return false;
    if (rows_next(&rows) && rows_text(&rows, 0) != NULL)
        ca = ca_to_look_at(r, rows_text(&rows, 0));
    if (!rows_end(&rows, err) ||
        !register_schedule(r->house, line->set, house_now(r->house) + MS_DAY, "retry", err))
        return false;
    if (ca != NULL) {
        r->driver.n_out++;
        ca_fetch_directory(ca, directory_seen, r);
    }
    return true;
}

static void line_queue(struct renewal *r, const struct plan_line *line)
{
    const char *why = line->is_now ? line->why : "asked for by hand";
    list_push_back(&r->queue, &waiting_new_lane(line->set, line->lane, 0, why)->in_queue);
}

bool intake_line(struct renewal *r, const struct plan_line *line, struct err *err)
{
    const struct asks *asks = r->options.asks;
    bool waits = line->action == PLAN_RETRY || line->action == PLAN_HELD;
    if (line->action == PLAN_CONTINUE || line->action == PLAN_BROKEN ||
        !asks_want(asks, ASK_RENEW, line->set))
        return true;
    bool by_hand =
        ((line->action == PLAN_NONE || waits) && asks_force(asks, ASK_RENEW, line->set)) ||
        (waits && asks_retry(asks, line->set));
    if (line->is_now || by_hand) {
        line_queue(r, line);
        return line->lane == NULL ||
               lanes_join(r, line->set, line->lane, renewal_is_forced(r, line->set), err);
    }
    if (line->action == PLAN_HELD)
        return hold_look(r, line, err);
    /* Nothing is to be done though the row says so: it would be looked at in every run. */
    return line->action != PLAN_NONE || line->at_ms <= house_now(r->house) ||
           register_schedule(r->house, line->set, line->at_ms, "due", err);
}

static bool intake_due(void *arg, const struct plan_line *line)
{
    struct taking_in *t = arg;
    t->ok = intake_line(t->renewal, line, t->err);
    return t->ok;
}

/* By hand the sets that wait for their next try are taken up as well. */
static bool intake_sets(struct renewal *r, struct err *err)
{
    struct taking_in t = {r, err, true};
    const struct ask *ask;
    bool all = false;
    while ((ask = asks_next(r->options.asks, ASK_RENEW, &r->asks_cursor)) != NULL)
        all = all || ask->forced || ask->retries;
    if (!plan_each(r->house, all, intake_due, &t, err) || !t.ok)
        return false;
    return all || renewal_sets_waiting(r->house, asks_own(r->options.asks), &r->result, err);
}

bool renewal_intake(struct renewal *r, struct err *err)
{
    r->taken_in = true;
    r->taken_until_ms = house_now(r->house);
    return set_leases_free(r->house, err) && account_holds_mend(r->house, err) &&
           ledger_sweep(r->house, err) && lock_sweep(r->house, err) &&
           txt_desk_load(r->driver.desk, err) && intake_open_orders(r, err) && intake_sets(r, err);
}
