#include "dns/zone_inner.h"

#include "acme/name.h"

/* Climbs under way at once: a burst then loses nothing in socket buffers and waits in order. */
enum { LEADING_MAX = 100 };

/* The others of its group look again: what the leader learnt is in the cache now, or one of them leads on. */
static void lead_end(struct zone_find *find)
{
    struct zone_group *group = find->leads;
    struct zone_finder *finder = find->finder;
    find->leads = NULL;
    if (find->has_slot) {
        find->has_slot = false;
        finder->n_leading--;
    }
    if (group != NULL) {
        struct list waiting;
        list_init(&waiting);
        for (struct list *it; (it = list_pop_front(&group->waiting)) != NULL;)
            list_push_back(&waiting, it);
        name_map_remove(&finder->groups, group->name);
        mem_free(group->name);
        mem_free(group);
        for (struct list *it; (it = list_pop_front(&waiting)) != NULL;)
            find_locate(LIST_OWNER(it, struct zone_find, wait));
    }
    while (finder->n_leading < LEADING_MAX && !list_is_empty(&finder->leaders_waiting))
        find_locate(LIST_OWNER(list_pop_front(&finder->leaders_waiting), struct zone_find, wait));
}

void find_asking_end(struct zone_find *find)
{
    struct zone *zone = find->zone;
    if (!find->is_asking)
        return;
    find->is_asking = false;
    zone->n_asking--;
    struct list *it = list_pop_front(&zone->waiting);
    if (it == NULL)
        return;
    struct zone_find *next = LIST_OWNER(it, struct zone_find, wait);
    find_ask(next, next->asking);
}

void find_leave_zone(struct zone_find *find)
{
    ask_around_cancel(&find->ask);
    find_asking_end(find);
    list_remove(&find->wait);
    zone_unref(find->zone);
    find->zone = NULL;
}

static void find_drop(struct zone_find *find)
{
    for (size_t i = 0; i < sizeof find->seen / sizeof find->seen[0]; i++)
        mem_free(find->seen[i]);
    mem_free(find->challenge);
    mem_free(find->owner);
    mem_free(find->target);
    mem_free(find->note);
    mem_free(find);
}

void find_free(struct zone_find *find)
{
    list_remove(&find->link);
    timer_cancel(find->refusal);
    zone_climb_cancel(find->climb);
    find_leave_zone(find);
    lead_end(find);
    find_drop(find);
}

void find_fail(struct zone_find *find, const struct err *why)
{
    struct err err = *why; /* may lie in what is freed below */
    zone_found *done = find->done;
    zone_answered *answered = find->answered;
    void *arg = find->arg;
    find_free(find);
    if (answered != NULL)
        answered(arg, NULL, NULL, &err);
    else
        done(arg, NULL, &err);
}

static void find_refuse(void *arg)
{
    struct zone_find *find = arg;
    struct err err;
    find->refusal = NULL;
    err_set(&err, ERR_REFUSED, "find the zone of %s: %s is no name a zone can hold",
            find->challenge, find->owner);
    find_fail(find, &err);
}

void find_finish(struct zone_find *find, struct zone *zone)
{
    struct zone_info info = {
        .zone = zone->name,
        .challenge = find->challenge,
        .owner = find->owner,
        .n_hops = find->n_hops,
        .hops = find->seen,
        .unfollowed = find->target,
        .is_wildcard = find->is_wildcard,
        .primary = zone->primary,
        .primary_addresses = zone->primary_addresses,
        .n_primary_addresses = zone->n_primary_addresses,
        .servers = zone->servers,
        .n_servers = zone->n_servers,
        .note = find->note,
    };
    zone_ref(zone);
    list_remove(&find->link);
    find_leave_zone(find);
    find->done(find->arg, &info, NULL);
    lead_end(find);
    zone_unref(zone);
    find_drop(find);
}

static void find_takes_word(void *arg)
{
    struct zone_find *find = arg;
    find->refusal = NULL;
    mem_free(find->note);
    find->note = mem_printf("no name server of %s answers this host: taken as the resolvers tell "
                            "it; whether %s is a CNAME was not seen",
                            find->zone->name, find->owner);
    find_finish(find, find->zone);
}

/* Not from within the call that brought it here: that one may be about another find. */
void find_believe(struct zone_find *find)
{
    find->refusal = timer_start(find->finder->asker.loop, 0, find_takes_word, find);
}

