/*
 * Renewal: plan, order, prove control by DNS, finalize, store.
 *
 * The driver keeps every open order in memory beside its row, steps those that heard something or whose time has come, and writes what
 * changed in the turn's transaction. At start all open orders are stepped afresh: what they were waiting FOR is never stored.
 */
#ifndef RENEWAL_RENEWAL_H
#define RENEWAL_RENEWAL_H

#include "authority/ca.h"
#include "inventory/concern.h"

struct renewal_options {
    const char *const *only; /* names of sets, NULL-terminated; NULL: all that are due */
    bool forced;             /* renew `only` even when not due, and do not wait for a retry time */
    bool
        retries; /* take up `only` though they wait after a failure or are held; what is not due stays */
    int64_t patience_ms; /* a step that would wait longer is left to the next run */
};
struct renewal_result { /* of this run */
    size_t n_issued, n_failed, n_postponed, n_throttled, n_denied;
    size_t
        n_undone; /* sets that should have a new certificate by now, whatever hinders them, those that wait from earlier runs included */
    int64_t throttled_until_ms;
    size_t n_txt_left; /* records of ours still to be removed */
};

struct renewal;
struct renewal *renewal_new(struct house *house, struct ca_office *office,
                            const struct renewal_options *options);
void renewal_free(struct renewal *renewal);
struct concern renewal_concern(struct renewal *renewal);
/* After the last turn: tells what is left to later runs, and counts it. */
void renewal_end(struct renewal *renewal);
struct renewal_result renewal_result(const struct renewal *renewal);

/* What waits from earlier runs, without a run: open orders, and sets that failed and are not due again yet. Adds to *ret. */
bool renewal_waiting(struct house *house, const char *const *only, struct renewal_result *ret,
                     struct err *err);
/* Only the sets. */
bool renewal_sets_waiting(struct house *house, const char *const *only, struct renewal_result *ret,
                          struct err *err);
/* One more that is put off; failure_kind as stored, NULL: it did not fail. */
void renewal_count_throttled(struct renewal_result *result, int64_t until_ms);
void renewal_count_put_off(struct renewal_result *result, const char *failure_kind,
                           int64_t next_at_ms);

#endif
