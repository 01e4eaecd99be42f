/*
 * The exposed lock: what any other renewer - certbot on another host, a script, a person - takes before it orders a certificate for a name.
 *
 * One lock a name, and a wildcard and its base share it. It is a lease row "name:<canonical>" (lease.h) and ends by itself, by the same
 * clocks. The life of one:
 *
 *   lock_take     refused while another holds it, while an order of ours is in flight for the name, or while somebody asked earlier.
 *                 Who wants to wait leaves a ticket by that refusal, asks again with it every second or so, and is served in the order of
 *                 tickets: none starves. A waiter that does not ask again for TICKET_MS, or was a process of this machine and is gone, blocks nobody.
 *   lock_renew    before the time to live is over: a third of it is a good beat. What ran out is lost, also when nobody else took it.
 *   lock_release  with what came of it
 *
 * With an order the lock also answers "may you order?": lock_take reserves in the ledger (ledger.h, owner "lock:<name>:<fencing>"), lock_release settles.
 * What nobody released is settled as unknown, all of it spent, when the lock is taken or broken.
 *
 * The fencing number of a name only grows, over releases, breaks and restarts: who checks it where the write lands is safe
 * from a holder that slept through the end of its lock; who does not is safe only as far as the holder stops in time. docs/LOCK.md says what is promised.
 *
 * An order of ours and the lock exclude each other both ways, each decided in one write transaction: lock_take looks at the set leases of
 * the sets that name it, lock_lets_order at the locks of all names of a set.
 *
 * The functions that change something work in the open transaction, or make their own. A refusal (HELD, THROTTLED) leaves an open
 * transaction usable; what it wrote (a ticket, a dead holder's end) may be committed.
 */
#ifndef AUTHORITY_LOCK_H
#define AUTHORITY_LOCK_H

#include "authority/ledger.h"

enum {
    LOCK_TTL_MS = 60 * 1000, /* unless somebody says otherwise */
    LOCK_TTL_LEAST_MS = 1000,
    LOCK_TTL_MOST_MS = 24 * 60 * 60 * 1000,
    LOCK_TICKET_MS = 10 * 1000,
    LOCK_WAITERS_MOST = 1000, /* a name */
    LOCK_CLIENT_MAX = 200,
};

/* "*.Example.COM." -> "example.com"; IDN to A-labels. Fresh text. Kind CONFIG. */
bool lock_name(const char *text, char **ret_name, struct err *err);

struct lock_ask {
    const char *name; /* canonical: of lock_name */
    const char *
        client; /* who asks over the network; NULL: this very process, and the lock is free when the process is gone */
    const char *purpose; /* shown to others: "certbot renew" */
    int64_t ttl_ms;      /* CHECKed: LOCK_TTL_LEAST_MS to LOCK_TTL_MOST_MS */
    const struct ledger_ask
        *order; /* what will be ordered under it: reserved in the ledger. NULL */
    int64_t *
        ticket; /* waits: 0 at first; set when refused with HELD, 0 again when granted. NULL: does not wait */
};
struct lock_grant {
    struct ledger_answer headroom; /* of lock_take with an order; else zero but for may */
    int64_t fencing, granted_at_ms, expires_at_ms;
    int64_t
        expires_boot_ms; /* the same by house->clock's boot clock: the holder must have ended by then */
};
/* HELD: the text names the holder and since when. THROTTLED: free, but the ledger refuses the order until err->until_ms; a ticket ends, for that
 * may be days. STORE. */
bool lock_take(struct house *house, const struct lock_ask *ask, struct lock_grant *ret,
               struct err *err);
/* Would lock_take with this ask be granted, as things are? Reads only: a waiter looks often and takes seldom. Somebody else may be quicker. */
bool lock_may_take(struct house *house, const struct lock_ask *ask, bool *ret, struct err *err);
/* A waiter gives up: its ticket ends and is 0 again. */
bool lock_leave(struct house *house, const struct lock_ask *ask, struct err *err);

/* Lasts ttl_ms from now. HELD: lost - it ran out, was broken or released. */
bool lock_renew(struct house *house, const char *name, int64_t fencing, int64_t ttl_ms,
                struct lock_grant *ret, struct err *err);
/* outcome: of the order that was reserved; without one it says nothing. HELD: not the holder (any more); the outcome counts all the same. */
bool lock_release(struct house *house, const char *name, int64_t fencing,
                  enum ledger_outcome outcome, struct err *err);
/* Ends it whoever holds it; an event tells who (who did it) and why. ABSENT when nobody holds it. The holder learns of it at its next beat. */
bool lock_break(struct house *house, const char *name, const char *reason, const char *who,
                struct err *err);

/* Inside a transaction: what locks that ran out, unreleased and untaken, have reserved is settled as unknown. lock_take with an order does it by itself. */
bool lock_sweep(struct house *house, struct err *err);

/* Inside a transaction, before an order of the set begins or goes on (order_id 0: a new one). HELD: one of its names is locked; the order
 * waits in line then, for as long as it comes again within LOCK_TICKET_MS. */
bool lock_lets_order(struct house *house, const char *set, int64_t order_id, struct err *err);

struct lock_row {         /* texts borrowed in a visit, owned after lock_get */
    char *name;           /* canonical */
    char *client;         /* NULL: a process, pid on host */
    char *host, *purpose; /* may be NULL */
    char *set;            /* lock_get only: an order of ours for this set is in flight; else NULL */
    int64_t pid, fencing, granted_at_ms, expires_at_ms, n_waiting;
    bool is_free; /* then only name, fencing, n_waiting and set count */
};
void lock_row_fini(struct lock_row *row);
/* "`certbot renew` of client web1" or "`certbot`, pid 4711 on host". */
void lock_row_tell(const struct lock_row *row, struct buf *out);
/* A name nobody ever locked is free, with fencing 0. Kind STORE. */
bool lock_get(struct house *house, const char *name, struct lock_row *ret, struct err *err);
/* All that are held, by name; false ends the walk. */
typedef bool lock_visit(void *arg, const struct lock_row *row);
bool lock_each(struct house *house, lock_visit *visit, void *arg, struct err *err);

#endif
