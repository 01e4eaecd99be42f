#include "zones.h"

void zones_init(struct zones *z)
{
    *z = (struct zones){0};
    list_init(&z->dead);
}

static void node_free(void *value)
{
    struct node *node = value;
    for (struct record *r = node->records, *next; r != NULL; r = next) {
        next = r->next;
        mem_free(r);
    }
    mem_free(node->name);
    mem_free(node);
}

static void zone_free(void *value)
{
    struct zone *zone = value;
    table_fini(&zone->nodes, node_free);
    mem_free(zone->name);
    mem_free(zone);
}

void zones_fini(struct zones *z)
{
    table_fini(&z->by_name, zone_free);
}

bool name_is_below(const char *name, const char *zone)
{
    size_t n = strlen(name), len = strlen(zone);
    if (len == 0)
        return true;
    return n >= len && strcmp(name + n - len, zone) == 0 && (n == len || name[n - len - 1] == '.');
}

const char *name_parent(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot != NULL ? dot + 1 : "";
}

struct zone *zones_find(const struct zones *z, const char *name)
{
    return table_find(&z->by_name, name);
}

struct node *zone_node(const struct zone *zone, const char *name)
{
    return table_find(&zone->nodes, name);
}

/* Makes the node and all between it and the apex. */
static struct node *zone_make_node(struct zone *zone, const char *name)
{
    struct node *node = zone_node(zone, name);
    if (node != NULL)
        return node;
    node = NEW(struct node);
    node->zone = zone;
    node->name = mem_strdup(name);
    table_set(&zone->nodes, name, node);
    if (strcmp(name, zone->name) != 0)
        zone_make_node(zone, name_parent(name))->n_below++;
    return node;
}

/* A node without records and without nodes below is no name. */
static void node_tidy(struct node *node)
{
    struct zone *zone = node->zone;
    while (node->records == NULL && node->n_below == 0 && strcmp(node->name, zone->name) != 0) {
        struct node *parent = zone_node(zone, name_parent(node->name));
        table_remove(&zone->nodes, node->name);
        node_free(node);
        parent->n_below--;
        node = parent;
    }
}

struct zone *zones_add_zone(struct zones *z, const char *name)
{
    struct zone *zone = NEW(struct zone);
    CHECK(zones_find(z, name) == NULL);
    zone->name = mem_strdup(name);
    table_set(&z->by_name, name, zone);
    zone_make_node(zone, name);
    return zone;
}

static bool record_is_live(const struct record *r)
{
    return r->until_ms == INT64_MAX;
}

const struct record *node_record(const struct node *node, const struct record *after, int type,
                                 int64_t now_ms, int64_t lag_ms)
{
    const struct record *r = after != NULL ? after->next : node->records;
    for (; r != NULL; r = r->next) {
        int64_t seen_ms = r->type == TYPE_TXT ? now_ms - lag_ms : now_ms;
        if ((type == 0 || r->type == type) && r->since_ms <= seen_ms && seen_ms < r->until_ms)
            return r;
    }
    return NULL;
}

static void record_kill(struct zones *z, struct record *r, int64_t now_ms)
{
    r->until_ms = now_ms;
    z->n_records--;
    list_push_back(&z->dead, &r->dead);
}

static void record_drop(struct record *r)
{
    struct node *node = r->node;
    for (struct record **at = &node->records; *at != NULL; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            break;
        }
    mem_free(r);
    node_tidy(node);
}

void zones_sweep(struct zones *z, int64_t now_ms)
{
    while (!list_is_empty(&z->dead)) {
        struct record *r = LIST_OWNER(z->dead.next, struct record, dead);
        if (r->until_ms + z->lag_max_ms >= now_ms)
            return;
        list_remove(&r->dead);
        record_drop(r);
    }
}

static bool record_is(const struct record *r, int type, struct str rdata)
{
    if (!record_is_live(r) || (type != 0 && r->type != type))
        return false;
    return rdata.p == NULL ||
           (r->rdata_len == rdata.len && memcmp(r->rdata, rdata.p, rdata.len) == 0);
}

static struct record *node_find_live(const struct node *node, int type, struct str rdata)
{
    for (struct record *r = node->records; r != NULL; r = r->next)
        if (record_is(r, type, rdata))
            return r;
    return NULL;
}

static bool node_may_hold(struct zones *z, struct node *node, int type, int64_t now_ms)
{
    struct record *alias = node_find_live(node, TYPE_CNAME, STR_NONE);
    struct record *other = node_find_live(node, 0, STR_NONE);
    if (type != TYPE_CNAME && alias != NULL)
        return false;
    if (type == TYPE_CNAME && other != NULL && alias == NULL)
        return false;
    struct record *only = type == TYPE_CNAME ? alias
                          : type == TYPE_SOA ? node_find_live(node, TYPE_SOA, STR_NONE)
                                             : NULL;
    if (only != NULL)
        record_kill(z, only, now_ms);
    return true;
}

void zone_add(struct zones *z, struct zone *zone, const char *owner, int type, uint32_t ttl_s,
              struct str rdata, int64_t now_ms)
{
    CHECK(name_is_below(owner, zone->name));
    struct node *node = zone_make_node(zone, owner);
    struct record *same = node_find_live(node, type, rdata);
    if (same != NULL) {
        same->ttl_s = ttl_s;
        return;
    }
    if (!node_may_hold(z, node, type, now_ms)) {
        node_tidy(node);
        return;
    }
    struct record *r = mem_new(1, sizeof *r + rdata.len);
    *r = (struct record){.node = node,
                         .type = type,
                         .ttl_s = ttl_s,
                         .since_ms = now_ms,
                         .until_ms = INT64_MAX,
                         .rdata_len = rdata.len};
    memcpy(r->rdata, rdata.p, rdata.len);
    struct record **at = &node->records;
    while (*at != NULL)
        at = &(*at)->next;
    *at = r;
    z->n_records++;
}

void zone_remove(struct zones *z, struct zone *zone, const char *owner, int type, struct str rdata,
                 int64_t now_ms)
{
    struct node *node = zone_node(zone, owner);
    for (struct record *r = node != NULL ? node->records : NULL; r != NULL; r = r->next)
        if (record_is(r, type, rdata))
            record_kill(z, r, now_ms);
}
