/*
 * The lead: the one lease that lets a process act (authority/lease.h), taken for thirty seconds, confirmed in every transaction, renewed each ten.
 *
 *   lead_take ... every turn: lead_confirm inside its transaction; before anything is sent: lead_is_sure ... lead_drop
 *
 * Lengths of time are measured by the boot clock: the wall clock may be set while we lead. While it is held house->fencing is its number.
 */
#ifndef LEADER_LEAD_H
#define LEADER_LEAD_H

#include "authority/lease.h"

struct lead {
    struct house *house;
    struct lease *lease; /* NULL: not held */
    int64_t renewed_at_boot_ms;
};

/* Another leader may be about to end: asks again until wait_ms are over. purpose is shown to others that wait. Own transaction. Kinds: HELD (names the
 * holder), STORE. */
bool lead_take(struct house *house, const char *purpose, int64_t wait_ms, struct lead *ret,
               struct err *err);
/* Inside a transaction: still ours? Renews it when it is time to. HELD: it was lost, and the caller must roll back. */
bool lead_confirm(struct lead *lead, struct err *err);
/* False: it was confirmed so long ago - the machine slept, this process was frozen - that another may have it. It must be confirmed before anything is sent. */
bool lead_is_sure(const struct lead *lead);
/* When it has to be confirmed again, by the boot clock. */
int64_t lead_renew_boot_ms(const struct lead *lead);
/* Gives it back. One that is not held: nothing. */
void lead_drop(struct lead *lead);

#endif
