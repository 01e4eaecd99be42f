#include "renewal/renewal_inside.h"

#include "authority/lease.h"
#include "authority/lock.h"
#include "inventory/event.h"
#include "inventory/held.h"
#include "inventory/plan.h"
#include "inventory/register.h"
#include "renewal/failover.h"
#include "renewal/quota.h"

/* ---- a new order ---- */

static struct order *order_for(const struct set_config *set, const struct ca *ca,
                               const struct certificate *held)
{
    struct order *order = order_new(set->name, (const char *const *)set->names, set->n_names);
    mem_set_str(&order->authority, ca_config(ca)->name);
    mem_set_str(&order->directory, ca_directory_url(ca));
    mem_set_str(&order->profile,
                set_profile_of(set, ca_config(ca)->name, ca_config(ca)->directory));
    order->challenge = set->challenge;
    if (held != NULL && held->revoked_at_ms == 0 && !held->revoke_now &&
        strcmp(held->directory, ca_directory_url(ca)) == 0)
        mem_set_str(&order->replaces, held->ari_id);
    return order;
}

/* fallback: why it is not the first CA of the set; "": it is. */
static bool job_begin_new(struct renewal *r, const struct set_config *set,
                          const struct lane_config *lane, struct ca *ca, const char *why,
                          const char *fallback, const struct certificate *held, struct job **ret,
                          struct err *err)
{
    struct order_record *record = NULL;
    int64_t fencing = 0;

    if (!lock_lets_order(r->house, set->name, 0, err) ||
        !set_lease_take(r->house, set->name, "order", SET_LEASE_MS, &fencing, err))
        return false;
    struct order *order = order_for(set, ca, held);
    int64_t replaces_account_id = held != NULL ? held->account_id : 0;
    if (!order_record_create(r->house, order, why, set->want, lane->name, lane->key, fencing,
                             &record, err))
        return false;
    record->replaces_account_id = replaces_account_id;
    if (fallback[0] != '\0' && !order_record_set_fallback(r->house, record, fallback, err)) {
        order_record_free(record);
        return false;
    }
    event_write(r->house, EVENT_ORDER_START, set->name, record->order->id, "%s, at %s%s%s", why,
                ca_config(ca)->name, fallback[0] != '\0' ? ", because " : "", fallback);
    house_say(r->house, set->name, "order", "begins at %s: %s", ca_config(ca)->name, why);
    *ret = job_new(&r->driver, ca, record, set->challenge_alias);
    return true;
}

/* The kinds of keys may have been changed since the set was queued; and who takes the place of an order knows no lane. */
static bool lane_choose(struct renewal *r, const struct waiting *w, const struct set_config *set,
                        const struct lane_config **ret, struct err *err)
{
    struct plan_line line = {0};
    const struct lane_config *lane = w->lane != NULL ? set_lane(set, w->lane) : NULL;
    if (lane == NULL && set->n_lanes > 1 && !plan_next_lane(r->house, set, 0, &line, err))
        return false;
    if (lane == NULL && line.lane != NULL && line.action != PLAN_NONE)
        lane = set_lane(set, line.lane);
    plan_line_fini(&line);
    *ret = lane != NULL ? lane : &set->lanes[0];
    return true;
}

static bool is_soon(const struct renewal *r, int64_t at_ms)
{
    return at_ms <= house_now(r->house) + r->driver.patience_ms;
}

/* No CA of the set can be asked now: it costs no request. Who does not answer may do so any moment; a limit says when. */
static bool set_is_put_off(struct renewal *r, const char *set, const struct ca_choice *choice,
                           const char *reasons, struct err *err)
{
    char until[TIME_TEXT_MAX];
    if (choice->is_quota)
        return quota_put_off(r, set, &choice->refusal, choice->until_ms, reasons, err);
    time_format(choice->until_ms, false, until);
    renewal_put_off(r, set, err_kind_name(ERR_AGAIN), choice->until_ms);
    renewal_rest(r, set, choice->until_ms, false);
    house_say_end(r->house, set, "order", true, "left to a run after %s: %s", until, reasons);
    return true;
}

