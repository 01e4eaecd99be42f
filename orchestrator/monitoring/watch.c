#include "monitoring/watch.h"

static void sight_clear(struct sight *sight)
{
    probe_cancel(sight->call);
    if (sight->presented.chain != NULL) {
        cert_facts_fini(&sight->presented.leaf);
        chain_free(sight->presented.chain);
    }
    *sight = (struct sight){0};
}

void watch_reset(struct watch *watch)
{
    for (size_t i = 0; i < watch->n_sights; i++)
        sight_clear(&watch->sights[i]);
    watch->n_sights = watch->n_probing = 0;
    watch->err.kind = ERR_NONE;
    watch->is_over = false;
}

void watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    resolve_cancel(watch->resolving);
    if (watch->resolving != NULL || watch->n_probing > 0)
        (*watch->n_out)--;
    watch_reset(watch);
    list_remove(&watch->in_monitoring);
    set_config_free(watch->config);
    certificates_free(watch->unit, watch->n_unit);
    mem_free(watch->set);
    mem_free(watch->endpoint);
    mem_free(watch->old_verdict);
    mem_free(watch);
}

static void watch_end(struct watch *watch)
{
    watch->is_over = true;
    (*watch->n_out)--;
}

static bool presented_read(struct presented *presented, struct str chain_pem, struct err *err)
{
    struct chain *chain = NULL;
    if (!chain_parse_pem(chain_pem, &chain, err))
        return false;
    if (!chain_facts(chain, 0, &presented->leaf, err)) {
        chain_free(chain);
        return false;
    }
    presented->chain = chain;
    return true;
}

static void probed(void *arg, const struct probe_result *result, const struct err *err)
{
    struct sight *sight = arg;
    struct watch *watch = sight->watch;
    sight->call = NULL;
    sight->stage = result->stage;
    if (err != NULL)
        sight->err = *err;
    else
        presented_read(&sight->presented, result->chain_pem, &sight->err);
    if (--watch->n_probing == 0)
        watch_end(watch);
}

/* With several kinds of keys a handshake offers only what one of them can sign. */
static void sight_start(struct watch *watch, struct sight *sight, const struct net_address *address,
                        const struct certificate *expected)
{
    const char *lane = expected->lane;
    struct probe_request request = {.address = *address,
                                    .host = watch->settings->host,
                                    .starttls = watch->settings->starttls,
                                    .prefer = lane != NULL && lane[0] != '\0' ? lane : NULL};
    sight->watch = watch;
    sight->address = *address;
    sight->expected = expected;
    sight->call = probe_start(watch->house->loop, &request, probed, sight);
}

static void watch_probe(struct watch *watch, const struct net_address *addresses, size_t n)
{
    size_t n_lanes = watch->n_unit < LANES_MAX ? watch->n_unit : LANES_MAX;
    n = n < WATCH_ADDRESSES_MAX ? n : WATCH_ADDRESSES_MAX;
    watch->n_sights = watch->n_probing = n * n_lanes;
    for (size_t i = 0; i < watch->n_sights; i++)
        sight_start(watch, &watch->sights[i], &addresses[i / n_lanes], watch->unit[i % n_lanes]);
}

static void resolved(void *arg, const struct net_address *addresses, size_t n,
                     const struct err *err)
{
    struct watch *watch = arg;
    watch->resolving = NULL;
    if (err == NULL && n > 0) {
        watch_probe(watch, addresses, n);
        return;
    }
    if (err != NULL)
        watch->err = *err;
    else
        err_set(&watch->err, ERR_AGAIN, "%s has no address", watch->settings->host);
    watch_end(watch);
}

void watch_start(struct watch *watch)
{
    const struct endpoint_config *settings = watch->settings;
    struct net_address address;
    watch->starts = false;
    watch->n_looks++;
    (*watch->n_out)++;
    if (settings->connect != NULL &&
        net_address_parse(str_of(settings->connect), settings->port, &address))
        watch_probe(watch, &address, 1);
    else if (net_address_parse(str_of(settings->host), settings->port, &address))
        watch_probe(watch, &address, 1);
    else
        watch->resolving =
            resolve_start(watch->house->loop, settings->host, settings->port, resolved, watch);
}

/* ---- judging ---- */

static bool sight_is_ours(const struct watch *watch, const struct sight *sight, bool *ret_older,
                          bool *ret_other, bool *ret_revoked, struct err *err)
{
    struct rows rows;
    *ret_older = *ret_other = *ret_revoked = false;
    if (!store_query(watch->house->store, &rows, err, SQL_CERTIFICATE_SET_OF_SHA256, "t",
                     sight->presented.leaf.sha256_hex))
        return false;
    while (rows_next(&rows)) {
        if (strcmp(rows_text(&rows, 0), watch->set) == 0)
            *ret_older = true;
        else
            *ret_other = true;
        *ret_revoked = *ret_revoked || rows_int(&rows, 1) != 0;
    }
    return rows_end(&rows, err);
}

