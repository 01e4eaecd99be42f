#include "renewal/renewal.h"

#include "authority/lease.h"
#include "inventory/event.h"
#include "inventory/plan.h"
#include "inventory/register.h"
#include "renewal/driver.h"

enum { SET_LEASE_MS = 10 * 60 * 1000 };

/* A set that waits for its turn: orders in flight are bounded per CA. */
struct waiting {
    struct list in_queue;
    char *set, *why;
    int64_t order_id; /* of an open order to go on with; 0: a new one */
};

struct renewal {
    struct house *house;
    struct ca_office *office;
    struct renewal_options options;
    struct renewal_result result;
    struct driver driver;
    struct list jobs, queue;
    size_t n_jobs;
    bool taken_in, told_clock;
};

static struct waiting *waiting_new(const char *set, const char *why, int64_t order_id)
{
    struct waiting *w = NEW(struct waiting);
    w->set = mem_strdup(set);
    w->why = mem_strdup(why);
    w->order_id = order_id;
    return w;
}

static void waiting_free(struct waiting *w)
{
    list_remove(&w->in_queue);
    mem_free(w->set);
    mem_free(w->why);
    mem_free(w);
}

struct renewal *renewal_new(struct house *house, struct ca_office *office, const struct renewal_options *options)
{
    struct renewal *r = NEW(struct renewal);
    r->house = house;
    r->office = office;
    r->options = *options;
    list_init(&r->jobs);
    list_init(&r->queue);
    r->driver = (struct driver){.house = house, .desk = txt_desk_new(house), .arena = arena_new(),
                                .patience_ms = options->patience_ms};
    heap_init(&r->driver.sleepers);
    list_init(&r->driver.dirty);
    list_init(&r->driver.outgoing);
    return r;
}

void renewal_free(struct renewal *r)
{
    if (r == NULL)
        return;
    LIST_EACH(it, &r->jobs)
        job_free(LIST_OWNER(it, struct job, in_run));
    LIST_EACH(it, &r->queue)
        waiting_free(LIST_OWNER(it, struct waiting, in_queue));
    txt_desk_free(r->driver.desk);
    heap_fini(&r->driver.sleepers);
    arena_free(r->driver.arena);
    mem_free(r);
}

struct renewal_result renewal_result(const struct renewal *r)
{
    struct renewal_result result = r->result;
    result.n_postponed += r->n_jobs;
    result.n_txt_left = txt_desk_n_left(r->driver.desk);
    return result;
}

static bool set_is_asked_for(const struct renewal *r, const char *set)
{
    if (r->options.only == NULL)
        return true;
    for (const char *const *name = r->options.only; *name != NULL; name++) {
        if (strcmp(*name, set) == 0)
            return true;
    }
    return false;
}

/* ---- what is to be done: once, at the first turn ---- */

static bool intake_open_orders(struct renewal *r, struct err *err)
{
    struct rows rows;
    if (!store_query(r->house->store, &rows, err, SQL_ORDER_OPEN_IDS, ""))
        return false;
    while (rows_next(&rows)) {
        const char *set = rows_text(&rows, 1);
        bool forced = r->options.forced && r->options.only != NULL;
        if (!set_is_asked_for(r, set))
            continue;
        if (rows_int(&rows, 2) > house_now(r->house) + r->driver.patience_ms && !forced) {
            r->result.n_postponed++;
            continue;
        }
        list_push_back(&r->queue, &waiting_new(set, "", rows_int(&rows, 0))->in_queue);
    }
    return rows_end(&rows, err);
}

static bool intake_due(void *arg, const struct plan_line *line)
{
    struct renewal *r = arg;
    bool forced = r->options.forced && (line->action == PLAN_NONE || line->action == PLAN_RETRY);
    if (!set_is_asked_for(r, line->set) || line->action == PLAN_CONTINUE || line->action == PLAN_BROKEN)
        return true;
    if (line->is_now || forced)
        list_push_back(&r->queue, &waiting_new(line->set, line->is_now ? line->why : "asked for by hand", 0)->in_queue);
    return true;
}

static bool intake(struct renewal *r, struct err *err)
{
    r->taken_in = true;
    return txt_desk_load(r->driver.desk, err) && intake_open_orders(r, err) &&
           plan_each(r->house, r->options.forced, intake_due, r, err);
}

/* ---- from the queue to a job ---- */

static void renewal_count_failure(struct renewal *r, const struct err *failure)
{
    r->result.n_failed++;
    if (failure->kind == ERR_THROTTLED) {
        r->result.n_throttled++;
        if (failure->until_ms > r->result.throttled_until_ms)
            r->result.throttled_until_ms = failure->until_ms;
    }
    if (failure->kind == ERR_DENIED || failure->kind == ERR_CONFIG)
        r->result.n_denied++;
}

