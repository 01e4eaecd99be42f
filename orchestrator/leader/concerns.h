/*
 * The concerns of a leader, opened together and closed together: renewal, distribution, monitoring, revocation.
 */
#ifndef LEADER_CONCERNS_H
#define LEADER_CONCERNS_H

#include "leader/leader.h"
#include "leader/turn.h"

struct request_desk;
struct concerns {
    struct asks
        *asks; /* what they look after: the run's own ask from the beginning, others may be added */
    struct ca_office *office;
    struct renewal *renewal;
    struct distribution *distribution;
    struct monitoring *monitoring;
    struct revocation *revocation;
    struct request_desk *desk; /* NULL: this run takes no requests */
};
/* Those that the options name are opened and added to the turn. lasts: the run goes on for ever. */
void concerns_open(struct concerns *concerns, struct house *house,
                   const struct leader_options *options, bool lasts, struct turn *turn);
/* Ends what is under way - the rows say where to go on - and takes them out of the turn. */
void concerns_close(struct concerns *concerns, struct turn *turn);
/* When the next thing is done for this set in those that parts (ASK_RENEW ...) name: 0 now, INT64_MAX nothing waits: it is at rest. Kind STORE. */
bool concerns_set_at_ms(const struct concerns *concerns, unsigned parts, const char *set,
                        int64_t *ret_at_ms, struct err *err);
bool concerns_result(const struct concerns *concerns, struct leader_result *ret, struct err *err);

#endif
