#include "dns_server.h"

#include "serve.h"

#include <stdio.h>

struct fake_dns *fake_dns_new(void)
{
    struct fake_dns *world = NEW(struct fake_dns);
    CHECK(pthread_mutex_init(&world->lock, NULL) == 0);
    world->log_fd = -1;
    list_init(&world->hosts);
    zones_init(&world->zones);
    serve_start(world);
    return world;
}

void fake_dns_free(struct fake_dns *world)
{
    serve_stop(world);
    LIST_EACH (it, &world->hosts) {
        struct fake_host *host = LIST_OWNER(it, struct fake_host, link);
        fake_host_fini(host);
        mem_free(host);
    }
    zones_fini(&world->zones);
    pthread_mutex_destroy(&world->lock);
    mem_free(world);
}

uint16_t fake_dns_port(const struct fake_dns *world)
{
    return world->port;
}

void fake_dns_use_port(struct fake_dns *world, uint16_t port)
{
    world->port = port;
}

struct fake_host *fake_dns_host(struct fake_dns *world, const char *address, enum fake_role role)
{
    struct fake_host *host = NEW(struct fake_host);
    host->world = world;
    host->address = mem_strdup(address);
    host->role = role;
    pthread_mutex_lock(&world->lock);
    CHECK(serve_open(host, address, world->port, &world->port));
    list_push_back(&world->hosts, &host->link);
    pthread_mutex_unlock(&world->lock);
    return host;
}

void fake_host_serve(struct fake_host *host, const char *zone)
{
    pthread_mutex_lock(&host->world->lock);
    table_set(&host->serves, zone, host);
    pthread_mutex_unlock(&host->world->lock);
}

void fake_host_set_lag(struct fake_host *host, int64_t lag_ms)
{
    struct fake_dns *world = host->world;
    pthread_mutex_lock(&world->lock);
    host->lag_ms = lag_ms;
    if (lag_ms > world->zones.lag_max_ms)
        world->zones.lag_max_ms = lag_ms;
    pthread_mutex_unlock(&world->lock);
}

void fake_host_take_updates(struct fake_host *host, bool yes)
{
    pthread_mutex_lock(&host->world->lock);
    host->takes_updates = yes;
    pthread_mutex_unlock(&host->world->lock);
}

struct zone *fake_zone_of(const struct fake_host *host, const char *name)
{
    bool all = host->serves.n == 0;
    for (const char *at = name;; at = name_parent(at)) {
        struct zone *zone = zones_find(&host->world->zones, at);
        if (zone != NULL && (all || table_find(&host->serves, at) != NULL))
            return zone;
        if (at[0] == '\0')
            return NULL;
    }
}

static void change(struct fake_dns *world, const char *zone_name, const char *owner,
                   const char *type_name, const char *data, uint32_t ttl_s, bool add)
{
    AUTO(buf_fini)
    struct buf rdata = BUF(WIRE_MAX);
    int type = wire_type_find(type_name);
    CHECK(type != 0);
    if (data != NULL)
        wire_rdata(type, data, &rdata);
    struct str bytes = data != NULL ? buf_str(&rdata) : STR_NONE;
    int64_t now_ms = clock_boot_ms(&clock_system);
    pthread_mutex_lock(&world->lock);
    struct zone *zone = zones_find(&world->zones, zone_name);
    CHECK(zone != NULL && name_is_below(owner, zone_name));
    if (add)
        zone_add(&world->zones, zone, owner, type, ttl_s, bytes, now_ms);
    else
        zone_remove(&world->zones, zone, owner, type, bytes, now_ms);
    pthread_mutex_unlock(&world->lock);
}

void fake_dns_zone(struct fake_dns *world, const char *zone)
{
    AUTO(mem_fini)
    char *primary = mem_printf("ns1.%s", zone);
    pthread_mutex_lock(&world->lock);
    zones_add_zone(&world->zones, zone);
    pthread_mutex_unlock(&world->lock);
    fake_dns_add(world, zone, zone, "SOA", primary, 300);
}

void fake_dns_add(struct fake_dns *world, const char *zone, const char *owner, const char *type,
                  const char *data, uint32_t ttl_s)
{
    CHECK(data != NULL);
    change(world, zone, owner, type, data, ttl_s, true);
}

void fake_dns_remove(struct fake_dns *world, const char *zone, const char *owner, const char *type,
                     const char *data)
{
    change(world, zone, owner, type, data, 0, false);
}

size_t fake_host_n_updates(const struct fake_host *host)
{
    pthread_mutex_lock(&host->world->lock);
    size_t n = host->n_updates;
    pthread_mutex_unlock(&host->world->lock);
    return n;
}

static size_t node_n_txt(const struct node *node, int64_t now_ms)
{
    size_t n = 0;
    for (const struct record *r = NULL; (r = node_record(node, r, TYPE_TXT, now_ms, 0)) != NULL;)
        n++;
    return n;
}

size_t fake_dns_n_txt(struct fake_dns *world, const char *owner)
{
    size_t n = 0;
    int64_t now_ms = clock_boot_ms(&clock_system);
    pthread_mutex_lock(&world->lock);
    for (struct table_entry *e = table_next(&world->zones.by_name, NULL); e != NULL;
         e = table_next(&world->zones.by_name, e)) {
        const struct node *node = zone_node(e->value, owner);
        n += node != NULL ? node_n_txt(node, now_ms) : 0;
    }
    pthread_mutex_unlock(&world->lock);
    return n;
}

int64_t fake_dns_n_questions(struct fake_dns *world)
{
    pthread_mutex_lock(&world->lock);
    int64_t n = world->n_questions;
    pthread_mutex_unlock(&world->lock);
    return n;
}

void fake_dns_log(struct fake_dns *world, int fd, bool questions)
{
    pthread_mutex_lock(&world->lock);
    world->log_fd = fd;
    world->log_questions = questions;
    pthread_mutex_unlock(&world->lock);
}

void fake_dns_forget_names(struct fake_dns *world)
{
    pthread_mutex_lock(&world->lock);
    world->forgets_names = true;
    pthread_mutex_unlock(&world->lock);
}
