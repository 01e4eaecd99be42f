#include "dns/zone_inner.h"

enum { DNS_PORT = 53 };

static struct ask_seat *seats_of(const struct net_address *addresses, size_t n)
{
    struct ask_seat *seats =
        NEW_N(n > 0 ? n : 1, struct ask_seat); /* one without address: the system's resolvers */
    for (size_t i = 0; i < n; i++)
        seats[i].address = addresses[i];
    return seats;
}

/* Servers that are asked whatever the zone is: a zone without a name. */
static struct zone *fixed_zone_new(const struct zone_asker *asker)
{
    struct zone *zone = zone_new("");
    zone->seats = NEW_N(asker->n_fixed, struct ask_seat);
    memcpy(zone->seats, asker->fixed, asker->n_fixed * sizeof *zone->seats);
    zone->n_seats = asker->n_fixed;
    return zone;
}

struct zone_finder *zone_finder_new(struct loop *loop, struct dns *dns,
                                    const struct zone_finder_options *options)
{
    struct zone_finder *finder = NEW(struct zone_finder);
    finder->asker = (struct zone_asker){
        .loop = loop,
        .dns = dns,
        .resolvers = seats_of(options->resolvers, options->n_resolvers),
        .n_resolvers = options->n_resolvers > 0 ? options->n_resolvers : 1,
        .fixed = seats_of(options->authoritative, options->n_authoritative),
        .n_fixed = options->n_authoritative,
        .port = options->authoritative_port > 0 ? options->authoritative_port : DNS_PORT,
        .timeout_ms = options->timeout_ms,
    };
    finder->follow_cname = options->follow_cname;
    finder->trusts_resolvers = options->trusts_resolvers;
    if (options->n_authoritative > 0)
        finder->fixed_zone = fixed_zone_new(&finder->asker);
    list_init(&finder->finds);
    list_init(&finder->leaders_waiting);
    return finder;
}

void zone_finder_free(struct zone_finder *finder)
{
    if (finder == NULL)
        return;
    while (!list_is_empty(&finder->finds))
        find_free(LIST_OWNER(finder->finds.prev, struct zone_find, link));
    zone_cache_fini(finder);
    zone_unref(finder->fixed_zone);
    name_map_fini(&finder->groups);
    mem_free(finder->asker.resolvers);
    mem_free(finder->asker.fixed);
    mem_free(finder);
}

struct zone_find *zone_finder_find(struct zone_finder *finder, const char *challenge,
                                   const char *alias, zone_found *done, void *arg)
{
    struct zone_find *find = NEW(struct zone_find);
    *find = (struct zone_find){.finder = finder, .type = DNS_TXT, .done = done, .arg = arg};
    find->challenge = mem_strdup(challenge);
    find->owner = mem_strdup(alias != NULL ? alias : challenge);
    list_push_back(&finder->finds, &find->link);
    finder->asker.figures.n_finds++;
    find_start(find);
    return find;
}

static struct zone_find *question_new(struct zone_finder *finder, const char *name,
                                      enum dns_type type, zone_answered *done, void *arg)
{
    struct zone_find *find = NEW(struct zone_find);
    *find = (struct zone_find){.finder = finder, .type = type, .answered = done, .arg = arg};
    find->challenge = mem_strdup(name);
    find->owner = mem_strdup(name);
    list_push_back(&finder->finds, &find->link);
    return find;
}

struct zone_find *zone_finder_ask(struct zone_finder *finder, const char *name, enum dns_type type,
                                  zone_answered *done, void *arg)
{
    struct zone_find *find = question_new(finder, name, type, done, arg);
    find_start(find);
    return find;
}

struct zone_find *zone_finder_ask_resolvers(struct zone_finder *finder, const char *name,
                                            enum dns_type type, zone_answered *done, void *arg)
{
    struct zone_find *find = question_new(finder, name, type, done, arg);
    find_ask_resolvers(find);
    return find;
}

void zone_finder_cancel(struct zone_find *find)
{
    if (find != NULL)
        find_free(find);
}

void zone_finder_forget(struct zone_finder *finder, const char *zone)
{
    zone_cache_forget(finder, zone);
}

struct zone_finder_figures zone_finder_figures(const struct zone_finder *finder)
{
    return finder->asker.figures;
}
