#include "renewal/renewal_inside.h"

#include "authority/lease.h"
#include "inventory/event.h"
#include "inventory/register.h"
#include "renewal/failover.h"
#include "renewal/guilt.h"

/* ---- counting ---- */

static void renewal_count_failure(struct renewal *r, const char *set, const struct err *failure)
{
    if (!asks_is_own(r->options.asks, set))
        return;
    r->result.n_failed++;
    if (failure->kind == ERR_DENIED || failure->kind == ERR_CONFIG)
        r->result.n_denied++;
}

void renewal_put_off(struct renewal *r, const char *set, const char *failure_kind,
                     int64_t next_at_ms)
{
    if (asks_is_own(r->options.asks, set))
        renewal_count_put_off(&r->result, failure_kind, next_at_ms);
}

/* A set that fails, and what is known of it beside the error. */
struct failing {
    const char *set;
    int64_t order_id;      /* 0: none was begun */
    enum event_id event;   /* unless it is held */
    const char *authority; /* to be told; NULL: not */
    const char *guilty;    /* names at fault (guilt.h); NULL: none by itself */
};

/* What a person reads of it: what happened, what to do, which names. Room is kept for the latter two. */
static void failure_word(const struct err *why, const char *sentence, struct err *ret)
{
    bool has_advice = why->advice == NULL || strstr(why->text, why->advice) != NULL;
    *ret = *why;
    if (has_advice && sentence[0] == '\0')
        return;
    /* The full stop of the advice would stand in the middle of the line. */
    struct str advice = has_advice ? STR_NONE : str_of(why->advice);
    if (str_ends(advice, STR(".")))
        advice.len--;
    err_set(ret, why->kind, "%.640s%s%.*s%s%s", why->text, has_advice ? "" : ". ", STR_ARG(advice),
            sentence[0] != '\0' ? "; " : "", sentence);
    err_judge(ret, why->class, why->fault, why->advice);
    ret->until_ms = why->until_ms;
}

/* Nothing but a person's deed can help: it is not tried again by itself. */
static bool set_is_to_be_held(const struct failing *f, const struct err *why)
{
    return why->class == CLASS_HUMAN && f->order_id != 0;
}

static bool failure_write(struct renewal *r, const struct failing *f, const struct err *why,
                          int64_t *ret_next_at_ms, struct err *err)
{
    return register_failed(r->house, f->set, why, ret_next_at_ms, err) &&
           (f->guilty == NULL || register_blame(r->house, f->set, f->guilty, err)) &&
           (!set_is_to_be_held(f, why) ||
            register_hold(r->house, f->set, f->order_id, why->advice, ret_next_at_ms, err));
}

static void failure_tell(struct renewal *r, const struct failing *f, const struct err *why,
                         int64_t next_at_ms)
{
    char when[TIME_TEXT_MAX];
    const char *at = f->authority != NULL ? ", at " : "";
    const char *authority = f->authority != NULL ? f->authority : "";
    time_format(next_at_ms, false, when);
    if (set_is_to_be_held(f, why)) {
        event_write(
            r->house, EVENT_SET_HELD, f->set, f->order_id,
            "%s%s%s; held until the set's file, chancery.yaml or the CA's directory changes, or "
            "`chancery renew --retry %s`; what is served stays as it is; its CA is looked at again "
            "at "
            "%s",
            why->text, at, authority, f->set, when);
        house_say_end(r->house, f->set, "order", true, "held for a person: %s", why->text);
        return;
    }
    event_write(r->house, f->event, f->set, f->order_id,
                "%s%s%s; what is served stays as it is; next try at %s", why->text, at, authority,
                when);
    house_say_end(r->house, f->set, "order", true, "%s; next try at %s", why->text, when);
}

static bool set_fails_with(struct renewal *r, const struct failing *f, const struct err *why,
                           const char *sentence, struct err *err)
{
    int64_t next_at_ms = 0;
    struct err word;
    failure_word(why, sentence, &word);
    if (!failure_write(r, f, &word, &next_at_ms, err))
        return false;
    renewal_count_failure(r, f->set, why);
    if (asks_is_own(r->options.asks, f->set)) {
        r->result.n_undone++;
        if (why->kind == ERR_THROTTLED)
            renewal_count_throttled(&r->result, next_at_ms);
    }
    failure_tell(r, f, &word, next_at_ms);
    return true;
}

bool set_fails(struct renewal *r, const char *set, int64_t order_id, const struct err *why,
               struct err *err)
{
    struct failing f = {.set = set, .order_id = order_id, .event = EVENT_ORDER_FAILED};
    return set_fails_with(r, &f, why, "", err);
}

/* Of the order that failed it may be known which names were at fault. */
static bool order_fails(struct renewal *r, const struct order_record *record, struct err *err)
{
    const struct order *order = record->order;
    AUTO(mem_fini)
    char *guilty = record->guilty != NULL ? mem_strdup(record->guilty) : guilt_of_order(order);
    AUTO(buf_fini)
    struct buf sentence = BUF(4096);
    struct failing f = {.set = order->set_name,
                        .order_id = order->id,
                        .event = order->held ? EVENT_CERTIFICATE_HELD : EVENT_ORDER_FAILED,
                        .authority = order->authority,
                        .guilty = guilty};
    guilt_sentence(guilty, order, &sentence);
    guilt_tell(r->house, guilty, order);
    return set_fails_with(r, &f, &record->failure, buf_cstr(&sentence), err);
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
    renewal_put_off(r, set, NULL, 0);
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
    renewal_put_off(r, record->order->set_name, failed ? err_kind_name(record->failure.kind) : NULL,
                    record->next_at_ms);
    if (failed)
        renewal_count_failure(r, record->order->set_name, &record->failure);
    if (ca != NULL && ca_clock_off_ms(ca) != 0)
        clock_tell(r, record);
    else
        put_off_tell(r, record);
}

/* ---- what a job came to ---- */

static bool job_end_issued(struct renewal *r, struct job *job, struct err *err)
{
    const char *set = job->record->order->set_name;
    r->result.n_issued += asks_is_own(r->options.asks, set);
    r->has_issued = true;
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
        return order_fails(r, record, err) && lanes_go_on(r, job, &record->failure, err);
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
    renewal_put_off(r, order->set_name, NULL, 0);
    renewal_rest(r, order->set_name, house_now(r->house) + MS_MINUTE, true);
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
        const struct job *job = LIST_OWNER(it, struct job, in_run);
        job_tell_left(r, job);
        renewal_put_off(r, job->record->order->set_name, NULL, 0);
    }
    LIST_EACH (it, &r->queue)
        renewal_put_off(r, LIST_OWNER(it, struct waiting, in_queue)->set, NULL, 0);
    r->result.n_txt_left = txt_desk_n_left(r->driver.desk);
}

struct renewal_result renewal_result(const struct renewal *r)
{
    return r->result;
}
