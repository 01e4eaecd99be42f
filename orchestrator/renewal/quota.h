/*
 * What the ledger (authority/ledger.h) is asked about the orders of a set, and told of them.
 *
 *   a new order    reserves at the CA that is about to get it, in the transaction in which its row is made
 *   newOrder       taken: that much is spent; sent once more: only if its turn has come; refused (429): learnt
 *   its end        settles what is left, and tells of names that failed
 *
 * A set has one open order at a time, so the owner of a reservation is the set: "set:shop".
 */
#ifndef RENEWAL_QUOTA_H
#define RENEWAL_QUOTA_H

#include "authority/ledger.h"
#include "renewal/renewal_inside.h"

/* What is known of a set before a CA is chosen. */
struct quota_wish {
    struct certificate *replaced; /* by the order, in its lane; owned; NULL: none */
    bool is_emergency;            /* what is served is revoked, or about to end; or a person asks */
    int64_t emergency_at_ms;      /* from then on it is one; INT64_MAX: there is nothing to end */
};
bool quota_wish_find(struct renewal *renewal, const char *set, const char *lane,
                     struct quota_wish *ret, struct err *err);
void quota_wish_fini(struct quota_wish *wish);
/* Would the order be exempt as the replacement of a certificate, if the CA takes it for one? */
bool quota_in_window(struct renewal *renewal, const struct quota_wish *wish, const struct ca *ca);

/* Inside a transaction. takes: reserves where it may; else only looks. ret->at_ms lies behind those that this run has put off for the same limit, but
 * not beyond the instant from which the set may use what is kept. */
bool quota_ask(struct renewal *renewal, const struct set_config *set, const struct quota_wish *wish,
               const struct ca *ca, bool takes, struct ledger_answer *ret, struct err *err);
/* No order came of it. */
bool quota_release(struct renewal *renewal, const char *set, struct err *err);
/* The set is put off until then: it stays wanted and costs no request. Told once, however often it is put off in a row. */
bool quota_put_off(struct renewal *renewal, const char *set, const struct ledger_answer *why,
                   int64_t until_ms, const char *reasons, struct err *err);
void quota_queues_free(struct renewal *renewal);

/* In settle, before the row is written: what the job learnt of its order's quota. May put the job off. */
bool quota_settle_job(struct job *job, struct err *err);
/* An order's row ends. outcome as order_record_end. */
bool quota_settle_order(struct house *house, const struct order_record *record, const char *outcome,
                        struct err *err);
/* The row of a set's open order ends unread: nobody can tell what it spent. */
bool quota_settle_lost(struct house *house, const char *set, struct err *err);

#endif
