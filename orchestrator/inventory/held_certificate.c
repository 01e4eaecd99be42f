#include "inventory/held_chain.h"
#include "inventory/held_inside.h"
#include "inventory/plan.h"

enum { SHORT_LIFE_DAYS = 10, JITTER_PARTS = 100 };

int64_t due_at_ms(int64_t not_before_at_ms, int64_t not_after_at_ms, uint64_t random)
{
    int64_t life_ms = not_after_at_ms - not_before_at_ms;
    if (life_ms <= 0)
        return not_before_at_ms;
    int64_t before_end_ms = life_ms < SHORT_LIFE_DAYS * MS_DAY ? life_ms / 2 : life_ms / 3;
    int64_t jitter_ms =
        (int64_t)((double)life_ms / JITTER_PARTS * (double)(random % 1000000) / 1e6);
    return not_after_at_ms - before_end_ms - jitter_ms;
}

/* A certificate that was backdated so far that it is due at birth would be renewed for ever: then only what is left counts. */
static int64_t due_draw(const struct cert_facts *facts, int64_t now_ms)
{
    uint64_t random = random_below(1000000);
    int64_t due_ms = due_at_ms(facts->not_before_at_ms, facts->not_after_at_ms, random);
    return due_ms > now_ms ? due_ms : due_at_ms(now_ms, facts->not_after_at_ms, random);
}

static void names_format(const struct certificate_birth *birth, struct buf *out)
{
    AUTO(json_fini)
    struct json *list = json_array();
    for (size_t i = 0; i < birth->n_names; i++)
        json_push_text(list, birth->names[i]);
    json_format(list, out, false);
}

static bool row_insert(struct house *house, const struct certificate_birth *b,
                       const struct cert_facts *f, const char *lane, int64_t due_ms,
                       int64_t *ret_id, struct err *err)
{
    AUTO(buf_fini)
    struct buf names = BUF(JSON_SIZE_MAX);
    AUTO(buf_fini)
    struct buf pem = BUF(CHAIN_PEM_MAX);
    int64_t version;
    names_format(b, &names);
    chain_cert_pem(b->chain, 0, &pem);
    if (names.overflow || pem.overflow)
        return err_set(err, ERR_BROKEN, "the certificate of set %s is too large", b->set_name);
    return store_int(house->store, 1, &version, err, SQL_CERTIFICATE_NEXT_VERSION, "t",
                     b->set_name) &&
           (lane == NULL ||
            store_run(house->store, NULL, err, SQL_CERTIFICATE_RETIRE, "tt", b->set_name, lane)) &&
           store_insert(house->store, ret_id, err, SQL_CERTIFICATE_INSERT,
                        "tittiiittttttttttiiiibtB", b->set_name, version, b->authority,
                        b->directory, b->account_id, b->key_id, b->order_id, f->serial_hex,
                        f->sha256_hex, f->spki_hex, f->ari_id, buf_cstr(&names), b->key_kind,
                        b->profile, f->issuer, b->want, b->url, f->not_before_at_ms,
                        f->not_after_at_ms, house_now(house), due_ms, buf_str(&pem),
                        lane != NULL ? lane : "", (int)(lane != NULL));
}

/* The CA is asked right after the birth (RFC 9773 4.3), and no more about what this one replaces. */
static bool ari_born(struct house *house, const struct certificate_birth *b, int64_t id,
                     const struct cert_facts *facts, struct err *err)
{
    if (!store_run(house->store, NULL, err, SQL_ARI_DROP_REPLACED, "t", b->set_name))
        return false;
    return facts->ari_id == NULL || store_run(house->store, NULL, err, SQL_ARI_BORN, "iti", id,
                                              facts->ari_id, house_now(house));
}

static bool has_live_deployment(struct house *house, const char *set, bool *ret, struct err *err)
{
    int64_t n;
    if (!store_int(house->store, 0, &n, err, SQL_SET_N_LIVE_DEPLOYMENTS, "t", set))
        return false;
    *ret = n > 0;
    return true;
}