static enum endpoint_verdict verdict_without_handshake(const struct sight *sight)
{
    if (sight->err.kind == ERR_REFUSED)
        return sight->stage == PROBE_HANDSHAKE ? ENDPOINT_IS_NO_SUCH_KEY
                                               : ENDPOINT_IS_REFUSED_STARTTLS;
    if (sight->stage == PROBE_CONNECT)
        return strstr(sight->err.text, "time") != NULL ? ENDPOINT_IS_TIMEOUT
                                                       : ENDPOINT_IS_UNREACHABLE;
    return sight->err.kind == ERR_AGAIN ? ENDPOINT_IS_TIMEOUT : ENDPOINT_IS_PROTOCOL_ERROR;
}

/* Asked for one kind of key it shows the other: what it has is right, but not all of it. */
static bool shows_other_kind(const struct watch *watch, const struct sight *sight)
{
    for (size_t i = 0; i < watch->n_unit; i++)
        if (watch->unit[i] != sight->expected &&
            strcmp(watch->unit[i]->sha256, sight->presented.leaf.sha256_hex) == 0)
            return true;
    return false;
}

static bool sight_judge(const struct watch *watch, struct sight *sight, struct err *err)
{
    bool older, other, revoked;
    if (sight->presented.chain == NULL) {
        sight->verdict = verdict_without_handshake(sight);
        return true;
    }
    if (!sight_is_ours(watch, sight, &older, &other, &revoked, err))
        return false;
    sight->verdict = endpoint_judge(&sight->presented, watch->settings->host, sight->expected,
                                    older, other, house_now(watch->house), &sight->life_left);
    if (shows_other_kind(watch, sight))
        sight->verdict = ENDPOINT_IS_NO_SUCH_KEY;
    if (revoked)
        sight->verdict = ENDPOINT_IS_REVOKED;
    return true;
}

static void sight_describe(const struct sight *sight, struct buf *out)
{
    char address[NET_ADDRESS_TEXT_MAX], until[TIME_TEXT_MAX];
    net_address_format(&sight->address, true, address);
    const char *lane = sight->expected->lane != NULL ? sight->expected->lane : "";
    buf_printf(out, "%s%s%s %s", address, lane[0] != '\0' ? " with " : "", lane,
               endpoint_verdict_text(sight->verdict));
    if (sight->presented.chain == NULL) {
        buf_printf(out, " (%s)", sight->err.text);
        return;
    }
    if (sight->verdict == ENDPOINT_IS_MATCH)
        return;
    time_format(sight->presented.leaf.not_after_at_ms, false, until);
    buf_printf(out, " (serial %s, until %s", sight->presented.leaf.serial_hex, until);
    if (sight->verdict != ENDPOINT_IS_CHAIN_INCOMPLETE)
        buf_printf(out, "; expected version %lld, serial %s", (long long)sight->expected->version,
                   sight->expected->serial);
    buf_add_cstr(out, ")");
}

static bool observation_save(const struct watch *watch, const struct sight *sight, struct err *err)
{
    char address[NET_ADDRESS_TEXT_MAX];
    bool seen = sight->presented.chain != NULL;
    net_address_format(&sight->address, true, address);
    return store_run(watch->house->store, NULL, err, SQL_OBSERVATION_PUT, "itttiiitit", watch->id,
                     address, endpoint_verdict_name(sight->verdict),
                     seen ? sight->presented.leaf.sha256_hex : NULL,
                     seen ? sight->presented.leaf.not_after_at_ms : (int64_t)0,
                     (int64_t)(sight->life_left * 1000000.0),
                     seen ? (int64_t)chain_len(sight->presented.chain) : (int64_t)0,
                     seen ? NULL : sight->err.text, house_now(watch->house), sight->expected->lane);
}

bool watch_judge(struct watch *watch, enum endpoint_verdict *ret_verdict, struct buf *ret_text,
                 struct err *err)
{
    enum endpoint_verdict worst = ENDPOINT_IS_MATCH;
    if (!store_run(watch->house->store, NULL, err, SQL_OBSERVATION_DROP, "i", watch->id))
        return false;
    if (watch->n_sights == 0) {
        worst = ENDPOINT_IS_UNREACHABLE;
        buf_add_cstr(ret_text, watch->err.text);
    }
    for (size_t i = 0; i < watch->n_sights; i++) {
        struct sight *sight = &watch->sights[i];
        if (!sight_judge(watch, sight, err) || !observation_save(watch, sight, err))
            return false;
        if (sight->verdict > worst)
            worst = sight->verdict;
        if (i > 0)
            buf_add_cstr(ret_text, "; ");
        sight_describe(sight, ret_text);
    }
    *ret_verdict = worst;
    return true;
}
