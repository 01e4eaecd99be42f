/*
 * What is known of the limits of CAs: one YAML file a CA in orchestrator/inventory/limits, part of the build, found by the URL of the
 * directory. An authority of chancery.yaml may say otherwise (`limits`): a file of its own, or single limits that the CA raised.
 *
 *     directories: [https://acme-v02.api.letsencrypt.org/directory]
 *     source: https://letsencrypt.org/docs/rate-limits/
 *     as_of: "2026-08-05"
 *     orders: 300/3h              a bucket: 300 at once, and one more every 36 s
 *     domain: 50/7d
 *     same_set_within: 120d       a set of names that was issued before: counts for `set` only
 *     replaced_in_window: true    an order that names its predecessor inside the CA's window is not limited
 *
 * A CA that no file knows has no limits until its first 429 (authority/ledger.h).
 */
#ifndef INVENTORY_CA_LIMITS_H
#define INVENTORY_CA_LIMITS_H

#include "base/err.h"
#include "base/gcra.h"
#include "base/json.h"

enum ca_limit {
#define X(kind, name, is_shared, what) CA_LIMIT_##kind,
#include "inventory/ca_limits.def"
#undef X
    CA_LIMIT_N
};
const char *ca_limit_name(enum ca_limit limit);
const char *ca_limit_what(enum ca_limit limit);
bool ca_limit_is_shared(enum ca_limit limit);
bool ca_limit_find(const char *name, enum ca_limit *ret);

struct ca_rate {
    int64_t count, period_ms; /* as it is written; count 0: no such limit is known */
    struct gcra bucket;
};
struct ca_limits {
    struct ca_rate rates[CA_LIMIT_N];
    int64_t same_set_ms;     /* 0: issuing a set again is like issuing another */
    bool replaced_in_window; /* such orders are exempt */
    int64_t kept_percent;    /* of shared limits, for certificates about to expire or revoked */
    char *file; /* where they stand: "letsencrypt" (of the build) or a path; NULL: no file */
    char *source, *as_of; /* as in the file, or NULL */
};
void ca_limits_fini(struct ca_limits *limits);

/* "300/3h". False: no rate. */
bool ca_rate_parse(const char *text, struct ca_rate *ret);
void ca_rate_format(const struct ca_rate *rate, struct buf *out);
/* The text of a limits file; directories may be absent in it. file: for messages, and kept. Kind CONFIG, every complaint with its line. ret must be zero. ret_directories may be
 * NULL: what it says of whom it is for, NULL-terminated, freed with texts_free. */
bool ca_limits_parse(struct str text, const char *file, struct ca_limits *ret,
                     char ***ret_directories, struct err *err);
/* What the build knows of that directory; zero where it knows nothing. ret must be zero. */
void ca_limits_builtin(const char *directory, struct ca_limits *ret);

#endif
