#include "dns/zone_inner.h"

#include "crypto/key.h"

#include <stdio.h>

/* Questions under way at one zone: a burst then loses nothing in socket buffers and waits in order. */
enum { ASKING_MAX = 64, NAME_SIZE = 300 };

static bool zone_is_fixed(const struct zone_find *find)
{
    return find->zone != NULL && find->zone == find->finder->fixed_zone;
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
    if (find->finder->trusts_resolvers && !find->ask.was_answered && !fixed &&
        find->answered == NULL) {
        find->zone->is_mute = true;
        find_believe(find);
        return;
    }
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

/* False when the top is reached. */
static bool ask_above(struct zone_find *find, const struct dns_reply *reply)
{
    if (find->asking != FIND_PARENT ||
        reply_find(reply, DNS_ANSWER, DNS_CNAME, find->above) == NULL)
        return false;
    find->above = dns_name_parent(find->above);
    if (find->above[0] == '\0' || !dns_name_is_below(find->above, find->zone->name))
        return false;
    find_ask(find, FIND_PARENT);
    return true;
}

static void soa_heard(struct zone_find *find, const struct dns_reply *reply)
{
    struct err err;
    if (soa_says(find, reply) || ask_above(find, reply))
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

/* The record belongs at the name itself; which zone that is in the CNAME hid. The names above tell, if not CNAMEs as well. */
static void cname_ignore(struct zone_find *find, bool is_wildcard)
{
    const char *why = is_wildcard ? "a wildcard made it up" : "follow_cname is off";
    find->is_wildcard = is_wildcard;
    mem_free(find->note);
    find->note =
        mem_printf("the CNAME of %s to %s is not followed: %s", find->owner, find->target, why);
    find->above = dns_name_parent(find->owner);
    find_ask(find, FIND_PARENT);
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
        cname_ignore(find, false);
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
    cname_ignore(find, true);
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
    find_asking_end(find);
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
    if (find->answered != NULL) {
        find_answer(find, reply);
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
static void asking_name(const struct zone_find *find, char out[NAME_SIZE])
{
    const char *parent = dns_name_parent(find->owner);
    switch (find->asking) {
    case FIND_TXT:
    case FIND_SOA:
        snprintf(out, NAME_SIZE, "%s", find->owner);
        break;
    case FIND_PARENT:
        snprintf(out, NAME_SIZE, "%s", find->above);
        break;
    case FIND_SIBLING:
        snprintf(out, NAME_SIZE, "_chancery-%016llx.%s", (unsigned long long)random_u64(), parent);
    }
}

void find_ask(struct zone_find *find, enum find_asking asking)
{
    struct zone *zone = find->zone;
    char name[NAME_SIZE];
    find->asking = asking;
    if (zone->is_mute) {
        find_believe(find);
        return;
    }
    if (zone->n_asking >= ASKING_MAX) {
        list_push_back(&zone->waiting, &find->wait);
        return;
    }
    zone->n_asking++;
    find->is_asking = true;
    asking_name(find, name);
    bool about_soa = asking == FIND_SOA || asking == FIND_PARENT;
    zone_ask(&find->finder->asker, &find->ask, name, about_soa ? DNS_SOA : find->type, false,
             zone->seats, zone->n_seats, zone->good, find_judge, find_heard, find);
}

static void resolvers_heard(void *arg, const struct dns_reply *reply, size_t seat,
                            const char *notes)
{
    struct zone_find *find = arg;
    struct err err;
    (void)seat;
    if (reply != NULL) {
        find_answer(find, reply);
        return;
    }
    err_set(&err, ERR_AGAIN, "no resolver tells about %s: %s", find->owner, notes);
    find_fail(find, &err);
}

void find_ask_resolvers(struct zone_find *find)
{
    struct zone_asker *asker = &find->finder->asker;
    zone_ask(asker, &find->ask, find->owner, find->type, true, asker->resolvers, asker->n_resolvers,
             0, zone_judge_plain, resolvers_heard, find);
}
