#include "leader/errand.h"

#include "leader/request.h"

enum { ERRAND_LEASE_MS = 60 * 1000, ERRAND_PATIENCE_MS = 120 * 1000, ERRAND_WAIT_MS = 15 * 1000 };

static void errand_end(struct errand *errand, bool ok, const struct err *err)
{
    errand->over = true;
    errand->ok = ok;
    if (err != NULL)
        errand->err = *err;
}

static bool errand_wait(struct errand *errand, void *waiter, struct err *err)
{
    int64_t give_up_at_ms = house_now(errand->house) + ERRAND_PATIENCE_MS;
    while (!errand->over) {
        if (house_now(errand->house) >= give_up_at_ms || loop_n_stops(errand->house->loop) > 0) {
            ca_forget(errand->ca, waiter);
            return err_set(err, ERR_AGAIN,
                           "stopped before the CA answered; asking again is harmless");
        }
        loop_wait(errand->house->loop, give_up_at_ms);
    }
    if (!errand->ok)
        *err = errand->err;
    return errand->ok;
}

bool errand_open(struct errand *errand, struct house *house, const char *authority,
                 const char *purpose, struct err *err)
{
    *errand = (struct errand){.house = house, .office = ca_office_new(house)};
    if (!errand_lead_take(house, purpose, ERRAND_LEASE_MS, ERRAND_WAIT_MS, &errand->lease, err))
        return false;
    house->fencing = lease_fencing(errand->lease);
    return account_holds_mend(house, err) && ca_open(errand->office, authority, &errand->ca, err);
}

void errand_close(struct errand *errand)
{
    ca_office_free(errand->office);
    lease_drop(errand->house, errand->lease);
    errand->house->fencing = 0;
}

bool errand_has_account(const struct errand *errand, struct err *err)
{
    AUTO(account_row_fini)
    struct account_row row = {0};
    const char *name = ca_config(errand->ca)->name;
    if (!account_row_find(errand->house, ca_directory_url(errand->ca), ca_eab_kid(errand->ca), &row,
                          err))
        return false;
    return row.is_valid ||
           err_set(err, ERR_ABSENT,
                   "there is no account at %s yet; `chancery account register %s` makes one", name,
                   name);
}

static void errand_ready(void *arg, const struct err *err)
{
    errand_end(arg, err == NULL, err);
}

bool errand_prepare(struct errand *errand, struct err *err)
{
    errand->over = false;
    ca_prepare(errand->ca, errand_ready, errand);
    return errand_wait(errand, errand, err);
}

struct asking {
    struct errand *errand;
    errand_hear *hear;
    void *arg;
};

static void errand_heard(void *arg, const struct acme_answer *answer)
{
    struct asking *asking = arg;
    struct err why = {0};
    bool ok = asking->hear(asking->arg, answer, &why);
    errand_end(asking->errand, ok, &why);
}

bool errand_ask(struct errand *errand, const struct acme_ask *ask, const struct key *key,
                errand_hear *hear, void *arg, struct err *err)
{
    struct asking asking = {errand, hear, arg};
    errand->over = false;
    ca_send(errand->ca, ask, key, errand_heard, &asking);
    return errand_wait(errand, &asking, err);
}
