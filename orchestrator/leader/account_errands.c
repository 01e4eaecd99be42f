#include "leader/account_errands.h"

#include "base/failpoint.h"
#include "inventory/event.h"
#include "inventory/held.h"
#include "leader/errand.h"

/* ---- what several do ---- */

static bool ok_or_undo(struct house *house, bool ok, struct err *err)
{
    if (ok && store_commit(house->store, err))
        return true;
    store_rollback(house->store);
    return false;
}

static bool event_or_err(bool written, struct err *err)
{
    return written || err_set(err, ERR_STORE, "the event cannot be written");
}

static bool errand_open_account(struct errand *errand, struct house *house, const char *authority,
                                struct err *err)
{
    return errand_open(errand, house, authority, "account", err) && errand_has_account(errand, err);
}

/* ---- register ---- */

bool leader_account_register(struct house *house, const char *authority, enum key_kind kind,
                             char **ret_url, struct err *err)
{
    struct errand errand;
    bool ok = errand_open(&errand, house, authority, "account", err);
    if (ok)
        ca_ask_account(errand.ca, kind);
    ok = ok && errand_prepare(&errand, err);
    if (ok)
        *ret_url = mem_strdup(ca_account_url(errand.ca));
    errand_close(&errand);
    return ok;
}

/* ---- update ---- */

struct updating {
    struct errand *errand;
    struct arena *arena;
    bool agrees, tells_contact;
    char *contact; /* as configured */
};

static bool update_save(struct updating *u, const struct acme_account_facts *facts, struct err *err)
{
    struct errand *e = u->errand;
    struct house *house = e->house;
    const struct account_row *row = ca_account(e->ca);
    const char *terms = u->agrees ? ca_directory(e->ca)->terms : row->terms;
    if (!store_begin(house->store, err))
        return false;
    return ok_or_undo(
        house,
        account_row_valid(house, row->id, facts, terms,
                          u->tells_contact ? u->contact : row->contact, err) &&
            event_or_err(event_write(house, EVENT_ACCOUNT_CHANGED, NULL, 0,
                                     "account %s at %s: %s%s%s", row->url, ca_config(e->ca)->name,
                                     u->tells_contact ? "contacts sent" : "",
                                     u->tells_contact && u->agrees ? ", " : "",
                                     u->agrees ? "terms agreed to" : ""),
                         err) &&
            (!u->agrees || account_hold_end(house, ca_config(e->ca), ca_directory_url(e->ca),
                                            "its terms were agreed to", err)),
        err);
}

static bool update_hear(void *arg, const struct acme_answer *answer, struct err *err)
{
    struct updating *u = arg;
    struct acme_account_facts facts = {0};
    if (!acme_account_hear_change(answer, ca_account_url(u->errand->ca),
                                  ca_directory(u->errand->ca), u->arena, &facts, err))
        return false;
    if (strcmp(facts.status, "valid") != 0)
        return err_set(err, ERR_DENIED, "account: the CA says that it is %s", facts.status);
    return update_save(u, &facts, err);
}

static bool update_send(struct updating *u, struct err *err)
{
    struct ca *ca = u->errand->ca;
    struct acme_ask ask;
    const char *const *contact =
        u->tells_contact ? (const char *const *)ca_config(ca)->contact : NULL;
    acme_account_ask_update(ca_account_url(ca), contact, u->agrees, u->arena, &ask);
    return errand_ask(u->errand, &ask, NULL, update_hear, u, err);
}

bool leader_account_update(struct house *house, const char *authority, bool agree_terms,
                           bool *ret_sent, struct err *err)
{
    struct errand errand;
    struct updating u = {.errand = &errand, .agrees = agree_terms, .arena = arena_new()};
    bool ok = errand_open_account(&errand, house, authority, err);
    if (ok)
        ca_insist(errand.ca);
    ok = ok && errand_prepare(&errand, err);
    if (ok) {
        const struct account_row *row = ca_account(errand.ca);
        u.contact = contact_format(ca_config(errand.ca)->contact);
        u.tells_contact = row->contact == NULL || strcmp(row->contact, u.contact) != 0;
        *ret_sent = u.tells_contact || agree_terms;
        ok = !*ret_sent || update_send(&u, err);
    }
    errand_close(&errand);
    mem_free(u.contact);
    arena_free(u.arena);
    return ok;
}

