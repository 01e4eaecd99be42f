#include "renewal/failover.h"

#include "inventory/event.h"
#include "inventory/held.h"
#include "inventory/register.h"

enum { REASONS_MAX = 4096, NEW_MAY_WAIT_MS = 60 * 60 * 1000 };

bool failover_bearable_until(struct house *house, const char *set, int64_t *ret_at_ms,
                             struct err *err)
{
    struct certificate *held = NULL;
    struct err why = {0};
    int64_t now_ms = house_now(house);
    *ret_at_ms = now_ms + NEW_MAY_WAIT_MS;
    if (!held_current(house, set, false, &held, &why))
        return why.kind == ERR_ABSENT || err_set(err, why.kind, "%s", why.text);
    int64_t tenth_ms = (held->not_after_at_ms - held->not_before_at_ms) / 10;
    if (held->revoked_at_ms == 0 && held->not_after_at_ms - tenth_ms > *ret_at_ms)
        *ret_at_ms = held->not_after_at_ms - tenth_ms;
    certificate_free(held);
    return true;
}

static void set_config_fini(struct set_config **set)
{
    set_config_free(*set);
}

/* ---- which CA ---- */

static void reason_begin(struct buf *reasons)
{
    if (reasons->len > 0)
        buf_add_cstr(reasons, "; ");
}

static void choice_put_off(struct ca_choice *choice, int64_t until_ms, bool is_quota)
{
    if (choice->until_ms != 0 && until_ms >= choice->until_ms)
        return;
    choice->until_ms = until_ms;
    choice->is_quota = is_quota;
}

/* One choice while it is made. */
struct choosing {
    struct renewal *renewal;
    const struct set_config *set;
    const struct quota_wish *wish;
    bool takes;
    int64_t bearable_until_ms;
    struct buf *reasons;
    struct ca_choice *choice;
};

/* *ret: the ledger refuses. Else, where the choice takes, it has reserved. */
static bool is_without_quota(const struct choosing *c, const struct ca *ca, bool *ret,
                             struct err *err)
{
    struct ledger_answer answer;
    char until[TIME_TEXT_MAX];
    if (!quota_ask(c->renewal, c->set, c->wish, ca, c->takes, &answer, err))
        return false;
    *ret = !answer.may;
    if (answer.may)
        return true;
    choice_put_off(c->choice, answer.at_ms, true);
    if (c->choice->until_ms == answer.at_ms)
        c->choice->refusal = answer;
    time_format(answer.at_ms, false, until);
    reason_begin(c->reasons);
    buf_printf(c->reasons, "%s: %s until %s", ca_config(ca)->name, answer.text, until);
    return true;
}

/* A second CA that we cannot ask, for instance for want of its secrets, is no reason to fail: the first is the matter. */
static bool choice_open(struct renewal *r, const struct set_config *set, size_t i, size_t first,
                        struct buf *reasons, struct ca **ret, struct err *err)
{
    struct err why;
    *ret = NULL;
    if (ca_open(r->office, set->authorities[i], ret, &why))
        return true;
    if (i == first || why.kind == ERR_STORE)
        return err_set(err, why.kind, "%s", why.text);
    reason_begin(reasons);
    buf_add_cstr(reasons, why.text);
    return true;
}

/* A person's matter is no reason to leave the first CA; as a second one such a CA is of no use. */
static bool hold_decides(const struct ca *ca, bool is_first, struct buf *reasons,
                         struct ca_choice *choice)
{
    if (is_first) {
        choice->kind = CHOICE_TAKE;
        return true;
    }
    reason_begin(reasons);
    buf_printf(reasons, "%s waits for a person: %s", ca_config(ca)->name, ca_hold(ca)->failure);
    return false;
}

/* The breaker of a CA that has quota. False: the next one is looked at. */
static bool gate_decides(const struct choosing *c, struct ca *ca)
{
    switch (c->choice->is_forced ? ca_gate(ca) : ca_gate_ask(ca)) {
    case BREAKER_OPEN:
        choice_put_off(c->choice, ca_open_until_ms(ca), false);
        reason_begin(c->reasons);
        ca_trouble(ca, c->reasons);
        return false;
    case BREAKER_WAIT:
        c->choice->kind = CHOICE_HOLD_BACK;
        if (!c->choice->is_forced)
            return true;
        break;
    case BREAKER_PROBE:
    case BREAKER_CLOSED:
        break;
    }
    c->choice->kind = CHOICE_TAKE;
    return true;
}

