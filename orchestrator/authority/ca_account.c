#include "authority/ca_inside.h"

#include "inventory/event.h"

#include <stdio.h>

/* ---- holds ---- */

/* Changed settings end most holds by themselves; one door back is open to all. */
static const char *hold_advice(enum account_hold_reason reason)
{
    static const char *const advice[ACCOUNT_HOLD_N] = {
        [ACCOUNT_HOLD_NONE] = "",
        [ACCOUNT_HOLD_TERMS] = "afterwards say",
        [ACCOUNT_HOLD_BINDING] = "get a key id and a MAC key from the CA and set `eab`, or say",
        [ACCOUNT_HOLD_DEACTIVATED] = "that cannot be undone; for another account say",
        [ACCOUNT_HOLD_LOST] = "another one takes a new binding: set `eab` anew, or say",
        [ACCOUNT_HOLD_REFUSED] = "change what it refuses, or say",
        [ACCOUNT_HOLD_SECRET] = "make it readable; it is tried again by itself, at once by",
    };
    return advice[reason];
}

static char *hold_text(const struct ca *ca, enum account_hold_reason reason, const char *why)
{
    const char *name = ca->config->name;
    bool may_agree = reason == ACCOUNT_HOLD_TERMS && ca->account.is_valid;
    AUTO(mem_fini)
    char *agree =
        may_agree ? mem_printf(" or `chancery account update %s --agree-tos`", name) : NULL;
    return mem_printf("%.600s; %s `chancery account register %s`%s", why, hold_advice(reason), name,
                      agree != NULL ? agree : "");
}

bool ca_hold_begin(struct ca *ca, enum account_hold_reason reason, const char *url,
                   const struct err *why, struct err *err)
{
    AUTO(buf_fini)
    struct buf shown = BUF(1024);
    account_hold_fini(&ca->hold);
    text_escape(&shown, str_of(url != NULL ? url : ""), 500);
    ca->hold = (struct account_hold){.reason = reason,
                                     .failure = hold_text(ca, reason, why->text),
                                     .url = url != NULL ? mem_strdup(buf_cstr(&shown)) : NULL,
                                     .since_at_ms = house_now(ca->house)};
    return account_hold_begin(ca->house, ca->config, ca->directory_url, &ca->hold, err);
}

void ca_fail_held(struct ca *ca, const struct err *trouble)
{
    struct err err = *trouble;
    if (err.kind == ERR_NONE)
        account_hold_err(&ca->hold, ca->config->name, &err);
    ca_tell(ca, &err);
}

static void ca_hold_and_fail(struct ca *ca, enum account_hold_reason reason, const char *url,
                             const struct err *why)
{
    struct err trouble = {0};
    ca_hold_begin(ca, reason, url, why, &trouble);
    ca_fail_held(ca, &trouble);
}

const char *ca_answer_url(const struct acme_answer *answer)
{
    const char *instance = answer->problem != NULL ? answer->problem->instance : NULL;
    return instance != NULL ? instance : answer->terms_link;
}

/* ---- opening ---- */

static bool secrets_read(struct ca *ca, struct err *err)
{
    const struct config *config = ca->house->config;
    AUTO(secret_fini)
    struct secret kid = {0};
    AUTO(secret_fini)
    struct secret key = {0};
    AUTO(buf_fini)
    struct buf decoded = BUF(4096);
    if (!secret_resolve(config, ca->config->eab_kid, &kid, err) ||
        !secret_resolve(config, ca->config->eab_key, &key, err))
        return err_wrap(err, "external account binding");
    log_mask(ca->house->log, secret_str(&key));
    if (!base64_decode_any(&decoded, secret_str(&key)) || decoded.len == 0)
        return err_set(err, ERR_CONFIG, "external account binding: the key is not base64");
    mem_set_str(&ca->eab_kid, (const char *)kid.p);
    secret_take_buf(&ca->eab_key, &decoded);
    return true;
}

