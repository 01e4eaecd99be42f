#include "inventory/held_chain.h"
#include "inventory/held_inside.h"
#include "inventory/plan.h"

enum { SHORT_LIFE_DAYS = 10, JITTER_PARTS = 100, REASON_KEY_COMPROMISE = 1 };

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
                       const struct cert_facts *f, int64_t due_ms, int64_t *ret_id, struct err *err)
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
           store_run(house->store, NULL, err, SQL_CERTIFICATE_RETIRE, "tt", b->set_name,
                     b->lane != NULL ? b->lane : "") &&
           store_insert(house->store, ret_id, err, SQL_CERTIFICATE_INSERT,
                        "tittiiittttttttttiiiibtB", b->set_name, version, b->authority,
                        b->directory, b->account_id, b->key_id, b->order_id, f->serial_hex,
                        f->sha256_hex, f->spki_hex, f->ari_id, buf_cstr(&names), b->key_kind,
                        b->profile, f->issuer, b->want, b->url, f->not_before_at_ms,
                        f->not_after_at_ms, house_now(house), due_ms, buf_str(&pem),
                        b->lane != NULL ? b->lane : "", (int)true);
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

/* Delivery makes endpoints due when it is done; where nothing is delivered nobody else would. */
static bool others_wake(struct house *house, const char *set, int64_t id, struct err *err)
{
    bool delivered = false;
    int64_t now_ms = house_now(house);
    return store_run(house->store, NULL, err, SQL_SET_DEPLOYMENTS_BORN, "tii", set, id, now_ms) &&
           has_live_deployment(house, set, &delivered, err) &&
           (delivered ||
            store_run(house->store, NULL, err, SQL_SET_ENDPOINTS_DUE, "ti", set, now_ms));
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
static bool set_changed_meanwhile(struct house *house, const struct certificate_birth *b,
                                  int64_t id)
{
    struct set_row row = {0};
    struct set_config *set = NULL;
    struct certificate *c = NULL;
    bool changed = false;
    if (!register_row(house, b->set_name, &row, NULL))
        return false;
    if (strcmp(row.want, b->want) != 0 && register_set(house, b->set_name, &set, NULL) &&
        held_certificate(house, id, false, &c, NULL)) {
        AUTO(buf_fini)
        struct buf what = BUF(16 * 1024);
        changed = plan_drift(set, c, &what);
    }
    certificate_free(c);
    set_config_free(set);
    set_row_fini(&row);
    return changed;
}

bool held_certificate_born(struct house *house, const struct certificate_birth *birth,
                           int64_t *ret_id, struct err *err)
{
    AUTO(cert_facts_fini)
    struct cert_facts facts = {0};
    int64_t id = 0;
    CHECK(store_in_transaction(house->store));
    if (!chain_facts(birth->chain, 0, &facts, err))
        return false;
    int64_t now_ms = house_now(house), due_ms = due_draw(&facts, now_ms);
    if (!row_insert(house, birth, &facts, due_ms, &id, err) ||
        !chains_insert(house, birth, id, err) || !ari_born(house, birth, id, &facts, err) ||
        !others_wake(house, birth->set_name, id, err) ||
        !register_succeeded(house, birth->set_name, due_ms, err))
        return false;
    if (set_changed_meanwhile(house, birth, id) &&
        !register_schedule(house, birth->set_name, now_ms, "changed", err))
        return false;
    *ret_id = id;
    return true;
}

static bool revoked_mark(struct house *house, const struct certificate *c, int reason,
                         struct err *err)
{
    int64_t now_ms = house_now(house);
    if (!store_run(house->store, NULL, err, SQL_CERTIFICATE_REVOKED, "iii", c->id, now_ms,
                   (int64_t)reason))
        return false;
    if (reason == REASON_KEY_COMPROMISE &&
        !store_run(house->store, NULL, err, SQL_KEY_COMPROMISED, "ii", c->key_id, now_ms))
        return false;
    return !c->is_current || register_schedule(house, c->set_name, now_ms, "revoked", err);
}

bool held_certificate_revoked(struct house *house, int64_t id, int reason, struct err *err)
{
    struct certificate *c = NULL;
    bool alone = !store_in_transaction(house->store);
    if (alone && !store_begin(house->store, err))
        return false;
    bool ok = held_certificate(house, id, false, &c, err) && revoked_mark(house, c, reason, err);
    certificate_free(c);
    if (alone && ok)
        return store_commit(house->store, err);
    if (alone)
        store_rollback(house->store);
    return ok;
}
