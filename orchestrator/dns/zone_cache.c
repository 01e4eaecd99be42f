#include "dns/zone_inner.h"

/* A TTL of 0 would have every find learn the zone anew; a long one would hide a moved zone. */
enum { TTL_MIN_S = 10, TTL_MAX_S = 300, SWEEP_MIN = 64 };

static int64_t now_ms(const struct zone_finder *finder)
{
    return clock_boot_ms(loop_clock(finder->asker.loop));
}

static bool entry_is_fresh(const struct zone_entry *entry)
{
    return entry->zone != NULL && now_ms(entry->finder) < entry->expires_at_ms;
}

static void entry_free(struct zone_entry *entry)
{
    zone_load_cancel(entry->load);
    zone_unref(entry->zone);
    name_map_remove(&entry->finder->entries, entry->name);
    mem_free(entry->name);
    mem_free(entry);
}

static void cache_sweep(struct zone_finder *finder)
{
    for (size_t i = finder->entries.n; i-- > 0;) {
        struct zone_entry *entry = finder->entries.rows[i].value;
        if (!entry_is_fresh(entry) && entry->load == NULL)
            entry_free(entry);
    }
    finder->sweep_at = 2 * finder->entries.n + SWEEP_MIN;
}

void zone_cache_fini(struct zone_finder *finder)
{
    while (finder->entries.n > 0)
        entry_free(finder->entries.rows[finder->entries.n - 1].value);
    name_map_fini(&finder->entries);
}

struct zone *zone_cache_above(struct zone_finder *finder, const char *name)
{
    for (; name[0] != '\0'; name = dns_name_parent(name)) {
        struct zone_entry *entry = name_map_find(&finder->entries, name);
        if (entry != NULL && entry_is_fresh(entry))
            return entry->zone;
    }
    return NULL;
}

struct zone_entry *zone_cache_loading_above(struct zone_finder *finder, const char *name)
{
    for (; name[0] != '\0'; name = dns_name_parent(name)) {
        struct zone_entry *entry = name_map_find(&finder->entries, name);
        if (entry != NULL && entry->load != NULL)
            return entry;
    }
    return NULL;
}

void zone_cache_forget(struct zone_finder *finder, const char *name)
{
    struct zone_entry *entry = name_map_find(&finder->entries, name);
    if (entry != NULL)
        entry->expires_at_ms = 0;
}

static struct zone_entry *entry_make(struct zone_finder *finder, const char *name)
{
    struct zone_entry *entry = name_map_find(&finder->entries, name);
    if (entry != NULL)
        return entry;
    if (finder->entries.n >= finder->sweep_at)
        cache_sweep(finder);
    entry = NEW(struct zone_entry);
    entry->finder = finder;
    entry->name = mem_strdup(name);
    list_init(&entry->waiting);
    name_map_set(&finder->entries, name, entry);
    return entry;
}

static void entry_learn(struct zone_entry *entry, struct zone *zone)
{
    uint32_t ttl_s = zone->ttl_s < TTL_MIN_S   ? TTL_MIN_S
                     : zone->ttl_s > TTL_MAX_S ? TTL_MAX_S
                                               : zone->ttl_s;
    zone_unref(entry->zone);
    entry->zone = zone;
    entry->expires_at_ms = now_ms(entry->finder) + ttl_s * MS_SECOND;
}

/* Those who waited go on one by one; each may add itself elsewhere, cancel others or start new ones, so the list is
 * taken off the entry first and read from its front. */
static void entry_loaded(void *arg, struct zone *zone, const struct err *err)
{
    struct zone_entry *entry = arg;
    struct list waiting;
    AUTO(buf_fini)
    struct buf name = BUF(256);
    buf_add_cstr(&name, entry->name); /* the entry may go while its finds are told */
    entry->load = NULL;
    list_init(&waiting);
    for (struct list *it; (it = list_pop_front(&entry->waiting)) != NULL;)
        list_push_back(&waiting, it);
    if (zone != NULL)
        entry_learn(entry, zone_ref(zone));
    for (struct list *it; (it = list_pop_front(&waiting)) != NULL;) {
        struct zone_find *find = LIST_OWNER(it, struct zone_find, wait);
        if (zone != NULL)
            find_zone_known(find, zone);
        else
            find_zone_failed(find, buf_cstr(&name), err);
    }
    zone_unref(zone);
}

struct zone *zone_cache_need(struct zone_finder *finder, const struct zone_source *source,
                             struct zone_find *find)
{
    struct zone_entry *entry = entry_make(finder, source->zone);
    if (entry_is_fresh(entry))
        return entry->zone;
    list_push_back(&entry->waiting, &find->wait);
    if (entry->load == NULL)
        entry->load = zone_load_start(&finder->asker, source, entry_loaded, entry);
    return NULL;
}
