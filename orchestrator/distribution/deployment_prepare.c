#include "distribution/deployment.h"

#include "base/failpoint.h"
#include "distribution/bundle_inside.h"
#include "distribution/guard.h"
#include "inventory/held_chain.h"
#include "inventory/register.h"

enum { P12_MAX = 1024 * 1024, ITEMS_MAX = 8 };

/* What is needed to judge and to write; gone when the folder is written. */
struct pair {
    struct key *key; /* NULL: it lives elsewhere */
    char spki[SPKI_HEX_MAX];
    struct chain *chain;
    struct bundle *bundle;
};

static void pair_fini(struct pair *pair)
{
    key_free(pair->key);
    chain_free(pair->chain);
    bundle_free(pair->bundle);
}

/* ---- what is wanted, what is there ---- */

static const struct deploy_config *how_find(const struct set_config *set, const char *target)
{
    for (size_t i = 0; i < set->n_deploys; i++)
        if (strcmp(set->deploys[i].target, target) == 0)
            return &set->deploys[i];
    return NULL;
}

static bool deployment_load(struct deployment *d, struct err *err)
{
    struct house *house = d->deliveries->house;
    const struct deployment_record *record = d->record;
    if (!register_set(house, record->set, &d->set, err))
        return false;
    d->how = how_find(d->set, record->target);
    if (d->how == NULL)
        return err_set(err, ERR_CONFIG, "%s is not in its configuration any more", record->target);
    d->visit.how = d->how;
    d->visit.is_personal =
        d->how->activate != NULL && hook_is_personal((const char *const *)d->how->activate);
    if (!held_certificate(house, record->wanted_id, true, &d->certificate, err))
        return false;
    mem_free(d->print);
    d->print = delivery_print(d->how, d->certificate);
    return served_look(house, record->set, d->how->dir, &d->served, err);
}

/* ---- may it go out ---- */

static bool pair_is_admitted(struct deployment *d, const struct pair *pair, struct err *err)
{
    struct guard_case c = {
        .certificate = d->certificate,
        .chain = pair->chain,
        .spki_hex = pair->spki,
        .names = d->set->names,
        .n_names = d->set->n_names,
        .served = d->served.has_leaf ? &d->served.leaf : NULL,
        .served_is_revoked = d->served.is_revoked,
        .now_ms = house_now(d->deliveries->house),
        .forced = d->deliveries->forced,
    };
    return guard_admits(&c, &d->again_at_ms, err);
}

/* One that was switched to before a kill, and must not be served now, goes back like one that its
 * check refused. */
static void deployment_hold(struct deployment *d, const struct err *why)
{
    bool is_in_place = d->record->stage != DEPLOY_WAITING && d->record->stage != DEPLOY_HELD &&
                       d->version != NULL && strcmp(d->served.version, d->version) == 0;
    d->record->failure = *why;
    if (is_in_place && d->record->previous != NULL &&
        strcmp(d->record->previous, d->version) != 0) {
        d->record->stage = DEPLOY_ROLLBACK;
        deployment_touch(d, true);
        return;
    }
    deployment_end(d, DEPLOY_ENDS_HELD);
}

/* ---- the files ---- */

static bool secret_find(struct deployment *d, struct secret *ret, struct err *err)
{
    struct house *house = d->deliveries->house;
    if (d->how->pkcs12_password == NULL || (d->how->formats & FORMAT_PKCS12) == 0)
        return true;
    if (!secret_resolve(house->config, d->how->pkcs12_password, ret, err))
        return false;
    if (house->log != NULL)
        log_mask(house->log, secret_str(ret));
    return true;
}

/* The same certificate by the same settings is there, proven or under way. */
static bool is_repeated(const struct deployment *d, const char *base)
{
    const struct deployment_record *record = d->record;
    bool goes_on = record->stage != DEPLOY_WAITING && record->stage != DEPLOY_HELD;
    bool was_done = record->done_id == record->wanted_id && !d->deliveries->forced &&
                    strcmp(record->want != NULL ? record->want : "", d->print) == 0;
    return version_belongs(d->served.version, base) && (goes_on || was_done);
}

/* Two PKCS#12 files of one pair are never equal; where nothing changed the one that is there is the
 * right one. */
static void pkcs12_reuse(const struct deployment *d, const char *base, struct pair *pair)
{
    AUTO(mem_fini)
    char *path = mem_printf("%s/versions/%s/%s", d->how->dir, d->served.version, BUNDLE_PKCS12);
    AUTO(buf_fini)
    struct buf bytes = BUF(P12_MAX);
    if ((d->how->formats & FORMAT_PKCS12) != 0 && is_repeated(d, base) &&
        file_read(path, P12_MAX, false, &bytes, NULL))
        bundle_replace(pair->bundle, BUNDLE_PKCS12, buf_str(&bytes));
}

static bool pair_bundle(struct deployment *d, const char *base, struct pair *pair, struct err *err)
{
    AUTO(secret_fini)
    struct secret password = {0};
    if (!secret_find(d, &password, err) ||
        !bundle_make(pair->key, pair->chain, d->set->name, d->how->formats, &password,
                     d->how->pkcs12_legacy, &pair->bundle, err))
        return false;
    pkcs12_reuse(d, base, pair);
    return true;
}

