#include "renewal/quota.h"

#include "inventory/event.h"
#include "inventory/held.h"
#include "inventory/register.h"

#include <stdio.h>

enum { OWNER_MAX = 160 };

/* Sets that this run has put off for one limit: each waits behind those before it. */
struct quota_queue {
    struct list in_renewal;
    char *key;
    int64_t last_at_ms; /* of the last one in it */
};

static void owner_of(const char *set, char out[OWNER_MAX])
{
    snprintf(out, OWNER_MAX, "set:%s", set);
}

/* ---- a set ---- */

/* A tenth of its life before a certificate ends, ordinary work must not have used up what it needs. */
static void wish_judge(const struct certificate *c, int64_t now_ms, struct quota_wish *wish)
{
    int64_t at_ms = c->not_after_at_ms - (c->not_after_at_ms - c->not_before_at_ms) / 10;
    bool is_lost = c->revoked_at_ms != 0 || c->revoke_asked_at_ms != 0 ||
                   strcmp(c->due_rule != NULL ? c->due_rule : "", "key") == 0;
    if (is_lost || at_ms <= now_ms)
        wish->is_emergency = true;
    else if (at_ms < wish->emergency_at_ms)
        wish->emergency_at_ms = at_ms;
}

bool quota_wish_find(struct renewal *r, const char *set, const char *lane, struct quota_wish *ret,
                     struct err *err)
{
    struct certificate **unit = NULL;
    size_t n = 0;
    *ret = (struct quota_wish){.is_emergency = renewal_is_forced(r, set),
                               .emergency_at_ms = INT64_MAX};
    if (!held_unit(r->house, set, false, &unit, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        wish_judge(unit[i], house_now(r->house), ret);
        if (strcmp(unit[i]->lane, lane != NULL ? lane : "") == 0) {
            ret->replaced = unit[i];
            unit[i] = NULL;
        }
    }
    certificates_free(unit, n);
    return true;
}

void quota_wish_fini(struct quota_wish *wish)
{
    certificate_free(wish->replaced);
    *wish = (struct quota_wish){0};
}

bool quota_in_window(struct renewal *r, const struct quota_wish *wish, const struct ca *ca)
{
    const struct certificate *c = wish->replaced;
    int64_t now_ms = house_now(r->house);
    return c != NULL && c->ari_id != NULL && c->revoked_at_ms == 0 && !c->revoke_now &&
           strcmp(c->directory, ca_directory_url(ca)) == 0 && c->ari_start_at_ms <= now_ms &&
           now_ms < c->ari_end_at_ms;
}

/* ---- who waits behind whom ---- */

static void queue_free(struct quota_queue *queue)
{
    list_remove(&queue->in_renewal);
    mem_free(queue->key);
    mem_free(queue);
}

/* Those whose last one has had its turn are over: a run may last for months. */
static struct quota_queue *queue_of(struct renewal *r, const struct ledger_answer *answer,
                                    const char *directory)
{
    struct quota_queue *found = NULL;
    AUTO(mem_fini)
    char *key = mem_printf("%s %s %s", directory, answer->limit, answer->subject);
    LIST_EACH (it, &r->quota_queues) {
        struct quota_queue *queue = LIST_OWNER(it, struct quota_queue, in_renewal);
        if (strcmp(queue->key, key) == 0)
            found = queue;
        else if (queue->last_at_ms < house_now(r->house))
            queue_free(queue);
    }
    if (found != NULL)
        return found;
    struct quota_queue *queue = NEW(struct quota_queue);
    queue->key = mem_strdup(key);
    list_push_back(&r->quota_queues, &queue->in_renewal);
    return queue;
}

void quota_queues_free(struct renewal *r)
{
    LIST_EACH (it, &r->quota_queues)
        queue_free(LIST_OWNER(it, struct quota_queue, in_renewal));
}

/* Its place in the queue; but from emergency_at_ms on the set may use what is kept, and needs none. */
static void queue_up(struct renewal *r, const struct quota_wish *wish, const char *directory,
                     bool takes, struct ledger_answer *answer)
{
    struct quota_queue *queue = queue_of(r, answer, directory);
    int64_t behind_ms = queue->last_at_ms + answer->gap_ms;
    if (behind_ms > answer->at_ms)
        answer->at_ms = behind_ms;
    if (wish->emergency_at_ms > house_now(r->house) && wish->emergency_at_ms < answer->at_ms)
        answer->at_ms = wish->emergency_at_ms;
    else if (takes)
        queue->last_at_ms = answer->at_ms;
}

static void override_tell(struct renewal *r, const char *set, const struct ledger_ask *ask,
                          const struct ledger_answer *answer)
{
    AUTO(buf_fini)
    struct buf reason = BUF(512);
    text_escape(&reason, str_of(ask->override_reason), 300);
    event_write(r->house, EVENT_LIMIT_OVERRIDDEN, set, 0, "%s: %s; ordered all the same: %s",
                ask->directory, answer->text, buf_cstr(&reason));
}

bool quota_ask(struct renewal *r, const struct set_config *set, const struct quota_wish *wish,
               const struct ca *ca, bool takes, struct ledger_answer *ret, struct err *err)
{
    char owner[OWNER_MAX];
    struct ledger_ask ask = {.directory = ca_directory_url(ca),
                             .account = ca_eab_kid(ca),
                             .names = (const char *const *)set->names,
                             .n_names = set->n_names,
                             .is_replacement_in_window = quota_in_window(r, wish, ca),
                             .is_emergency = wish->is_emergency,
                             .override_reason = asks_override(r->options.asks, set->name)};
    owner_of(set->name, owner);
    if (!(takes ? ledger_reserve(r->house, &ask, owner, ret, err)
                : ledger_look(r->house, &ask, ret, err)))
        return false;
    if (ret->may && ret->is_overridden && takes)
        override_tell(r, set->name, &ask, ret);
    if (ret->may)
        return true;
    queue_up(r, wish, ask.directory, takes, ret);
    return true;
}

bool quota_release(struct renewal *r, const char *set, struct err *err)
{
    char owner[OWNER_MAX];
    owner_of(set, owner);
    return ledger_settle(r->house, owner, LEDGER_UNUSED, err);
}

bool quota_put_off(struct renewal *r, const char *set, const struct ledger_answer *why,
                   int64_t until_ms, const char *reasons, struct err *err)
{
    char until[TIME_TEXT_MAX];
    struct set_row row = {0};
    if (!register_row(r->house, set, &row, err))
        return false;
    bool was_told = strcmp(row.why, "limit") == 0;
    set_row_fini(&row);
    time_format(until_ms, false, until);
    if (!was_told)
        event_write(r->house, EVENT_LIMIT_WAITS, set, 0,
                    "%s; what is served stays as it is; its order is begun at %s", reasons, until);
    renewal_put_off(r, set, err_kind_name(ERR_THROTTLED), until_ms);
    house_say_end(r->house, set, "order", false, "left to a run after %s: %s", until, reasons);
    return register_limit(r->house, set, until_ms, why->text, err);
}

/* ---- an order ---- */

static bool job_learns(struct job *job, struct err *err)
{
    const struct order *order = job->record->order;
    struct ledger_refusal refusal = {.directory = order->directory,
                                     .account = ca_eab_kid(job->ca),
                                     .names = (const char *const *)order->names,
                                     .n_names = order->n_names,
                                     .until_ms = job->refused_until_ms,
                                     .text = job->record->failure.text,
                                     .help = job->refused_help};
    job->refused_until_ms = 0;
    return ledger_learn(job->driver->house, &refusal, err);
}

/* It will not name its predecessor after all: it is an order like any other. */
static bool job_loses_exemption(struct job *job, const char *owner, struct ledger_answer *ret,
                                struct err *err)
{
    const struct order *order = job->record->order;
    struct ledger_ask ask = {.directory = order->directory,
                             .account = ca_eab_kid(job->ca),
                             .names = (const char *const *)order->names,
                             .n_names = order->n_names};
    job->is_in_window = false;
    return ledger_settle(job->driver->house, owner, LEDGER_UNUSED, err) &&
           ledger_reserve(job->driver->house, &ask, owner, ret, err);
}

/* newOrder goes out again. Whoever began first is first. */
static bool job_repeats(struct job *job, struct err *err)
{
    char owner[OWNER_MAX];
    struct ledger_answer answer;
    struct err why;
    owner_of(job->record->order->set_name, owner);
    if (job->is_in_window && job->record->order->without_replaces) {
        if (!job_loses_exemption(job, owner, &answer, err))
            return false;
    } else if (!ledger_repeat(job->driver->house, owner, job->record->new_is_in_doubt, &answer,
                              err)) {
        return false;
    }
    job->record->new_is_in_doubt = false;
    if (answer.may)
        return true;
    job->n_outbox = 0;
    list_remove(&job->in_outgoing);
    err_throttled(&why, answer.at_ms, "newOrder: not sent again yet: %s", answer.text);
    err_judge(&why, CLASS_LATER, FAULT_QUOTA, NULL);
    job_put_off(job, &why, answer.at_ms);
    return true;
}

bool quota_settle_job(struct job *job, struct err *err)
{
    struct order_record *record = job->record;
    const struct order *order = record->order;
    char owner[OWNER_MAX];
    if (job->refused_until_ms != 0 && !job_learns(job, err))
        return false;
    if (order->step == ORDER_NEW && job->n_outbox > 0 &&
        (record->new_was_sent || (job->is_in_window && order->without_replaces)))
        return job_repeats(job, err);
    if (order->url == NULL || record->is_placed)
        return true;
    record->is_placed = true;
    owner_of(order->set_name, owner);
    return ledger_placed(job->driver->house, owner, err);
}

/* ---- its end ---- */

/* What nobody can tell counts as if it were. */
static enum ledger_outcome outcome_of(const struct order_record *record, const char *outcome)
{
    const struct order *order = record->order;
    if (strcmp(outcome, "issued") == 0)
        return LEDGER_ISSUED;
    if (order_may_have_issued(order))
        return LEDGER_UNKNOWN;
    return order->url != NULL || record->new_is_in_doubt ? LEDGER_ORDERED : LEDGER_UNUSED;
}

static bool account_of(struct house *house, const struct order_record *record, char **ret,
                       struct err *err)
{
    struct rows rows;
    *ret = NULL;
    if (!store_query(house->store, &rows, err, SQL_ACCOUNT_EAB_KID, "i", record->account_id))
        return false;
    if (rows_next(&rows))
        *ret = mem_strdup(rows_text(&rows, 0));
    return rows_end(&rows, err);
}

static bool authz_has_failed(const struct authz *authz)
{
    return authz->status == AUTHZ_INVALID && authz->answered && authz->identifier != NULL;
}

/* Only what was answered has been tried by the CA. */
static bool failures_tell(struct house *house, const struct order_record *record, struct err *err)
{
    const struct order *order = record->order;
    AUTO(mem_fini)
    char *account = NULL;
    for (size_t i = 0; i < order->n_authz; i++) {
        const struct authz *a = &order->authz[i];
        if (!authz_has_failed(a))
            continue;
        if (account == NULL && !account_of(house, record, &account, err))
            return false;
        if (account != NULL &&
            !ledger_authz_failed(house, order->directory, account, a->identifier, err))
            return false;
    }
    return true;
}

static bool successes_tell(struct house *house, const struct order_record *record, struct err *err)
{
    const struct order *order = record->order;
    const struct ca_limits *limits = config_limits(house->config, order->directory);
    AUTO(mem_fini)
    char *account = NULL;
    if (limits->rates[CA_LIMIT_FAILURES_IN_A_ROW].count == 0)
        return true;
    return account_of(house, record, &account, err) &&
           (account == NULL ||
            ledger_authz_passed(house, order->directory, account, (const char *const *)order->names,
                                order->n_names, err));
}

bool quota_settle_order(struct house *house, const struct order_record *record, const char *outcome,
                        struct err *err)
{
    enum ledger_outcome how = outcome_of(record, outcome);
    char owner[OWNER_MAX];
    owner_of(record->order->set_name, owner);
    return (how == LEDGER_ISSUED ? successes_tell(house, record, err)
                                 : failures_tell(house, record, err)) &&
           ledger_settle(house, owner, how, err);
}

bool quota_settle_lost(struct house *house, const char *set, struct err *err)
{
    char owner[OWNER_MAX];
    owner_of(set, owner);
    return ledger_settle(house, owner, LEDGER_UNKNOWN, err);
}
