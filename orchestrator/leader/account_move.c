/* Accounts and their keys: rolled to another one, brought along from another program. */
#include "leader/account_errands.h"

#include "base/failpoint.h"
#include "inventory/event.h"
#include "inventory/held.h"
#include "leader/errand.h"

/* ---- key rollover ---- */

struct rolling_state {
    struct errand *errand;
    struct key *key;
    int64_t key_id;
    bool is_refused; /* for sure: the CA said so */
};

static bool roll_is_possible(const struct errand *e, bool forced, struct err *err)
{
    const char *name = ca_config(e->ca)->name;
    int64_t n = 0;
    if (ca_directory(e->ca)->key_change == NULL)
        return err_set(
            err, ERR_REFUSED,
            "%s offers no key rollover (its directory has no keyChange); the account keeps "
            "its key",
            name);
    if (!store_int(e->house->store, 0, &n, err, SQL_ACCOUNT_N_ORDERS, "i", ca_account_id(e->ca)))
        return false;
    return n == 0 || forced ||
           err_set(
               err, ERR_REFUSED,
               "%lld orders of this account are open, and what they publish names its present "
               "key: let `chancery renew` finish them first, or say --force, and they are placed "
               "again",
               (long long)n);
}

/* Durable before the CA hears of it. */
static bool roll_begin(struct rolling_state *s, enum key_kind kind, struct err *err)
{
    struct house *house = s->errand->house;
    struct ca *ca = s->errand->ca;
    s->key = key_new(kind == KEY_KIND_N ? key_kind(ca_account_key(ca)) : kind);
    if (!store_begin(house->store, err))
        return false;
    if (!held_key_save(house, s->key, "account", &s->key_id, err) ||
        !store_run(house->store, NULL, err, SQL_ACCOUNT_ROLL_BEGIN, "ii", ca_account_id(ca),
                   s->key_id) ||
        !store_commit(house->store, err)) {
        store_rollback(house->store);
        return false;
    }
    ca_roll_begins(ca, s->key_id);
    FAILPOINT("account.roll.committed");
    return true;
}

/* Passing faults and lost answers leave it open which key is valid now; so does a conflict, which may be with ourselves. */
static bool refusal_is_sure(const struct acme_answer *answer, const struct err *why)
{
    return answer->problem != NULL && answer->status != 409 &&
           (why->kind == ERR_REFUSED || why->kind == ERR_CONFIG || why->kind == ERR_DENIED);
}

static bool roll_hear(void *arg, const struct acme_answer *answer, struct err *err)
{
    struct rolling_state *s = arg;
    FAILPOINT("account.roll.heard");
    if (acme_account_hear_key_change(answer, err))
        return true;
    s->is_refused = refusal_is_sure(answer, err);
    return false;
}

static bool roll_end(struct rolling_state *s, struct err *err)
{
    struct house *house = s->errand->house;
    struct ca *ca = s->errand->ca;
    if (!store_begin(house->store, err))
        return false;
    if (!store_run(house->store, NULL, err, SQL_ACCOUNT_ROLL_END, "ii", ca_account_id(ca),
                   s->key_id) ||
        !event_write(house, EVENT_ACCOUNT_ROLLED, NULL, 0, "account %s at %s has another key",
                     ca_account_url(ca), ca_config(ca)->name) ||
        !store_commit(house->store, err)) {
        store_rollback(house->store);
        return err_wrap(err, "key rollover: the CA has the new key, and the next run notices");
    }
    return true;
}

/* The CA refused the key: there is nothing to settle. */
static bool roll_drop(struct rolling_state *s, struct err *err)
{
    struct err trouble;
    store_run(s->errand->house->store, NULL, &trouble, SQL_ACCOUNT_ROLL_DROP, "i",
              ca_account_id(s->errand->ca));
    return err_wrap(err, "the account keeps its key");
}

static bool roll_settle(struct rolling_state *s, struct err *err)
{
    struct err why = *err;
    ca_look_again(s->errand->ca);
    if (!errand_prepare(s->errand, err))
        return err_wrap(err,
                        "it is not known which key the CA has now; both are kept, and the next "
                        "run asks");
    if (ca_was_rolled(s->errand->ca))
        return true;
    *err = why;
    return err_wrap(err, "the account keeps its key");
}

