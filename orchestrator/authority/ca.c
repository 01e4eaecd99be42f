#include "authority/ca_inside.h"

#include "inventory/event.h"

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
    key_free(ca->account_key);
    secret_fini(&ca->eab_key);
    mem_free(ca->account_url);
    mem_free(ca->directory_url);
    mem_free(ca->eab_kid);
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

static bool ca_read_eab(struct ca *ca, struct err *err)
{
    const struct config *config = ca->house->config;
    struct secret kid = {0}, key = {0};
    AUTO(buf_fini)
    struct buf decoded = BUF(4096);
    if (ca->config->eab_kid == NULL)
        return true;
    if (!secret_resolve(config, ca->config->eab_kid, &kid, err) ||
        !secret_resolve(config, ca->config->eab_key, &key, err)) {
        secret_fini(&kid);
        return err_wrap(err, "authority %s: external account binding", ca->config->name);
    }
    log_mask(ca->house->log, secret_str(&key));
    mem_set_str(&ca->eab_kid, (const char *)kid.p);
    bool ok = base64_decode_any(&decoded, secret_str(&key));
    secret_fini(&kid);
    secret_fini(&key);
    if (!ok || decoded.len == 0)
        return err_set(err, ERR_CONFIG, "authority %s: the EAB key is not base64",
                       ca->config->name);
    secret_take_buf(&ca->eab_key, &decoded);
    return true;
}

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
    list_init(&ca->waiters);
    list_init(&ca->directory_waiters);
    ca_sending_init(ca);
    if (!ca_pause_load(ca, err) || !breaker_load(ca->house, ca->directory_url, &ca->breaker, err) ||
        !ca_read_eab(ca, err)) {
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

void ca_ask_account(struct ca *ca)
{
    ca->asks_account = true;
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
    return ca->account_url;
}

const char *ca_thumbprint(const struct ca *ca)
{
    return ca->thumbprint;
}

int64_t ca_account_id(const struct ca *ca)
{
    return ca->account_id;
}

const struct authority_config *ca_config(const struct ca *ca)
{
    return ca->config;
}

/* ---- getting ready ---- */

static void ca_tell(struct ca *ca, const struct err *err)
{
    struct list *it;
    size_t n = 0;
    ca->state = err == NULL ? CA_READY : CA_COLD;
    LIST_EACH (waiting, &ca->waiters)
        n++;
    /* Those that come while others are told have their own attempt; those that are forgotten meanwhile are not told. */
    while (n-- > 0 && (it = list_pop_front(&ca->waiters)) != NULL) {
        struct ca_waiter *waiter = LIST_OWNER(it, struct ca_waiter, in_ca);
        waiter->ready(waiter->arg, err);
        mem_free(waiter);
    }
}

static void ca_fail(struct ca *ca, const char *what, struct err *err)
{
    err_wrap(err, "authority %s: %s", ca->config->name, what);
    ca_tell(ca, err);
}

static bool account_save_valid(struct ca *ca, const struct acme_account_facts *facts,
                               struct err *err)
{
    struct store *store = ca->house->store;
    if (!store_begin(store, err))
        return false;
    if (!store_run(store, NULL, err, SQL_ACCOUNT_VALID, "ittt", ca->account_id, facts->url,
                   facts->orders_url, ca->directory->terms) ||
        !event_write(ca->house, EVENT_ACCOUNT_MADE, NULL, 0, "account %s %s at %s", facts->url,
                     facts->was_new ? "registered" : "found", ca->config->name) ||
        !store_commit(store, err)) {
        store_rollback(store);
        return false;
    }
    return true;
}

static void account_heard(void *arg, const struct acme_answer *answer)
{
    struct ca *ca = arg;
    struct acme_account_facts facts = {0};
    struct err err = {0};
    if (!acme_account_hear(answer, ca->directory, ca->arena, &facts, &err)) {
        store_run(ca->house->store, NULL, NULL, SQL_ACCOUNT_FAILED, "it", ca->account_id, err.text);
        ca_fail(ca, "account", &err);
        return;
    }
    mem_set_str(&ca->account_url, facts.url);
    if (!account_save_valid(ca, &facts, &err)) {
        ca_fail(ca, "account", &err);
        return;
    }
    ca_tell(ca, NULL);
}

static void ca_register(struct ca *ca)
{
    struct acme_ask ask;
    struct err err = {0};
    struct acme_account_wish wish = {
        .contact = (const char *const *)ca->config->contact,
        .agree_terms = ca->config->agree_tos,
        .eab_kid = ca->eab_kid[0] != '\0' ? ca->eab_kid : NULL,
        .eab_key = &ca->eab_key,
        .eab_algorithm = ca->config->eab_algorithm,
    };
    if (!acme_account_ask_new(ca->directory, ca->account_key, &wish, ca->arena, &ask, &err)) {
        ca_fail(ca, "account", &err);
        return;
    }
    house_say(ca->house, NULL, "account", "registering an account at %s", ca->config->name);
    ca_send(ca, &ask, NULL, account_heard, ca);
}

/* The key is durable before newAccount names it: asking again after a kill finds the same account. */
static bool account_make(struct ca *ca, struct err *err)
{
    struct store *store = ca->house->store;
    int64_t key_id = 0;
    AUTO(buf_fini)
    struct buf contact = BUF(4096);
    AUTO(json_fini)
    struct json *list = json_array();
    for (char **c = ca->config->contact; c != NULL && *c != NULL; c++)
        json_push_text(list, *c);
    json_format(list, &contact, false);
    ca->account_key = key_new(KEY_ECDSA_P256);
    if (!store_begin(store, err))
        return false;
    if (!held_key_save(ca->house, ca->account_key, "account", &key_id, err) ||
        !store_insert(store, &ca->account_id, err, SQL_ACCOUNT_INSERT, "ttiti", ca->directory_url,
                      ca->eab_kid, key_id, buf_cstr(&contact), house_now(ca->house)) ||
        !store_commit(store, err)) {
        store_rollback(store);
        return false;
    }
    return true;
}

static bool account_load(struct ca *ca, bool *ret_valid, struct err *err)
{
    struct rows rows;
    int64_t key_id = 0;
    *ret_valid = false;
    if (!store_query(ca->house->store, &rows, err, SQL_ACCOUNT_FIND, "tt", ca->directory_url,
                     ca->eab_kid))
        return false;
    if (rows_next(&rows)) {
        ca->account_id = rows_int(&rows, 0);
        key_id = rows_int(&rows, 1);
        mem_set_str(&ca->account_url, rows_text(&rows, 2));
        *ret_valid = strcmp(rows_text(&rows, 3), "valid") == 0;
    }
    if (!rows_end(&rows, err))
        return false;
    key_free(ca->account_key);
    ca->account_key = NULL;
    if (key_id == 0)
        return account_make(ca, err);
    return held_key_load(ca->house, key_id, &ca->account_key, err);
}

static void ca_have_directory(struct ca *ca)
{
    struct err err = {0};
    bool valid = false;
    /* Refused terms and a missing EAB are found out before a key is made for nothing. */
    if (ca->directory->terms != NULL && !ca->config->agree_tos) {
        err_set(&err, ERR_CONFIG,
                "its terms of service were not agreed to: read %s and set `agree_tos: true`",
                ca->directory->terms);
        ca_fail(ca, "account", &err);
        return;
    }
    if (!account_load(ca, &valid, &err)) {
        ca_fail(ca, "account", &err);
        return;
    }
    key_thumbprint(ca->account_key, ca->thumbprint);
    if (valid && !ca->asks_account)
        ca_tell(ca, NULL);
    else
        ca_register(ca);
}

static void directory_heard(void *arg, const struct acme_answer *answer)
{
    struct ca *ca = arg;
    struct err err = {0};
    if (ca_hear_directory(ca, answer, &err))
        ca_have_directory(ca);
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
    if (ca_has_directory(ca))
        ca_have_directory(ca);
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