/* Another key id under the old reference is another account. One that cannot be read says nothing. */
static bool kid_is_still(const struct ca *ca, const char *bound_kid)
{
    AUTO(secret_fini)
    struct secret kid = {0};
    return !secret_resolve(ca->house->config, ca->config->eab_kid, &kid, NULL) ||
           strcmp((const char *)kid.p, bound_kid) == 0;
}

/* The secrets are for registering: an account that is bound does without them. */
static bool ca_read_binding(struct ca *ca, struct err *err)
{
    AUTO(account_row_fini)
    struct account_row bound = {0};
    struct err why = {0};
    if (ca->config->eab_kid == NULL)
        return true;
    if (!account_row_find_bound(ca->house, ca->directory_url, ca->config->eab_kid, &bound, err))
        return false;
    if (bound.is_valid && kid_is_still(ca, bound.eab_kid)) {
        mem_set_str(&ca->eab_kid, bound.eab_kid);
    } else if (!secrets_read(ca, &why)) {
        return ca_hold_begin(ca, ACCOUNT_HOLD_SECRET, NULL, &why, err);
    }
    if (ca->hold.reason != ACCOUNT_HOLD_SECRET)
        return true;
    account_hold_fini(&ca->hold);
    return account_hold_end(ca->house, ca->config, ca->directory_url,
                            "the secrets of its binding can be read again", err);
}

bool ca_account_open(struct ca *ca, struct err *err)
{
    return account_hold_find(ca->house, ca->config, ca->directory_url, &ca->hold, err) &&
           ca_read_binding(ca, err);
}

void ca_account_fini(struct ca *ca)
{
    account_row_fini(&ca->account);
    account_hold_fini(&ca->hold);
    key_free(ca->account_key);
    key_free(ca->other_key);
    secret_fini(&ca->eab_key);
    mem_free(ca->eab_kid);
    mem_free(ca->lost_url);
}

/* ---- registering ---- */

void ca_use_key(struct ca *ca, struct key *take_key)
{
    ca->generation++;
    key_free(ca->account_key);
    ca->account_key = take_key;
    key_thumbprint(take_key, ca->thumbprint);
}

static bool made_tell(struct ca *ca, const struct acme_account_facts *facts)
{
    if (ca->lost_url == NULL || strcmp(ca->lost_url, facts->url) == 0)
        return event_write(ca->house, EVENT_ACCOUNT_MADE, NULL, 0, "account %s %s at %s",
                           facts->url, facts->was_new ? "registered" : "found", ca->config->name);
    return event_write(ca->house, EVENT_ACCOUNT_LOST, NULL, 0,
                       "%s does not know account %s any more; registered again with the same key, "
                       "it is %s now: CAA records with accounturi and dns-persist-01 records must "
                       "name the new one, and orders that were open are placed again",
                       ca->config->name, ca->lost_url, facts->url);
}

enum { REGISTRATION_OWNER_MAX = 40 };

static void registration_owner(const struct ca *ca, char out[REGISTRATION_OWNER_MAX])
{
    snprintf(out, REGISTRATION_OWNER_MAX, "account:%lld", (long long)ca->account.id);
}

/* An account that was never registered before counts, also when the CA finds it: then an answer of ours was lost. */
static bool registration_settle(struct ca *ca, enum ledger_outcome outcome, struct err *err)
{
    char owner[REGISTRATION_OWNER_MAX];
    registration_owner(ca, owner);
    return ledger_settle(ca->house, owner, outcome, err);
}

static bool registration_save(struct ca *ca, const struct acme_account_facts *facts,
                              const char *contact, struct err *err)
{
    struct store *store = ca->house->store;
    if (!store_begin(store, err))
        return false;
    if (!account_row_valid(ca->house, ca->account.id, facts, ca->directory->terms, contact, err) ||
        !registration_settle(ca, LEDGER_ORDERED, err) || !made_tell(ca, facts) ||
        !account_hold_end(ca->house, ca->config, ca->directory_url, "the account can be used",
                          err) ||
        !store_commit(store, err)) {
        store_rollback(store);
        return false;
    }
    return true;
}

