#include "dns/zone_inner.h"

/*
 *   names        NS records: from a referral, a server that knows, or the resolvers
 *   addresses    A and AAAA of each, from the glue below the cut, else from the resolvers, all at once
 *   primary      SOA from one of them, unless it is known
 *   its address  as the others, unless it is one of them
 */
enum { TTL_UNKNOWN_S = 300, TTL_HALF_KNOWN_S = 30 };

struct address_ask {
    struct ask_around ask;
    struct zone_load *load;
    size_t server; /* index; n_servers: the primary */
};
struct zone_load {
    struct zone_asker *asker;
    struct zone *zone; /* being filled */
    struct ask_around ask;
    struct zone *at; /* whose server knows */
    struct address_ask *addresses;
    size_t n_addresses, n_pending;
    bool primary_asked;
    struct buf failures; /* of addresses */
    struct timer *soon;
    zone_loaded *done;
    void *arg;
};

static void asks_drop(struct zone_load *load)
{
    for (size_t i = 0; i < load->n_addresses; i++)
        ask_around_cancel(&load->addresses[i].ask);
    mem_free(load->addresses);
    load->addresses = NULL;
    load->n_addresses = 0;
}

static void load_free(struct zone_load *load)
{
    ask_around_cancel(&load->ask);
    asks_drop(load);
    timer_cancel(load->soon);
    buf_fini(&load->failures);
    zone_unref(load->zone);
    zone_unref(load->at);
    mem_free(load);
}

void zone_load_cancel(struct zone_load *load)
{
    if (load != NULL)
        load_free(load);
}

static void load_fail(struct zone_load *load, const struct err *err)
{
    load->done(load->arg, NULL, err);
    load_free(load);
}

static void ttl_bound(struct zone_load *load, uint32_t ttl_s)
{
    if (ttl_s < load->zone->ttl_s)
        load->zone->ttl_s = ttl_s;
}

static void seats_add(struct zone *zone, int ip_len)
{
    for (size_t i = 0; i < zone->n_servers; i++)
        for (size_t j = 0; j < zone->servers[i].n_addresses; j++)
            if (zone->servers[i].addresses[j].ip_len == ip_len)
                zone->seats[zone->n_seats++] =
                    (struct ask_seat){zone->servers[i].name, zone->servers[i].addresses[j]};
}

/* IPv4 first: a host without IPv6 then loses no time at its first question. */
static void seats_fill(struct zone *zone)
{
    size_t n = 0;
    for (size_t i = 0; i < zone->n_servers; i++)
        n += zone->servers[i].n_addresses;
    mem_free(zone->seats);
    zone->seats = NEW_N(n, struct ask_seat);
    zone->n_seats = 0;
    seats_add(zone, 4);
    seats_add(zone, 16);
}

static void load_finish(struct zone_load *load)
{
    struct zone *zone = load->zone;
    load->zone = NULL;
    load->done(load->arg, zone, NULL);
    load_free(load);
}

static bool address_is_new(const struct net_address *addresses, size_t n,
                           const struct net_address *address)
{
    for (size_t i = 0; i < n; i++)
        if (net_address_eq(&addresses[i], address))
            return false;
    return n < ZONE_SERVER_ADDRESSES_MAX;
}

static void address_add(struct net_address **addresses, size_t *n, const char *text, uint16_t port)
{
    struct net_address address;
    if (!net_address_parse(str_of(text), port, &address) ||
        !address_is_new(*addresses, *n, &address))
        return;
    *addresses = mem_grow(*addresses, *n, *n + 1, sizeof **addresses);
    (*addresses)[(*n)++] = address;
}

/* owner NULL: whatever name the chain of an answer ended at. */
static void addresses_take(struct zone_load *load, size_t server, const struct dns_reply *reply,
                           enum dns_section section, const char *owner)
{
    struct zone *zone = load->zone;
    bool is_primary = server == zone->n_servers;
    for (size_t i = 0; i < reply->n_records; i++) {
        const struct dns_record *r = &reply->records[i];
        bool fits = r->section == section && (r->type == DNS_A || r->type == DNS_AAAA);
        if (!fits || (owner != NULL && strcmp(r->owner, owner) != 0))
            continue;
        ttl_bound(load, r->ttl_s);
        if (is_primary)
            address_add(&zone->primary_addresses, &zone->n_primary_addresses, r->data,
                        load->asker->port);
        else
            address_add(&zone->servers[server].addresses, &zone->servers[server].n_addresses,
                        r->data, load->asker->port);
    }
}

