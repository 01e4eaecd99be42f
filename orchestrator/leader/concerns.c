#include "leader/concerns.h"

#include "leader/request_desk.h"

static void renewal_open(struct concerns *c, struct house *house, const struct leader_options *o,
                         struct turn *turn)
{
    struct renewal_options options = {.asks = c->asks, .patience_ms = o->patience_ms};
    c->office = ca_office_new(house);
    c->renewal = renewal_new(house, c->office, &options);
    struct concern concern = renewal_concern(c->renewal);
    turn_add(turn, &concern);
}

void concerns_open(struct concerns *c, struct house *house, const struct leader_options *o,
                   bool lasts, struct turn *turn)
{
    struct concern concern;
    unsigned parts = (o->renews ? ASK_RENEW : 0U) | (o->delivers ? ASK_DELIVER : 0U) |
                     (o->verifies ? ASK_VERIFY : 0U);
    c->asks = asks_new(o->only, parts, o->forced, o->retries, lasts);
    asks_override_own(c->asks, o->override_reason);
    if (o->renews)
        renewal_open(c, house, o, turn);
    if (o->delivers) {
        struct distribution_options options = {.asks = c->asks};
        c->distribution = distribution_new(house, &options);
        concern = distribution_concern(c->distribution);
        turn_add(turn, &concern);
    }
    if (o->verifies) {
        struct monitoring_options options = {.asks = c->asks};
        c->monitoring = monitoring_new(house, &options);
        concern = monitoring_concern(c->monitoring);
        turn_add(turn, &concern);
    }
    /* Last: in the turn in which the others see that a replacement is served, the old one may go. */
    if (o->renews && !house->rehearsal) {
        c->revocation = revocation_new(house, c->office, c->asks);
        concern = revocation_concern(c->revocation);
        turn_add(turn, &concern);
    }
    if (house->loop != NULL && !house->rehearsal) {
        c->desk = request_desk_new(house, c, o, lasts);
        concern = request_desk_concern(c->desk);
        turn_add(turn, &concern);
    }
}

void concerns_close(struct concerns *c, struct turn *turn)
{
    request_desk_free(c->desk);
    revocation_free(c->revocation);
    monitoring_free(c->monitoring);
    distribution_free(c->distribution);
    renewal_free(c->renewal);
    ca_office_free(c->office);
    asks_free(c->asks);
    *c = (struct concerns){0};
    turn->n_concerns = 0;
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    return a_ms < b_ms ? a_ms : b_ms;
}

bool concerns_set_at_ms(const struct concerns *c, unsigned parts, const char *set,
                        int64_t *ret_at_ms, struct err *err)
{
    int64_t renewal_ms = INT64_MAX, delivery_ms = INT64_MAX, verify_ms = INT64_MAX;
    if (((parts & ASK_RENEW) != 0 && c->renewal != NULL &&
         !renewal_set_at_ms(c->renewal, set, &renewal_ms, err)) ||
        ((parts & ASK_DELIVER) != 0 && c->distribution != NULL &&
         !distribution_set_at_ms(c->distribution, set, &delivery_ms, err)) ||
        ((parts & ASK_VERIFY) != 0 && c->monitoring != NULL &&
         !monitoring_set_at_ms(c->monitoring, set, &verify_ms, err)))
        return false;
    *ret_at_ms = sooner(sooner(renewal_ms, delivery_ms), verify_ms);
    if ((parts & ASK_RENEW) != 0 && c->revocation != NULL)
        *ret_at_ms = sooner(*ret_at_ms, revocation_set_at_ms(c->revocation, set));
    return true;
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
