#include "renewal/renewal_inside.h"

#include "authority/lease.h"
#include "inventory/event.h"
#include "inventory/register.h"
#include "renewal/failover.h"

/* ---- counting ---- */

static void renewal_count_failure(struct renewal *r, const struct err *failure)
{
    r->result.n_failed++;
    if (failure->kind == ERR_DENIED || failure->kind == ERR_CONFIG)
        r->result.n_denied++;
}

static bool set_fails_with(struct renewal *r, enum event_id event, const char *set,
                           int64_t order_id, const char *authority, const struct err *why,
                           struct err *err)
{
    int64_t next_at_ms = 0;
    char when[TIME_TEXT_MAX];
    if (!register_failed(r->house, set, why, &next_at_ms, err))
        return false;
    time_format(next_at_ms, false, when);
    renewal_count_failure(r, why);
    r->result.n_undone++;
    if (why->kind == ERR_THROTTLED)
        renewal_count_throttled(&r->result, next_at_ms);
    event_write(r->house, event, set, order_id,
                "%s%s%s; what is served stays as it is; next try at %s", why->text,
                authority != NULL ? ", at " : "", authority != NULL ? authority : "", when);
    house_say_end(r->house, set, "order", true, "%s; next try at %s", why->text, when);
    return true;
}

bool set_fails(struct renewal *r, const char *set, int64_t order_id, const struct err *why,
               struct err *err)
{
    return set_fails_with(r, EVENT_ORDER_FAILED, set, order_id, NULL, why, err);
}

/* ---- an order that stays open ---- */

/* Once a run is enough: it is the same for all orders. */
static void clock_tell(struct renewal *r, const struct order_record *record)
{
    house_say_end(r->house, record->order->set_name, "order", true, "%s", record->failure.text);
    if (!r->told_clock)
        event_write(r->house, EVENT_CLOCK_TROUBLE, NULL, 0, "%s", record->failure.text);
    r->told_clock = true;
}

static void put_off_tell(struct renewal *r, const struct order_record *record)
{
    const struct order *order = record->order;
    bool failed = record->failure.kind != ERR_NONE;
    char when[TIME_TEXT_MAX];
    time_format(record->next_at_ms, false, when);
    if (failed)
        event_write(r->house, EVENT_ORDER_RETRY, order->set_name, order->id,
                    "%s, at %s; what is served stays as it is; the order goes on at %s",
                    record->failure.text, order->authority, when);
    house_say_end(r->house, order->set_name, "order", failed,
                  "left to a later run: %s goes on at %s%s%s", order_step_name(order->step), when,
                  failed ? ": " : "", failed ? record->failure.text : "");
}

/* Its event was written when the account was held: once, however many sets wait. */
void set_is_held_up(struct renewal *r, const char *set, const struct ca *ca)
{
    renewal_count_put_off(&r->result, NULL, 0);
    house_say_end(r->house, set, "order", true, "waits: authority %s: %s", ca_config(ca)->name,
                  ca_hold(ca)->failure);
}

static void wait_tell(struct renewal *r, const struct order_record *record)
{
    const struct order *order = record->order;
    char when[TIME_TEXT_MAX];
    time_format(record->next_at_ms, false, when);
    event_write(r->house, EVENT_ORDER_WAITS, order->set_name, order->id,
                "step %s takes time at %s; what is served stays as it is; looked at again at %s",
                order_step_name(order->step), order->authority, when);
}

void order_is_put_off(struct renewal *r, const struct order_record *record, const struct ca *ca)
{
    if (ca != NULL && ca_hold(ca) != NULL) {
        /* Else the set would be looked at in every run. */
        register_schedule(r->house, record->order->set_name, record->next_at_ms, "held", NULL);
        set_is_held_up(r, record->order->set_name, ca);
        return;
    }
    bool failed = record->failure.kind != ERR_NONE;
    renewal_count_put_off(&r->result, failed ? err_kind_name(record->failure.kind) : NULL,
                          record->next_at_ms);
    if (failed)
        renewal_count_failure(r, &record->failure);
    if (ca != NULL && ca_clock_off_ms(ca) != 0)
        clock_tell(r, record);
    else
        put_off_tell(r, record);
}