/* An account that exists is found and not changed (RFC 8555 7.3): what it was told before still holds. */
static bool registration_take(struct ca *ca, const struct acme_account_facts *facts,
                              struct err *err)
{
    AUTO(mem_fini)
    char *configured = contact_format(ca->config->contact);
    bool was_told = facts->was_new || ca->account.contact == NULL;
    if (!registration_save(ca, facts, was_told ? configured : ca->account.contact, err))
        return false;
    if (was_told)
        mem_set_str(&ca->account.contact, configured);
    mem_set_str(&ca->account.url, facts->url);
    ca->generation++;
    mem_set_str(&ca->account.terms, ca->directory->terms);
    ca->account.is_valid = true;
    mem_set_str(&ca->lost_url, NULL);
    account_hold_fini(&ca->hold);
    return true;
}

/* What no retry mends; NONE: passing, or not about the account. */
static enum account_hold_reason reason_of(const struct ca *ca, const struct acme_answer *answer,
                                          const struct err *why)
{
    const struct acme_problem *problem = answer->problem;
    bool is_lasting =
        why->kind == ERR_DENIED || why->kind == ERR_REFUSED || why->kind == ERR_CONFIG;
    if (!is_lasting || (problem != NULL && problem->type == PROBLEM_OTHER))
        return ACCOUNT_HOLD_NONE;
    if (problem == NULL)
        return ACCOUNT_HOLD_DEACTIVATED;
    if (problem->type == PROBLEM_USER_ACTION_REQUIRED)
        return ACCOUNT_HOLD_TERMS;
    if (problem->type == PROBLEM_EXTERNAL_ACCOUNT_REQUIRED)
        return ACCOUNT_HOLD_BINDING;
    if (problem->type != PROBLEM_UNAUTHORIZED)
        return ACCOUNT_HOLD_REFUSED;
    if (ca->account.is_valid)
        return ACCOUNT_HOLD_DEACTIVATED;
    return ca->eab_kid[0] != '\0' ? ACCOUNT_HOLD_BINDING : ACCOUNT_HOLD_REFUSED;
}

/* What the CA refused it does not count; when nothing was heard it may have. */
static bool registration_unmake(struct ca *ca, const struct acme_answer *answer,
                                const struct err *why, struct err *err)
{
    struct ledger_refusal refusal = {.directory = ca->directory_url,
                                     .until_ms = why->until_ms,
                                     .text = why->text,
                                     .help = answer->help_link};
    return (answer->status == 0 || registration_settle(ca, LEDGER_UNUSED, err)) &&
           (why->kind != ERR_THROTTLED || why->fault != FAULT_QUOTA ||
            ledger_learn(ca->house, &refusal, err));
}

static void registration_refused(struct ca *ca, const struct acme_answer *answer,
                                 const struct err *why)
{
    struct store *store = ca->house->store;
    if (!ca->account.is_valid && store_begin(store, NULL) &&
        (!registration_unmake(ca, answer, why, NULL) || !store_commit(store, NULL)))
        store_rollback(store);
}

static void registration_failed(struct ca *ca, const struct acme_answer *answer, struct err *why)
{
    registration_refused(ca, answer, why);
    enum account_hold_reason reason = reason_of(ca, answer, why);
    const char *url = ca_answer_url(answer);
    if (reason == ACCOUNT_HOLD_TERMS && url == NULL)
        url = ca->directory->terms;
    store_run(ca->house->store, NULL, NULL, SQL_ACCOUNT_FAILED, "it", ca->account.id, why->text);
    if (reason == ACCOUNT_HOLD_DEACTIVATED)
        account_row_end(ca->house, ca->account.id, "deactivated", why->text, NULL);
    if (reason == ACCOUNT_HOLD_NONE)
        ca_fail(ca, "account", why);
    else
        ca_hold_and_fail(ca, reason, url, why);
}

