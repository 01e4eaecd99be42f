#include "renewal/driver.h"

#include "acme/profile.h"
#include "base/failpoint.h"
#include "inventory/register.h"
#include "renewal/guilt.h"
#include "renewal/job_preflight.h"
#include "renewal/standing.h"

static void job_hear(void *arg, const struct acme_answer *answer);
static void job_go(struct job *job, enum order_step next, bool heard);
static void job_done(struct job *job);
static void job_prepared(void *arg, const struct err *err);

void job_touch(struct job *job)
{
    if (!list_is_linked(&job->in_dirty))
        list_push_back(&job->driver->dirty, &job->in_dirty);
}

struct job *job_new(struct driver *driver, struct ca *ca, struct order_record *take_record,
                    const char *alias)
{
    struct job *job = NEW(struct job);
    job->driver = driver;
    job->ca = ca;
    job->record = take_record;
    job->alias = mem_strdup(alias);
    return job;
}

void job_free(struct job *job)
{
    if (job == NULL)
        return;
    if (job->n_out > 0 || job->preparing)
        ca_forget(job->ca, job);
    job->driver->n_out -= job->n_out + (job->preparing ? 1 : 0) + (job->keying ? 1 : 0);
    if (job->look != NULL)
        job->driver->n_out--;
    standing_look_cancel(job->look);
    job_preflight_free(job);
    job_key_drop(job);
    heap_remove(&job->driver->sleepers, &job->sleep);
    list_remove(&job->in_run);
    list_remove(&job->in_dirty);
    list_remove(&job->in_outgoing);
    order_record_free(job->record);
    mem_free(job->worst);
    mem_free(job->alias);
    mem_free(job->refused_help);
    mem_free(job);
}

/* A person must look after the account: until then nobody asks the CA, and no order fails by that. Clean-up needs no account. */
static void job_wait_for_account(struct job *job)
{
    const struct account_hold *hold = ca_hold(job->ca);
    struct order_record *record = job->record;
    if (job->n_out > 0)
        return;
    if (record->order->step == ORDER_TIDY) {
        job_go(job, ORDER_DONE, false);
        job_done(job);
        return;
    }
    account_hold_err(hold, ca_config(job->ca)->name, &record->failure);
    record->next_at_ms = house_now(job->driver->house) + account_hold_wait_ms(hold->reason);
    job->end = JOB_PARKED;
    job_touch(job);
}

/* How long the CA took is learnt from where polling ended. */
static void job_learn(struct job *job, enum order_step next)
{
    const struct order *order = job->record->order;
    int64_t took_ms = house_now(job->driver->house) - order->step_at_ms;
    bool at_once = order->n_polls <= 1;
    if (order->step == ORDER_VALIDATE && next == ORDER_FINALIZE)
        ca_learn_validate(job->ca,
                          at_once ? ca_usual_validate_ms(job->ca) * 19 / 20 : took_ms * 6 / 5);
    if (order->step == ORDER_ISSUE && next == ORDER_FETCH)
        ca_learn_issue(job->ca, at_once ? ca_usual_issue_ms(job->ca) * 19 / 20 : took_ms * 6 / 5);
}

/* heard: the CA answered. Only what it did is progress: an order that goes back and forth between two steps meets ever longer pauses. */
static void job_go(struct job *job, enum order_step next, bool heard)
{
    struct order *order = job->record->order;
    CHECK(order_step_may_follow(order->step, next));
    if (heard && next > order->step) {
        job->record->n_tries = 0;
        job->has_recovered = job->trouble.kind != ERR_NONE;
    }
    job_learn(job, next);
    if (heard && order->step == ORDER_NEW)
        ca_accepted(job->ca);
    if (order->step == ORDER_FETCH && next == ORDER_TIDY)
        job->wants_certificate = true;
    if (next == ORDER_TIDY)
        job->releases_txt = true;
    order->step = next;
    order->step_at_ms = house_now(job->driver->house);
    order->n_polls = 0;
    order->wait_told = false;
    if (!order->failed)
        job->record->failure.kind = ERR_NONE;
    job_touch(job);
}

static void job_ask(struct job *job, const struct verdict *verdict)
{
    job->outbox = verdict->asks;
    job->n_outbox = verdict->n_asks;
    /* As long as the row says that it was sent and tells no failure, nothing is known of it: see job_resume. */
    if (job->record->order->step == ORDER_NEW)
        job->record->failure.kind = ERR_NONE;
    if (!list_is_linked(&job->in_outgoing))
        list_push_back(&job->driver->outgoing, &job->in_outgoing);
    job_touch(job);
}