/* ---- what a job came to ---- */

static bool job_end_issued(struct renewal *r, struct job *job, struct err *err)
{
    const char *set = job->record->order->set_name;
    r->result.n_issued++;
    house_say_end(r->house, set, "order", false, "issued");
    return order_record_end(r->house, job->record, "issued", err) && lanes_go_on(r, job, NULL, err);
}

static bool job_end_failed(struct renewal *r, struct job *job, struct err *err)
{
    struct order_record *record = job->record;
    const struct order *order = record->order;
    bool replaced = false;
    if (record->lane != NULL && record->lane[0] != '\0' && !job->is_given_up)
        err_wrap(&record->failure, "%s", key_kind_name(record->key_kind));
    if (!order_record_end(r->house, record, "failed", err))
        return false;
    if (!job->is_given_up && !failover_replace(r, job, &replaced, err))
        return false;
    if (replaced)
        return true;
    if (!job->is_given_up)
        return set_fails_with(r, order->held ? EVENT_CERTIFICATE_HELD : EVENT_ORDER_FAILED,
                              order->set_name, order->id, order->authority, &record->failure,
                              err) &&
               lanes_go_on(r, job, &record->failure, err);
    event_write(r->house, EVENT_ORDER_GIVEN_UP, order->set_name, order->id, "%s",
                record->failure.text);
    house_say_end(r->house, order->set_name, "order", false, "order %lld is given up: %s",
                  (long long)order->id, record->failure.text);
    return true;
}

bool job_retire(struct renewal *r, struct job *job, struct err *err)
{
    bool ok = true, has_left = false;
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
        if (job->tells_wait)
            wait_tell(r, job->record);
        order_is_put_off(r, job->record, job->ca);
        ok = lanes_rest(r, job->record->order->set_name, job->record->lane, err);
        break;
    case JOB_LEAVES:
        ok = failover_leave(r, job, &has_left, err);
        if (!ok || !has_left)
            return ok;
        break;
    }
    ok = ok && set_lease_drop(r->house, job->record->order->set_name, job->record->fencing, err);
    r->n_jobs--;
    job_free(job);
    return ok;
}

void job_is_lost(struct renewal *r, struct job *job, const struct err *why)
{
    const struct order *order = job->record->order;
    renewal_count_put_off(&r->result, NULL, 0);
    event_write(r->house, EVENT_LEASE_LOST, order->set_name, order->id,
                "%s; the order is left as it is", why->text);
    house_say_end(r->house, order->set_name, "order", true, "left as it is: %s", why->text);
    r->n_jobs--;
    job_free(job);
}

/* ---- the end of the run ---- */

static void job_tell_left(struct renewal *r, const struct job *job)
{
    const struct order *order = job->record->order;
    struct err why = job->record->failure;
    if (order->step == ORDER_PUBLISH && why.kind == ERR_NONE)
        txt_desk_trouble(r->driver.desk, order->id, &why);
    /* A request that was under way again when the run ended: what went wrong before still holds. */
    if (why.kind == ERR_NONE)
        why = job->trouble;
    if (why.kind != ERR_NONE)
        event_write(r->house, EVENT_ORDER_RETRY, order->set_name, order->id,
                    "%s, at %s; what is served stays as it is; the order goes on with the next run",
                    why.text, order->authority);
    house_say_end(r->house, order->set_name, "order", why.kind != ERR_NONE,
                  "left to a later run at step %s%s%s", order_step_name(order->step),
                  why.kind != ERR_NONE ? ": " : "", why.kind != ERR_NONE ? why.text : "");
}

void renewal_end(struct renewal *r)
{
    LIST_EACH (it, &r->jobs) {
        job_tell_left(r, LIST_OWNER(it, struct job, in_run));
        renewal_count_put_off(&r->result, NULL, 0);
    }
    LIST_EACH (it, &r->queue)
        renewal_count_put_off(&r->result, NULL, 0);
    r->result.n_txt_left = txt_desk_n_left(r->driver.desk);
}

struct renewal_result renewal_result(const struct renewal *r)
{
    return r->result;
}