static void registration_heard(void *arg, const struct acme_answer *answer)
{
    struct ca *ca = arg;
    struct acme_account_facts facts = {0};
    struct err err = {0};
    bool was_recovering = ca->is_recovering;
    ca->is_recovering = false;
    if (!acme_account_hear(answer, ca->directory, ca->arena, &facts, &err))
        registration_failed(ca, answer, &err);
    else if (!registration_take(ca, &facts, &err))
        ca_fail(ca, "account", &err);
    else
        ca_tell(ca, NULL);
    if (was_recovering)
        ca_kept_release(ca, ca->state == CA_READY);
}

/* What was reserved for a try whose answer was lost still stands. */
static bool registration_may_go(struct ca *ca, struct err *err)
{
    struct ledger_answer answer;
    char owner[REGISTRATION_OWNER_MAX], until[TIME_TEXT_MAX];
    registration_owner(ca, owner);
    if (ca->account.is_valid)
        return true;
    if (!ledger_reserve_registration(ca->house, ca->directory_url, owner, &answer, err))
        return false;
    if (answer.may)
        return true;
    time_format(answer.at_ms, false, until);
    err_throttled(err, answer.at_ms, "%s: not before %s", answer.text, until);
    return err_judge(err, CLASS_LATER, FAULT_QUOTA, NULL);
}

/* A binding is used once: the account that has one is found by its key. */
void ca_register(struct ca *ca)
{
    struct acme_ask ask;
    struct err err = {0};
    struct acme_account_wish wish = {
        .contact = (const char *const *)ca->config->contact,
        .agree_terms = ca->config->agree_tos,
        .is_bound = ca->account.is_valid,
        .eab_kid = ca->eab_kid[0] != '\0' ? ca->eab_kid : NULL,
        .eab_key = &ca->eab_key,
        .eab_algorithm = ca->config->eab_algorithm,
    };
    if (!registration_may_go(ca, &err) ||
        !acme_account_ask_new(ca->directory, ca->account_key, &wish, ca->arena, &ask, &err)) {
        ca->is_recovering = false;
        ca_fail(ca, "account", &err);
        ca_kept_release(ca, false);
        return;
    }
    house_say(ca->house, NULL, "account", "registering an account at %s", ca->config->name);
    ca_send_first(ca, &ask, NULL, registration_heard, ca);
}

/* ---- the row ---- */

/* The key is durable before newAccount names it: asking again after a kill finds the same account. */
static bool account_make(struct ca *ca, struct err *err)
{
    struct store *store = ca->house->store;
    struct account_row *row = &ca->account;
    struct key *key = key_new(ca->new_key_kind);
    struct account_birth birth = {.directory = ca->directory_url,
                                  .eab_kid = ca->eab_kid,
                                  .eab_from =
                                      ca->config->eab_kid != NULL ? ca->config->eab_kid : "",
                                  .contact = ca->config->contact,
                                  .key = key};
    bool ok = store_begin(store, err);
    ok = ok && account_row_make(ca->house, &birth, &row->id, &row->key_id, err) &&
         store_commit(store, err);
    if (ok) {
        ca_use_key(ca, key);
    } else {
        store_rollback(store);
        key_free(key);
    }
    return ok;
}

/* It was never registered with the key it has, and another kind is wanted: the CA may have refused that one. */
static bool account_change_new_key(struct ca *ca, struct err *err)
{
    struct store *store = ca->house->store;
    struct key *key = key_new(ca->new_key_kind);
    int64_t key_id = 0;
    bool ok = store_begin(store, err);
    ok = ok && held_key_save(ca->house, key, "account", &key_id, err) &&
         store_run(store, NULL, err, SQL_ACCOUNT_SET_KEY, "ii", ca->account.id, key_id) &&
         store_commit(store, err);
    if (ok) {
        ca->account.key_id = key_id;
        ca_use_key(ca, key);
    } else {
        store_rollback(store);
        key_free(key);
    }
    return ok;
}

/* After a run that was killed between losing an account and registering it again. */
static bool account_remember_lost(struct ca *ca, const struct account_row *ended)
{
    if (ended->id != 0 && strcmp(ended->status, "lost") == 0 && ended->key_id == ca->account.key_id)
        mem_set_str(&ca->lost_url, ended->url);
    return true;
}

