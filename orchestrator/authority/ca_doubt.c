#include "authority/ca_inside.h"

#include "base/failpoint.h"
#include "inventory/event.h"

enum { VOUCHED_MS = 10 * 60 * 1000 };

/* ---- kept calls ---- */

static void call_keep(struct ca *ca, struct ca_call *call, struct acme_answer *answer)
{
    struct str body = answer->body;
    call->answer = *answer;
    call->arena = ca->arena;
    call->answer.body = str_mem(arena_strndup(call->arena, body.p, body.len), body.len);
    *answer = (struct acme_answer){0};
    ca->arena = arena_new();
    list_push_back(&ca->kept, &call->in_ca);
    ca->n_kept++;
}

void ca_kept_release(struct ca *ca, bool again)
{
    struct list waiting;
    struct list *it;
    list_init(&waiting);
    while ((it = list_pop_front(&ca->kept)) != NULL)
        list_push_back(&waiting, it);
    ca->n_kept = 0;
    while ((it = list_pop_front(&waiting)) != NULL) {
        struct ca_call *call = LIST_OWNER(it, struct ca_call, in_ca);
        if (!again && call->generation == ca->generation)
            call->done(call->arg, &call->answer);
        else
            ca_send(ca, &call->ask, call->key, call->done, call->arg);
        call_free(call);
    }
    ca_pump(ca);
}

/* ---- which key does the CA know? ---- */

static void key_ask(struct ca *ca, bool other);

/* In the row the key that the CA knows comes first; the other one stays beside it. */
static bool keys_save(struct ca *ca, struct err *err)
{
    struct store *store = ca->house->store;
    struct account_row *row = &ca->account;
    bool other = ca->is_probing_other;
    if (!store_begin(store, err))
        return false;
    FAILPOINT("account.settle.before_commit");
    if (!store_run(store, NULL, err, SQL_ACCOUNT_ROLL_END, "ii", row->id,
                   other ? row->next_key_id : row->key_id) ||
        (other && !event_write(ca->house, EVENT_ACCOUNT_ROLLED, NULL, 0,
                               "account %s at %s has another key", row->url, ca->config->name)) ||
        !store_commit(store, err)) {
        store_rollback(store);
        return false;
    }
    row->next_is_pending = false;
    return true;
}

static void keys_swap(struct ca *ca)
{
    int64_t key_id = ca->account.key_id;
    ca->account.key_id = ca->account.next_key_id;
    ca->account.next_key_id = key_id;
    ca->was_rolled = true;
    ca_use_key(ca, ca->other_key);
    ca->other_key = NULL;
}

/* The doubt is over without an answer: all is as it was. */
static void doubt_fails(struct ca *ca, struct err *err)
{
    bool was_settling = ca->is_settling;
    ca->is_settling = false;
    if (was_settling)
        ca_fail(ca, "account: which of its two keys is valid", err);
    else
        ca_tell(ca, NULL);
    ca_kept_release(ca, false);
}

static void key_is_known(struct ca *ca)
{
    struct err err = {0};
    bool was_settling = ca->is_settling, other = ca->is_probing_other;
    if ((was_settling || other) && !keys_save(ca, &err)) {
        ca->is_settling = true;
        doubt_fails(ca, &err);
        return;
    }
    if (other)
        keys_swap(ca);
    ca->vouched_until_ms = house_now(ca->house) + VOUCHED_MS;
    ca->is_settling = false;
    if (was_settling) {
        ca_account_go_on(ca);
        return;
    }
    ca_tell(ca, NULL);
    ca_kept_release(ca, other);
}

/* ---- the CA does not know us ---- */

static bool lost_save(struct ca *ca, bool comes_back, struct err *err)
{
    struct store *store = ca->house->store;
    struct account_birth birth = {.directory = ca->directory_url,
                                  .eab_kid = ca->eab_kid,
                                  .eab_from = "",
                                  .contact = ca->config->contact,
                                  .key = ca->account_key};
    int64_t id = 0, key_id = 0;
    if (!store_begin(store, err))
        return false;
    if (!account_row_end(ca->house, ca->account.id, "lost", "the CA does not know it", err) ||
        (comes_back && !account_row_make(ca->house, &birth, &id, &key_id, err)) ||
        !store_commit(store, err)) {
        store_rollback(store);
        return false;
    }
    mem_set_str(&ca->lost_url, ca->account.url);
    ca->account.id = id;
    ca->account.is_valid = false;
    mem_set_str(&ca->account.contact, NULL);
    return true;
}

static void lost_hold(struct ca *ca)
{
    struct err why, trouble = {0};
    err_set(&why, ERR_DENIED, "it does not know account %s any more%s",
            ca->lost_url != NULL ? ca->lost_url : "",
            ca->n_recoveries > 1 ? ", though it was registered again a moment ago" : "");
    ca_hold_begin(ca, ACCOUNT_HOLD_LOST, NULL, &why, &trouble);
    ca_fail_held(ca, &trouble);
    ca_kept_release(ca, false);
}