static void job_done(struct job *job)
{
    job->end = job->record->order->failed ? JOB_FAILED : JOB_ISSUED;
    job_touch(job);
}

/* Keeps the first fault of a step until all its asks are heard. */
static void job_keep_worst(struct job *job, const struct verdict *verdict)
{
    if (job->worst == NULL ||
        (job->worst->kind == VERDICT_AGAIN && verdict->kind == VERDICT_FAIL)) {
        mem_free(job->worst);
        job->worst = NEW(struct verdict);
        *job->worst = *verdict;
    }
}

/* Acts on one verdict. True when the next step should be asked right away. */
static bool job_obey(struct job *job, const struct verdict *verdict, bool heard)
{
    switch (verdict->kind) {
    case VERDICT_ASK:
        job_ask(job, verdict);
        return false;
    case VERDICT_WAIT:
        return false;
    case VERDICT_GO:
        job_go(job, verdict->next, heard);
        if (verdict->next != ORDER_DONE)
            return true;
        job_done(job);
        return false;
    case VERDICT_SLEEP:
        job_sleep(job, verdict->until_ms);
        return false;
    case VERDICT_WANT_KEY:
        job->wants_key = true;
        job_touch(job);
        return false;
    case VERDICT_WANT_TXT:
        job->wants_txt = true;
        job_touch(job);
        return false;
    case VERDICT_AGAIN:
        job_again(job, &verdict->err);
        return false;
    case VERDICT_FAIL:
        return job_hear_failure(job, &verdict->err);
    }
    CHECK(verdict->kind <= VERDICT_FAIL);
    return false;
}

static struct acme_world job_world(const struct job *job)
{
    const struct order *order = job->record->order;
    bool ready = ca_is_ready(job->ca);
    return (struct acme_world){
        .now_ms = house_now(job->driver->house),
        .directory = ready ? ca_directory(job->ca) : NULL,
        .poll_first_ms =
            order->step == ORDER_ISSUE ? ca_usual_issue_ms(job->ca) : ca_usual_validate_ms(job->ca),
        .arena = job->driver->arena,
    };
}

/* KEY needs nothing of the CA, and an order that failed before it was placed has nothing to tidy there. */
static bool job_needs_ca(const struct job *job)
{
    const struct order *order = job->record->order;
    return order->step != ORDER_KEY &&
           !(order->step == ORDER_TIDY && (!order->failed || order->n_authz == 0));
}

static bool job_prepare(struct job *job)
{
    struct order *order = job->record->order;
    if (!job_needs_ca(job))
        return true;
    if (ca_is_ready(job->ca)) {
        memcpy(order->thumbprint, ca_thumbprint(job->ca), strlen(ca_thumbprint(job->ca)) + 1);
        mem_set_str(&order->account_url, ca_account_url(job->ca));
        job->record->account_id = ca_account_id(job->ca);
        return true;
    }
    if (!job->preparing) {
        job->preparing = true;
        job->driver->n_out++;
        ca_prepare(job->ca, job_prepared, job);
    }
    return false;
}

/* A profile that the directory of yesterday does not list may be there by now. False: that is being asked. */
static bool job_has_fresh_directory(struct job *job)
{
    const struct order *order = job->record->order;
    if (order->step != ORDER_NEW || ca_directory_is_fresh(job->ca) ||
        profile_is_offered(ca_directory(job->ca), order->profile))
        return true;
    job->preparing = true;
    job->driver->n_out++;
    ca_fetch_directory(job->ca, job_prepared, job);
    return false;
}

/* False: the step waits. A refusal leads to TIDY, where the gate is open. */
static bool job_passes_gate(struct job *job)
{
    struct err why = {0};
    switch (job_preflight_gate(job, &why)) {
    case GATE_OPEN:
        return true;
    case GATE_WAITS:
        return false;
    case GATE_FAILS:
        job_fail(job, &why);
        return job_prepare(job);
    }
    return false;
}

/* Another account's certificate is none of this one's business (RFC 9773 5). */
static void job_judge_replaces(struct job *job)
{
    struct order *order = job->record->order;
    if (order->step == ORDER_NEW && job->record->replaces_account_id != job->record->account_id)
        order->without_replaces = true;
}

