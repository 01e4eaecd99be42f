#include "dns/zone_inner.h"

static struct net_address *addresses_copy(const struct net_address *from, size_t n)
{
    struct net_address *copy = NEW_N(n, struct net_address);
    if (n > 0)
        memcpy(copy, from, n * sizeof *copy);
    return copy;
}

struct zone_info *zone_info_copy(const struct zone_info *info)
{
    struct zone_info *copy = NEW(struct zone_info);
    copy->zone = mem_strdup(info->zone);
    copy->challenge = mem_strdup(info->challenge);
    copy->owner = mem_strdup(info->owner);
    copy->n_hops = info->n_hops;
    copy->hops = NEW_N(info->n_hops, char *);
    for (unsigned i = 0; i < info->n_hops; i++)
        copy->hops[i] = mem_strdup(info->hops[i]);
    copy->unfollowed = mem_strdup(info->unfollowed);
    copy->is_wildcard = info->is_wildcard;
    copy->primary = mem_strdup(info->primary);
    copy->primary_addresses = addresses_copy(info->primary_addresses, info->n_primary_addresses);
    copy->n_primary_addresses = info->n_primary_addresses;
    copy->servers = NEW_N(info->n_servers, struct zone_server);
    copy->n_servers = info->n_servers;
    for (size_t i = 0; i < info->n_servers; i++)
        copy->servers[i] = (struct zone_server){
            .name = mem_strdup(info->servers[i].name),
            .addresses = addresses_copy(info->servers[i].addresses, info->servers[i].n_addresses),
            .n_addresses = info->servers[i].n_addresses,
        };
    copy->note = mem_strdup(info->note);
    return copy;
}

static void servers_free(struct zone_server *servers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_free(servers[i].name);
        mem_free(servers[i].addresses);
    }
    mem_free(servers);
}

void zone_info_free(struct zone_info *info)
{
    if (info == NULL)
        return;
    mem_free(info->zone);
    mem_free(info->challenge);
    mem_free(info->owner);
    for (unsigned i = 0; i < info->n_hops; i++)
        mem_free(info->hops[i]);
    mem_free(info->hops);
    mem_free(info->unfollowed);
    mem_free(info->primary);
    mem_free(info->primary_addresses);
    servers_free(info->servers, info->n_servers);
    mem_free(info->note);
    mem_free(info);
}

struct zone *zone_new(const char *name)
{
    struct zone *zone = NEW(struct zone);
    zone->n_refs = 1;
    zone->name = mem_strdup(name);
    list_init(&zone->waiting);
    return zone;
}

struct zone *zone_ref(struct zone *zone)
{
    zone->n_refs++;
    return zone;
}

void zone_unref(struct zone *zone)
{
    if (zone == NULL || --zone->n_refs > 0)
        return;
    mem_free(zone->name);
    mem_free(zone->primary);
    mem_free(zone->primary_addresses);
    servers_free(zone->servers, zone->n_servers);
    mem_free(zone->seats);
    mem_free(zone);
}

void zone_ask(struct zone_asker *asker, struct ask_around *a, const char *name, enum dns_type type,
              bool recurse, const struct ask_seat *seats, size_t n_seats, size_t first,
              ask_judge *judge, ask_around_done *done, void *arg)
{
    struct dns_question question = {
        .name = name, .type = type, .recurse = recurse, .timeout_ms = asker->timeout_ms};
    asker->figures.n_questions++;
    ask_around_start(a, asker->dns, &question, seats, n_seats, first, judge, done, arg);
}

bool zone_judge_plain(void *arg, const struct dns_reply *reply, struct buf *why)
{
    (void)arg;
    if (reply->rcode == DNS_NOERROR || reply->rcode == DNS_NXDOMAIN)
        return true;
    buf_printf(why, "answers %s", dns_rcode_name(reply->rcode));
    return false;
}

const struct dns_record *reply_find(const struct dns_reply *reply, enum dns_section section,
                                    int type, const char *owner)
{
    for (size_t i = 0; i < reply->n_records; i++) {
        const struct dns_record *r = &reply->records[i];
        if (r->section == section && r->type == type &&
            (owner == NULL || strcmp(r->owner, owner) == 0))
            return r;
    }
    return NULL;
}