static void load_addressed(struct zone_load *load);

static void address_heard(void *arg, const struct dns_reply *reply, size_t seat, const char *notes)
{
    struct address_ask *ask = arg;
    struct zone_load *load = ask->load;
    (void)seat;
    if (reply != NULL) {
        addresses_take(load, ask->server, reply, DNS_ANSWER, NULL);
    } else {
        bool is_primary = ask->server == load->zone->n_servers;
        buf_printf(&load->failures, "%s%s: %s", load->failures.len > 0 ? "; " : "",
                   is_primary ? load->zone->primary : load->zone->servers[ask->server].name, notes);
        ttl_bound(load, TTL_HALF_KNOWN_S);
    }
    if (--load->n_pending == 0)
        load_addressed(load);
}

/* Two questions of the n_addresses that room was made for. */
static void address_ask(struct zone_load *load, size_t server, const char *name)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA};
    for (size_t i = 0; i < 2; i++) {
        struct address_ask *ask = &load->addresses[load->n_addresses++];
        *ask = (struct address_ask){.load = load, .server = server};
        load->n_pending++;
        zone_ask(load->asker, &ask->ask, name, types[i], true, load->asker->resolvers,
                 load->asker->n_resolvers, 0, zone_judge_plain, address_heard, ask);
    }
}

static void server_addresses_ask(struct zone_load *load)
{
    struct zone *zone = load->zone;
    load->addresses = NEW_N(2 * zone->n_servers, struct address_ask);
    for (size_t i = 0; i < zone->n_servers; i++)
        if (zone->servers[i].n_addresses == 0)
            address_ask(load, i, zone->servers[i].name);
}

static const struct zone_server *server_named(const struct zone *zone, const char *name)
{
    for (size_t i = 0; i < zone->n_servers; i++)
        if (strcmp(zone->servers[i].name, name) == 0)
            return &zone->servers[i];
    return NULL;
}

/* The last part: where the primary is. */
static void primary_locate(struct zone_load *load)
{
    struct zone *zone = load->zone;
    const struct zone_server *server =
        zone->primary != NULL ? server_named(zone, zone->primary) : NULL;
    asks_drop(load);
    if (server != NULL)
        for (size_t i = 0; i < server->n_addresses; i++) {
            zone->primary_addresses =
                mem_grow(zone->primary_addresses, i, i + 1, sizeof *zone->primary_addresses);
            zone->primary_addresses[i] = server->addresses[i];
            zone->n_primary_addresses = i + 1;
        }
    if (server != NULL || zone->primary == NULL || zone->primary[0] == '\0') {
        load_finish(load);
        return;
    }
    load->addresses = NEW_N(2, struct address_ask);
    address_ask(load, zone->n_servers, zone->primary);
}

/* Who is primary matters only to DNS UPDATE without a configured server: not to know it is no failure. */
static void primary_heard(void *arg, const struct dns_reply *reply, size_t seat, const char *notes)
{
    struct zone_load *load = arg;
    (void)seat;
    (void)notes;
    const struct dns_record *soa =
        reply != NULL ? reply_find(reply, DNS_ANSWER, DNS_SOA, load->zone->name) : NULL;
    if (soa != NULL) {
        mem_set_str(&load->zone->primary, soa->data);
        ttl_bound(load, soa->ttl_s);
    }
    primary_locate(load);
}

static void load_addressed(struct zone_load *load)
{
    struct zone *zone = load->zone;
    if (load->primary_asked) {
        load_finish(load);
        return;
    }
    seats_fill(zone);
    if (zone->n_seats == 0) {
        struct err err;
        err_set(&err, ERR_AGAIN, "no address is known of the name servers of %s (%s ...)%s%s",
                zone->name, zone->servers[0].name, load->failures.len > 0 ? ": " : "",
                buf_cstr(&load->failures));
        load_fail(load, &err);
        return;
    }
    load->primary_asked = true;
    if (zone->primary != NULL)
        primary_locate(load);
    else
        zone_ask(load->asker, &load->ask, zone->name, DNS_SOA, false, zone->seats, zone->n_seats, 0,
                 zone_judge_plain, primary_heard, load);
}

