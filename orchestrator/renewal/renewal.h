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
    const char *const *only;   /* names of sets, NULL-terminated; NULL: all that are due */
    bool forced;               /* renew `only` even when not due, and do not wait for a retry time */
    int64_t patience_ms;       /* a step that would wait longer is left to the next run */
};
struct renewal_result {        /* of this run */
    size_t n_issued, n_failed, n_postponed, n_throttled, n_denied;
    int64_t throttled_until_ms;
    size_t n_txt_left;         /* records of ours still to be removed */
};

struct renewal;
struct renewal *renewal_new(struct house *house, struct ca_office *office, const struct renewal_options *options);
void renewal_free(struct renewal *renewal);
struct concern renewal_concern(struct renewal *renewal);
struct renewal_result renewal_result(const struct renewal *renewal);

#endif