/* The reply lies with the caller, so the find may go first; the zone's name must stay. */
void find_answer(struct zone_find *find, const struct dns_reply *reply)
{
    struct zone *zone = find->zone != NULL ? zone_ref(find->zone) : NULL;
    zone_answered *answered = find->answered;
    void *arg = find->arg;
    find_free(find);
    answered(arg, reply, zone != NULL ? zone->name : "", NULL);
    zone_unref(zone);
}

/* The name that resolvers may be asked about: never the owner itself, whose absence they would remember. Only a registered
 * domain that is the owner is asked for; it exists, or nothing below it does. Fresh text. */
static char *base_of(const char *owner)
{
    const char *base = owner;
    while (base[0] == '_')
        base = dns_name_parent(base);
    if (base != owner)
        return mem_strdup(base);
    AUTO(mem_fini)
    char *registered = name_registered_domain(owner);
    return mem_strdup(strcmp(registered, owner) == 0 ? owner : dns_name_parent(owner));
}

/* What they do in `done` may reach any other find, so
 * the condemned are on a list of their own before the first is told. */
void finds_fail(struct zone_find *find, struct list *others, const char *below,
                const struct err *why)
{
    struct err err = *why;
    struct list condemned;
    list_init(&condemned);
    LIST_EACH (it, others) {
        AUTO(mem_fini)
        char *base = base_of(LIST_OWNER(it, struct zone_find, wait)->owner);
        if (!dns_name_is_below(base, below))
            continue;
        list_remove(it);
        list_push_back(&condemned, it);
    }
    find_fail(find, &err);
    for (struct list *it; (it = list_pop_front(&condemned)) != NULL;)
        find_fail(LIST_OWNER(it, struct zone_find, wait), &err);
}

void find_zone_failed(struct zone_find *find, const char *below, const struct err *err)
{
    if (find->leads != NULL && below != NULL)
        finds_fail(find, &find->leads->waiting, below, err);
    else
        find_fail(find, err);
}

static void find_climbed(void *arg, const char *zone, const char *primary, uint32_t ttl_s,
                         const struct err *err, const char *fails_below)
{
    struct zone_find *find = arg;
    find->climb = NULL;
    if (zone == NULL) {
        find_zone_failed(find, fails_below, err);
        return;
    }
    struct zone_source source = {.zone = zone, .primary = primary, .ttl_s = ttl_s};
    struct zone *known = zone_cache_need(find->finder, &source, find);
    if (known != NULL)
        find_zone_known(find, known);
}

static void find_lead(struct zone_find *find, const char *base)
{
    struct zone_finder *finder = find->finder;
    AUTO(mem_fini)
    char *registered = name_registered_domain(base);
    struct zone_group *group = name_map_find(&finder->groups, registered);
    if (group != NULL) {
        list_push_back(&group->waiting, &find->wait);
        return;
    }
    if (finder->n_leading >= LEADING_MAX) {
        list_push_back(&finder->leaders_waiting, &find->wait);
        return;
    }
    group = NEW(struct zone_group);
    group->name = mem_strdup(registered);
    group->leader = find;
    list_init(&group->waiting);
    name_map_set(&finder->groups, registered, group);
    find->leads = group;
    find->has_slot = true;
    finder->n_leading++;
    find->climb = zone_climb_start(&finder->asker, base, find_climbed, find);
}

void find_locate(struct zone_find *find)
{
    struct zone_finder *finder = find->finder;
    if (finder->fixed_zone != NULL) {
        find->zone = zone_ref(finder->fixed_zone);
        find_ask(find, FIND_TXT);
        return;
    }
    AUTO(mem_fini)
    char *base = base_of(find->owner);
    if (base[0] == '\0') {
        find->refusal = timer_start(finder->asker.loop, 0, find_refuse, find);
        return;
    }
    struct zone *known = zone_cache_above(finder, base);
    struct zone_entry *loading = known == NULL ? zone_cache_loading_above(finder, base) : NULL;
    if (known != NULL)
        find_zone_known(find, known);
    else if (loading != NULL)
        list_push_back(&loading->waiting, &find->wait);
    else
        find_lead(find, base);
}

void find_zone_known(struct zone_find *find, struct zone *zone)
{
    if (find->ends_there) {
        find_finish(find, zone);
        return;
    }
    zone_ref(zone);
    find_leave_zone(find);
    find->zone = zone;
    lead_end(find);
    find_ask(find, FIND_TXT);
}

void find_start(struct zone_find *find)
{
    char *owner = dns_name_normalise(find->owner);
    if (owner == NULL) {
        find->refusal = timer_start(find->finder->asker.loop, 0, find_refuse, find);
        return;
    }
    mem_free(find->owner);
    find->owner = owner;
    find_locate(find);
}
