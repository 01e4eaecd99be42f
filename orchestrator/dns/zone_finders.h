/*
 * The zone finders of a run: one for the options of each provider, and one with the system's resolvers for names of no provider of ours.
 * Who looks for zones shares what was learnt by sharing these.
 */
#ifndef DNS_ZONE_FINDERS_H
#define DNS_ZONE_FINDERS_H

#include "dns/zone_finder.h"
#include "inventory/config.h"
#include "inventory/house.h"

struct zone_finders;
struct zone_finders *zone_finders_new(struct house *house);
void zone_finders_free(struct zone_finders *finders); /* NULL allowed */
/* Made on first use. provider NULL: the system's resolvers. */
struct zone_finder *zone_finders_of(struct zone_finders *finders,
                                    const struct provider_config *provider);

#endif
