#include "leader/concerns.h"

static void renewal_open(struct concerns *c, struct house *house, const struct leader_options *o,
                         struct turn *turn)
{
    struct renewal_options options = {
        .only = o->only, .forced = o->forced, .retries = o->retries, .patience_ms = o->patience_ms};
    c->office = ca_office_new(house);
    c->renewal = renewal_new(house, c->office, &options);
    struct concern concern = renewal_concern(c->renewal);
    turn_add(turn, &concern);
}

void concerns_open(struct concerns *c, struct house *house, const struct leader_options *o,
                   struct turn *turn)
{
    struct concern concern;
    if (o->renews)
        renewal_open(c, house, o, turn);
    if (o->delivers) {
        struct distribution_options options = {.only = o->only, .forced = o->forced && !o->renews};
        c->distribution = distribution_new(house, &options);
        concern = distribution_concern(c->distribution);
        turn_add(turn, &concern);
    }
    if (o->verifies) {
        struct monitoring_options options = {.only = o->only, .forced = o->forced && !o->renews};
        c->monitoring = monitoring_new(house, &options);
        concern = monitoring_concern(c->monitoring);
        turn_add(turn, &concern);
    }
    /* Last: in the turn in which the others see that a replacement is served, the old one may go. */
    if (o->renews && !house->rehearsal) {
        c->revocation = revocation_new(house, c->office, o->only);
        concern = revocation_concern(c->revocation);
        turn_add(turn, &concern);
    }
}

void concerns_close(struct concerns *c, struct turn *turn)
{
    revocation_free(c->revocation);
    monitoring_free(c->monitoring);
    distribution_free(c->distribution);
    renewal_free(c->renewal);
    ca_office_free(c->office);
    *c = (struct concerns){0};
    turn->n_concerns = 0;
}

bool concerns_result(const struct concerns *c, struct leader_result *ret, struct err *err)
{
    if (c->renewal != NULL)
        ret->renewal = renewal_result(c->renewal);
    if (c->revocation != NULL)
        ret->revocation = revocation_result(c->revocation);
    return (c->distribution == NULL ||
            distribution_result(c->distribution, &ret->distribution, err)) &&
           (c->monitoring == NULL || monitoring_result(c->monitoring, &ret->monitoring, err));
}