/* The same key is registered again, unless that takes a binding, which is used up. */
static void account_is_lost(struct ca *ca)
{
    struct err err = {0};
    bool is_bound = ca->eab_kid[0] != '\0' || ca->directory->eab_required;
    bool comes_back = !is_bound && ++ca->n_recoveries == 1;
    ca->is_settling = false;
    if (!lost_save(ca, comes_back, &err)) {
        ca_fail(ca, "account", &err);
        ca_kept_release(ca, false);
    } else if (comes_back) {
        ca->is_recovering = true;
        ca_register(ca);
    } else {
        lost_hold(ca);
    }
}

static void key_is_unknown(struct ca *ca)
{
    bool was_first = ca->is_probing_other == ca->is_settling;
    if (was_first && ca->account.next_key_id != 0)
        key_ask(ca, !ca->is_probing_other);
    else
        account_is_lost(ca);
}

static void account_is_deactivated(struct ca *ca, const struct err *why)
{
    struct err trouble = {0};
    ca->is_settling = false;
    account_row_end(ca->house, ca->account.id, "deactivated", why->text, NULL);
    ca_hold_begin(ca, ACCOUNT_HOLD_DEACTIVATED, NULL, why, &trouble);
    ca_fail_held(ca, &trouble);
    ca_kept_release(ca, false);
}

/* ---- asking ---- */

/* A key that has another account cannot be this one's. */
static bool is_ours(const struct ca *ca, const struct acme_account_facts *facts)
{
    return strcmp(facts->url, ca->account.url) == 0;
}

static bool problem_is(const struct acme_answer *answer, enum problem_type type)
{
    return answer->problem != NULL && answer->problem->type == type;
}

static void key_heard(void *arg, const struct acme_answer *answer)
{
    struct ca *ca = arg;
    struct acme_account_facts facts = {0};
    struct err err = {0};
    bool ok = acme_account_hear(answer, ca->directory, ca->arena, &facts, &err);
    FAILPOINT("account.settle.heard");
    if (ok && is_ours(ca, &facts))
        key_is_known(ca);
    else if (ok || problem_is(answer, PROBLEM_ACCOUNT_DOES_NOT_EXIST))
        key_is_unknown(ca);
    else if (err.kind == ERR_DENIED &&
             (answer->problem == NULL || problem_is(answer, PROBLEM_UNAUTHORIZED)))
        account_is_deactivated(ca, &err);
    else
        doubt_fails(ca, &err);
}

/* Changes nothing at the CA (RFC 8555 7.3.1). */
static void key_ask(struct ca *ca, bool other)
{
    struct acme_ask ask;
    struct err err = {0};
    ca->is_probing_other = other;
    if (other && ca->other_key == NULL &&
        !held_key_load(ca->house, ca->account.next_key_id, &ca->other_key, &err)) {
        doubt_fails(ca, &err);
        return;
    }
    acme_account_ask_find(ca->directory, ca->arena, &ask);
    ca_send_first(ca, &ask, other ? ca->other_key : NULL, key_heard, ca);
}

void ca_keys_settle(struct ca *ca)
{
    ca->is_settling = true;
    key_ask(ca, true);
}

/* ---- what an answer says about the account ---- */

static void terms_hold(struct ca *ca, const struct acme_answer *answer)
{
    struct err why = {0}, trouble = {0};
    struct acme_account_facts facts;
    acme_account_hear(answer, ca->directory, ca->arena, &facts, &why);
    ca_hold_begin(ca, ACCOUNT_HOLD_TERMS, ca_answer_url(answer), &why, &trouble);
    ca->state = CA_COLD;
}

/* "unauthorized" may mean the name, the certificate or the account (401 by RFC 8555 7.3.6, 403 in practice): only asking tells. A signature
 * by a key that was rolled away is "malformed" to most. */
static bool is_about_account(const struct ca *ca, const struct acme_problem *problem)
{
    if (problem->type == PROBLEM_ACCOUNT_DOES_NOT_EXIST)
        return true;
    if (house_now(ca->house) < ca->vouched_until_ms)
        return false;
    return problem->type == PROBLEM_UNAUTHORIZED ||
           (problem->type == PROBLEM_MALFORMED && ca->account.next_key_id != 0);
}

/* It was signed with a key, or named a URL, that the account does not have any more: a refusal says nothing of what it has now. */
static bool is_outdated(const struct ca *ca, const struct ca_call *call,
                        const struct acme_problem *problem)
{
    return call->generation != ca->generation &&
           (problem->type == PROBLEM_ACCOUNT_DOES_NOT_EXIST ||
            problem->type == PROBLEM_UNAUTHORIZED || problem->type == PROBLEM_MALFORMED);
}

bool ca_doubts(struct ca *ca, struct ca_call *call, struct acme_answer *answer)
{
    if (answer->problem == NULL || call->ask.signer != ACME_SIGN_KID || ca->state == CA_COLD)
        return false;
    if (answer->problem->type == PROBLEM_USER_ACTION_REQUIRED) {
        terms_hold(ca, answer);
        return false;
    }
    bool outdated = is_outdated(ca, call, answer->problem);
    if (!outdated && !is_about_account(ca, answer->problem))
        return false;
    call_keep(ca, call, answer);
    if (outdated && ca->state == CA_READY) {
        ca_kept_release(ca, true);
    } else if (ca->state == CA_READY) {
        ca->state = CA_PREPARING;
        ca->is_in_doubt = true;
        key_ask(ca, false);
    }
    return true;
}
