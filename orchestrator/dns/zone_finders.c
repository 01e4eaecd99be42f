#include "dns/zone_finders.h"

struct seat {
    const struct provider_config *provider;
    struct zone_finder *finder;
};
struct zone_finders {
    struct house *house;
    struct seat *seats;
    size_t n;
};

struct zone_finders *zone_finders_new(struct house *house)
{
    struct zone_finders *finders = NEW(struct zone_finders);
    finders->house = house;
    return finders;
}

void zone_finders_free(struct zone_finders *finders)
{
    if (finders == NULL)
        return;
    for (size_t i = 0; i < finders->n; i++)
        zone_finder_free(finders->seats[i].finder);
    mem_free(finders->seats);
    mem_free(finders);
}

/* Who chose another way than asking name servers may have none that answers. */
static bool trusts_resolvers(const struct provider_config *p)
{
    bool trusts = p->propagation.mode != PROPAGATION_AUTHORITATIVE;
    for (size_t i = 0; i < p->n_zone_propagations; i++)
        trusts = trusts || p->zone_propagations[i].mode != PROPAGATION_AUTHORITATIVE;
    return trusts;
}

static struct zone_finder_options options_of(const struct provider_config *p)
{
    if (p == NULL)
        return (struct zone_finder_options){.follow_cname = true};
    return (struct zone_finder_options){
        .resolvers = p->resolvers,
        .n_resolvers = p->n_resolvers,
        .authoritative = p->authoritative,
        .n_authoritative = p->n_authoritative,
        .authoritative_port = (uint16_t)p->authoritative_port,
        .follow_cname = p->follow_cname,
        .trusts_resolvers = trusts_resolvers(p),
    };
}

struct zone_finder *zone_finders_of(struct zone_finders *finders,
                                    const struct provider_config *provider)
{
    for (size_t i = 0; i < finders->n; i++) {
        if (finders->seats[i].provider == provider)
            return finders->seats[i].finder;
    }
    struct zone_finder_options options = options_of(provider);
    finders->seats = mem_grow(finders->seats, finders->n, finders->n + 1, sizeof(*finders->seats));
    struct seat *seat = &finders->seats[finders->n++];
    seat->provider = provider;
    seat->finder = zone_finder_new(finders->house->loop, finders->house->dns, &options);
    return seat->finder;
}
