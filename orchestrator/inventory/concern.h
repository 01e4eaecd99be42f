/*
 * A concern: renewal, distribution or monitoring as the turn of the leader sees it.
 *
 *   turn:  loop_wait            answers arrive and are put aside by their callbacks
 *          begin, guard
 *            collect of each    hears what arrived, takes up due work, writes rows; sends nothing
 *          commit
 *            act of each        sends what collect decided; nothing of it was sent before the commit. Who was frozen since the lead was confirmed
 *                               collects once more before
 *
 * When collect or the commit fails the turn rolls back and the run ends: memory may be ahead of the rows, and the next run starts from
 * the rows. The three never call each other; they meet in the store.
 */
#ifndef INVENTORY_CONCERN_H
#define INVENTORY_CONCERN_H

#include "inventory/house.h"

struct concern {
    const char *name;
    void *self;
    bool (*collect)(void *self, struct err *err);
    void (*act)(void *self);
    /* Wall-clock instant of the earliest thing that waits for time only; INT64_MAX: none. Things under way in the loop do not count. */
    int64_t (*next_at_ms)(const void *self);
    /* Something is under way in the loop, or collect has work that needs no waiting. */
    bool (*is_busy)(const void *self);
};

#endif
