#include "renewal/key_choice.h"

/* A kept key of another kind than is wanted now is replaced, once. */
static bool is_to_be_kept(const struct set_config *set, const struct certificate *held,
                          enum key_kind kind)
{
    if (set == NULL || !set->keep_key || held == NULL || held->key_id == 0)
        return false;
    return set->is_key_kind_free || strcmp(held->key_kind, key_kind_name(kind)) == 0;
}

bool key_choose(struct house *house, const struct set_config *set, const struct certificate *held,
                enum key_kind kind, struct key_choice *ret, struct err *err)
{
    bool is_compromised = false;
    *ret = (struct key_choice){.way = KEY_IS_MADE, .kind = kind};
    if (set != NULL && set->csr != NULL) {
        ret->way = KEY_IS_ELSEWHERE;
        return true;
    }
    if (!is_to_be_kept(set, held, kind))
        return true;
    if (!held_key_is_compromised(house, held->spki, &is_compromised, err))
        return false;
    ret->is_kept_lost = is_compromised;
    if (!is_compromised) {
        ret->way = KEY_IS_KEPT;
        ret->key_id = held->key_id;
    }
    return true;
}

bool request_admit(struct house *house, const struct csr_facts *request, const char *const *names,
                   size_t n_names, struct err *err)
{
    bool is_of_account = false, is_compromised = false;
    if (!csr_names_check(request, names, n_names, err) ||
        !held_key_is_of_account(house, request->spki_hex, &is_of_account, err) ||
        !held_key_is_compromised(house, request->spki_hex, &is_compromised, err))
        return false;
    if (is_of_account)
        return err_set(
            err, ERR_REFUSED,
            "certificate request: its key is that of an ACME account; CAs refuse it, and "
            "a server must not have it");
    return !is_compromised ||
           err_set(
               err, ERR_REFUSED,
               "certificate request: its key (%.16s...) was reported compromised: make a new key "
               "and a new request",
               request->spki_hex);
}