/* What was reserved for an order that could not be made is free again. */
static bool new_is_begun(struct renewal *r, const struct waiting *w, const struct set_config *set,
                         const struct lane_config *lane, const struct ca_choice *choice,
                         const struct quota_wish *wish, const char *reasons, struct job **ret,
                         struct err *err)
{
    struct err why = {0};
    if (job_begin_new(r, set, lane, choice->ca, w->why, reasons, wish->replaced, ret, &why)) {
        (*ret)->lanes_tried = w->tried;
        (*ret)->is_in_window = quota_in_window(r, wish, choice->ca);
        return failover_equip(r, set, *ret, err);
    }
    if (why.kind != ERR_STORE && !quota_release(r, set->name, err))
        return false;
    return err_set(err, why.kind, "%s", why.text);
}

static bool new_is_chosen(struct renewal *r, struct waiting *w, const struct set_config *set,
                          const struct lane_config *lane, const struct quota_wish *wish,
                          struct job **ret, struct err *err)
{
    struct ca_choice choice;
    int64_t bearable_until_ms;
    AUTO(buf_fini)
    struct buf reasons = BUF(8192);
    buf_add_cstr(&reasons, w->fallback != NULL ? w->fallback : "");
    if (!failover_bearable_until(r->house, set->name, &bearable_until_ms, err) ||
        !failover_choose(r, set, w->first, wish, true, bearable_until_ms, &reasons, &choice, err))
        return false;
    switch (choice.kind) {
    case CHOICE_HOLD_BACK:
        w->is_held_back = true;
        return true;
    case CHOICE_PUT_OFF:
        w->is_held_back = !choice.is_quota && is_soon(r, choice.until_ms);
        return w->is_held_back || set_is_put_off(r, set->name, &choice, buf_cstr(&reasons), err);
    case CHOICE_TAKE:
        break;
    }
    if (ca_hold(choice.ca) != NULL) {
        set_is_held_up(r, set->name, choice.ca);
        return register_schedule(
            r->house, set->name,
            house_now(r->house) + account_hold_wait_ms(ca_hold(choice.ca)->reason), "held", err);
    }
    return new_is_begun(r, w, set, lane, &choice, wish, buf_cstr(&reasons), ret, err);
}

static bool waiting_begin_new(struct renewal *r, struct waiting *w, const struct set_config *set,
                              struct job **ret, struct err *err)
{
    const struct lane_config *lane = NULL;
    AUTO(quota_wish_fini)
    struct quota_wish wish = {0};
    return lane_choose(r, w, set, &lane, err) &&
           quota_wish_find(r, set->name, lane->name, &wish, err) &&
           new_is_chosen(r, w, set, lane, &wish, ret, err);
}

/* ---- an order of an earlier run ---- */

/* Ends without the CA, where it cannot be asked or need not hear of it. */
static bool order_give_up(struct renewal *r, const struct waiting *w, const char *why,
                          struct err *err)
{
    struct err failure;
    err_set(&failure, ERR_REFUSED, "%s", why);
    if (!quota_settle_lost(r->house, w->set, err) ||
        !store_run(r->house->store, NULL, err, SQL_ORDER_END, "itiitt", w->order_id, "failed",
                   house_now(r->house), INT64_C(0), err_kind_name(failure.kind), failure.text) ||
        !txt_desk_release(r->driver.desk, w->order_id, err))
        return false;
    event_write(r->house, EVENT_ORDER_GIVEN_UP, w->set, w->order_id, "%s", failure.text);
    house_say_end(r->house, w->set, "order", false, "order %lld is given up: %s",
                  (long long)w->order_id, failure.text);
    return true;
}

static bool set_is_wanted(struct renewal *r, const char *set)
{
    struct set_row row = {0};
    bool wanted = register_row(r->house, set, &row, NULL) && row.fault == NULL && !row.removed;
    set_row_fini(&row);
    return wanted;
}

/* A new order takes its place at once, if the set is still wanted. */
static bool order_replace(struct renewal *r, const struct waiting *w, const char *why,
                          struct err *err)
{
    if (!order_give_up(r, w, why, err))
        return false;
    if (set_is_wanted(r, w->set))
        list_push_front(&r->queue, &waiting_new(w->set, why, 0)->in_queue);
    return true;
}

/* NULL: the order can go on where it is. */
static const char *order_cannot_go_on(const struct renewal *r, const struct order *order)
{
    const struct authority_config *config = config_authority(r->house->config, order->authority);
    if (config == NULL)
        return "its authority is no longer configured";
    const char *directory = r->house->rehearsal ? config->staging : config->directory;
    if (directory == NULL || strcmp(order->directory, directory) != 0)
        return "its authority has another directory now";
    return NULL;
}