/* A set fails: remembered with the time of its next try, told once. */
static bool set_fails(struct renewal *r, const char *set, int64_t order_id, const struct err *why, struct err *err)
{
    int64_t next_at_ms = 0;
    char when[TIME_TEXT_MAX];
    if (!register_failed(r->house, set, why, &next_at_ms, err))
        return false;
    time_format(next_at_ms, false, when);
    renewal_count_failure(r, why);
    event_write(r->house, EVENT_ORDER_FAILED, set, order_id, "%s; what is served stays as it is; next try at %s", why->text,
                when);
    house_say_end(r->house, set, "order", true, "%s; next try at %s", why->text, when);
    return true;
}

static struct order *order_for(const struct set_config *set, const struct ca *ca, const struct certificate *held)
{
    struct order *order = order_new(set->name, (const char *const *)set->names, set->n_names);
    mem_set_str(&order->authority, ca_config(ca)->name);
    mem_set_str(&order->directory, ca_directory_url(ca));
    mem_set_str(&order->profile, set->profile);
    if (held != NULL && held->revoked_at_ms == 0 && strcmp(held->directory, ca_directory_url(ca)) == 0)
        mem_set_str(&order->replaces, held->ari_id);
    return order;
}

static bool job_begin_new(struct renewal *r, const struct set_config *set, struct ca *ca, const char *why, struct job **ret,
                          struct err *err)
{
    struct certificate *held = NULL;
    struct order_record *record = NULL;
    int64_t fencing = 0;
    struct err absent = {0};

    if (!held_current(r->house, set->name, false, &held, &absent) && absent.kind != ERR_ABSENT)
        return err_set(err, absent.kind, "%s", absent.text);
    struct order *order = order_for(set, ca, held);
    certificate_free(held);
    if (!set_lease_take(r->house, set->name, "order", SET_LEASE_MS, &fencing, err)) {
        order_free(order);
        return false;
    }
    if (!order_record_create(r->house, order, why, set->want, set->key, fencing, &record, err))
        return false;
    event_write(r->house, EVENT_ORDER_START, set->name, record->order->id, "%s, at %s", why, ca_config(ca)->name);
    house_say(r->house, set->name, "order", "begins: %s", why);
    *ret = job_new(&r->driver, ca, record, set->challenge_alias);
    return true;
}

static bool job_begin_open(struct renewal *r, const struct set_config *set, const struct waiting *w, struct job **ret,
                           struct err *err)
{
    struct order_record *record = NULL;
    struct ca *ca = NULL;
    if (!order_record_load(r->house, w->order_id, &record, err))
        return false;
    if (!set_lease_take(r->house, w->set, "order", SET_LEASE_MS, &record->fencing, err) ||
        !ca_open(r->office, record->order->authority, &ca, err)) {
        order_record_free(record);
        return false;
    }
    house_say(r->house, w->set, "order", "goes on with order %lld at step %s", (long long)w->order_id,
              order_step_name(record->order->step));
    *ret = job_new(&r->driver, ca, record, set != NULL ? set->challenge_alias : NULL);
    return true;
}