static void server_add(struct zone *zone, const char *name)
{
    if (name[0] == '\0' || zone->n_servers == ZONE_SERVERS_MAX || server_named(zone, name) != NULL)
        return;
    zone->servers =
        mem_grow(zone->servers, zone->n_servers, zone->n_servers + 1, sizeof *zone->servers);
    zone->servers[zone->n_servers++].name = mem_strdup(name);
}

static void servers_take(struct zone_load *load, const struct dns_reply *reply,
                         enum dns_section section)
{
    for (size_t i = 0; i < reply->n_records; i++) {
        const struct dns_record *r = &reply->records[i];
        if (r->section != section || r->type != DNS_NS || strcmp(r->owner, load->zone->name) != 0)
            continue;
        server_add(load->zone, r->data);
        ttl_bound(load, r->ttl_s);
    }
}

static void names_heard(void *arg, const struct dns_reply *reply, size_t seat, const char *notes)
{
    struct zone_load *load = arg;
    struct err err;
    (void)seat;
    if (reply == NULL) {
        err_set(&err, ERR_AGAIN, "find the name servers of %s: %s", load->zone->name, notes);
        load_fail(load, &err);
        return;
    }
    servers_take(load, reply, DNS_ANSWER);
    if (load->zone->n_servers == 0) {
        err_set(&err, ERR_BROKEN, "zone %s has no NS records (%s)", load->zone->name,
                dns_rcode_name(reply->rcode));
        load_fail(load, &err);
        return;
    }
    server_addresses_ask(load);
}

static void names_ask(struct zone_load *load)
{
    struct zone_asker *asker = load->asker;
    const struct zone *at = load->at;
    if (at != NULL)
        zone_ask(asker, &load->ask, load->zone->name, DNS_NS, false, at->seats, at->n_seats,
                 at->good, zone_judge_plain, names_heard, load);
    else
        zone_ask(asker, &load->ask, load->zone->name, DNS_NS, true, asker->resolvers,
                 asker->n_resolvers, 0, zone_judge_plain, names_heard, load);
}

/* Glue counts only below the cut: of other names the referring server is no authority. */
static void referral_take(struct zone_load *load, const struct dns_reply *referral)
{
    struct zone *zone = load->zone;
    servers_take(load, referral, DNS_AUTHORITY);
    for (size_t i = 0; i < zone->n_servers; i++)
        if (dns_name_is_below(zone->servers[i].name, zone->name))
            addresses_take(load, i, referral, DNS_ADDITIONAL, zone->servers[i].name);
    server_addresses_ask(load);
}

static void fixed_take(struct zone_load *load)
{
    const struct zone_asker *asker = load->asker;
    struct zone *zone = load->zone;
    for (size_t i = 0; i < asker->n_fixed; i++) {
        AUTO(buf_fini)
        struct buf name = BUF(NET_ADDRESS_TEXT_MAX);
        ask_seat_format(&asker->fixed[i], &name);
        if (server_named(zone, buf_cstr(&name)) != NULL || zone->n_servers == ZONE_SERVERS_MAX)
            continue;
        server_add(zone, buf_cstr(&name));
        struct zone_server *server = &zone->servers[zone->n_servers - 1];
        server->addresses = NEW(struct net_address);
        server->addresses[0] = asker->fixed[i].address;
        server->n_addresses = 1;
    }
}

static void load_soon(void *arg)
{
    struct zone_load *load = arg;
    load->soon = NULL;
    load_addressed(load);
}

struct zone_load *zone_load_start(struct zone_asker *asker, const struct zone_source *source,
                                  zone_loaded *done, void *arg)
{
    struct zone_load *load = NEW(struct zone_load);
    *load = (struct zone_load){.asker = asker,
                               .zone = zone_new(source->zone),
                               .failures = BUF(ERR_TEXT_MAX),
                               .done = done,
                               .arg = arg};
    load->zone->primary = mem_strdup(source->primary);
    load->zone->ttl_s = source->ttl_s > 0 ? source->ttl_s : TTL_UNKNOWN_S;
    asker->figures.n_loads++;
    if (source->fixed)
        fixed_take(load);
    else if (source->referral != NULL)
        referral_take(load, source->referral);
    else if (source->at != NULL)
        load->at = zone_ref(source->at);
    if (load->zone->n_servers > 0) {
        if (load->n_pending == 0) /* all addresses are known, but done is not called from in here */
            load->soon = timer_start(asker->loop, 0, load_soon, load);
        return load;
    }
    names_ask(load);
    return load;
}