static bool pair_write(struct deployment *d, const char *base, const struct pair *pair,
                       struct err *err)
{
    struct file_item items[ITEMS_MAX];
    struct file_owner owner = {0};
    size_t n = bundle_n(pair->bundle);
    CHECK(n <= ITEMS_MAX);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct file_item){bundle_name(pair->bundle, i), bundle_bytes(pair->bundle, i),
                                      (uint32_t)d->how->mode};
    mem_set_str(&d->version, NULL);
    if (FAILPOINT_ERROR("deploy.write.before"))
        return err_set(err, ERR_LOCAL, "write in %s: failpoint", d->how->dir);
    if (!file_owner_find(d->how->owner, d->how->group, &owner, err) ||
        !version_choose(d->how->dir, base, d->served.version, d->record->previous, items, n,
                        &d->version, err) ||
        !generation_write(d->how->dir, d->version, (uint32_t)d->how->dir_mode, &owner, items, n,
                          err))
        return false;
    FAILPOINT("deploy.write.after");
    return true;
}

/* ---- where to begin ---- */

static bool is_all_in_place(const struct deployment *d)
{
    const struct deployment_record *record = d->record;
    return record->stage == DEPLOY_WAITING && record->previous == NULL &&
           record->done_id == record->wanted_id && !d->deliveries->forced &&
           strcmp(d->served.version, d->version) == 0 &&
           strcmp(record->want != NULL ? record->want : "", d->print) == 0;
}

static void stage_settle(struct deployment *d)
{
    struct deployment_record *record = d->record;
    bool is_in_place = strcmp(d->served.version, d->version) == 0;
    switch (record->stage) {
    case DEPLOY_SWITCHED:
    case DEPLOY_CHECKED:
    case DEPLOY_ACTIVATED:
        if (!is_in_place)
            record->stage = DEPLOY_WRITTEN;
        break;
    case DEPLOY_WRITTEN:
        if (is_in_place)
            record->stage = DEPLOY_SWITCHED;
        break;
    case DEPLOY_WAITING:
    case DEPLOY_HELD:
    case DEPLOY_ROLLBACK:
    case DEPLOY_DONE:
    case DEPLOY_STAGE_N:
        record->stage = DEPLOY_WRITTEN;
        if (!d->had_previous)
            mem_set_str(&record->previous, d->served.version);
        break;
    }
}

/* Of a key that lives elsewhere its request knows as much as is needed here. */
static bool pair_key_load(struct deployment *d, struct pair *pair, struct err *err)
{
    struct house *house = d->deliveries->house;
    if (d->certificate->key_id == 0)
        return held_request_spki(house, d->certificate, pair->spki, err);
    if (!held_key_load(house, d->certificate->key_id, &pair->key, err))
        return false;
    key_spki(pair->key, pair->spki);
    return true;
}

static bool deployment_write(struct deployment *d, const char *base, struct err *ret_hold,
                             struct err *err)
{
    AUTO(pair_fini)
    struct pair pair = {0};
    if (!pair_key_load(d, &pair, err) ||
        !chain_parse_pem(buf_str(&d->certificate->chain_pem), &pair.chain, err))
        return false;
    return pair_is_admitted(d, &pair, ret_hold) && pair_bundle(d, base, &pair, err) &&
           pair_write(d, base, &pair, err);
}

/* The rollback needs no pair: what failed is told by its name. */
static bool deployment_prepare_rollback(struct deployment *d, const char *base)
{
    bool is_ours = version_belongs(d->served.version, base);
    d->version = mem_strdup(is_ours ? d->served.version : base);
    return true;
}

bool deployment_prepare(struct deployment *d)
{
    struct err err = {0}, hold = {0};
    AUTO(buf_fini)
    struct buf base = BUF(1024);
    enum deploy_stage before = d->record->stage;
    if (!deployment_load(d, &err)) {
        deployment_fail_early(d, &err);
        return false;
    }
    bundle_version(d->certificate, &base);
    if (before == DEPLOY_ROLLBACK)
        return deployment_prepare_rollback(d, buf_cstr(&base));
    if (version_belongs(d->served.version, buf_cstr(&base)))
        mem_set_str(&d->version, d->served.version);
    house_say(d->deliveries->house, d->record->set, "deliver", "version %s to %s", buf_cstr(&base),
              d->record->target);
    if (!deployment_write(d, buf_cstr(&base), &hold, &err)) {
        if (hold.kind != ERR_NONE)
            deployment_hold(d, &hold);
        else
            deployment_fail_early(d, &err);
        return false;
    }
    if (is_all_in_place(d)) {
        deployment_end(d, DEPLOY_ENDS_UNCHANGED);
        return false;
    }
    stage_settle(d);
    if (server_is_known(d->how))
        server_expect(d->deliveries->servers, &d->visit);
    if (d->record->stage == before)
        return true;
    deployment_touch(d, true);
    return false;
}
