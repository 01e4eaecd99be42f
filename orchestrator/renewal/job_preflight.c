#include "renewal/job_preflight.h"

#include "inventory/event.h"
#include "renewal/preflight.h"

/* Whether anything of this order has still to be validated, as far as is known. */
static bool job_will_be_validated(const struct job *job)
{
    const struct order *order = job->record->order;
    if (order->failed || order->step < ORDER_NEW || order->step > ORDER_ANSWER)
        return false;
    for (size_t i = 0; i < order->n_authz; i++)
        if (order->authz[i].answered)
            return false;
    return true;
}

/* What is not known is told once; the verdict of the CA comes all the same. */
static void preflight_tell(struct job *job)
{
    const struct preflight *p = job->preflight;
    const char *set = job->record->order->set_name;
    if (preflight_is_worrying(p)) {
        job->preflight_worry = mem_strdup(preflight_notes(p));
        job_touch(job);
    }
    if (preflight_state(p) == PREFLIGHT_UNKNOWN)
        house_say(job->driver->house, set, "preflight", "the CA decides: %s", preflight_notes(p));
}

static void preflight_is_in(void *arg)
{
    struct job *job = arg;
    job->driver->n_out--;
    job->preflight_runs = false;
    preflight_tell(job);
    job->preflight_refuses = preflight_state(job->preflight) == PREFLIGHT_REFUSED;
    if (!job->preflight_refuses) {
        preflight_free(job->preflight);
        job->preflight = NULL;
    }
    if (job->preflight_refuses || job->preflight_is_awaited) {
        job->preflight_is_awaited = false;
        job_touch(job);
        job_run(job);
    }
}

static void preflight_begin(struct job *job)
{
    const struct order *order = job->record->order;
    struct preflight_wish wish = {
        .names = (const char *const *)order->names,
        .n_names = order->n_names,
        .account_url = ca_account_url(job->ca),
        .judges_dnssec = preflight_judges_dnssec(job->driver->house->config, ca_config(job->ca)),
        .method = challenge_name(order->challenge),
    };
    job->preflight_was_begun = true;
    if (ca_config(job->ca)->checks_caa)
        preflight_identities(ca_directory_url(job->ca), ca_directory(job->ca), &wish.identities,
                             &wish.n_identities);
    if (wish.n_identities == 0 && !wish.judges_dnssec)
        return;
    job->preflight_runs = true;
    job->driver->n_out++;
    job->preflight = preflight_start(job->driver->preflights, &wish, preflight_is_in, job);
}

/* An order just placed is not stopped between the request and its answer. */
static bool step_waits(const struct job *job)
{
    const struct order *order = job->record->order;
    return order->step == ORDER_ANSWER ||
           (order->step == ORDER_NEW && job->preflight_first && !order->new_sent);
}

enum preflight_gate job_preflight_gate(struct job *job, struct err *ret_why)
{
    if (!job_will_be_validated(job))
        return GATE_OPEN;
    if (!job->preflight_was_begun && ca_is_ready(job->ca))
        preflight_begin(job);
    if (job->preflight_refuses) {
        *ret_why = *preflight_err(job->preflight);
        return GATE_FAILS;
    }
    if (!job->preflight_runs || !step_waits(job))
        return GATE_OPEN;
    job->preflight_is_awaited = true;
    return GATE_WAITS;
}

void job_preflight_settle(struct job *job)
{
    const struct order *order = job->record->order;
    AUTO(mem_fini)
    char *worry = job->preflight_worry;
    job->preflight_worry = NULL;
    if (worry != NULL)
        event_write(job->driver->house, EVENT_PREFLIGHT_UNKNOWN, order->set_name, order->id,
                    "%s; the CA decides", worry);
}

void job_preflight_free(struct job *job)
{
    mem_free(job->preflight_worry);
    job->driver->n_out -= job->preflight_runs ? 1 : 0;
    preflight_free(job->preflight);
}
