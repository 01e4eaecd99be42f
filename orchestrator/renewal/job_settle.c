/*
 * Inside the turn's transaction: what a job learnt becomes durable - its key (job_key.c), its TXT wishes, its certificate,
 * its row.
 */
#include "inventory/event.h"
#include "inventory/held.h"
#include "renewal/driver.h"
#include "renewal/job_preflight.h"
#include "renewal/quota.h"

static bool job_settle_txt(struct job *job, struct err *err)
{
    struct order *order = job->record->order;
    int64_t deadline_ms = order->step_at_ms + order_patience_ms(order);
    size_t n_wanted = 0;
    job->wants_txt = false;
    if (challenge_stands(order->challenge))
        return job_want_look(job, err);
    for (size_t i = 0; i < order->n_authz; i++) {
        const struct authz *a = &order->authz[i];
        AUTO(buf_fini)
        struct buf name = BUF(512);
        if (a->status != AUTHZ_PENDING || a->value == NULL)
            continue;
        order_challenge_name(order, a, &name);
        AUTO(mem_fini)
        char *proof = a->token != NULL ? mem_printf("%s.%s", a->token, order->thumbprint) : NULL;
        if (!txt_desk_want(job->driver->desk, order->id, order->set_name, buf_cstr(&name), a->value,
                           proof, job->alias, deadline_ms, err))
            return false;
        n_wanted++;
    }
    if (n_wanted == 0)
        return err_set(err, ERR_BUG,
                       "publish: no authorization of the order has a value to publish");
    house_say(job->driver->house, order->set_name, "dns", "publishing TXT records");
    return true;
}

/* What could not be had of other chains is told; the certificate is as good without. */
static void alternates_tell(struct job *job)
{
    const struct order *order = job->record->order;
    for (size_t i = 0; i < order->n_alternates; i++)
        if (order->alternates[i].failure != NULL)
            event_write(job->driver->house, EVENT_CHAIN_LEFT_OUT, order->set_name, order->id,
                        "%s: %s", order->alternates[i].url, order->alternates[i].failure);
}

static size_t alternates_find(const struct order *order,
                              const struct chain *out[ACME_ALTERNATES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < order->n_alternates && n < ACME_ALTERNATES_MAX; i++)
        if (order->alternates[i].chain != NULL)
            out[n++] = order->alternates[i].chain;
    return n;
}

static bool job_settle_certificate(struct job *job, struct err *err)
{
    struct order_record *record = job->record;
    struct order *order = record->order;
    struct house *house = job->driver->house;
    struct cert_facts facts = {0};
    const struct chain *alternates[ACME_ALTERNATES_MAX];
    size_t n_alternates = alternates_find(order, alternates);
    char until[TIME_TEXT_MAX];

    job->wants_certificate = false;
    struct certificate_birth birth = {
        .set_name = order->set_name,
        .lane = record->lane,
        .authority = order->authority,
        .directory = order->directory,
        .want = record->want,
        .key_kind = key_kind_name(record->key_kind),
        .profile = order->profile,
        .url = order->certificate_url,
        .names = (const char *const *)order->names,
        .n_names = order->n_names,
        .account_id = record->account_id,
        .key_id = record->key_id,
        .order_id = order->id,
        .chain = order->chain,
        .alternates = alternates,
        .n_alternates = n_alternates,
    };
    if (!held_certificate_born(house, &birth, &record->certificate_id, err) ||
        !chain_facts(order->chain, 0, &facts, err))
        return false;
    time_format(facts.not_after_at_ms, false, until);
    event_write(house, EVENT_CERTIFICATE_ISSUED, order->set_name, order->id,
                "serial %s, %zu name%s, valid until %s, by %s%s%s", facts.serial_hex,
                order->n_names, order->n_names == 1 ? "" : "s", until, order->authority,
                birth.lane[0] != '\0' ? ", key " : "", birth.lane[0] != '\0' ? birth.key_kind : "");
    alternates_tell(job);
    cert_facts_fini(&facts);
    order_alternates_drop(order);
    chain_free(order->chain);
    order->chain = NULL;
    return true;
}

static bool job_settle_aside(struct job *job, struct err *err)
{
    struct order *order = job->record->order;
    if (!store_run(job->driver->house->store, NULL, err, SQL_ORDER_KEEP_ASIDE, "it", order->id,
                   order->aside))
        return false;
    mem_set_str(&order->aside, NULL);
    return true;
}

/* A fault that was overcome within the run is told once, when it is over. */
static void job_tell_recovered(struct job *job)
{
    const struct order *order = job->record->order;
    char took[TIME_TEXT_MAX];
    duration_format(house_now(job->driver->house) - job->trouble_at_ms, took);
    event_write(job->driver->house, EVENT_ORDER_RECOVERED, order->set_name, order->id,
                "%s, at %s; it worked when tried again, after %s", job->trouble.text,
                order->authority, took);
    job->trouble.kind = ERR_NONE;
    job->has_recovered = false;
}

/* The wants of the steps, in the order in which an order has them. */
static bool job_settle_wants(struct job *job, struct err *err)
{
    if (!job_settle_key(job, err))
        return false;
    if (job->wants_txt && !job_settle_txt(job, err))
        return false;
    if (job->wants_certificate && !job_settle_certificate(job, err))
        return false;
    if (job->record->order->aside != NULL && !job_settle_aside(job, err))
        return false;
    if (job->has_recovered)
        job_tell_recovered(job);
    job_preflight_settle(job);
    if (job->releases_txt) {
        job->releases_txt = false;
        if (!txt_desk_release(job->driver->desk, job->record->order->id, err))
            return false;
    }
    return true;
}

/* What cannot be settled for a reason of its own costs this order, not the run. Nothing of it was written: such faults show before. */
static void job_fail_to_settle(struct job *job, const struct err *why)
{
    job->wants_txt = job->wants_certificate = false;
    job_key_drop(job);
    job->end = JOB_RUNS;
    job_fail(job, why);
    job_run(job);
}

bool job_settle(struct job *job, struct err *err)
{
    list_remove(&job->in_dirty);
    if (!quota_settle_job(job, err))
        return false;
    if (!job_settle_wants(job, err)) {
        struct err why = *err;
        if (why.kind == ERR_STORE || why.kind == ERR_HELD)
            return false;
        job_fail_to_settle(job, &why);
        if (!job_settle_wants(job, err))
            return false;
    }
    list_remove(&job->in_dirty);
    return order_record_save(job->driver->house, job->record, err);
}
