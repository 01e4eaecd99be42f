/* lib/io/dns.h over the world's zones, in virtual time. */
#include "world.h"

#include <stdio.h>

enum { QUESTION_MS = 5000, UPDATE_MS = 10000, RECORDS_MAX = 128 };

struct dns {
    struct list calls;
    struct dns_figures figures;
};

struct dns_call {
    struct event event;
    struct list in_dns;
    struct arena *arena;
    struct dns_record records[RECORDS_MAX];
    struct dns_reply reply;
    struct err err; /* kind NONE: there is a reply, or the update was done */
    dns_done *done;
    dns_update_done *update_done;
    void *arg;
};

static const char *const zones[] = {"example.com", "example.net", "example.org"};

struct dns *dns_new(struct loop *loop)
{
    struct dns *dns = NEW(struct dns);
    (void)loop;
    list_init(&dns->calls);
    return dns;
}

static void call_free(struct dns_call *call)
{
    world_cancel(&call->event);
    list_remove(&call->in_dns);
    arena_free(call->arena);
    mem_free(call);
}

void dns_cancel(struct dns_call *call)
{
    if (call != NULL)
        call_free(call);
}

void dns_free(struct dns *dns)
{
    if (dns == NULL)
        return;
    LIST_EACH (it, &dns->calls)
        call_free(LIST_OWNER(it, struct dns_call, in_dns));
    mem_free(dns);
}

struct dns_figures dns_figures(const struct dns *dns)
{
    return dns->figures;
}

static struct dns_call *call_new(struct dns *dns, void (*happen)(struct event *), void *arg)
{
    struct dns_call *call = NEW(struct dns_call);
    call->event.happen = happen;
    call->arena = arena_new();
    call->reply.records = call->records;
    call->arg = arg;
    list_push_back(&dns->calls, &call->in_dns);
    return call;
}

/* ---- questions ---- */

static const char *zone_of(const char *name)
{
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        size_t len = strlen(zones[i]), name_len = strlen(name);
        if (name_len >= len && strcmp(name + name_len - len, zones[i]) == 0 &&
            (name_len == len || name[name_len - len - 1] == '.'))
            return zones[i];
    }
    return "";
}

static void record_add(struct dns_call *call, enum dns_section section, const char *owner, int type,
                       const char *data)
{
    if (call->reply.n_records == RECORDS_MAX)
        return;
    const char *kept = arena_strdup(call->arena, data);
    call->records[call->reply.n_records++] =
        (struct dns_record){.section = section,
                            .owner = arena_strdup(call->arena, owner),
                            .type = type,
                            .ttl_s = 60,
                            .data = kept,
                            .data_len = strlen(kept),
                            .soa_minimum_s = 60};
}

static void add_soa(struct dns_call *call, enum dns_section section, const char *zone)
{
    record_add(call, section, zone, DNS_SOA,
               zone[0] != '\0' ? world.servers[0].name : "a.root.test");
}

static void add_address(struct dns_call *call, enum dns_section section,
                        const struct world_server *server)
{
    char text[NET_ADDRESS_TEXT_MAX];
    net_address_format(&server->address, false, text);
    record_add(call, section, server->name, DNS_A, text);
}

static void add_servers(struct dns_call *call, const char *zone)
{
    for (size_t i = 0; i < world.n_servers; i++)
        record_add(call, DNS_ANSWER, zone, DNS_NS, world.servers[i].name);
    for (size_t i = 0; i < world.n_servers; i++)
        add_address(call, DNS_ADDITIONAL, &world.servers[i]);
}

static void add_texts(struct dns_call *call, const char *name, const struct world_server *server)
{
    static const struct world_server at_once = {.lag_ms = 0};
    LIST_EACH (it, &world.values) {
        const struct world_value *value = LIST_OWNER(it, struct world_value, in_world);
        if (strcmp(value->owner, name) == 0 &&
            world_value_shows(value, server != NULL ? server : &at_once))
            record_add(call, DNS_ANSWER, name, DNS_TXT, value->text);
    }
}

static void add_caas(struct dns_call *call, const char *name)
{
    LIST_EACH (it, &world.caas) {
        const struct world_caa *caa = LIST_OWNER(it, struct world_caa, in_world);
        if (strcmp(caa->owner, name) != 0)
            continue;
        record_add(call, DNS_ANSWER, name, DNS_CAA, caa->value);
        struct dns_record *record = &call->records[call->reply.n_records - 1];
        record->caa_flags = caa->flags;
        record->caa_tag = str_of(arena_strdup(call->arena, caa->tag));
    }
}

static const struct world_server *server_named(const char *name)
{
    for (size_t i = 0; i < world.n_servers; i++)
        if (strcmp(world.servers[i].name, name) == 0)
            return &world.servers[i];
    return NULL;
}

/* server NULL: a resolver answers. */
static void answer(struct dns_call *call, const char *name, enum dns_type type,
                   const struct world_server *server)
{
    const char *zone = zone_of(name), *alias = world_alias_of(name);
    const struct world_server *named = server_named(name);
    bool is_apex = strcmp(zone, name) == 0;
    call->reply.authoritative = server != NULL;
    if (zone[0] == '\0' && server != NULL) {
        call->reply.rcode = DNS_REFUSED;
        return;
    }
    if (alias != NULL)
        record_add(call, DNS_ANSWER, name, DNS_CNAME, alias);
    else if (type == DNS_SOA && is_apex)
        add_soa(call, DNS_ANSWER, zone);
    else if (type == DNS_NS && is_apex)
        add_servers(call, zone);
    else if (type == DNS_A && named != NULL)
        add_address(call, DNS_ANSWER, named);
    else if (type == DNS_TXT)
        add_texts(call, name, server);
    else if (type == DNS_CAA)
        add_caas(call, name);
    if (call->reply.n_records > 0)
        return;
    call->reply.rcode = is_apex || named != NULL ? DNS_NOERROR : DNS_NXDOMAIN;
    add_soa(call, DNS_AUTHORITY, zone);
}

