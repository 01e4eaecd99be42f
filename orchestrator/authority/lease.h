/*
 * Leases and fencing (docs: DESIGN of locks in docs/ARCHITECTURE.md).
 *
 * A lease is a row: name, holder, fencing number that only grows, granted, expires. Take, renew and release are single conditional
 * statements. On one host expiry is judged by CLOCK_BOOTTIME when the boot id matches, so wall-clock steps neither extend nor end it;
 * a local holder also keeps a kernel lock on <store>.<name>.lock, so a crash frees the lease at once. On a server its clock judges, and a holder
 * that named a process of this machine which is gone is freed at once. Every state write of a holder checks its number in the same
 * transaction (lease_guard).
 *
 *   "leader"       elects the one process that acts
 *   "set:<name>"   excludes two orders of one set
 */
#ifndef AUTHORITY_LEASE_H
#define AUTHORITY_LEASE_H

#include "inventory/house.h"

struct lease;
struct lease_holder { /* texts owned; what a person needs to find the holder */
    char *name, *host, *purpose;
    int64_t pid, fencing, granted_at_ms, expires_at_ms;
    bool is_free;
};
void lease_holder_fini(struct lease_holder *holder);

/* Own transaction. HELD: another has it; the text says "held by renew, pid 4711 on host since 22:01:23Z". kernel_lock: also the file lock. */
bool lease_take(struct house *house, const char *name, const char *purpose, int64_t ttl_ms,
                bool kernel_lock, struct lease **ret, struct err *err);
/* A cheap look before lease_take with a kernel lock, for who polls: HELD when it would not be had. Without a file to lock that is one read; with one, the
 * kernel tells by itself, and this is always true. */
bool lease_look(struct house *house, const char *name, struct err *err);
/* Extends; HELD when it was lost meanwhile. Own transaction unless one is open. */
bool lease_renew(struct house *house, struct lease *lease, int64_t ttl_ms, struct err *err);
/* Gives it back (fencing number stays in the row) and frees the struct. NULL allowed. Own transaction unless one is open. */
void lease_drop(struct house *house, struct lease *lease);
int64_t lease_fencing(const struct lease *lease);
/* Inside a transaction: true when the lease's number is still the row's newest; else HELD, and the caller must roll back. */
bool lease_guard(struct house *house, const struct lease *lease, struct err *err);

/* The same for leases that live inside the leader (set leases): taken and dropped inside the turn's transaction, no struct. */
bool set_lease_take(struct house *house, const char *set, const char *purpose, int64_t ttl_ms,
                    int64_t *ret_fencing, struct err *err);
bool set_lease_drop(struct house *house, const char *set, int64_t fencing, struct err *err);
bool set_lease_guard(struct house *house, const char *set, int64_t fencing, struct err *err);
/* A leader that opens its concerns anew holds no order in memory: what those before left is free for them. */
bool set_leases_free(struct house *house, struct err *err);
/* Lets it last ttl_ms from now. A lease that was lost meanwhile is no error here: the guard tells. */
bool set_lease_renew(struct house *house, const char *set, int64_t fencing, int64_t ttl_ms,
                     struct err *err);

bool lease_holder(struct house *house, const char *name, struct lease_holder *ret,
                  struct err *err); /* ABSENT */

#endif
