/*
 * A command under the lock: taken, kept by a beat at a third of its time to live, the command ended before the lock is, given back with what
 * came of it. `chancery lock` is this and a way to the lock: the store (lock_way_of_store), or the HTTP face of another host.
 *
 * When a beat fails for the sake of the way - no store, no server - it is tried again until a quarter of the time to live is left; then the
 * keeper (io/ward.h) ends the command with SIGTERM, and with SIGKILL when a twelfth is left. A beat that is refused ends it at once.
 */
#ifndef AUTHORITY_LOCK_HOLD_H
#define AUTHORITY_LOCK_HOLD_H

#include "authority/lock.h"
#include "io/ward.h"

struct lock_way {
    void *self;
    /* One try that may take up to wait_ms (0: it must not wait), so that a server can answer when it is our turn. Kinds of lock_take; AGAIN: the
     * way is closed at the moment. *ret.expires_boot_ms counts from before it was asked. */
    bool (*take)(void *self, int64_t wait_ms, struct lock_grant *ret, struct err *err);
    void (*leave)(void *self); /* waits no more; forgets its ticket */
    bool (*renew)(void *self, int64_t fencing, struct lock_grant *ret, struct err *err);
    bool (*release)(void *self, int64_t fencing, enum ledger_outcome outcome, struct err *err);
};
/* The way over the store of this host. ask is borrowed and its ticket used. */
struct lock_store_way {
    struct house *house;
    struct lock_ask ask;
    int64_t ticket, keep_at_boot_ms;
};
struct lock_way lock_way_of_store(struct lock_store_way *self);

struct lock_plan { /* borrowed */
    int64_t ttl_ms;
    int64_t wait_ms; /* 0: not at all */
    /* Told once, when somebody else has it and it is waited for; NULL. */
    void (*says_waits)(void *arg, const struct err *why);
    /* What is to be started with this grant, except for the times. Lives until lock_hold returns. */
    struct ward_request (*command)(void *arg, const struct lock_grant *grant);
    void *arg;
};
enum lock_end {
    LOCK_END_ENDED,   /* code is the command's */
    LOCK_END_BUSY,    /* HELD, after waiting as long as one may; nothing was started */
    LOCK_END_REFUSED, /* THROTTLED by the ledger; nothing was started */
    LOCK_END_NO_WAY, /* the store or the server cannot be used, or the ask is wrong; nothing was started */
    LOCK_END_NOT_STARTED, /* the command cannot be started */
    LOCK_END_LOST         /* the command was ended, or ended, without the lock; code is its */
};
struct lock_result {
    enum lock_end end;
    int code;
    struct lock_grant grant; /* unless nothing was granted: fencing 0 */
    bool is_unreleased;      /* it was not given back and ends by itself; err tells why */
};
/* *err tells the reason of each end but ENDED (and there why it was not released). */
void lock_hold(const struct lock_way *way, const struct lock_plan *plan, struct lock_result *ret,
               struct err *err);

#endif