/* Makes a job of what waits. A set that cannot begin fails by itself; only trouble with the store is an error here. */
static bool waiting_begin(struct renewal *r, struct waiting *w, struct err *err)
{
    struct set_config *set = NULL;
    struct job *job = NULL;
    struct ca *ca = NULL;
    struct err why = {0};
    bool ok = register_set(r->house, w->set, &set, &why);

    if (w->order_id != 0)
        ok = job_begin_open(r, ok ? set : NULL, w, &job, &why);
    else
        ok = ok && ca_open(r->office, set->authorities[0], &ca, &why) && job_begin_new(r, set, ca, w->why, &job, &why);
    set_config_free(set);
    if (!ok && why.kind == ERR_STORE)
        return err_set(err, why.kind, "set %s: %s", w->set, why.text);
    if (!ok)
        return set_fails(r, w->set, w->order_id, &why, err);
    list_push_back(&r->jobs, &job->in_run);
    r->n_jobs++;
    job_touch(job);
    job_run(job);
    return true;
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

static bool renewal_begin_more(struct renewal *r, struct err *err)
{
    size_t room = renewal_room(r);
    if (loop_n_stops(r->house->loop) > 0)
        return true;
    while (room-- > 0 && !list_is_empty(&r->queue)) {
        struct waiting *w = LIST_OWNER(list_pop_front(&r->queue), struct waiting, in_queue);
        bool ok = waiting_begin(r, w, err);
        waiting_free(w);
        if (!ok)
            return false;
    }
    return true;
}

/* ---- the turn ---- */

static void renewal_wake(struct renewal *r)
{
    int64_t now_ms = house_now(r->house);
    for (;;) {
        struct heap_node *node = heap_first(&r->driver.sleepers);
        if (node == NULL || node->at_ms > now_ms)
            return;
        heap_remove(&r->driver.sleepers, node);
        job_run(LIST_OWNER(node, struct job, sleep));
    }
}

static struct job *renewal_job(struct renewal *r, int64_t order_id)
{
    LIST_EACH(it, &r->jobs) {
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

static bool job_end_issued(struct renewal *r, struct job *job, struct err *err)
{
    const char *set = job->record->order->set_name;
    r->result.n_issued++;
    house_say_end(r->house, set, "order", false, "issued");
    return order_record_end(r->house, job->record, "issued", err);
}

static bool job_end_failed(struct renewal *r, struct job *job, struct err *err)
{
    struct order_record *record = job->record;
    return order_record_end(r->house, record, "failed", err) &&
           set_fails(r, record->order->set_name, record->order->id, &record->failure, err);
}

/* Once a run is enough: it is the same for all orders. */
static void job_end_for_clock(struct renewal *r, const struct order_record *record)
{
    house_say_end(r->house, record->order->set_name, "order", true, "%s", record->failure.text);
    if (!r->told_clock)
        event_write(r->house, EVENT_CLOCK_TROUBLE, NULL, 0, "%s", record->failure.text);
    r->told_clock = true;
}

static bool job_end_parked(struct renewal *r, struct job *job)
{
    struct order_record *record = job->record;
    char when[TIME_TEXT_MAX];
    if (ca_clock_off_ms(job->ca) != 0) {
        r->result.n_postponed++;
        renewal_count_failure(r, &record->failure);
        job_end_for_clock(r, record);
        return true;
    }
    time_format(record->next_at_ms, false, when);
    r->result.n_postponed++;
    if (record->failure.kind != ERR_NONE) {
        renewal_count_failure(r, &record->failure);
        event_write(r->house, EVENT_ORDER_RETRY, record->order->set_name, record->order->id,
                    "%s; the order stays open and goes on at %s", record->failure.text, when);
    }
    house_say_end(r->house, record->order->set_name, "order", record->failure.kind != ERR_NONE,
                  "left to a later run: %s goes on at %s%s%s", order_step_name(record->order->step), when,
                  record->failure.kind != ERR_NONE ? ": " : "", record->failure.kind != ERR_NONE ? record->failure.text : "");
    return true;
}

static bool job_retire(struct renewal *r, struct job *job, struct err *err)
{
    bool ok = true;
    switch (job->end) {
    case JOB_RUNS:
        return true;
    case JOB_ISSUED:
        ok = job_end_issued(r, job, err);
        break;
    case JOB_FAILED:
        ok = job_end_failed(r, job, err);
        break;
    case JOB_PARKED:
        ok = job_end_parked(r, job);
        break;
    }
    ok = ok && set_lease_drop(r->house, job->record->order->set_name, job->record->fencing, err);
    r->n_jobs--;
    job_free(job);
    return ok;
}

static bool renewal_settle(struct renewal *r, struct err *err)
{
    struct list *it;
    while ((it = list_pop_front(&r->driver.dirty)) != NULL) {
        struct job *job = LIST_OWNER(it, struct job, in_dirty);
        if (!set_lease_guard(r->house, job->record->order->set_name, job->record->fencing, err) || !job_settle(job, err))
            return err_wrap(err, "set %s", job->record->order->set_name);
        if (!job_retire(r, job, err))
            return false;
    }
    return true;
}

static bool renewal_collect(void *self, struct err *err)
{
    struct renewal *r = self;
    if (!r->taken_in && !intake(r, err))
        return false;
    renewal_hear_desk(r);
    renewal_wake(r);
    /* Settling may end orders, which makes room for others, which must be settled in turn. */
    do {
        if (!renewal_settle(r, err) || !renewal_begin_more(r, err))
            return false;
    } while (!list_is_empty(&r->driver.dirty));
    return txt_desk_collect(r->driver.desk, err);
}

static void renewal_act(void *self)
{
    struct renewal *r = self;
    LIST_EACH(it, &r->driver.outgoing)
        job_send(LIST_OWNER(it, struct job, in_outgoing));
    arena_reset(r->driver.arena);
    txt_desk_act(r->driver.desk);
}

static int64_t renewal_next_at_ms(const void *self)
{
    const struct renewal *r = self;
    int64_t desk_ms = txt_desk_next_at_ms(r->driver.desk);
    const struct heap_node *first = heap_first(&r->driver.sleepers);
    return first != NULL && first->at_ms < desk_ms ? first->at_ms : desk_ms;
}

static bool renewal_is_busy(const void *self)
{
    const struct renewal *r = self;
    bool can_begin = !list_is_empty(&r->queue) && loop_n_stops(r->house->loop) == 0;
    return !r->taken_in || r->driver.n_out > 0 || can_begin || !list_is_empty(&r->driver.dirty) ||
           txt_desk_is_busy(r->driver.desk);
}

struct concern renewal_concern(struct renewal *r)
{
    return (struct concern){"renewal", r, renewal_collect, renewal_act, renewal_next_at_ms, renewal_is_busy};
}