/* A key may be reported compromised while its order is open. What was sent for already is seen when it comes. */
static bool order_key_is_lost(struct renewal *r, const struct order *order, bool *ret,
                              struct err *err)
{
    *ret = false;
    return !order->has_key || order_may_have_issued(order) ||
           held_key_is_compromised(r->house, order->spki, ret, err);
}

/* The secrets of its account cannot be had, for instance: the order waits, longer each time. */
static bool order_wait_for_person(struct renewal *r, struct order_record *record,
                                  const struct err *why, struct err *err)
{
    record->failure = *why;
    record->next_at_ms = house_now(r->house) + retry_ladder_ms(++record->n_tries);
    if (!order_record_save(r->house, record, err) ||
        !set_lease_drop(r->house, record->order->set_name, record->fencing, err))
        return false;
    order_is_put_off(r, record, NULL);
    return true;
}

/* Its CA is left alone: the order rests until somebody may try it. */
static bool record_rest(struct renewal *r, struct order_record *record, const struct ca *ca,
                        struct err *err)
{
    AUTO(buf_fini)
    struct buf trouble = BUF(2048);
    ca_trouble(ca, &trouble);
    err_set(&record->failure, ERR_AGAIN, "%s", buf_cstr(&trouble));
    record->next_at_ms = ca_open_until_ms(ca);
    if (!order_record_save(r->house, record, err))
        return false;
    order_is_put_off(r, record, ca);
    return true;
}

/* An order whose CA is left alone waits, or is left for another CA. True: no job is to be made now; *ret_ok false: *err tells why. */
static bool record_is_barred(struct renewal *r, const struct set_config *set, struct waiting *w,
                             struct order_record *record, struct ca *ca, bool *ret_ok,
                             struct err *err)
{
    bool has_left = false;
    *ret_ok = true;
    if (w->is_gone || renewal_is_forced(r, w->set) || record->order->step >= ORDER_TIDY)
        return false;
    enum breaker_gate gate = ca_gate_ask(ca);
    if (gate == BREAKER_CLOSED || gate == BREAKER_PROBE)
        return false;
    if (gate == BREAKER_OPEN)
        *ret_ok = failover_leave_record(r, set, record, ca, &has_left, err);
    w->is_held_back = gate == BREAKER_WAIT || (!has_left && is_soon(r, ca_open_until_ms(ca)));
    if (*ret_ok && !has_left && !w->is_held_back)
        *ret_ok = record_rest(r, record, ca, err);
    *ret_ok = *ret_ok && set_lease_drop(r->house, w->set, record->fencing, err);
    return true;
}

static bool record_begin(struct renewal *r, const struct set_config *set, struct waiting *w,
                         struct order_record *record, struct job **ret, struct err *err)
{
    struct ca *ca = NULL;
    struct err why;
    bool ok = false;
    bool has_lost_key = false;
    const char *obstacle = order_cannot_go_on(r, record->order);
    if (!order_key_is_lost(r, record->order, &has_lost_key, err)) {
        order_record_free(record);
        return false;
    }
    if (obstacle == NULL && has_lost_key && !w->is_gone)
        obstacle = "its key was reported compromised meanwhile";
    if (obstacle != NULL) {
        ok = order_replace(r, w, obstacle, err) &&
             set_lease_drop(r->house, w->set, record->fencing, err);
        order_record_free(record);
        return ok;
    }
    if (!ca_open(r->office, record->order->authority, &ca, &why)) {
        ok = w->is_gone ? order_give_up(r, w, "the file of its set was removed", err)
                        : order_wait_for_person(r, record, &why, err);
        order_record_free(record);
        return ok;
    }
    if (record_is_barred(r, set, w, record, ca, &ok, err)) {
        order_record_free(record);
        return ok;
    }
    if (!w->is_gone)
        house_say(r->house, w->set, "order", "goes on with order %lld at step %s",
                  (long long)w->order_id, order_step_name(record->order->step));
    *ret = job_new(&r->driver, ca, record, set != NULL ? set->challenge_alias : NULL);
    return failover_equip(r, set, *ret, err);
}

