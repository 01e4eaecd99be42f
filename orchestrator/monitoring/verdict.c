#include "crypto/chain_choice.h"
#include "monitoring/monitoring.h"

static const struct {
    const char *name, *text;
} verdicts[] = {
#define X(verdict, name, text) {name, text},
    VERDICTS(X)
#undef X
};

const char *endpoint_verdict_name(enum endpoint_verdict verdict)
{
    return verdicts[verdict].name;
}

const char *endpoint_verdict_text(enum endpoint_verdict verdict)
{
    return verdicts[verdict].text;
}

static bool chain_holds(const struct chain *chain, struct str der)
{
    bool holds = false;
    for (size_t i = 1; i < chain_len(chain) && !holds; i++) {
        AUTO(buf_fini)
        struct buf one = BUF(CHAIN_PEM_MAX);
        chain_cert_der(chain, i, &one);
        holds = str_eq(buf_str(&one), der);
    }
    return holds;
}

/* Every certificate that we deliver behind the leaf is presented, in whatever order; more may be. */
static bool chain_is_whole(const struct chain *presented, const struct certificate *current)
{
    AUTO(chain_fini)
    struct chain *held = NULL;
    bool whole = true;
    if (!chain_parse_pem(buf_str(&current->chain_pem), &held, NULL))
        return true;
    for (size_t i = 1; i < chain_len(held) && whole; i++) {
        AUTO(buf_fini)
        struct buf der = BUF(CHAIN_PEM_MAX);
        if (chain_cert_is_root(held, i))
            continue; /* stored, but not delivered */
        chain_cert_der(held, i, &der);
        whole = chain_holds(presented, buf_str(&der));
    }
    return whole;
}

static double life_left(const struct cert_facts *leaf, int64_t now_ms)
{
    double life = (double)(leaf->not_after_at_ms - leaf->not_before_at_ms);
    double left = (double)(leaf->not_after_at_ms - now_ms);
    return life <= 0 || left <= 0 ? 0.0 : left / life;
}

/* An endpoint that is given by its address is asked for no name. */
static bool covers(const struct cert_facts *leaf, const char *host)
{
    struct net_address address;
    return net_address_parse(str_of(host), 443, &address) || cert_names_cover(leaf, host);
}

enum endpoint_verdict endpoint_judge(const struct presented *presented, const char *host,
                                     const struct certificate *current, bool is_ours_older,
                                     bool is_ours_other, int64_t now_ms, double *ret_life_left)
{
    const struct cert_facts *leaf = &presented->leaf;
    bool expired = leaf->not_after_at_ms <= now_ms;
    *ret_life_left = life_left(leaf, now_ms);
    if (current != NULL && strcmp(leaf->sha256_hex, current->sha256) == 0) {
        if (expired)
            return ENDPOINT_IS_STALE_EXPIRED;
        if (!covers(leaf, host))
            return ENDPOINT_IS_WRONG_NAME;
        return chain_is_whole(presented->chain, current) ? ENDPOINT_IS_MATCH
                                                         : ENDPOINT_IS_CHAIN_INCOMPLETE;
    }
    if (is_ours_older)
        return expired ? ENDPOINT_IS_STALE_EXPIRED : ENDPOINT_IS_STALE;
    if (is_ours_other)
        return ENDPOINT_IS_OURS_OTHER;
    return covers(leaf, host) ? ENDPOINT_IS_FOREIGN : ENDPOINT_IS_WRONG_NAME;
}
