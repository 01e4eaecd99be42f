/*
 * The ledger: what CAs limit, how much of it is used up, and whether one more order may be begun.
 *
 * What a CA limits is data (inventory/ca_limits.h). Each limit of a CA and each subject of it - an account, a registered domain, an exact
 * set of names, a failing name - is a BUCKET: a row with one number, the instant at which it will be unused (base/gcra.h). Before an order
 * begins it RESERVES one unit of every bucket it may spend from; a reservation is a row too. When it is over it SETTLES: what the CA
 * counted is spent from that moment on - never earlier than the CA saw it -, the rest is free again at once.
 *
 *     struct ledger_ask ask = {.directory = url, .account = "", .names = names, .n_names = n};
 *     struct ledger_answer answer;
 *     [transaction] ledger_reserve(house, &ask, "order:17", &answer, err)    answer.may false: not before answer.at_ms; nothing was changed
 *     ...
 *     [transaction] ledger_placed(house, "order:17", err)                    the CA took the order
 *     [transaction] ledger_settle(house, "order:17", LEDGER_ISSUED, err)
 *
 * A crash loses nothing: the row stands until somebody settles it, and what is in doubt counts as spent. The directory says which CA; its
 * limits hold for all orders, hosts and lock holders that share the store. What the CA itself says (429) is learnt: that bucket is closed
 * until the instant it named. A CA nobody knows anything about limits nothing before that.
 *
 * Of limits that many sets share a part is kept for certificates about to expire or revoked (ask.is_emergency).
 */
#ifndef AUTHORITY_LEDGER_H
#define AUTHORITY_LEDGER_H

#include "inventory/ca_limits.h"
#include "inventory/house.h"

struct ledger_ask { /* borrowed */
    const char *directory;
    /* Ours there: its EAB key id, "" where it has none (ca_eab_kid). Somebody else's: any text that names it. NULL: not known; then the limits
     * of accounts are not looked at. */
    const char *account;
    const char *const *names; /* canonical; "*." allowed; addresses too */
    size_t n_names;
    bool
        is_replacement_in_window; /* the order names its predecessor, and the CA's window for that is open (ARI) */
    bool is_emergency; /* may use what is kept */
    const char
        *override_reason; /* a person's word: nothing is refused, everything is counted. NULL */
    int64_t
        n_before; /* so many wait already for whatever refuses this one: its at_ms lies behind theirs */
};
enum { LEDGER_TEXT_MAX = 512 };
struct ledger_answer {
    bool may;
    int64_t at_ms;     /* when it may (now, when it may) */
    const char *limit; /* of the tightest one: ca_limit_name; "" where none is known. A literal */
    int64_t left; /* how many more of the tightest after this one; INT64_MAX: no limit is known */
    char text
        [LEDGER_TEXT_MAX]; /* when it may not: which limit, whose, until when; one line. Else "" */
};
enum ledger_outcome {
    LEDGER_ISSUED,  /* there is a certificate */
    LEDGER_ORDERED, /* the order was placed, there is none and there will be none */
    LEDGER_UNUSED,  /* the CA has seen, or taken, nothing */
    LEDGER_UNKNOWN  /* nobody can tell: all of it counts as spent */
};

/* Changes nothing. Kind STORE. */
bool ledger_look(struct house *house, const struct ledger_ask *ask, struct ledger_answer *ret,
                 struct err *err);
/* Inside a transaction. owner is one at a time: "order:17", "lock:<name>:<fencing>". The answer says whether it was reserved; err is about the
 * store only. */
bool ledger_reserve(struct house *house, const struct ledger_ask *ask, const char *owner,
                    struct ledger_answer *ret, struct err *err);
/* Inside a transaction. The CA took the order: that much of the reservation is spent now. Again, or for nobody: does nothing. */
bool ledger_placed(struct house *house, const char *owner, struct err *err);
/* Inside a transaction. Nothing of the reservation is left. For an owner without one: does nothing. */
bool ledger_settle(struct house *house, const char *owner, enum ledger_outcome outcome,
                   struct err *err);

#endif
