/*
 * Monitoring: handshake with every address of every endpoint and tell what is really served.
 *
 * A verdict an address, the worst one for the endpoint. `match` needs the very leaf that is current in the store, its names, the chain as
 * presented, and time left (as a fraction of its lifetime). Endpoints are looked at soon after a delivery (with a short grace: servers reload
 * asynchronously) and then every verify_every of the set.
 */
#ifndef MONITORING_MONITORING_H
#define MONITORING_MONITORING_H

#include "inventory/asks.h"
#include "inventory/concern.h"
#include "inventory/config.h"
#include "inventory/held.h"

/* verdict, stored name, sentence for a person; from best to worst */
#define VERDICTS(X)                                                                                \
    X(MATCH, "match", "serves the newest certificate")                                             \
    X(STALE, "stale", "serves an older certificate of this set")                                   \
    X(OURS_OTHER, "ours-other", "serves a certificate of another set")                             \
    X(CHAIN_INCOMPLETE, "chain-incomplete", "serves the right certificate without its chain")      \
    X(NO_SUCH_KEY, "no-such-key", "has no certificate of this kind of key")                        \
    X(UNREACHABLE, "unreachable", "cannot be reached")                                             \
    X(TIMEOUT, "timeout", "does not answer in time")                                               \
    X(REFUSED_STARTTLS, "refused-starttls", "does not offer STARTTLS")                             \
    X(PROTOCOL_ERROR, "protocol-error", "does not speak TLS as it should")                         \
    X(FOREIGN, "foreign", "serves a certificate that is not ours")                                 \
    X(WRONG_NAME, "wrong-name", "serves a certificate for other names")                            \
    X(REVOKED, "revoked", "serves a revoked certificate")                                          \
    X(STALE_EXPIRED, "stale-expired", "serves an expired certificate of this set")
enum endpoint_verdict {
#define X(verdict, name, what) ENDPOINT_IS_##verdict,
    VERDICTS(X)
#undef X
        ENDPOINT_VERDICT_N
};
const char *endpoint_verdict_name(enum endpoint_verdict verdict);
const char *endpoint_verdict_text(enum endpoint_verdict verdict);
/* Pure: what was presented against what is held. current and presented may be NULL. is_ours: the leaf is in the store for this set / for another. */
struct presented {
    struct chain *chain; /* NULL: no handshake */
    struct cert_facts leaf;
};
enum endpoint_verdict endpoint_judge(const struct presented *presented, const char *host,
                                     const struct certificate *current, bool is_ours_older,
                                     bool is_ours_other, int64_t now_ms, double *ret_life_left);

struct monitoring_options {
    const struct asks *asks; /* borrowed. forced: looked at now */
};
struct monitoring_result { /* of the sets of the run's own ask */
    size_t n_endpoints, n_match, n_wrong;
};
struct monitoring;
struct monitoring *monitoring_new(struct house *house, const struct monitoring_options *options);
void monitoring_free(struct monitoring *monitoring);
struct concern monitoring_concern(struct monitoring *monitoring);
/* When the next thing is done for this set: 0 now, INT64_MAX nothing waits but the next look of its own time. Kind STORE. */
bool monitoring_set_at_ms(const struct monitoring *monitoring, const char *set, int64_t *ret_at_ms,
                          struct err *err);
/* Endpoints that are being looked at. */
size_t monitoring_n_watches(const struct monitoring *monitoring);
/* Of the endpoints looked at in this run, and of all others by their last verdict. */
bool monitoring_result(struct monitoring *monitoring, struct monitoring_result *ret,
                       struct err *err);

#endif
