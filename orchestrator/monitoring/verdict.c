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

static size_t chain_pem_len(const struct certificate *certificate)
{
    AUTO(chain_fini) struct chain *chain = NULL;
    if (!chain_parse_pem(buf_str(&certificate->chain_pem), &chain, NULL))
        return 0;
    return chain_len(chain);
}

static double life_left(const struct cert_facts *leaf, int64_t now_ms)
{
    double life = (double)(leaf->not_after_at_ms - leaf->not_before_at_ms);
    double left = (double)(leaf->not_after_at_ms - now_ms);
    return life <= 0 || left <= 0 ? 0.0 : left / life;
}

enum endpoint_verdict endpoint_judge(const struct presented *presented, const char *host, const struct certificate *current,
                                     bool is_ours_older, bool is_ours_other, int64_t now_ms, double *ret_life_left)
{
    const struct cert_facts *leaf = &presented->leaf;
    bool expired = leaf->not_after_at_ms <= now_ms;
    *ret_life_left = life_left(leaf, now_ms);
    if (current != NULL && strcmp(leaf->sha256_hex, current->sha256) == 0) {
        if (expired)
            return ENDPOINT_IS_STALE_EXPIRED;
        return chain_len(presented->chain) < chain_pem_len(current) ? ENDPOINT_IS_CHAIN_INCOMPLETE : ENDPOINT_IS_MATCH;
    }
    if (is_ours_older)
        return expired ? ENDPOINT_IS_STALE_EXPIRED : ENDPOINT_IS_STALE;
    if (is_ours_other)
        return ENDPOINT_IS_OURS_OTHER;
    return cert_names_cover(leaf, host) ? ENDPOINT_IS_FOREIGN : ENDPOINT_IS_WRONG_NAME;
}