/* ---- deactivate ---- */

static bool deactivate_save(struct errand *e, struct err *err)
{
    struct house *house = e->house;
    const struct authority_config *authority = ca_config(e->ca);
    AUTO(account_hold_fini)
    struct account_hold hold = {
        .reason = ACCOUNT_HOLD_DEACTIVATED,
        .failure =
            mem_printf("account %s was deactivated by us, for good; nothing is ordered there "
                       "until `chancery account register %s` makes another one",
                       ca_account_url(e->ca), authority->name)};
    if (!store_begin(house->store, err))
        return false;
    return ok_or_undo(house,
                      account_row_end(house, ca_account_id(e->ca), "deactivated", "by us", err) &&
                          account_hold_begin(house, authority, ca_directory_url(e->ca), &hold, err),
                      err);
}

struct deactivating {
    struct errand *errand;
    struct arena *arena;
};

static bool deactivate_hear(void *arg, const struct acme_answer *answer, struct err *err)
{
    struct deactivating *d = arg;
    struct acme_account_facts facts = {0};
    struct ca *ca = d->errand->ca;
    /* It was asked about the account meanwhile, and knew that it is deactivated. */
    if (ca_hold(ca) != NULL && ca_hold(ca)->reason == ACCOUNT_HOLD_DEACTIVATED)
        return true;
    FAILPOINT("account.deactivate.heard");
    return acme_account_hear_change(answer, ca_account_url(ca), ca_directory(ca), d->arena, &facts,
                                    err) &&
           (strcmp(facts.status, "valid") != 0 ||
            err_set(err, ERR_BROKEN, "account: the CA says that it is valid still")) &&
           deactivate_save(d->errand, err);
}

/* By an earlier run: the row says so. */
static bool was_deactivated(const struct errand *e)
{
    AUTO(account_row_fini)
    struct account_row row = {0};
    const char *from = ca_config(e->ca)->eab_kid;
    return account_row_find_ended(e->house, ca_directory_url(e->ca), ca_eab_kid(e->ca),
                                  from != NULL ? from : "", &row, NULL) &&
           row.id != 0 && strcmp(row.status, "deactivated") == 0;
}

bool leader_account_deactivate(struct house *house, const char *authority, struct err *err)
{
    struct errand errand;
    struct acme_ask ask;
    struct deactivating d = {&errand, arena_new()};
    bool ok = errand_open(&errand, house, authority, "account", err);
    bool is_done = ok && !errand_has_account(&errand, err) && was_deactivated(&errand);
    if (ok && !is_done) {
        ca_insist(errand.ca);
        ok = errand_has_account(&errand, err) && errand_prepare(&errand, err);
        if (ok) {
            acme_account_ask_deactivate(ca_account_url(errand.ca), d.arena, &ask);
            ok = errand_ask(&errand, &ask, NULL, deactivate_hear, &d, err);
        }
    }
    errand_close(&errand);
    arena_free(d.arena);
    return ok;
}

/* ---- export ---- */

bool leader_account_key(struct house *house, const char *authority, struct key **ret_key,
                        struct err *err)
{
    const struct authority_config *a = config_authority(house->config, authority);
    AUTO(account_row_fini)
    struct account_row row = {0};
    bool is_bound = a->eab_kid != NULL;
    if (!(is_bound ? account_row_find_bound(house, a->directory, a->eab_kid, &row, err)
                   : account_row_find(house, a->directory, "", &row, err)))
        return false;
    if (row.id == 0)
        return err_set(err, ERR_ABSENT, "there is no account at %s", authority);
    return held_key_load(house, row.key_id, ret_key, err);
}
