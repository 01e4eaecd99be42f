#include "world.h"

#include "fake_api.h"
#include "wire_rules.h"

#include <stdarg.h>
#include <stdio.h>

struct world world;

static void ca_begin(struct world_ca *ca, int number)
{
    struct fake_ca_options options = fake_ca_options_default();
    snprintf(ca->name, sizeof ca->name, "ca%d", number);
    snprintf(ca->base_url, sizeof ca->base_url, "https://ca%d.test", number);
    options.base_url = ca->base_url;
    options.seed = (uint64_t)number;
    options.txt_lookup = world_txt_seen;
    options.txt_values = world_txt_all;
    ca->fake = fake_ca_new(&options);
}

static void server_begin(struct world_server *server, int number)
{
    snprintf(server->name, sizeof server->name, "ns%d.example.com", number);
    server->address = (struct net_address){
        .ip = {127, 0, 0, (unsigned char)(10 + number)}, .ip_len = 4, .port = 53};
}

void world_begin(void)
{
    world = (struct world){.now_ms = time_from_civil(2030, 1, 1, 0, 0, 0), .n_servers = 2};
    world.started_at_ms = world.now_ms;
    wire_rules_begin();
    fake_api_begin();
    heap_init(&world.events);
    list_init(&world.values);
    list_init(&world.aliases);
    list_init(&world.caas);
    for (int i = 0; i < WORLD_CAS_MAX; i++)
        ca_begin(&world.cas[i], i + 1);
    for (int i = 0; i < WORLD_SERVERS_MAX; i++)
        server_begin(&world.servers[i], i + 1);
}

void world_end(void)
{
    fake_api_end();
    for (int i = 0; i < WORLD_CAS_MAX; i++)
        fake_ca_free(world.cas[i].fake);
    LIST_EACH (it, &world.values) {
        struct world_value *value = LIST_OWNER(it, struct world_value, in_world);
        mem_free(value->owner);
        mem_free(value->text);
        mem_free(value);
    }
    LIST_EACH (it, &world.aliases) {
        struct world_alias *alias = LIST_OWNER(it, struct world_alias, in_world);
        mem_free(alias->owner);
        mem_free(alias->target);
        mem_free(alias);
    }
    LIST_EACH (it, &world.caas)
        world_caa_free(LIST_OWNER(it, struct world_caa, in_world));
    mem_free(world.bogus_zone);
    heap_fini(&world.events);
}

void world_caa_free(struct world_caa *caa)
{
    list_remove(&caa->in_world);
    mem_free(caa->owner);
    mem_free(caa->tag);
    mem_free(caa->value);
    mem_free(caa);
}

void world_later(struct event *event, int64_t after_ms)
{
    heap_put(&world.events, &event->node, world.now_ms + (after_ms > 0 ? after_ms : 0));
}

void world_cancel(struct event *event)
{
    heap_remove(&world.events, &event->node);
}

int64_t world_wall_ms(void)
{
    return world.now_ms + world.skew_ms;
}

void world_wrong(const char *fmt, ...)
{
    va_list ap;
    if (world.wrong[0] != '\0')
        return;
    va_start(ap, fmt);
    vsnprintf(world.wrong, sizeof world.wrong, fmt, ap);
    va_end(ap);
}

void world_kill_at(enum kill_when when, const char *what, int64_t nth)
{
    world.kill = (struct world_kill){.when = when, .nth = nth};
    snprintf(world.kill.what, sizeof world.kill.what, "%s", what);
    world.n_points = 0;
}

void world_kill(void)
{
    world.is_killed = true;
    world.killed_at_ms = world.now_ms;
}

void world_wake(void)
{
    if (world.is_killed)
        world.now_ms = world.killed_at_ms;
    world.is_killed = false;
}

static bool kill_fits(const char *what, enum kill_when when)
{
    struct world_kill *kill = &world.kill;
    if (kill->when == KILL_AT_POINT)
        return world.n_points == kill->nth;
    return kill->when == when && strcmp(kill->what, what) == 0 && --kill->nth == 0;
}

bool world_point(const char *what, enum kill_when when)
{
    if (world.is_killed)
        return false;
    world.n_points++;
    if (!kill_fits(what, when))
        return true;
    world_kill();
    world.n_kills += world.kill.when == KILL_AT_POINT ? 1 : 0;
    world.kill.when = KILL_NEVER;
    return false;
}