static void job_step(struct job *job, const struct acme_answer *answer)
{
    for (;;) {
        if (!job_prepare(job) ||
            (answer == NULL && (!job_has_fresh_directory(job) || !job_passes_gate(job))))
            return;
        if (answer == NULL)
            job_judge_replaces(job);
        struct acme_world world = job_world(job);
        struct verdict verdict = order_step_run(job->record->order, &world, answer);
        bool heard = answer != NULL;
        if (heard && answer->problem != NULL && answer->problem->n_subproblems > 0) {
            mem_free(job->record->guilty);
            job->record->guilty = guilt_of_problem(answer->problem);
        }
        if (heard && verdict.err.kind == ERR_BROKEN && answer->lost == NULL)
            ca_broke_protocol(job->ca, verdict.err.text);
        answer = NULL;
        if (job->n_out > 0 && (verdict.kind == VERDICT_AGAIN || verdict.kind == VERDICT_FAIL)) {
            job_keep_worst(job, &verdict);
            return;
        }
        if (job->n_out == 0 && job->worst != NULL) {
            if (verdict.kind != VERDICT_FAIL)
                verdict = *job->worst;
            mem_free(job->worst);
            job->worst = NULL;
        }
        if (!job_obey(job, &verdict, heard))
            return;
    }
}

void job_run(struct job *job)
{
    if (job->end != JOB_RUNS || job->n_out > 0 || job->n_outbox > 0 || job->keying ||
        job->preparing || job->look != NULL)
        return;
    heap_remove(&job->driver->sleepers, &job->sleep);
    job_step(job, NULL);
}

static void job_hear(void *arg, const struct acme_answer *answer)
{
    struct job *job = arg;
    job->n_out--;
    job->driver->n_out--;
    job_touch(job);
    if (job->record->order->step == ORDER_NEW && answer->status != 0) {
        job->record->new_is_in_doubt = false;
        mem_set_str(&job->refused_help, answer->help_link);
    }
    /* What went well still counts, though the account is held since. */
    if (ca_hold(job->ca) != NULL && (answer->status == 0 || answer->problem != NULL))
        job_wait_for_account(job);
    else
        job_step(job, answer);
}

static void job_prepared(void *arg, const struct err *err)
{
    struct job *job = arg;
    job->preparing = false;
    job->driver->n_out--;
    job_touch(job);
    if (err == NULL) {
        job_run(job);
    } else if (job->record->order->step == ORDER_TIDY) {
        /* What is left at the CA expires by itself; our own clean-up does not wait for it. */
        job_go(job, ORDER_DONE, false);
        job_done(job);
    } else if (ca_hold(job->ca) != NULL) {
        job_wait_for_account(job);
    } else if (err->kind == ERR_AGAIN || err->kind == ERR_THROTTLED || err->kind == ERR_LOCAL ||
               err->kind == ERR_STORE) {
        job_again(job, err);
    } else if (job_would_leave(job, err, INT64_MAX)) {
        job_leave(job, err, house_now(job->driver->house),
                  job->record->order->new_sent ? ELSE_PERSON : ELSE_FAIL);
    } else if (job->record->order->new_sent) {
        job_wait_for_person(job, err);
    } else {
        job_fail(job, err);
        job_run(job);
    }
}

void job_txt_changed(struct job *job)
{
    struct order *order = job->record->order;
    struct err why = {0};
    if (order->step != ORDER_PUBLISH || order->published || job->end != JOB_RUNS)
        return;
    switch (txt_desk_fate(job->driver->desk, order->id, &why)) {
    case TXT_PENDING:
        return;
    case TXT_SERVED:
        order->published = true;
        house_say(job->driver->house, order->set_name, "dns",
                  "every name server shows the TXT records");
        break;
    case TXT_FAILED:
        job_fail(job, &why);
        break;
    }
    job_touch(job);
    job_run(job);
}

/* ---- after the commit ---- */

void job_send(struct job *job)
{
    const struct order *order = job->record->order;
    size_t n = job->n_outbox;
    job->n_outbox = 0;
    list_remove(&job->in_outgoing);
    if (order->step == ORDER_NEW && n > 0) {
        ca_expect(job->ca, order->n_names);
        job->record->new_was_sent = job->record->new_is_in_doubt = true;
    }
    if (job->wants_look && order->step == ORDER_PUBLISH)
        job_look(job);
    job->n_out += n;
    job->driver->n_out += n;
    for (size_t i = 0; i < n; i++) {
        FAILPOINT("order.send.before");
        ca_send(job->ca, &job->outbox[i], NULL, job_hear, job);
    }
}
