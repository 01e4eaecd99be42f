/*
 * Leading, or asking whoever leads: what a command does that wants something done.
 *
 * It leads itself when it can. When another process leads, a request is filed (request.h) and followed: what happens to its sets is told live
 * from the rows, and the result is the one a run of its own would have had. When the lead becomes free while it waits - the leader ended, or died -, it
 * leads itself and goes on with all that was asked for.
 */
#ifndef LEADER_FOLLOW_H
#define LEADER_FOLLOW_H

#include "leader/leader.h"

/* As leader_run. options->wait_ms: how long another leader is followed; 0: not at all (HELD at once, nothing is filed). HELD: it was not done in
 * that time; the request stays, and so does the holder's name in the text. A signal ends it, too: the request stays, ret->stopped. */
bool leader_run_or_follow(struct house *house, const struct leader_options *options,
                          struct leader_result *ret, struct err *err);

#endif
