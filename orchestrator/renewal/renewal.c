#include "renewal/renewal_inside.h"

#include "authority/lease.h"
#include "renewal/preflight.h"
#include "renewal/quota.h"

struct renewal *renewal_new(struct house *house, struct ca_office *office,
                            const struct renewal_options *options)
{
    struct renewal *r = NEW(struct renewal);
    r->house = house;
    r->office = office;
    r->options = *options;
    list_init(&r->jobs);
    list_init(&r->queue);
    list_init(&r->resting);
    list_init(&r->quota_queues);
    r->driver = (struct driver){.house = house,
                                .desk = txt_desk_new(house),
                                .arena = arena_new(),
                                .patience_ms = options->patience_ms};
    r->ari = ari_desk_new(house, office, options->asks);
    r->driver.preflights = preflights_new(house, txt_desk_finders(r->driver.desk));
    r->renew_leases_at_boot_ms = clock_boot_ms(house->clock) + SET_LEASE_RENEW_MS;
    r->n_lapses = house->n_lapses;
    heap_init(&r->driver.sleepers);
    list_init(&r->driver.dirty);
    list_init(&r->driver.outgoing);
    return r;
}

void renewal_free(struct renewal *r)
{
    if (r == NULL)
        return;
    LIST_EACH (it, &r->jobs)
        job_free(LIST_OWNER(it, struct job, in_run));
    LIST_EACH (it, &r->queue)
        waiting_free(LIST_OWNER(it, struct waiting, in_queue));
    LIST_EACH (it, &r->resting)
        resting_free(LIST_OWNER(it, struct resting, in_run));
    quota_queues_free(r);
    ari_desk_free(r->ari);
    preflights_free(r->driver.preflights);
    txt_desk_free(r->driver.desk);
    heap_fini(&r->driver.sleepers);
    arena_free(r->driver.arena);
    mem_free(r);
}

/* Orders in flight are bounded by the most generous CA; each CA bounds its own requests. */
static size_t renewal_room(const struct renewal *r)
{
    int64_t most = 1;
    const struct config *config = r->house->config;
    for (size_t i = 0; i < config->n_authorities; i++) {
        if (config->authorities[i].parallel > most)
            most = config->authorities[i].parallel;
    }
    return (size_t)most > r->n_jobs ? (size_t)most - r->n_jobs : 0;
}

/* One job tries a CA that was left alone: the rest wait for what it hears. */
static void hold_back(struct renewal *r, struct waiting *w)
{
    w->is_held_back = false;
    list_push_front(&r->queue, &w->in_queue);
    r->look_again_at_ms = house_now(r->house) + MS_SECOND;
}

/* Somebody else works on one of its names: it was looked at a moment ago. */
static bool waiting_is_at_rest(const struct renewal *r, const struct waiting *w)
{
    return w->is_at_rest && clock_boot_ms(r->house->clock) < w->look_again_boot_ms;
}

static void renewal_queue_resting(struct renewal *r, struct list *resting)
{
    struct list *it;
    while ((it = list_pop_front(resting)) != NULL) {
        list_push_back(&r->queue, it);
        r->look_again_at_ms = house_now(r->house) + MS_SECOND;
    }
}

/* Not by the clock of the house, which stands still during a turn. */
static bool turn_is_cut(const struct renewal *r)
{
    return r->cut_at_boot_ms != INT64_MAX && r->n_taken_up > 0 &&
           clock_boot_ms(&clock_system) >= r->cut_at_boot_ms;
}

static bool renewal_begin_more(struct renewal *r, struct err *err)
{
    size_t room = renewal_room(r);
    struct list resting;
    bool ok = true, go_on = true;
    r->look_again_at_ms = 0;
    if (loop_n_stops(r->house->loop) > 0)
        return true;
    list_init(&resting);
    while (ok && go_on && room > 0 && !list_is_empty(&r->queue) && !turn_is_cut(r)) {
        struct waiting *w = LIST_OWNER(list_pop_front(&r->queue), struct waiting, in_queue);
        bool was_at_rest = waiting_is_at_rest(r, w);
        r->n_taken_up += !was_at_rest;
        if (!was_at_rest)
            ok = waiting_begin(r, w, err);
        go_on = !w->is_held_back;
        if (ok && w->is_held_back) {
            hold_back(r, w);
        } else if (ok && w->is_at_rest) {
            list_push_back(&resting, &w->in_queue);
        } else {
            waiting_free(w);
            room--;
        }
    }
    renewal_queue_resting(r, &resting);
    return ok;
}

/* ---- the turn ---- */

/* Nobody sleeps longer than the patience of the run: a node further off saw the clock set back. */
static void renewal_wake(struct renewal *r)
{
    int64_t now_ms = house_now(r->house);
    for (;;) {
        struct heap_node *node = heap_first(&r->driver.sleepers);
        if (node == NULL || (node->at_ms > now_ms && node->at_ms <= now_ms + r->driver.patience_ms))
            return;
        heap_remove(&r->driver.sleepers, node);
        job_run(LIST_OWNER(node, struct job, sleep));
    }
}

static struct job *renewal_job(struct renewal *r, int64_t order_id)
{
    LIST_EACH (it, &r->jobs) {
        struct job *job = LIST_OWNER(it, struct job, in_run);
        if (job->record->order->id == order_id)
            return job;
    }
    return NULL;
}

static void renewal_hear_desk(struct renewal *r)
{
    int64_t order_id;
    while ((order_id = txt_desk_next_changed(r->driver.desk)) != 0) {
        struct job *job = renewal_job(r, order_id);
        if (job != NULL)
            job_txt_changed(job);
    }
}

