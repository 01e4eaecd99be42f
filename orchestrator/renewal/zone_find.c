#include "renewal/zone_inner.h"

#include "acme/name.h"
#include "crypto/key.h"

#include <stdio.h>

/* Bounds on what one finder has under way: a burst then loses nothing in socket buffers and waits in order. */
enum { ASKING_MAX = 64, LEADING_MAX = 100 };

static void find_locate(struct zone_find *find);
static void find_ask(struct zone_find *find, enum find_asking asking);

static bool zone_is_fixed(const struct zone_find *find)
{
    return find->zone != NULL && find->zone == find->finder->fixed_zone;
}

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

/* Gives its place at the zone to the next. */
static void asking_end(struct zone_find *find)
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

static void find_leave_zone(struct zone_find *find)
{
    ask_around_cancel(&find->ask);
    asking_end(find);
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

static void find_fail(struct zone_find *find, const struct err *why)
{
    struct err err = *why; /* may lie in what is freed below */
    zone_found *done = find->done;
    void *arg = find->arg;
    find_free(find);
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

static void find_finish(struct zone_find *find, struct zone *zone)
{
    struct zone_info info = {
        .zone = zone->name,
        .challenge = find->challenge,
        .owner = find->owner,
        .n_hops = find->n_hops,
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

/* Fails find, and with the same words those of a list whose base is below a name. What they do in `done` may reach any other find, so
 * the condemned are on a list of their own before the first is told. */
static void finds_fail(struct zone_find *find, struct list *others, const char *below,
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

/* Where to begin for the present owner: at the configured servers, at a zone that is known or nearly so, or at the resolvers. */
static void find_locate(struct zone_find *find)
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

/* On to another zone. */
static void find_go(struct zone_find *find, const struct zone_source *source)
{
    struct zone *known = zone_cache_need(find->finder, source, find);
    if (known != NULL)
        find_zone_known(find, known);
}

/* NS records between the zone and the name, without an answer: the servers of the child are asked instead. */
static const struct dns_record *referral_of(const struct zone_find *find,
                                            const struct dns_reply *reply)
{
    const struct dns_record *ns = reply_find(reply, DNS_AUTHORITY, DNS_NS, NULL);
    if (ns == NULL || reply->rcode != DNS_NOERROR || reply->authoritative)
        return NULL;
    bool is_deeper =
        dns_name_is_below(ns->owner, find->zone->name) && strcmp(ns->owner, find->zone->name) != 0;
    return is_deeper && dns_name_is_below(find->owner, ns->owner) ? ns : NULL;
}

static bool find_judge(void *arg, const struct dns_reply *reply, struct buf *why)
{
    const struct zone_find *find = arg;
    if (!zone_judge_plain(NULL, reply, why))
        return false;
    if (reply->authoritative || referral_of(find, reply) != NULL)
        return true;
    buf_add_cstr(why, "answers without authority");
    return false;
}

static void find_silenced(struct zone_find *find, const char *notes)
{
    struct err err;
    bool fixed = zone_is_fixed(find);
    err_set(&err, ERR_AGAIN, "no name server %s%s tells about %s: %s", fixed ? "configured" : "of ",
            fixed ? "" : find->zone->name, find->owner, notes);
    zone_cache_forget(find->finder, find->zone->name);
    if (find->ask.was_answered)
        find_fail(find, &err);
    else /* those in line would only wait for the same silence */
        finds_fail(find, &find->zone->waiting, "", &err);
}

/* The server that answered holds the child zone as well and did not refer: the SOA names the zone. True when that ended the
 * find or sent it on. */
static bool soa_says(struct zone_find *find, const struct dns_reply *reply)
{
    const struct dns_record *soa = reply_find(reply, DNS_ANSWER, DNS_SOA, NULL);
    if (soa == NULL)
        soa = reply_find(reply, DNS_AUTHORITY, DNS_SOA, NULL);
    if (soa == NULL || soa->owner[0] == '\0' || !dns_name_is_below(find->owner, soa->owner) ||
        !dns_name_is_below(soa->owner, find->zone->name))
        return false;
    if (strcmp(soa->owner, find->zone->name) == 0) {
        find_finish(find, find->zone);
        return true;
    }
    struct zone_source source = {
        .zone = soa->owner, .primary = soa->data, .ttl_s = soa->ttl_s, .at = find->zone};
    source.fixed = zone_is_fixed(find);
    find->ends_there = true;
    find_go(find, &source);
    return true;
}

static void soa_heard(struct zone_find *find, const struct dns_reply *reply)
{
    struct err err;
    if (soa_says(find, reply))
        return;
    if (!zone_is_fixed(find)) {
        find_finish(find, find->zone);
        return;
    }
    err_set(&err, ERR_BROKEN,
            "the configured name servers do not say which zone holds %s: no SOA in the answer (%s)",
            find->owner, dns_rcode_name(reply->rcode));
    find_fail(find, &err);
}

static bool was_seen(const struct zone_find *find, const char *name)
{
    bool seen = strcmp(find->owner, name) == 0;
    for (unsigned i = 0; i < find->n_hops; i++)
        seen = seen || strcmp(find->seen[i], name) == 0;
    return seen;
}

/* The record belongs where the CNAME points to: begin again there. */
static void find_hop(struct zone_find *find)
{
    struct err err;
    if (was_seen(find, find->target) || find->n_hops == ZONE_HOPS_MAX) {
        bool loop = was_seen(find, find->target);
        err_set(&err, ERR_REFUSED, "the CNAME of %s leads to %s: %s", find->owner, find->target,
                loop ? "a loop" : "more than 8 CNAMEs in a row");
        find_fail(find, &err);
        return;
    }
    find->seen[find->n_hops++] = find->owner;
    find->owner = find->target;
    find->target = NULL;
    find_leave_zone(find);
    find_locate(find);
}

static void note_set(struct zone_find *find, const char *why)
{
    mem_free(find->note);
    find->note =
        mem_printf("the CNAME of %s to %s is not followed: %s", find->owner, find->target, why);
}

static void cname_heard(struct zone_find *find, const struct dns_record *cname)
{
    mem_free(find->target);
    find->target = dns_name_normalise(cname->data);
    if (find->target == NULL) {
        struct err err;
        err_set(&err, ERR_REFUSED, "the CNAME of %s leads to what is no DNS name", find->owner);
        find_fail(find, &err);
    } else if (find->finder->follow_cname) {
        find_ask(find, FIND_SIBLING);
    } else {
        note_set(find, "follow_cname is off");
        find_ask(find, FIND_PARENT);
    }
}

static void sibling_heard(struct zone_find *find, const struct dns_reply *reply)
{
    const struct dns_record *cname = reply_find(reply, DNS_ANSWER, DNS_CNAME, find->ask.name);
    AUTO(mem_fini)
    char *target = cname != NULL ? dns_name_normalise(cname->data) : NULL;
    if (target == NULL || strcmp(target, find->target) != 0) {
        find_hop(find);
        return;
    }
    note_set(find, "a wildcard made it up");
    find_ask(find, FIND_PARENT);
}

static void txt_heard(struct zone_find *find, const struct dns_reply *reply)
{
    const struct dns_record *cname = reply_find(reply, DNS_ANSWER, DNS_CNAME, find->owner);
    if (cname != NULL)
        cname_heard(find, cname);
    else if (!soa_says(find, reply))
        find_ask(find, FIND_SOA);
}

static void find_heard(void *arg, const struct dns_reply *reply, size_t seat, const char *notes)
{
    struct zone_find *find = arg;
    asking_end(find);
    if (reply == NULL) {
        find_silenced(find, notes);
        return;
    }
    find->zone->good = seat;
    const struct dns_record *cut = referral_of(find, reply);
    if (cut != NULL) {
        find_go(find, &(struct zone_source){.zone = cut->owner, .referral = reply});
        return;
    }
    switch (find->asking) {
    case FIND_TXT:
        txt_heard(find, reply);
        break;
    case FIND_SOA:
    case FIND_PARENT:
        soa_heard(find, reply);
        break;
    case FIND_SIBLING:
        sibling_heard(find, reply);
    }
}

/* What is asked about. A random sibling can only be answered by a wildcard. */
static void asking_name(const struct zone_find *find, char out[300])
{
    const char *parent = dns_name_parent(find->owner);
    switch (find->asking) {
    case FIND_TXT:
    case FIND_SOA:
        snprintf(out, 300, "%s", find->owner);
        break;
    case FIND_PARENT:
        snprintf(out, 300, "%s", parent);
        break;
    case FIND_SIBLING:
        snprintf(out, 300, "_chancery-%016llx.%s", (unsigned long long)random_u64(), parent);
    }
}

static void find_ask(struct zone_find *find, enum find_asking asking)
{
    struct zone *zone = find->zone;
    char name[300];
    find->asking = asking;
    if (zone->n_asking >= ASKING_MAX) {
        list_push_back(&zone->waiting, &find->wait);
        return;
    }
    zone->n_asking++;
    find->is_asking = true;
    asking_name(find, name);
    bool about_soa = asking == FIND_SOA || asking == FIND_PARENT;
    zone_ask(&find->finder->asker, &find->ask, name, about_soa ? DNS_SOA : DNS_TXT, false,
             zone->seats, zone->n_seats, zone->good, find_judge, find_heard, find);
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