bool others_wake(struct house *house, const char *set, int64_t id, int64_t at_ms, struct err *err)
{
    bool delivered = false;
    return store_run(house->store, NULL, err, SQL_SET_DEPLOYMENTS_BORN, "tii", set, id, at_ms) &&
           has_live_deployment(house, set, &delivered, err) &&
           (delivered ||
            store_run(house->store, NULL, err, SQL_SET_ENDPOINTS_DUE, "ti", set, at_ms));
}

/* By the setting as it is now: it may have been changed while the order was under way. */
static bool chains_insert(struct house *house, const struct certificate_birth *b, int64_t id,
                          struct err *err)
{
    struct set_config *set = NULL;
    const struct chain **chains = NEW_N(b->n_alternates + 1, const struct chain *);
    chains[0] = b->chain;
    for (size_t i = 0; i < b->n_alternates; i++)
        chains[1 + i] = b->alternates[i];
    const char *wish = register_set(house, b->set_name, &set, NULL) ? set->chain : NULL;
    bool ok = held_chains_born(house, id, b->set_name, chains, 1 + b->n_alternates, wish, err);
    set_config_free(set);
    mem_free(chains);
    return ok;
}

/* The set may have been changed while its order was under way: then the certificate is welcome, but not the last word. */
static bool has_drifted(struct house *house, const struct set_config *set, int64_t id)
{
    struct certificate *c = NULL;
    AUTO(buf_fini)
    struct buf what = BUF(16 * 1024);
    bool drifted = set != NULL && held_certificate(house, id, false, &c, NULL) &&
                   plan_lane_drift(set, c, &what);
    certificate_free(c);
    return drifted;
}

static bool only_lane_born(struct house *house, const struct set_config *set, const char *set_name,
                           int64_t id, int64_t due_ms, struct err *err)
{
    int64_t now_ms = house_now(house);
    return others_wake(house, set_name, id, now_ms, err) &&
           register_succeeded(house, set_name, due_ms, err) &&
           (!has_drifted(house, set, id) ||
            register_schedule(house, set_name, now_ms, "changed", err));
}

/* The key may have been reported compromised while the CA issued for it: then it is due at once. */
static bool key_judge(struct house *house, const struct cert_facts *facts, int64_t id,
                      int64_t *due_ms, struct err *err)
{
    bool is_compromised = false;
    if (!held_key_is_compromised(house, facts->spki_hex, &is_compromised, err) ||
        (is_compromised && !store_run(house->store, NULL, err, SQL_CERTIFICATE_DUE_FOR_KEY, "ii",
                                      id, house_now(house))))
        return false;
    if (is_compromised)
        *due_ms = house_now(house);
    return true;
}

/* lane NULL: it is kept, but nobody wants it any more. set NULL: as it was when the order began. */
static bool birth_write(struct house *house, const struct certificate_birth *b,
                        const struct set_config *set, const char *lane, int64_t *ret_id,
                        struct err *err)
{
    AUTO(cert_facts_fini)
    struct cert_facts facts = {0};
    if (!chain_facts(b->chain, 0, &facts, err))
        return false;
    int64_t due_ms = due_draw(&facts, house_now(house));
    if (!row_insert(house, b, &facts, lane, due_ms, ret_id, err) ||
        !chains_insert(house, b, *ret_id, err) || !key_judge(house, &facts, *ret_id, &due_ms, err))
        return false;
    if (lane == NULL)
        return true;
    if (!ari_born(house, b, *ret_id, &facts, err))
        return false;
    return set != NULL && set->n_lanes > 1
               ? lane_born(house, set, lane, *ret_id, err)
               : only_lane_born(house, set, b->set_name, *ret_id, due_ms, err);
}

bool held_certificate_born(struct house *house, const struct certificate_birth *birth,
                           int64_t *ret_id, struct err *err)
{
    struct set_config *set = NULL;
    const char *lane = NULL;
    int64_t id = 0;
    CHECK(store_in_transaction(house->store));
    if (!birth_lane(house, birth, &set, &lane))
        lane = NULL;
    bool ok = birth_write(house, birth, set, lane, &id, err);
    set_config_free(set);
    if (ok)
        *ret_id = id;
    return ok;
}