static bool job_is_ours(struct renewal *r, const struct job *job, struct err *err)
{
    return set_lease_guard(r->house, job->record->order->set_name, job->record->fencing, err);
}

static bool renewal_settle(struct renewal *r, struct err *err)
{
    struct list *it;
    while (!turn_is_cut(r) && (it = list_pop_front(&r->driver.dirty)) != NULL) {
        struct job *job = LIST_OWNER(it, struct job, in_dirty);
        struct err why = {0};
        r->n_taken_up++;
        if (!job_is_ours(r, job, &why) && why.kind == ERR_HELD) {
            job_is_lost(r, job, &why);
            continue;
        }
        if (why.kind != ERR_NONE || !job_settle(job, &why))
            return err_set(err, why.kind, "set %s: %s", job->record->order->set_name, why.text);
        if (!job_retire(r, job, err))
            return false;
    }
    return true;
}

/* The lead was not sure for a while, and is ours again: meanwhile somebody may have ended a set lease, to lock a name. Whether each order is still
 * ours is asked before it sends anything. */
static void renewal_ask_again(struct renewal *r)
{
    if (r->n_lapses == r->house->n_lapses)
        return;
    r->n_lapses = r->house->n_lapses;
    LIST_EACH (it, &r->jobs)
        job_touch(LIST_OWNER(it, struct job, in_run));
}

/* Leases outlast a turn by far, but not an order that waits for name servers. */
static bool renewal_renew_leases(struct renewal *r, struct err *err)
{
    if (clock_boot_ms(r->house->clock) < r->renew_leases_at_boot_ms)
        return true;
    r->renew_leases_at_boot_ms = clock_boot_ms(r->house->clock) + SET_LEASE_RENEW_MS;
    LIST_EACH (it, &r->jobs) {
        const struct order_record *record = LIST_OWNER(it, struct job, in_run)->record;
        if (!set_lease_renew(r->house, record->order->set_name, record->fencing, SET_LEASE_MS, err))
            return false;
    }
    return true;
}

/* Settling may end orders, which makes room for others, which must be settled in turn. */
static bool renewal_settle_all(struct renewal *r, struct err *err)
{
    do {
        if (!renewal_settle(r, err) || !renewal_begin_more(r, err))
            return false;
    } while (!list_is_empty(&r->driver.dirty) && !turn_is_cut(r));
    return true;
}

/* What a CA wants renewed now is renewed in this run. */
static bool renewal_take_more(struct renewal *r, struct err *err)
{
    char **due = ari_desk_take_due(r->ari);
    if (due == NULL)
        return true;
    bool ok = renewal_intake_more(r, due, err) && renewal_settle_all(r, err);
    for (char **set = due; *set != NULL; set++)
        mem_free(*set);
    mem_free(due);
    return ok;
}

static bool renewal_ask_when(struct renewal *r, struct err *err)
{
    if (r->has_issued)
        ari_desk_look(r->ari);
    r->has_issued = false;
    return ari_desk_collect(r->ari, err) && renewal_take_more(r, err);
}

static void turn_cut_plan(struct renewal *r)
{
    int64_t slice_ms = house_slice_ms(r->house);
    r->n_taken_up = 0;
    r->cut_at_boot_ms = slice_ms != INT64_MAX ? clock_boot_ms(&clock_system) + slice_ms : INT64_MAX;
}

static bool renewal_collect(void *self, struct err *err)
{
    struct renewal *r = self;
    turn_cut_plan(r);
    if (!(r->taken_in ? renewal_intake_new(r, err) : renewal_intake(r, err)) ||
        !renewal_renew_leases(r, err))
        return false;
    renewal_ask_again(r);
    renewal_hear_desk(r);
    renewal_wake(r);
    bool ok = renewal_settle_all(r, err) && renewal_ask_when(r, err);
    r->is_cut = turn_is_cut(r) && (!list_is_empty(&r->driver.dirty) || !list_is_empty(&r->queue));
    return ok && txt_desk_collect(r->driver.desk, err) && ca_office_save(r->office, err);
}

static void renewal_act(void *self)
{
    struct renewal *r = self;
    LIST_EACH (it, &r->driver.outgoing)
        job_send(LIST_OWNER(it, struct job, in_outgoing));
    arena_reset(r->driver.arena);
    txt_desk_act(r->driver.desk);
    ari_desk_act(r->ari);
}

static int64_t renewal_next_at_ms(const void *self)
{
    const struct renewal *r = self;
    int64_t desk_ms = txt_desk_next_at_ms(r->driver.desk);
    if (r->is_cut)
        return house_now(r->house);
    if (ari_desk_next_at_ms(r->ari) < desk_ms)
        desk_ms = ari_desk_next_at_ms(r->ari);
    const struct heap_node *first = heap_first(&r->driver.sleepers);
    if (r->look_again_at_ms != 0 && r->look_again_at_ms < desk_ms)
        desk_ms = r->look_again_at_ms;
    if (renewal_look_at_ms(r) < desk_ms)
        desk_ms = renewal_look_at_ms(r);
    return first != NULL && first->at_ms < desk_ms ? first->at_ms : desk_ms;
}

static bool renewal_is_busy(const void *self)
{
    const struct renewal *r = self;
    bool can_begin = !list_is_empty(&r->queue) && loop_n_stops(r->house->loop) == 0;
    return !r->taken_in || r->driver.n_out > 0 || can_begin || !list_is_empty(&r->driver.dirty) ||
           txt_desk_is_busy(r->driver.desk) || ari_desk_is_busy(r->ari);
}

struct concern renewal_concern(struct renewal *r)
{
    return (struct concern){"renewal",      r, renewal_collect, renewal_act, renewal_next_at_ms,
                            renewal_is_busy};
}