/* A row that cannot be understood costs this order: what it has at the CA ends by itself. */
static bool waiting_begin_open(struct renewal *r, struct waiting *w, const struct set_config *set,
                               struct job **ret, struct err *err)
{
    struct order_record *record = NULL;
    struct err why = {0};
    int64_t fencing = 0;
    if ((!w->is_gone && !lock_lets_order(r->house, w->set, w->order_id, err)) ||
        !set_lease_take(r->house, w->set, "order", SET_LEASE_MS, &fencing, err))
        return false;
    if (order_record_load(r->house, w->order_id, &record, &why)) {
        record->fencing = fencing;
        return record_begin(r, set, w, record, ret, err);
    }
    if (why.kind == ERR_STORE)
        return err_set(err, why.kind, "%s", why.text);
    return order_replace(r, w, why.text, err) && set_lease_drop(r->house, w->set, fencing, err);
}

/* ---- both ---- */

/* What replaces a certificate that ends soon must not take its time. */
static void job_bound(struct job *job, const struct lifetime *life)
{
    int64_t patience_ms = lifetime_patience_ms(life);
    job->life = *life;
    job->record->order->patience_most_ms = patience_ms != INT64_MAX ? patience_ms : 0;
}

static void job_enter(struct renewal *r, const struct waiting *w, struct job *job)
{
    struct err gone;
    list_push_back(&r->jobs, &job->in_run);
    r->n_jobs++;
    job_touch(job);
    if (w->is_gone) {
        err_set(&gone, ERR_REFUSED, "the file of its set was removed");
        job_give_up(job, &gone);
    } else if (w->order_id != 0) {
        job_resume(job, renewal_is_forced(r, w->set));
    } else {
        job_run(job);
    }
}

enum { HELD_LOOK_MS = 5 * 1000 };

/* Somebody else works on the set, for instance under `chancery lock`: not a failure, and soon over. */
static bool set_is_held(struct renewal *r, const char *set, const struct err *why)
{
    renewal_put_off(r, set, NULL, 0);
    r->result.n_locked += asks_is_own(r->options.asks, set);
    renewal_rest(r, set, house_now(r->house) + HELD_LOOK_MS, true);
    house_say_end(r->house, set, "order", false, "left to a later run: %s", why->text);
    return true;
}

/* It is looked at again every second while the run has patience. False: it had its time. */
static bool waiting_rests(const struct renewal *r, struct waiting *w)
{
    int64_t now_ms = clock_boot_ms(r->house->clock);
    if (w->rests_since_boot_ms == 0)
        w->rests_since_boot_ms = now_ms;
    w->is_at_rest = now_ms - w->rests_since_boot_ms < r->driver.patience_ms;
    w->look_again_boot_ms = now_ms + MS_SECOND;
    return w->is_at_rest;
}

/* What was held back for a lane that cannot begin now is delivered. */
static bool waiting_cannot_begin(struct renewal *r, const struct waiting *w, const struct err *why,
                                 struct err *err)
{
    if (why->kind == ERR_STORE)
        return err_set(err, why->kind, "set %s: %s", w->set, why->text);
    bool ok = why->kind == ERR_NONE ||
              (why->kind == ERR_HELD ? set_is_held(r, w->set, why)
                                     : set_fails(r, w->set, w->order_id, why, err));
    return ok && lanes_rest(r, w->set, w->lane, err);
}

bool waiting_begin(struct renewal *r, struct waiting *w, struct err *err)
{
    struct set_config *set = NULL;
    struct job *job = NULL;
    struct lifetime life = {0};
    struct err why = {0};
    w->is_at_rest = false;
    if (!lifetime_of_set(r->house, w->set, &life, err))
        return false;
    bool ok = register_set(r->house, w->set, &set, &why);
    if (w->order_id != 0)
        ok = why.kind != ERR_STORE && waiting_begin_open(r, w, set, &job, &why);
    else
        ok = ok && waiting_begin_new(r, w, set, &job, &why);
    set_config_free(set);
    if (!ok && job != NULL) {
        job_free(job);
        job = NULL;
    }
    if (w->is_held_back || (!ok && why.kind == ERR_HELD && waiting_rests(r, w)))
        return true;
    if (job == NULL)
        return waiting_cannot_begin(r, w, ok ? &(struct err){0} : &why, err);
    job_bound(job, &life);
    job_enter(r, w, job);
    return true;
}
