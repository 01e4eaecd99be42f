/*
 * The leader: takes the lead, runs the turn until nothing is left to do, and tells how it went.
 */
#ifndef LEADER_LEADER_H
#define LEADER_LEADER_H

#include "distribution/distribution.h"
#include "leader/revocation.h"
#include "monitoring/monitoring.h"
#include "renewal/renewal.h"

/* What may be asked of another process that leads (request.h): kind, name, the concerns it needs. */
#define REQUEST_KINDS(X)                                                                           \
    X(RENEW, "renew", ASK_RENEW | ASK_DELIVER | ASK_VERIFY)                                        \
    X(ISSUE, "issue", ASK_RENEW | ASK_DELIVER | ASK_VERIFY)                                        \
    X(DEPLOY, "deploy", ASK_DELIVER | ASK_VERIFY)                                                  \
    X(VERIFY, "verify", ASK_VERIFY)                                                                \
    X(REVOKE, "revoke", ASK_RENEW | ASK_DELIVER | ASK_VERIFY)
enum request_kind {
    REQUEST_NONE,
#define X(kind, name, parts) REQUEST_##kind,
    REQUEST_KINDS(X)
#undef X
};

struct leader_options {
    enum request_kind request; /* NONE: nobody else is asked to do it */
    const char *purpose;       /* "renew", "issue", "deploy" ... : shown to others that wait */
    const char *const *only;   /* sets, NULL: all */
    bool forced;
    bool retries;                    /* renewal_options */
    const char *override_reason;     /* struct ask; NULL */
    bool renews, delivers, verifies; /* which concerns run; renewal brings revocation along */
    int64_t wait_ms;                 /* how long to wait for another leader; 0: not at all */
    int64_t patience_ms; /* things that wait longer than this are left to the next run */
};
struct leader_result {
    struct renewal_result renewal;
    struct distribution_result distribution;
    struct monitoring_result monitoring;
    struct revocation_result revocation;
    bool stopped; /* by a signal */
    int64_t n_turns, n_commits, n_http, n_connections, n_dns, n_dns_updates;
};
/* Is anything to be done now? Answered from indexes alone, without loop, net or seal: an idle run opens none of them. What is named or
 * forced is work. Kind STORE. */
bool leader_has_work(struct house *house, const struct leader_options *options, bool *ret,
                     struct err *err);
/* Does it. A house without a loop only tells what is behind from earlier runs. LOCAL: the clock is not set.
 * Kinds: HELD (led elsewhere), STORE, CONFIG. A failed renewal or delivery is no error here: it is in the result. */
bool leader_run(struct house *house, const struct leader_options *options,
                struct leader_result *ret, struct err *err);

#endif
