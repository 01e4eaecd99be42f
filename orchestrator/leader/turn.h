/*
 * One turn over an array of concerns (inventory/concern.h): hear and write in one transaction, then send.
 *
 *   BEGIN   the lead is confirmed, where one is needed; collect of each
 *   COMMIT
 *   the lead is sure; act of each
 *
 * A turn that failed was rolled back: memory of the concerns may be ahead of the rows, and they are to be closed. One that could not even begin
 * (another process keeps the store, the server is away) has heard nothing: it may be tried again later, what arrives meanwhile waits in memory.
 */
#ifndef LEADER_TURN_H
#define LEADER_TURN_H

#include "inventory/concern.h"
#include "leader/lead.h"

enum { TURN_CONCERNS_MAX = 8 };
struct turn {
    struct house *house;
    struct lead *lead; /* NULL: these concerns need none */
    struct concern concerns[TURN_CONCERNS_MAX];
    size_t n_concerns;
    int64_t
        store_patience_ms; /* how long another process may keep the store before the turn gives up, waiting inside */
    bool has_begun; /* the last turn: it got its transaction */
    /* Something was under way when the last turn ended: whatever the loop reports may be its answer, put aside for the next turn by one that is not busy
     * any more. */
    bool is_out;
    int64_t n_turns;
};

void turn_add(struct turn *turn, const struct concern *concern);
/* Kinds: STORE, HELD (the lead is lost), and what the concerns tell. */
bool turn_run(struct turn *turn, struct err *err);
/* Something is under way, or there is work that needs no waiting. */
bool turn_is_busy(const struct turn *turn);
/* The earliest thing that waits for time, by the wall clock; INT64_MAX: none. */
int64_t turn_next_at_ms(const struct turn *turn);
/* Has a turn anything to write now - busy, something due, or the lead to be renewed? When not, none need be run. */
bool turn_is_due(const struct turn *turn);
/* The instant of the wall clock at which a turn has to be run though nothing arrives: the next thing, the lead's renewal. */
int64_t turn_due_at_ms(const struct turn *turn);

#endif
