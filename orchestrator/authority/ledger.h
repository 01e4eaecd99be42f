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
 * docs/LEDGER.md tells it to people, docs/decisions/0020 why it is so. Of limits that many sets share a part is kept for certificates about to expire or revoked (ask.is_emergency).
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
};
enum { LEDGER_TEXT_MAX = 512, LEDGER_SUBJECT_MAX = 300 };
struct ledger_answer {
    bool may;
    bool is_overridden; /* only a person's word lets it; text and subject say what is crossed */
    int64_t at_ms;      /* when it may (now, when it may) */
    int64_t gap_ms;     /* who waits behind n others for the same may so much later, n times */
    const char *limit;  /* of the tightest one: ca_limit_name; "" where none is known. A literal */
    int64_t left; /* how many more of the tightest after this one; INT64_MAX: no limit is known */
    /* When it may not: which limit, of whom, in one line without the instant; and the bucket for programs (with `limit`). Else "". */
    char text[LEDGER_TEXT_MAX], subject[LEDGER_SUBJECT_MAX];
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
/* Inside a transaction. newOrder is about to be sent once more. was_lost: the CA may have taken the one before, which counts as an order of its
 * own. Whoever reserved earlier goes first. may false: not now; the reservation stays. */
bool ledger_repeat(struct house *house, const char *owner, bool was_lost, struct ledger_answer *ret,
                   struct err *err);

/* Inside a transaction. An authorization of ours failed, or was given. */
bool ledger_authz_failed(struct house *house, const char *directory, const char *account,
                         const char *identifier, struct err *err);
bool ledger_authz_passed(struct house *house, const char *directory, const char *account,
                         const char *const *identifiers, size_t n, struct err *err);

/* Makes its own transaction unless one is open: a new account is about to be registered; settled as an order is. */
bool ledger_reserve_registration(struct house *house, const char *directory, const char *owner,
                                 struct ledger_answer *ret, struct err *err);

struct ledger_refusal {              /* a 429; borrowed */
    const char *directory, *account; /* account as in ledger_ask */
    const char *const *names;        /* of the order; none: a registration was refused */
    size_t n_names;
    int64_t until_ms;        /* when the CA wants to be asked again */
    const char *text, *help; /* what it said, and the page it names; NULL */
};
/* Inside a transaction. Which limit was meant is read from its words; where they tell nothing it is the account's orders, for an hour at most
 * and not for who is in need. Told once an hour and bucket. */
bool ledger_learn(struct house *house, const struct ledger_refusal *refusal, struct err *err);

/* Inside a transaction, once a run that does anything: what is unused again is forgotten; reservations of orders that are over in any other
 * way than their own are settled as unknown. */
bool ledger_sweep(struct house *house, struct err *err);

struct ledger_entry {                        /* borrowed for the visit */
    const char *directory, *subject, *label; /* label "": the subject says it */
    enum ca_limit limit;
    struct ca_rate rate; /* count 0: not known, the CA refused */
    int64_t left,
        n_reserved; /* left: for anybody; INT64_MAX where the rate is not known and it is open */
    int64_t left_ordinary;          /* without what is kept */
    int64_t next_at_ms, full_at_ms; /* when one more may go; when it is unused */
    const char *told;               /* what the CA said when it refused last, or NULL */
    int64_t told_at_ms;
    bool is_guess;
};
typedef bool ledger_visit(void *arg, const struct ledger_entry *entry); /* false ends the walk */
/* All that is used or reserved, by directory, limit and subject. */
bool ledger_each(struct house *house, ledger_visit *visit, void *arg, struct err *err);

#endif