struct world_ca *world_ca(const char *name)
{
    for (int i = 0; i < WORLD_CAS_MAX; i++)
        if (strcmp(world.cas[i].name, name) == 0 || (i == 0 && strcmp(name, "ca") == 0))
            return &world.cas[i];
    return NULL;
}

struct world_ca *world_ca_of_url(const char *url, const char **ret_path)
{
    for (int i = 0; i < WORLD_CAS_MAX; i++) {
        size_t len = strlen(world.cas[i].base_url);
        if (strncmp(url, world.cas[i].base_url, len) == 0 && url[len] == '/') {
            *ret_path = url + len;
            return &world.cas[i];
        }
    }
    return NULL;
}

/* ---- DNS ---- */

static struct world_value *value_find(const char *owner, const char *text)
{
    LIST_EACH (it, &world.values) {
        struct world_value *value = LIST_OWNER(it, struct world_value, in_world);
        if (value->removed_at_ms == INT64_MAX && strcmp(value->owner, owner) == 0 &&
            strcmp(value->text, text) == 0)
            return value;
    }
    return NULL;
}

void world_txt_change(const char *owner, const char *text, bool present, bool is_foreign)
{
    struct world_value *value = value_find(owner, text);
    if (!present && value != NULL)
        value->removed_at_ms = world.now_ms;
    if (!present || value != NULL)
        return;
    value = NEW(struct world_value);
    value->owner = mem_strdup(owner);
    value->text = mem_strdup(text);
    value->added_at_ms = world.now_ms;
    value->removed_at_ms = INT64_MAX;
    value->is_foreign = is_foreign;
    list_push_back(&world.values, &value->in_world);
}

size_t world_n_txt(bool foreign_too)
{
    size_t n = 0;
    LIST_EACH (it, &world.values) {
        const struct world_value *value = LIST_OWNER(it, struct world_value, in_world);
        n += value->removed_at_ms == INT64_MAX && (foreign_too || !value->is_foreign) ? 1 : 0;
    }
    return n;
}

struct world_server *world_server(const char *name)
{
    for (size_t i = 0; i < WORLD_SERVERS_MAX; i++) {
        size_t len = strcspn(world.servers[i].name, ".");
        if (strlen(name) == len && strncmp(world.servers[i].name, name, len) == 0)
            return &world.servers[i];
    }
    return NULL;
}

struct world_server *world_server_at(const struct net_address *address)
{
    for (size_t i = 0; i < world.n_servers; i++)
        if (net_address_eq(&world.servers[i].address, address))
            return &world.servers[i];
    return NULL;
}

const char *world_alias_of(const char *owner)
{
    LIST_EACH (it, &world.aliases) {
        const struct world_alias *alias = LIST_OWNER(it, struct world_alias, in_world);
        if (strcmp(alias->owner, owner) == 0)
            return alias->target;
    }
    return NULL;
}

bool world_value_shows(const struct world_value *value, const struct world_server *server)
{
    int64_t seen_at_ms = world.now_ms - server->lag_ms;
    return value->added_at_ms <= seen_at_ms && seen_at_ms < value->removed_at_ms;
}

static bool server_shows(const struct world_server *server, const char *owner, const char *text)
{
    LIST_EACH (it, &world.values) {
        const struct world_value *value = LIST_OWNER(it, struct world_value, in_world);
        if (strcmp(value->owner, owner) == 0 && strcmp(value->text, text) == 0 &&
            world_value_shows(value, server))
            return true;
    }
    return false;
}

bool world_txt_seen(void *ctx, const char *owner, const char *text)
{
    size_t n_answer = 0;
    (void)ctx;
    for (int hops = 0; hops < 8 && world_alias_of(owner) != NULL; hops++)
        owner = world_alias_of(owner);
    for (size_t i = 0; i < world.n_servers; i++) {
        if (world.servers[i].reach != REACH_WORKS)
            continue;
        n_answer++;
        if (!server_shows(&world.servers[i], owner, text))
            return false;
    }
    return n_answer > 0;
}

void world_txt_all(void *ctx, const char *owner, struct buf *out)
{
    (void)ctx;
    for (int hops = 0; hops < 8 && world_alias_of(owner) != NULL; hops++)
        owner = world_alias_of(owner);
    LIST_EACH (it, &world.values) {
        const struct world_value *value = LIST_OWNER(it, struct world_value, in_world);
        if (strcmp(value->owner, owner) == 0 && value->removed_at_ms == INT64_MAX &&
            world_txt_seen(NULL, owner, value->text))
            buf_printf(out, "%s\n", value->text);
    }
}
