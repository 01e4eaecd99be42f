/*
 * The request desk: takes up, in the leader's turn, what other processes want (request.h), and tells them when it is done.
 *
 * It is one more concern of the leader, the last of the turn: it adds their sets to the asks of the other concerns, and after each turn that wrote something asks those whether the sets are at rest. A leader
 * that runs only some concerns leaves the requests for others alone: whoever filed them takes the lead next.
 */
#ifndef LEADER_REQUEST_DESK_H
#define LEADER_REQUEST_DESK_H

#include "leader/concerns.h"

struct request_desk *request_desk_new(struct house *house, const struct concerns *concerns,
                                      const struct leader_options *options, bool lasts);
void request_desk_free(struct request_desk *desk); /* NULL allowed */
struct concern request_desk_concern(struct request_desk *desk);
/* Between turns, outside a transaction: twice a second, is there anything new? Then the desk has work. Kind STORE. */
bool request_desk_look(struct request_desk *desk, struct err *err);
/* It was seen that there is something new, which the next turn takes up unless the desk is held. */
bool request_desk_has_new(const struct request_desk *desk);
void request_desk_hold(struct request_desk *desk, bool is_held);
/* The wall clock at which to look again; INT64_MAX: never. */
int64_t request_desk_look_at_ms(const struct request_desk *desk);
/* Somebody waits for the lead itself (errand_lead_take): a lasting leader steps aside as soon as it can. */
bool request_desk_has_errand(const struct request_desk *desk);

#endif