/* One CA. *ret_decided false: the next one is looked at. */
static bool ca_is_decided(const struct choosing *c, struct ca *ca, bool is_first, bool *ret_decided,
                          struct err *err)
{
    bool is_refused = false;
    c->choice->ca = ca;
    if (ca_hold(ca) != NULL) {
        *ret_decided = hold_decides(ca, is_first, c->reasons, c->choice);
        return true;
    }
    if (!is_without_quota(c, ca, &is_refused, err))
        return false;
    if (is_refused) {
        *ret_decided = c->choice->until_ms <= c->bearable_until_ms;
        return true;
    }
    *ret_decided = gate_decides(c, ca);
    return !c->takes || (*ret_decided && c->choice->kind == CHOICE_TAKE) ||
           quota_release(c->renewal, c->set->name, err);
}

/* Whoever asks by hand wants it tried, though nobody answers there; but no limit is crossed for that. */
static bool first_is_insisted_on(const struct choosing *c, struct err *err)
{
    bool is_refused = false;
    struct ca *ca = NULL;
    if (!ca_open(c->renewal->office, c->set->authorities[0], &ca, err) ||
        !is_without_quota(c, ca, &is_refused, err))
        return false;
    if (is_refused)
        return true;
    c->choice->ca = ca;
    c->choice->kind = CHOICE_TAKE;
    buf_clear(c->reasons);
    return true;
}

bool failover_choose(struct renewal *r, const struct set_config *set, size_t first,
                     const struct quota_wish *wish, bool takes, int64_t bearable_until_ms,
                     struct buf *reasons, struct ca_choice *ret, struct err *err)
{
    struct choosing c = {r, set, wish, takes, bearable_until_ms, reasons, ret};
    *ret = (struct ca_choice){.kind = CHOICE_PUT_OFF, .is_forced = renewal_is_forced(r, set->name)};
    for (size_t i = first; set->authorities[i] != NULL; i++) {
        struct ca *ca = NULL;
        bool is_decided = false;
        if (!choice_open(r, set, i, first, reasons, &ca, err) ||
            (ca != NULL && !ca_is_decided(&c, ca, i == 0, &is_decided, err)))
            return false;
        if (is_decided)
            return true;
    }
    return !ret->is_forced || first > 0 || ret->is_quota || first_is_insisted_on(&c, err);
}

/* ---- leaving ---- */

static size_t authority_index(const struct set_config *set, const char *name)
{
    size_t i = 0;
    while (set->authorities[i] != NULL && strcmp(set->authorities[i], name) != 0)
        i++;
    return i;
}

/* The names behind the job's CA: as long as there are any the driver may ask to leave. */
bool failover_equip(struct renewal *r, const struct set_config *set, struct job *job,
                    struct err *err)
{
    if (set == NULL)
        return true;
    /* The second choice must not be refused for what can be seen beforehand: an order there is one more than was meant. */
    size_t i = authority_index(set, job->record->order->authority);
    job->preflight_first = job->record->fallback != NULL;
    job->has_others = set->authorities[i] != NULL && set->authorities[i + 1] != NULL;
    return failover_bearable_until(r->house, set->name, &job->bearable_until_ms, err);
}

/* Another CA of the set that can be asked now; *ret NULL: there is none. */
static bool other_find(struct renewal *r, const struct set_config *set, const char *authority,
                       struct ca **ret, struct err *err)
{
    struct ca_choice choice;
    AUTO(buf_fini)
    struct buf reasons = BUF(REASONS_MAX);
    AUTO(quota_wish_fini)
    struct quota_wish wish = {0};
    struct err why = {0};
    size_t next = authority_index(set, authority);
    *ret = NULL;
    if (set->authorities[next] == NULL || set->authorities[next + 1] == NULL)
        return true;
    if (!quota_wish_find(r, set->name, NULL, &wish, err))
        return false;
    if (!failover_choose(r, set, next + 1, &wish, false, INT64_MAX, &reasons, &choice, &why))
        return why.kind != ERR_STORE || err_set(err, why.kind, "%s", why.text);
    *ret = choice.kind == CHOICE_TAKE ? choice.ca : NULL;
    return true;
}

