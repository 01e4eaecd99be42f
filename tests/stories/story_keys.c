/* What a story says of keys and chains: requests whose key lives elsewhere, keys that stay, the chain that was chosen. */
#include "story.h"

#include "base/json.h"
#include "crypto/cert.h"
#include "inventory/held_chain.h"
#include "io/files.h"

#include <stdio.h>

#define ACT(name) static void name(struct story *s, const struct args *a)

/* ---- sets ---- */

ACT(set_says)
{
    mem_set_str(&s->set->more, a->w[0]);
    program_write_set(&s->program, s->set);
}

static void request_write(struct story *s, const struct key *key, const char *const *names,
                          size_t n)
{
    char path[512];
    struct err err;
    AUTO(buf_fini)
    struct buf der = BUF(64 * 1024);
    snprintf(path, sizeof path, "%s/%s.csr", s->program.folder, s->set->name);
    if (!csr_new(key, names, n, &der, &err) || !file_replace(path, buf_str(&der), 0644, NULL, &err))
        story_fail(s, "%s", err.text);
}

/* KIND and names: into SET.csr beside chancery.yaml, with a key that nobody here has. */
ACT(set_request)
{
    enum key_kind kind;
    if (a->n_w < 2 || !key_kind_find(a->w[0], &kind)) {
        story_fail(s, "request KIND NAMES is expected");
        return;
    }
    AUTO(key_fini)
    struct key *key = key_new(kind);
    request_write(s, key, a->w + 1, a->n_w - 1);
}

static bool account_key_load(struct house *house, struct key **ret_key, struct err *err)
{
    char spki[SPKI_HEX_MAX];
    for (int64_t id = 1; held_key_spki(house, id, spki, err); id++) {
        bool is_of_account = false;
        if (held_key_is_of_account(house, spki, &is_of_account, err) && is_of_account)
            return held_key_load(house, id, ret_key, err);
    }
    return false;
}

/* The same with a key that is an account's. */
ACT(set_request_by_account)
{
    struct house house;
    struct err err;
    AUTO(key_fini)
    struct key *key = NULL;
    if (!expect_look(s, &house))
        return;
    if (!account_key_load(&house, &key, &err))
        story_fail(s, "no account has a key: %s", err.text);
    else
        request_write(s, key, a->w, a->n_w);
    program_look_end(&house);
}

/* ---- what is expected ---- */

static bool versions_look(struct story *s, struct house *house, struct certificate ***ret_list,
                          size_t *ret_n)
{
    struct err err;
    if (!expect_look(s, house))
        return false;
    if (held_versions(house, "main", ret_list, ret_n, &err) && *ret_n > 0)
        return true;
    story_fail(s, "main has no certificate");
    program_look_end(house);
    return false;
}

static void expect_kept(struct story *s, bool kept)
{
    struct house house;
    struct certificate **list = NULL;
    size_t n = 0;
    if (!versions_look(s, &house, &list, &n))
        return;
    if (n < 2)
        story_fail(s, "main has only one certificate");
    else if ((strcmp(list[0]->spki, list[1]->spki) == 0) != kept)
        story_fail(s, "the last two certificates are for %s", kept ? "two keys" : "one key");
    certificates_free(list, n);
    program_look_end(&house);
}
ACT(key_kept)
{
    (void)a;
    expect_kept(s, true);
}
ACT(key_new_made)
{
    (void)a;
    expect_kept(s, false);
}
ACT(key_elsewhere)
{
    struct house house;
    struct certificate **list = NULL;
    size_t n = 0;
    (void)a;
    if (!versions_look(s, &house, &list, &n))
        return;
    if (list[0]->key_id != 0)
        story_fail(s, "the key of main is here");
    certificates_free(list, n);
    program_look_end(&house);
}

static void expect_chains(struct story *s, const char *root, int64_t n_wanted)
{
    struct house house;
    struct certificate **list = NULL;
    struct issuer_chain *chains = NULL;
    size_t n = 0, n_chains = 0;
    struct err err = {0};
    bool chosen = false;
    if (!versions_look(s, &house, &list, &n))
        return;
    if (!held_chains(&house, list[0]->id, &chains, &n_chains, &err))
        story_fail(s, "%s", err.text);
    for (size_t i = 0; i < n_chains; i++)
        chosen =
            chosen || (root != NULL && chains[i].is_chosen && strcmp(chains[i].root, root) == 0);
    if (root != NULL && !chosen)
        story_fail(s, "another chain than that of %s is chosen", root);
    if (n_wanted >= 0)
        expect_number(s, "chains", (int64_t)n_chains, n_wanted, n_wanted);
    issuer_chains_free(chains, n_chains);
    certificates_free(list, n);
    program_look_end(&house);
}
ACT(chain_of)
{
    expect_chains(s, a->w[0], -1);
}
ACT(n_chains)
{
    expect_chains(s, NULL, a->n[0]);
}

const struct clause story_keys_clauses[] = {
    {"set", "says %s", "one line more of its file; \"\" none", set_says},
    {"set", "request by an account %*", "names: SET.csr, a request by the key of an account",
     set_request_by_account},
    {"set", "request %*", "KIND NAMES: SET.csr, a request by a key that lives elsewhere",
     set_request},
    {"expect", "the same key", "the last two certificates have the same key", key_kept},
    {"expect", "another key", "the last two certificates have not", key_new_made},
    {"expect", "foreign key", "the current one has no key here", key_elsewhere},
    {"expect", "chain of %s", "root of the chain that was chosen", chain_of},
    {"expect", "%n chains", "stored for the newest certificate", n_chains},
    {0},
};