static bool roll_send(struct rolling_state *s, struct err *err)
{
    struct ca *ca = s->errand->ca;
    struct arena *arena = arena_new();
    struct acme_ask ask;
    bool ok = acme_account_ask_key_change(ca_directory(ca), ca_account_url(ca), ca_account_key(ca),
                                          s->key, arena, &ask, err) &&
              errand_ask(s->errand, &ask, NULL, roll_hear, s, err);
    arena_free(arena);
    if (ok)
        return roll_end(s, err);
    return s->is_refused ? roll_drop(s, err) : roll_settle(s, err);
}

bool leader_account_roll(struct house *house, const char *authority,
                         const struct account_rolling *rolling, bool *ret_settled, struct err *err)
{
    struct errand errand;
    struct rolling_state s = {.errand = &errand};
    bool ok = errand_open(&errand, house, authority, "account", err) &&
              errand_has_account(&errand, err) && errand_prepare(&errand, err);
    bool settled = ok && ca_was_rolled(errand.ca);
    if (ok && !settled)
        ok = roll_is_possible(&errand, rolling->forced, err) &&
             roll_begin(&s, rolling->kind, err) && roll_send(&s, err);
    key_free(s.key);
    errand_close(&errand);
    if (ok)
        *ret_settled = settled;
    return ok;
}

/* ---- import ---- */

struct importing {
    struct errand *errand;
    const struct key *key;
    struct arena *arena;
    struct account_row before;
    char *url;
};

static bool import_save(struct importing *i, const struct acme_account_facts *facts,
                        struct err *err)
{
    struct house *house = i->errand->house;
    struct ca *ca = i->errand->ca;
    const struct authority_config *authority = ca_config(ca);
    struct account_birth birth = {.directory = ca_directory_url(ca),
                                  .eab_kid = ca_eab_kid(ca),
                                  .eab_from = authority->eab_kid != NULL ? authority->eab_kid : "",
                                  .key = i->key};
    int64_t id = 0, key_id = 0;
    if (!store_begin(house->store, err))
        return false;
    if ((i->before.id != 0 &&
         !account_row_end(house, i->before.id, "left", "another account was imported", err)) ||
        !account_row_make(house, &birth, &id, &key_id, err) ||
        !account_row_valid(house, id, facts, ca_directory(ca)->terms, facts->contact, err) ||
        !event_write(house, EVENT_ACCOUNT_IMPORTED, NULL, 0, "account %s at %s", facts->url,
                     authority->name) ||
        !account_hold_end(house, authority, ca_directory_url(ca), "an account was imported", err) ||
        !store_commit(house->store, err)) {
        store_rollback(house->store);
        return false;
    }
    mem_set_str(&i->url, facts->url);
    return true;
}

static bool import_hear(void *arg, const struct acme_answer *answer, struct err *err)
{
    struct importing *i = arg;
    struct acme_account_facts facts = {0};
    FAILPOINT("account.import.heard");
    return acme_account_hear(answer, ca_directory(i->errand->ca), i->arena, &facts, err) &&
           import_save(i, &facts, err);
}

static bool import_is_possible(struct importing *i, bool replace, struct err *err)
{
    struct ca *ca = i->errand->ca;
    char spki[SPKI_HEX_MAX], present[SPKI_HEX_MAX] = "";
    key_spki(i->key, spki);
    if (!held_key_is_for(i->errand->house, spki, "account", err) ||
        !account_row_find(i->errand->house, ca_directory_url(ca), ca_eab_kid(ca), &i->before,
                          err) ||
        (i->before.id != 0 && !held_key_spki(i->errand->house, i->before.key_id, present, err)))
        return false;
    return !i->before.is_valid || replace || strcmp(spki, present) == 0 ||
           err_set(err, ERR_REFUSED,
                   "account %s is in use at %s: say --replace to go on with the imported one; the "
                   "other lives on at the CA, and its key stays in the store",
                   i->before.url, ca_config(ca)->name);
}

bool leader_account_import(struct house *house, const char *authority, const struct key *key,
                           bool replace, char **ret_url, struct err *err)
{
    struct errand errand;
    struct acme_ask ask;
    struct importing i = {.errand = &errand, .key = key, .arena = arena_new()};
    bool ok = errand_open(&errand, house, authority, "account", err);
    if (ok)
        ca_ask_directory_only(errand.ca);
    ok = ok && errand_prepare(&errand, err) && import_is_possible(&i, replace, err);
    if (ok) {
        acme_account_ask_find(ca_directory(errand.ca), i.arena, &ask);
        ok = errand_ask(&errand, &ask, key, import_hear, &i, err);
    }
    if (ok)
        *ret_url = i.url;
    account_row_fini(&i.before);
    arena_free(i.arena);
    errand_close(&errand);
    return ok;
}