/* What is left is told with its reason, and the reason goes with the order that takes its place. */
static void order_queue_other(struct renewal *r, const struct set_config *set,
                              const struct order_record *record, unsigned lanes_tried,
                              const struct err *why, const struct ca *other)
{
    const struct order *order = record->order;
    bool has_lane = record->lane != NULL && record->lane[0] != '\0';
    struct waiting *w = has_lane
                            ? waiting_new_lane(set->name, record->lane, lanes_tried, record->why)
                            : waiting_new(set->name, record->why, 0);
    w->first = authority_index(set, order->authority) + 1;
    w->fallback = mem_printf("%s: %s", order->authority, why->text);
    event_write(r->house, EVENT_ORDER_LEFT, order->set_name, order->id,
                "at %s: %s; another order is placed at %s", order->authority, why->text,
                ca_config(other)->name);
    house_say(r->house, order->set_name, "order", "%s is left for %s: %s", order->authority,
              ca_config(other)->name, why->text);
    list_push_front(&r->queue, &w->in_queue);
}

/* What was found dead once is not tried again by all the others. Quota and nonsense are counted elsewhere. */
static void ca_give_up(struct ca *ca, const struct err *why)
{
    if (why->fault == FAULT_CA && why->kind != ERR_BROKEN)
        ca_trip(ca, why->text);
}

bool failover_leave(struct renewal *r, struct job *job, bool *ret_left, struct err *err)
{
    struct order_record *record = job->record;
    AUTO(set_config_fini)
    struct set_config *set = NULL;
    struct ca *other = NULL;
    struct err why = {0};
    *ret_left = false;
    if (!register_set(r->house, record->order->set_name, &set, &why) && why.kind == ERR_STORE)
        return err_set(err, why.kind, "%s", why.text);
    if (set != NULL && !other_find(r, set, record->order->authority, &other, err))
        return false;
    if (other == NULL) {
        job_stay(job);
        return true;
    }
    *ret_left = true;
    ca_give_up(job->ca, &record->failure);
    order_queue_other(r, set, record, job->lanes_tried, &record->failure, other);
    return order_record_end(r->house, record, "left", err) &&
           txt_desk_release(r->driver.desk, record->order->id, err);
}

/* CAA, for instance, lets the second choice not issue: that is a fault of the DNS there, but no reason not to look further. */
static bool second_choice_is_refused(const struct job *job)
{
    return job->preflight_refuses && job->record->fallback != NULL &&
           job->record->order->url == NULL;
}

bool failover_replace(struct renewal *r, const struct job *job, bool *ret_replaced, struct err *err)
{
    struct order_record *record = job->record;
    AUTO(set_config_fini)
    struct set_config *set = NULL;
    struct ca *other = NULL;
    *ret_replaced = false;
    if (second_choice_is_refused(job)) {
        /* The set fails for what happened to its first CA as well, which passes. */
        err_wrap(&record->failure, "%s; and at %s", record->fallback, record->order->authority);
        err_judge(&record->failure, CLASS_LATER, FAULT_CA, record->failure.advice);
    }
    if (!job->has_others || !job_fault_is_of_ca(&record->failure))
        return true;
    if (!register_set(r->house, record->order->set_name, &set, NULL))
        return true;
    if (!other_find(r, set, record->order->authority, &other, err))
        return false;
    if (other != NULL)
        order_queue_other(r, set, record, job->lanes_tried, &record->failure, other);
    *ret_replaced = other != NULL;
    return true;
}

bool failover_leave_record(struct renewal *r, const struct set_config *set,
                           struct order_record *record, const struct ca *ca, bool *ret_left,
                           struct err *err)
{
    struct ca *other = NULL;
    AUTO(buf_fini)
    struct buf text = BUF(REASONS_MAX);
    struct err why;
    *ret_left = false;
    if (set == NULL || order_may_have_issued(record->order))
        return true;
    if (!other_find(r, set, record->order->authority, &other, err))
        return false;
    if (other == NULL)
        return true;
    ca_trouble(ca, &text);
    err_set(&why, ERR_AGAIN, "%s", buf_cstr(&text));
    record->failure = why;
    order_queue_other(r, set, record, 0, &why, other);
    *ret_left = true;
    return order_record_end(r->house, record, "left", err) &&
           txt_desk_release(r->driver.desk, record->order->id, err);
}