static void question_happens(struct event *event)
{
    struct dns_call *call = (struct dns_call *)event;
    list_remove(&call->in_dns);
    if (call->err.kind != ERR_NONE)
        call->done(call->arg, NULL, &call->err);
    else
        call->done(call->arg, &call->reply, NULL);
    call_free(call);
}

static enum reach reach_of(const struct world_server *server, enum dns_type type)
{
    if (server == NULL)
        return REACH_SILENT;
    return type == DNS_CAA && world.caa_reach != REACH_WORKS ? world.caa_reach : server->reach;
}

static int64_t question_carry(struct dns_call *call, const struct dns_question *question)
{
    char text[NET_ADDRESS_TEXT_MAX];
    int64_t patience_ms = question->timeout_ms != 0 ? question->timeout_ms : QUESTION_MS;
    struct world_server *server =
        question->server.ip_len != 0 ? world_server_at(&question->server) : NULL;
    if (question->server.ip_len == 0) {
        answer(call, question->name, question->type, NULL);
        return WORLD_LATENCY_MS;
    }
    if (server != NULL)
        server->n_asked++;
    net_address_format(&question->server, false, text);
    switch (reach_of(server, question->type)) {
    case REACH_WORKS:
        answer(call, question->name, question->type, server);
        return WORLD_LATENCY_MS;
    case REACH_SERVFAIL:
        call->reply.rcode = DNS_SERVFAIL;
        return WORLD_LATENCY_MS;
    case REACH_REFUSED:
        call->reply.rcode = DNS_REFUSED;
        return WORLD_LATENCY_MS;
    case REACH_DOWN:
    case REACH_SILENT:
    case REACH_LOST:
        break;
    }
    err_set(&call->err, ERR_AGAIN, "%s: %s %s: no answer within %lldms", text, question->name,
            dns_type_name((int)question->type), (long long)patience_ms);
    return patience_ms;
}

struct dns_call *dns_ask(struct dns *dns, const struct dns_question *question, dns_done *done,
                         void *arg)
{
    struct dns_call *call = call_new(dns, question_happens, arg);
    call->done = done;
    dns->figures.n_questions++;
    world.n_questions++;
    world_later(&call->event, world.is_killed ? INT32_MAX : question_carry(call, question));
    return call;
}

/* ---- updates ---- */

static void update_happens(struct event *event)
{
    struct dns_call *call = (struct dns_call *)event;
    list_remove(&call->in_dns);
    call->update_done(call->arg, call->err.kind != ERR_NONE ? &call->err : NULL);
    call_free(call);
}

static void update_apply(const struct dns_update *update)
{
    world.n_updates++;
    for (size_t i = 0; i < update->n_changes; i++)
        world_txt_change(update->changes[i].owner, update->changes[i].value, update->changes[i].add,
                         false);
}

static bool update_adds(const struct dns_update *update)
{
    bool adds = false;
    for (size_t i = 0; i < update->n_changes; i++)
        adds = adds || update->changes[i].add;
    return adds;
}

/* Only the first server is a primary. */
static int64_t update_take(struct dns_call *call, const struct dns_update *update)
{
    const struct world_server *server = world_server_at(&update->server);
    char text[NET_ADDRESS_TEXT_MAX];
    net_address_format(&update->server, true, text);
    if (server != &world.servers[0]) {
        err_set(&call->err, ERR_DENIED, "%s: update of %s: NOTAUTH", text, update->zone);
        return WORLD_LATENCY_MS;
    }
    switch (world.updates) {
    case REACH_WORKS:
        update_apply(update);
        return WORLD_LATENCY_MS;
    case REACH_SERVFAIL:
        err_set(&call->err, ERR_AGAIN, "%s: update of %s: SERVFAIL", text, update->zone);
        return WORLD_LATENCY_MS;
    case REACH_REFUSED:
        err_set(&call->err, ERR_DENIED, "%s: update of %s: REFUSED", text, update->zone);
        return WORLD_LATENCY_MS;
    case REACH_LOST:
        update_apply(update);
        break;
    case REACH_DOWN:
    case REACH_SILENT:
        break;
    }
    err_set(&call->err, ERR_AGAIN, "%s: update of %s: no answer within 10s", text, update->zone);
    return UPDATE_MS;
}

static int64_t update_carry(struct dns_call *call, const struct dns_update *update)
{
    const char *name = update_adds(update) ? "publish" : "remove";
    if (!world_point(name, KILL_BEFORE))
        return INT32_MAX;
    int64_t after_ms = update_take(call, update);
    return world_point(name, KILL_AFTER) ? after_ms : INT32_MAX;
}

struct dns_call *dns_update(struct dns *dns, const struct dns_update *update, dns_update_done *done,
                            void *arg)
{
    struct dns_call *call = call_new(dns, update_happens, arg);
    call->update_done = done;
    dns->figures.n_updates++;
    world_later(&call->event, world.is_killed ? INT32_MAX : update_carry(call, update));
    return call;
}
