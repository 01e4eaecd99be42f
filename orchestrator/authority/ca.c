#include "authority/ca_inside.h"

struct ca_office *ca_office_new(struct house *house)
{
    struct ca_office *office = NEW(struct ca_office);
    office->house = house;
    list_init(&office->cas);
    return office;
}

static void ca_free(struct ca *ca)
{
    list_remove(&ca->in_office);
    timer_cancel(ca->starting);
    ca_sending_fini(ca);
    LIST_EACH (it, &ca->waiters)
        mem_free(LIST_OWNER(it, struct ca_waiter, in_ca));
    LIST_EACH (it, &ca->directory_waiters)
        mem_free(LIST_OWNER(it, struct ca_waiter, in_ca));
    acme_directory_free(ca->directory);
    ca_account_fini(ca);
    mem_free(ca->directory_url);
    breaker_fini(&ca->breaker);
    mem_free(ca);
}

void ca_office_free(struct ca_office *office)
{
    if (office == NULL)
        return;
    LIST_EACH (it, &office->cas)
        ca_free(LIST_OWNER(it, struct ca, in_office));
    mem_free(office);
}

/* ---- opening ---- */

static const char *rehearsal_directory(const struct house *house,
                                       const struct authority_config *config)
{
    return house->rehearsal ? config->staging : config->directory;
}

bool ca_open(struct ca_office *office, const char *authority, struct ca **ret, struct err *err)
{
    const struct authority_config *config = config_authority(office->house->config, authority);
    if (config == NULL)
        return err_set(err, ERR_CONFIG, "there is no authority \"%s\" in %s", authority,
                       office->house->config->path);
    if (rehearsal_directory(office->house, config) == NULL)
        return err_set(err, ERR_CONFIG,
                       "authority %s has no `staging` directory to rehearse against", authority);
    LIST_EACH (it, &office->cas) {
        struct ca *ca = LIST_OWNER(it, struct ca, in_office);
        if (ca->config == config) {
            *ret = ca;
            return true;
        }
    }
    struct ca *ca = NEW(struct ca);
    ca->office = office;
    ca->house = office->house;
    ca->config = config;
    ca->directory_url = mem_strdup(rehearsal_directory(office->house, config));
    ca->eab_kid = mem_strdup("");
    ca->new_key_kind = KEY_ECDSA_P256;
    list_init(&ca->waiters);
    list_init(&ca->directory_waiters);
    ca_sending_init(ca);
    if (!breaker_load(ca->house, ca->directory_url, &ca->breaker, err) ||
        !ca_account_open(ca, err)) {
        ca_free(ca);
        return false;
    }
    list_push_back(&office->cas, &ca->in_office);
    *ret = ca;
    return true;
}

bool ca_is_ready(const struct ca *ca)
{
    return ca->state == CA_READY;
}

void ca_ask_account(struct ca *ca, enum key_kind kind)
{
    ca->asks_account = true;
    ca->insists = true;
    ca->new_key_kind = kind;
}

void ca_insist(struct ca *ca)
{
    ca->insists = true;
}

void ca_ask_directory_only(struct ca *ca)
{
    ca->directory_only = true;
    ca->insists = true;
}

const struct account_hold *ca_hold(const struct ca *ca)
{
    return ca->hold.reason == ACCOUNT_HOLD_NONE ? NULL : &ca->hold;
}

const struct acme_directory *ca_directory(const struct ca *ca)
{
    return ca->directory;
}

const char *ca_directory_url(const struct ca *ca)
{
    return ca->directory_url;
}

const char *ca_account_url(const struct ca *ca)
{
    return ca->account.url;
}

const char *ca_thumbprint(const struct ca *ca)
{
    return ca->thumbprint;
}

int64_t ca_account_id(const struct ca *ca)
{
    return ca->account.id;
}

const struct account_row *ca_account(const struct ca *ca)
{
    return &ca->account;
}

const struct key *ca_account_key(const struct ca *ca)
{
    return ca->account_key;
}

const char *ca_eab_kid(const struct ca *ca)
{
    return ca->eab_kid;
}

void ca_roll_begins(struct ca *ca, int64_t next_key_id)
{
    ca->account.next_key_id = next_key_id;
    ca->account.next_is_pending = true;
    key_free(ca->other_key);
    ca->other_key = NULL;
}

void ca_look_again(struct ca *ca)
{
    ca->state = CA_COLD;
}

bool ca_was_rolled(const struct ca *ca)
{
    return ca->was_rolled;
}

const struct authority_config *ca_config(const struct ca *ca)
{
    return ca->config;
}

/* ---- getting ready ---- */

void ca_tell(struct ca *ca, const struct err *err)
{
    struct list *it;
    size_t n = 0;
    ca->state = err == NULL ? CA_READY : CA_COLD;
    ca->is_in_doubt = false;
    LIST_EACH (waiting, &ca->waiters)
        n++;
    /* Those that come while others are told have their own attempt; those that are forgotten meanwhile are not told. */
    while (n-- > 0 && (it = list_pop_front(&ca->waiters)) != NULL) {
        struct ca_waiter *waiter = LIST_OWNER(it, struct ca_waiter, in_ca);
        waiter->ready(waiter->arg, err);
        mem_free(waiter);
    }
}

void ca_fail(struct ca *ca, const char *what, struct err *err)
{
    err_wrap(err, "authority %s: %s", ca->config->name, what);
    ca_tell(ca, err);
}

static void directory_heard(void *arg, const struct acme_answer *answer)
{
    struct ca *ca = arg;
    struct err err = {0};
    if (ca_hear_directory(ca, answer, &err))
        ca_account_begin(ca);
    else
        ca_fail(ca, "directory", &err);
}

static void ca_start(void *arg)
{
    struct ca *ca = arg;
    ca->starting = NULL;
    if (ca->state == CA_READY) {
        ca_tell(ca, NULL);
        return;
    }
    /* Whoever comes while the account is in doubt is told when that is over. */
    if (ca->is_in_doubt)
        return;
    if (ca_hold(ca) != NULL && (!ca->insists || ca->hold.reason == ACCOUNT_HOLD_SECRET)) {
        struct err none = {0};
        ca_fail_held(ca, &none);
        return;
    }
    ca->state = CA_PREPARING;
    if (ca_has_directory(ca))
        ca_account_begin(ca);
    else
        ca_get(ca, ca->directory_url, directory_heard, ca);
}

void ca_prepare(struct ca *ca, ca_ready *ready, void *arg)
{
    struct ca_waiter *waiter = NEW(struct ca_waiter);
    waiter->ready = ready;
    waiter->arg = arg;
    list_push_back(&ca->waiters, &waiter->in_ca);
    if (ca->state == CA_PREPARING || ca->starting != NULL)
        return;
    if (ca->state == CA_COLD)
        ca->state = CA_PREPARING;
    ca->starting = timer_start(ca->house->loop, 0, ca_start, ca);
}
