/*
 * Renewal: plan, order, prove control by DNS, finalize, store.
 *
 * The driver keeps every open order in memory beside its row, steps those that heard something or whose time has come, and writes what
 * changed in the turn's transaction. At start all open orders are stepped afresh: what they were waiting FOR is never stored.
 */
#ifndef RENEWAL_RENEWAL_H
#define RENEWAL_RENEWAL_H

#include "authority/ca.h"
#include "inventory/asks.h"
#include "inventory/concern.h"

struct renewal_options {
    const struct asks *asks; /* borrowed */
    int64_t
        patience_ms; /* a step that would wait longer is put to rest in its row: left to the next run, or taken up again by a lasting one */
};
struct renewal_result { /* of this run, of the sets of its own ask */
    size_t n_issued, n_failed, n_postponed, n_throttled, n_denied;
    size_t n_locked; /* of the postponed: somebody else works on one of the names */
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
/* When the next thing is done for this set ("": for what belongs to none in particular): 0 now, INT64_MAX nothing waits. Kind STORE. */
bool renewal_set_at_ms(const struct renewal *renewal, const char *set, int64_t *ret_at_ms,
                       struct err *err);
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
