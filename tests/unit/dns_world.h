/*
 * A small internet on loopback for tests of what asks DNS: one resolver, some name servers, the zone example.com.
 *
 *   resolver 127.0.0.1    ns1 127.0.0.2    ns2 127.0.0.3    ns6 ::1    other 127.0.0.4
 *
 * example.com is served by ns1 and ns2; example.net by other.
 */
#ifndef UNIT_DNS_WORLD_H
#define UNIT_DNS_WORLD_H

#include "fakedns/dns_server.h"
#include "io/dns.h"

struct dns_world {
    struct fake_dns *fake;
    struct fake_host *resolver, *ns1, *ns2, *ns6, *other;
    struct loop *loop;
    struct dns *dns;
    uint16_t port;
};

static inline void world_add(struct dns_world *w, const char *zone, const char *owner,
                             const char *type, const char *data)
{
    fake_dns_add(w->fake, zone, owner, type, data, 60);
}

static inline void world_init(struct dns_world *w)
{
    w->fake = fake_dns_new();
    w->resolver = fake_dns_host(w->fake, "127.0.0.1", FAKE_RECURSIVE);
    w->ns1 = fake_dns_host(w->fake, "127.0.0.2", FAKE_AUTHORITATIVE);
    w->ns2 = fake_dns_host(w->fake, "127.0.0.3", FAKE_AUTHORITATIVE);
    w->ns6 = fake_dns_host(w->fake, "::1", FAKE_AUTHORITATIVE);
    w->other = fake_dns_host(w->fake, "127.0.0.4", FAKE_AUTHORITATIVE);
    w->port = fake_dns_port(w->fake);
    fake_dns_zone(w->fake, "example.com");
    world_add(w, "example.com", "example.com", "NS", "ns1.example.com");
    world_add(w, "example.com", "example.com", "NS", "ns2.example.com");
    world_add(w, "example.com", "ns1.example.com", "A", "127.0.0.2");
    world_add(w, "example.com", "ns2.example.com", "A", "127.0.0.3");
    world_add(w, "example.com", "www.example.com", "A", "192.0.2.1");
    fake_host_serve(w->ns1, "example.com");
    fake_host_serve(w->ns2, "example.com");
    fake_host_serve(w->ns6, "example.com");
    fake_dns_zone(w->fake, "example.net");
    world_add(w, "example.net", "example.net", "NS", "ns.example.net");
    world_add(w, "example.net", "ns.example.net", "A", "127.0.0.4");
    fake_host_serve(w->other, "example.net");
    w->loop = loop_new();
    w->dns = dns_new(w->loop);
}

static inline void world_fini(struct dns_world *w)
{
    dns_free(w->dns);
    loop_free(w->loop);
    fake_dns_free(w->fake);
}

static inline struct net_address world_address(const struct dns_world *w, const char *text)
{
    struct net_address address;
    CHECK(net_address_parse(str_of(text), w->port, &address));
    return address;
}

/* Turns the loop until *n reaches wanted, at most 20 s. */
static inline bool world_wait(struct dns_world *w, const size_t *n, size_t wanted)
{
    int64_t until_ms = clock_wall_ms(&clock_system) + 20000;
    while (*n < wanted && clock_wall_ms(&clock_system) < until_ms)
        loop_wait(w->loop, until_ms);
    return *n >= wanted;
}

#endif
