/*
 * Holds: an account that a person must look after first.
 *
 * New terms, a binding that is missing, an account that was deactivated or that the CA has lost: no retry mends any of these, and asking
 * again only annoys the CA. So the account is held: one row, one event. Nothing is sent for it; every set and order that needs it waits
 * without failing by itself. A hold ends by a person's word - `chancery account register`, `account update --agree-tos` - or when the
 * settings of the authority are others than when it began; then all that waited is due at once.
 *
 *     an answer -> account_hold_begin (event) -> ca_hold(ca) says so to whoever wants to order there
 *     a person  -> account_hold_end (event account.resumed), or account_holds_mend in the next run
 *
 * Held is the account as it is configured: the directory and where the EAB key id is read from.
 */
#ifndef AUTHORITY_ACCOUNT_HOLD_H
#define AUTHORITY_ACCOUNT_HOLD_H

#include "inventory/config.h"
#include "inventory/event.h"
#include "inventory/house.h"

/* reason, stored name, event; what a person is to do stands behind the CA's words */
#define ACCOUNT_HOLDS(X)                                                                           \
    X(TERMS, "terms", ACCOUNT_TERMS)                                                               \
    X(BINDING, "binding", ACCOUNT_BINDING)                                                         \
    X(DEACTIVATED, "deactivated", ACCOUNT_DEACTIVATED)                                             \
    X(LOST, "lost", ACCOUNT_LOST)                                                                  \
    X(REFUSED, "refused", ACCOUNT_FAILED) /* the key, a contact, a policy of the CA */             \
    X(SECRET, "secret", ACCOUNT_FAILED)   /* a secret of ours cannot be read: tried again here */
enum account_hold_reason {
    ACCOUNT_HOLD_NONE,
#define X(reason, name, event) ACCOUNT_HOLD_##reason,
    ACCOUNT_HOLDS(X)
#undef X
        ACCOUNT_HOLD_N
};
const char *account_hold_name(enum account_hold_reason reason);

struct account_hold { /* texts owned */
    enum account_hold_reason reason;
    char *failure; /* what the CA said, and what to do: one line */
    char *url;     /* where a person must go, or NULL */
    int64_t since_at_ms;
};
void account_hold_fini(struct account_hold *hold);

/* reason NONE when there is none. directory: the one in use (the staging one in a rehearsal). Kind STORE. */
bool account_hold_find(struct house *house, const struct authority_config *authority,
                       const char *directory, struct account_hold *ret, struct err *err);
/* The row, and the event unless the same hold is there already. In the caller's transaction or its own. */
bool account_hold_begin(struct house *house, const struct authority_config *authority,
                        const char *directory, const struct account_hold *hold, struct err *err);
/* Ends it if there is one: sets and orders that waited are due. why: "its settings have changed". */
bool account_hold_end(struct house *house, const struct authority_config *authority,
                      const char *directory, const char *why, struct err *err);

/* Is there a hold whose authority has other settings now, or is gone? Costs one look at a table that is nearly always empty. */
bool account_holds_are_stale(struct house *house, bool *ret, struct err *err);
/* Ends those. In the caller's transaction or its own. */
bool account_holds_mend(struct house *house, struct err *err);

/* How long who met the hold is put off before he looks at the row again (the CA is not asked). */
int64_t account_hold_wait_ms(enum account_hold_reason reason);
/* As the error of whoever wanted the account. Returns false. */
bool account_hold_err(const struct account_hold *hold, const char *authority, struct err *err);

#endif
