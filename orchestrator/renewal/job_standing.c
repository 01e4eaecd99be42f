/*
 * Where the record stands nothing is published: before the CA is told to look, we look ourselves. It costs no authorization, and a person
 * learns what is missing, not only that something is.
 */
#include "renewal/driver.h"
#include "renewal/standing.h"

static void job_looked(void *arg, const struct err *err)
{
    struct job *job = arg;
    struct order *order = job->record->order;
    job->look = NULL;
    job->driver->n_out--;
    job_touch(job);
    if (order->step != ORDER_PUBLISH) {
        job_run(job); /* given up meanwhile */
    } else if (err == NULL) {
        order->published = true;
        house_say(job->driver->house, order->set_name, "dns",
                  "every name server shows the standing records");
        job_run(job);
    } else if (err->kind == ERR_AGAIN || err->kind == ERR_THROTTLED || err->kind == ERR_LOCAL) {
        job_again(job, err);
    } else {
        job_fail(job, err);
        job_run(job);
    }
}

/* A record for the wildcard lets the name itself in as well. */
static bool is_in_wildcard(const struct order *order, const struct authz *authz)
{
    for (size_t i = 0; i < order->n_authz && !authz->wildcard; i++) {
        const struct authz *other = &order->authz[i];
        if (other->wildcard && other->status == AUTHZ_PENDING && other->offer != NULL &&
            strcmp(other->identifier, authz->identifier) == 0)
            return true;
    }
    return false;
}

/* Does the record of this authorization have to be looked for? */
static bool is_looked_for(const struct order *order, const struct authz *authz)
{
    return authz->status == AUTHZ_PENDING && !is_in_wildcard(order, authz);
}

bool job_want_look(struct job *job, struct err *err)
{
    const struct order *order = job->record->order;
    for (size_t i = 0; i < order->n_authz; i++) {
        const struct authz *a = &order->authz[i];
        struct persist_offer offer = {0};
        if (is_looked_for(order, a) &&
            (a->identifier == NULL || !persist_offer_parse(a->offer, &offer)))
            return err_set(err, ERR_BROKEN,
                           "the record of order %lld in the store is damaged: its offer",
                           (long long)order->id);
        persist_offer_fini(&offer);
    }
    job->wants_look = true;
    if (!list_is_linked(&job->in_outgoing))
        list_push_back(&job->driver->outgoing, &job->in_outgoing);
    return true;
}

static size_t names_fill(const struct job *job, struct standing_name *names)
{
    const struct order *order = job->record->order;
    size_t n = 0;
    for (size_t i = 0; i < order->n_authz; i++) {
        const struct authz *a = &order->authz[i];
        struct persist_offer offer = {0};
        if (!is_looked_for(order, a) || !persist_offer_parse(a->offer, &offer))
            continue;
        names[n] = (struct standing_name){.base = a->identifier, .alias = job->alias};
        persist_want_init(&names[n++].want, &offer, ca_directory(job->ca), a->identifier,
                          a->wildcard, order->thumbprint, order->account_url);
    }
    return n;
}

void job_look(struct job *job)
{
    const struct order *order = job->record->order;
    struct standing_name *names = NEW_N(order->n_authz, struct standing_name);
    size_t n = names_fill(job, names);
    job->wants_look = false;
    job->driver->n_out++;
    house_say(job->driver->house, order->set_name, "dns", "looking for standing TXT records");
    job->look = standing_look_start(job->driver->desk, job->driver->house, order->set_name, names,
                                    n, job_looked, job);
    mem_free(names);
}
