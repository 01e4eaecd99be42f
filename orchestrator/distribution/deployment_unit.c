/* What goes to a target as one: a pair for each kind of key, judged and put into one bundle. */
#include "distribution/deployment.h"

#include "distribution/bundle_inside.h"
#include "distribution/guard.h"
#include "inventory/held_chain.h"
#include "inventory/plan.h"

enum { P12_MAX = 1024 * 1024 };

/* What is needed to judge and to write. */
struct pair {
    const struct certificate *certificate;
    const char *suffix; /* of its files' names; NULL: none */
    struct key *key;    /* NULL: it lives elsewhere */
    char spki[SPKI_HEX_MAX];
    struct chain *chain;
};

static void pair_fini(struct pair *pair)
{
    key_free(pair->key);
    chain_free(pair->chain);
}

bool deployment_load_unit(struct deployment *d, struct err *err)
{
    certificates_free(d->unit, d->n_unit);
    d->unit = NULL;
    d->n_unit = 0;
    /* One kind of key, or a certificate that was overtaken a moment ago: the next try meets the others. */
    if (d->certificate->lane == NULL || d->certificate->lane[0] == '\0' ||
        !d->certificate->is_current)
        return true;
    return held_unit(d->deliveries->house, d->record->set, true, &d->unit, &d->n_unit, err);
}

/* The files of the preferred kind have the ordinary names. */
static const char *suffix_of(const struct deployment *d, const struct certificate *certificate)
{
    const char *lane = certificate->lane != NULL ? certificate->lane : "";
    bool is_first = d->set->n_lanes == 0 || strcmp(d->set->lanes[0].name, lane) == 0;
    return lane[0] == '\0' || is_first ? NULL : lane;
}

/* ---- may it go out ---- */

static bool pair_guard(struct deployment *d, const struct pair *pair, const struct served *served,
                       struct err *err)
{
    struct guard_case c = {
        .certificate = pair->certificate,
        .chain = pair->chain,
        .spki_hex = pair->spki,
        .names = d->set->names,
        .n_names = d->set->n_names,
        .served = served->has_leaf ? &served->leaf : NULL,
        .served_is_revoked = served->is_revoked,
        .served_held = served->held,
        .now_ms = house_now(d->deliveries->house),
        .forced = d->forced,
    };
    return guard_admits(&c, &d->again_at_ms, err);
}

/* Beside a new pair the other one goes along as it is served already, whatever may be said against it by now: nothing gets worse, and
 * the new one is not withheld. */
static bool goes_along(const struct deployment *d, const struct pair *pair,
                       const struct served *served)
{
    return d->n_unit > 1 && pair->certificate->id != d->certificate->id && served->has_leaf &&
           strcmp(served->leaf.sha256_hex, pair->certificate->sha256) == 0;
}

static bool pair_is_admitted(struct deployment *d, const struct pair *pair, struct err *ret_hold,
                             struct err *err)
{
    if (pair->suffix == NULL)
        return goes_along(d, pair, &d->served) || pair_guard(d, pair, &d->served, ret_hold);
    struct served served = {0};
    if (!served_look_beside(d->deliveries->house, d->record->set, d->how->dir, &d->served,
                            pair->suffix, &served, err))
        return false;
    bool ok = goes_along(d, pair, &served) || pair_guard(d, pair, &served, ret_hold);
    if (!ok)
        err_wrap(ret_hold, "%s", pair->suffix);
    served_fini(&served);
    return ok;
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
    bool was_done = record->done_id == record->wanted_id && !d->forced &&
                    strcmp(record->want != NULL ? record->want : "", d->print) == 0;
    return version_belongs(d->served.version, base) && (goes_on || was_done);
}

/* Two PKCS#12 files of one pair are never equal; where nothing changed the one that is there is the
 * right one. */
static void pkcs12_reuse(const struct deployment *d, const char *base, const struct pair *pair,
                         struct bundle *bundle)
{
    if ((d->how->formats & FORMAT_PKCS12) == 0 || !is_repeated(d, base))
        return;
    AUTO(mem_fini)
    char *name = bundle_file_name(BUNDLE_PKCS12, pair->suffix);
    AUTO(mem_fini)
    char *path = mem_printf("%s/versions/%s/%s", d->how->dir, d->served.version, name);
    AUTO(buf_fini)
    struct buf bytes = BUF(P12_MAX);
    if (file_read(path, P12_MAX, false, &bytes, NULL))
        bundle_replace(bundle, name, buf_str(&bytes));
}

/* Of a key that lives elsewhere its request knows as much as is needed here. */
static bool pair_key_load(struct deployment *d, struct pair *pair, struct err *err)
{
    struct house *house = d->deliveries->house;
    if (pair->certificate->key_id == 0)
        return held_request_spki(house, pair->certificate, pair->spki, err);
    if (!held_key_load(house, pair->certificate->key_id, &pair->key, err))
        return false;
    key_spki(pair->key, pair->spki);
    return true;
}

static bool pair_bundle(struct deployment *d, const char *base, const struct pair *pair,
                        const struct secret *password, struct bundle **bundle, struct err *err)
{
    struct bundle *own = NULL;
    if (!bundle_make(pair->key, pair->chain, d->set->name, d->how->formats, password,
                     d->how->pkcs12_legacy, &own, err))
        return false;
    bundle_join(bundle, own, pair->suffix);
    pkcs12_reuse(d, base, pair, *bundle);
    return true;
}

static bool certificate_bundle(struct deployment *d, const char *base,
                               const struct certificate *certificate, const struct secret *password,
                               struct bundle **bundle, struct err *ret_hold, struct err *err)
{
    AUTO(pair_fini)
    struct pair pair = {.certificate = certificate, .suffix = suffix_of(d, certificate)};
    return pair_key_load(d, &pair, err) &&
           chain_parse_pem(buf_str(&certificate->chain_pem), &pair.chain, err) &&
           pair_is_admitted(d, &pair, ret_hold, err) &&
           pair_bundle(d, base, &pair, password, bundle, err);
}

bool deployment_bundle(struct deployment *d, const char *base, struct bundle **ret,
                       struct err *ret_hold, struct err *err)
{
    AUTO(secret_fini)
    struct secret password = {0};
    struct bundle *bundle = NULL;
    size_t n = d->n_unit > 0 ? d->n_unit : 1;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        const struct certificate *certificate = d->n_unit > 0 ? d->unit[i] : d->certificate;
        ok = (i > 0 || secret_find(d, &password, err)) &&
             certificate_bundle(d, base, certificate, &password, &bundle, ret_hold, err);
    }
    if (!ok) {
        bundle_free(bundle);
        return false;
    }
    *ret = bundle;
    return true;
}
