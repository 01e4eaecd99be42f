/*
 * Small turns of a desk that belongs to one command: what a leader's turn does, for its wishes alone.
 */
#ifndef DNS_TXT_TURNS_H
#define DNS_TXT_TURNS_H

#include "dns/txt_wish.h"

/* What was learnt becomes rows, then what was decided is done. */
bool txt_turn(struct txt_desk *desk, struct err *err);
/* Only the first half: nothing new is begun. */
bool txt_flush(struct txt_desk *desk, struct err *err);
/* Until nothing is left to be removed, or nothing more can be done soon: txt_desk_n_left tells. A signal cuts it short. */
bool txt_turns_until_gone(struct txt_desk *desk, struct err *err);

#endif