static bool account_take_row(struct ca *ca, struct err *err)
{
    struct key *key = NULL;
    const char *from = ca->config->eab_kid;
    if (from != NULL && strcmp(ca->account.eab_from, from) != 0 &&
        !store_run(ca->house->store, NULL, err, SQL_ACCOUNT_BOUND_FROM, "it", ca->account.id, from))
        return false;
    if (!held_key_load(ca->house, ca->account.key_id, &key, err))
        return false;
    ca_use_key(ca, key);
    return ca->account.is_valid || !ca->asks_account || ca->new_key_kind == key_kind(key) ||
           account_change_new_key(ca, err);
}

/* *ret_gone: it was deactivated, and nobody said that another one is wanted. */
static bool account_load(struct ca *ca, bool *ret_gone, struct err *err)
{
    AUTO(account_row_fini)
    struct account_row ended = {0};
    const char *from = ca->config->eab_kid != NULL ? ca->config->eab_kid : "";
    if (!account_row_find(ca->house, ca->directory_url, ca->eab_kid, &ca->account, err) ||
        (!ca->account.is_valid &&
         !account_row_find_ended(ca->house, ca->directory_url, ca->eab_kid, from, &ended, err)))
        return false;
    if (ca->account.id != 0)
        return account_remember_lost(ca, &ended) && account_take_row(ca, err);
    *ret_gone = ended.id != 0 && strcmp(ended.status, "deactivated") == 0 && !ca->asks_account;
    return *ret_gone || account_make(ca, err);
}

/* ---- getting ready ---- */

/* Refused terms and a missing binding are found out before a key is made for nothing. */
static enum account_hold_reason obstacle_find(const struct ca *ca, struct err *why)
{
    const struct acme_directory *directory = ca->directory;
    if (directory->terms != NULL && !ca->config->agree_tos) {
        err_set(why, ERR_CONFIG,
                "its terms of service were not agreed to: read %.300s and set `agree_tos: true`",
                directory->terms);
        return ACCOUNT_HOLD_TERMS;
    }
    if (directory->eab_required && ca->config->eab_kid == NULL) {
        err_set(why, ERR_CONFIG, "it binds accounts to a customer, and no `eab` is configured");
        return ACCOUNT_HOLD_BINDING;
    }
    return ACCOUNT_HOLD_NONE;
}

/* An account that was imported, or registered before the CA began to ask, needs no binding. */
static bool obstacle_counts(const struct ca *ca, enum account_hold_reason obstacle)
{
    return obstacle == ACCOUNT_HOLD_TERMS ||
           (obstacle == ACCOUNT_HOLD_BINDING && !ca->account.is_valid);
}

static bool row_look(struct ca *ca, struct err *err)
{
    return account_row_find(ca->house, ca->directory_url, ca->eab_kid, &ca->account, err);
}

void ca_account_begin(struct ca *ca)
{
    struct err err = {0}, why = {0};
    bool is_gone = false;
    if (ca->directory_only) {
        ca_tell(ca, NULL);
        return;
    }
    enum account_hold_reason obstacle = obstacle_find(ca, &why);
    if (!row_look(ca, &err)) {
        ca_fail(ca, "account", &err);
    } else if (obstacle_counts(ca, obstacle)) {
        ca_hold_and_fail(ca, obstacle, ca->directory->terms, &why);
    } else if (!account_load(ca, &is_gone, &err)) {
        ca_fail(ca, "account", &err);
    } else if (is_gone) {
        err_set(&why, ERR_DENIED, "its account is deactivated");
        ca_hold_and_fail(ca, ACCOUNT_HOLD_DEACTIVATED, NULL, &why);
    } else if (ca->account.next_is_pending) {
        ca_keys_settle(ca);
    } else {
        ca_account_go_on(ca);
    }
}

void ca_account_go_on(struct ca *ca)
{
    if (ca->account.is_valid && !ca->asks_account)
        ca_tell(ca, NULL);
    else
        ca_register(ca);
}
