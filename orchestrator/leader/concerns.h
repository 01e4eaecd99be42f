/*
 * The concerns of a leader, opened together and closed together: renewal, distribution, monitoring, revocation.
 */
#ifndef LEADER_CONCERNS_H
#define LEADER_CONCERNS_H

#include "leader/leader.h"
#include "leader/turn.h"

struct concerns {
    struct ca_office *office;
    struct renewal *renewal;
    struct distribution *distribution;
    struct monitoring *monitoring;
    struct revocation *revocation;
};
/* Those that the options name are opened and added to the turn. */
void concerns_open(struct concerns *concerns, struct house *house,
                   const struct leader_options *options, struct turn *turn);
/* Ends what is under way - the rows say where to go on - and takes them out of the turn. */
void concerns_close(struct concerns *concerns, struct turn *turn);
bool concerns_result(const struct concerns *concerns, struct leader_result *ret, struct err *err);

#endif
