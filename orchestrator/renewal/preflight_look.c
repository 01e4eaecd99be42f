#include "renewal/preflight_inner.h"

#include "acme/name.h"
#include "inventory/config.h"

/* What is asked of resolvers is nearly always nothing, so it is not waited for as long. */
enum { ASKING_MAX = 64, CAA_MS = 8000, RESOLVERS_MS = 2500, CHAIN_MS = 5000 };
enum { FRESH_MS = 5 * 60 * 1000, SWEEP_MIN = 256 };

static int64_t boot_ms(const struct preflights *all)
{
    return clock_boot_ms(all->house->clock);
}

static struct name_map *look_map(const struct look *look)
{
    return look->kind == LOOK_CAA ? &look->all->caa : &look->all->chains;
}

static void looks_start(struct preflights *all);

/* ---- life ---- */

static void look_stop(struct look *look)
{
    bool was_asking = look->find != NULL || look->call != NULL;
    zone_finder_cancel(look->find);
    dnssec_cancel(look->call);
    timer_cancel(look->deadline);
    look->find = NULL;
    look->call = NULL;
    look->deadline = NULL;
    look->all->n_asking -= was_asking ? 1 : 0;
    list_remove(&look->in_queue);
}

static void look_free(struct look *look)
{
    look_stop(look);
    name_map_remove(look_map(look), look->owner);
    mem_free(look->owner);
    mem_free(look->at);
    mem_free(look->zone);
    mem_free(look->records);
    mem_free(look->bytes);
    mem_free(look->why);
    mem_free(look);
}

static void map_sweep(struct preflights *all, const struct name_map *map)
{
    for (size_t i = map->n; i-- > 0;) {
        struct look *look = map->rows[i].value;
        if (look->n_users == 0 && look->expires_at_ms <= boot_ms(all))
            look_free(look);
    }
}

void looks_free(struct preflights *all)
{
    while (all->caa.n > 0)
        look_free(all->caa.rows[all->caa.n - 1].value);
    while (all->chains.n > 0)
        look_free(all->chains.rows[all->chains.n - 1].value);
    name_map_fini(&all->caa);
    name_map_fini(&all->chains);
}

/* Those who waited may leave or take other looks while they are told: read from the front. */
static void look_done(struct look *look)
{
    struct preflights *all = look->all;
    struct list told;
    list_init(&told);
    look_stop(look);
    look->is_done = true;
    look->expires_at_ms = boot_ms(all) + FRESH_MS;
    look->n_users++; /* it stays while they are told */
    for (struct list *it; (it = list_pop_front(&look->waiting)) != NULL;)
        list_push_back(&told, it);
    for (struct list *it; (it = list_pop_front(&told)) != NULL;)
        seat_settled(LIST_OWNER(it, struct seat, waits));
    if (--look->n_users == 0 && !look->is_shared)
        look_free(look);
    looks_start(all);
}

static void look_unknown(struct look *look, const char *why)
{
    look->is_unknown = true;
    look->verdict = DNSSEC_UNKNOWN;
    mem_set_str(&look->why, why);
    look_done(look);
}

static void look_expired(void *arg)
{
    struct look *look = arg;
    look->deadline = NULL;
    look_unknown(look, "no answer in time");
}

/* ---- CAA ---- */

static void caa_ask(struct look *look, const char *name);

static void caa_keep(struct look *look, const struct dns_reply *reply, const char *owner)
{
    size_t n = 0, n_bytes = 0, at = 0;
    for (size_t i = 0; i < reply->n_records; i++) {
        const struct dns_record *r = &reply->records[i];
        if (r->section != DNS_ANSWER || r->type != DNS_CAA || strcmp(r->owner, owner) != 0)
            continue;
        n++;
        n_bytes += r->caa_tag.len + r->data_len;
    }
    look->records = n > 0 ? NEW_N(n, struct caa_record) : NULL;
    look->bytes = n > 0 ? NEW_N(n_bytes + 1, char) : NULL;
    for (size_t i = 0; i < reply->n_records && look->n_records < n; i++) {
        const struct dns_record *r = &reply->records[i];
        if (r->section != DNS_ANSWER || r->type != DNS_CAA || strcmp(r->owner, owner) != 0)
            continue;
        char *tag = look->bytes + at, *value = tag + r->caa_tag.len;
        if (r->caa_tag.len > 0)
            memcpy(tag, r->caa_tag.p, r->caa_tag.len);
        if (r->data_len > 0)
            memcpy(value, r->data, r->data_len);
        at += r->caa_tag.len + r->data_len;
        look->records[look->n_records++] = (struct caa_record){
            r->caa_flags, str_mem(tag, r->caa_tag.len), str_mem(value, r->data_len)};
    }
}

static const char *cname_in(const struct dns_reply *reply, const char *owner)
{
    for (size_t i = 0; i < reply->n_records; i++) {
        const struct dns_record *r = &reply->records[i];
        if (r->section == DNS_ANSWER && r->type == DNS_CNAME && strcmp(r->owner, owner) == 0)
            return r->data;
    }
    return NULL;
}

static bool is_told_of(const struct dns_reply *reply, const char *owner)
{
    for (size_t i = 0; i < reply->n_records; i++)
        if (reply->records[i].section == DNS_ANSWER && strcmp(reply->records[i].owner, owner) == 0)
            return true;
    return false;
}

/* The zone of the owner itself: the SOA of a negative answer names it, where one server holds parent and child. */
static void zone_learn(struct look *look, const struct dns_reply *reply, const char *zone)
{
    for (size_t i = 0; i < reply->n_records; i++) {
        const struct dns_record *r = &reply->records[i];
        if (r->section == DNS_AUTHORITY && r->type == DNS_SOA && r->owner[0] != '\0' &&
            dns_name_is_below(look->owner, r->owner))
            zone = r->owner;
    }
    if (zone[0] != '\0')
        look->zone = mem_strdup(zone);
    else
        look->zone = name_registered_domain(look->owner);
}

/* As far as this answer leads. NULL: it is about `owner` to the end; else the name to ask next. */
static const char *cnames_follow(struct look *look, const struct dns_reply *reply,
                                 const char **owner)
{
    const char *target;
    while ((target = cname_in(reply, *owner)) != NULL) {
        if (++look->n_hops > CAA_HOPS_MAX)
            return target;
        *owner = target;
        mem_set_str(&look->at, target);
        if (!is_told_of(reply, target))
            return target;
    }
    return NULL;
}

static void caa_answered(void *arg, const struct dns_reply *reply, const char *zone,
                         const struct err *err)
{
    struct look *look = arg;
    const char *asked = look->at != NULL ? look->at : look->owner, *next;
    look->find = NULL;
    look->all->n_asking--;
    if (reply == NULL) {
        look_unknown(look, err->text);
        return;
    }
    if (look->zone == NULL && !look->by_resolvers)
        zone_learn(look, reply, zone);
    next = cnames_follow(look, reply, &asked);
    if (look->n_hops > CAA_HOPS_MAX) {
        look_unknown(look, "its CNAMEs lead in a circle, or too far");
    } else if (next != NULL && !look->by_resolvers) {
        caa_ask(look, look->at);
    } else {
        caa_keep(look, reply, asked);
        look_done(look);
    }
}

static void caa_ask(struct look *look, const char *name)
{
    struct preflights *all = look->all;
    struct zone_finder *finder = zone_finders_of(all->finders, look->provider);
    all->n_asking++;
    look->find = look->by_resolvers
                     ? zone_finder_ask_resolvers(finder, name, DNS_CAA, caa_answered, look)
                     : zone_finder_ask(finder, name, DNS_CAA, caa_answered, look);
}

/* ---- chains ---- */

static void chain_judged(void *arg, enum dnssec_verdict verdict, const char *why)
{
    struct look *look = arg;
    look->call = NULL;
    look->all->n_asking--;
    look->verdict = verdict;
    mem_set_str(&look->why, why);
    look_done(look);
}

/* On the first question only: whoever has nothing to ask starts no resolver. */
static bool dnssec_open(struct preflights *all)
{
    const struct dnssec_config *config = &all->house->config->dnssec;
    struct dnssec_options options = {.trust_anchor = config->trust_anchor,
                                     .resolvers = config->resolvers,
                                     .n_resolvers = config->n_resolvers,
                                     .timeout_ms = 2 * CHAIN_MS};
    struct err err = {0};
    if (all->dnssec == NULL && all->dnssec_fault == NULL &&
        !dnssec_new(all->house->loop, &options, &all->dnssec, &err))
        all->dnssec_fault = mem_strdup(err.text);
    return all->dnssec != NULL;
}

static void chain_faulted(void *arg)
{
    struct look *look = arg;
    look->deadline = NULL;
    look_unknown(look, look->all->dnssec_fault != NULL
                           ? look->all->dnssec_fault
                           : "a question of a moment ago was not answered in time");
}

/* Where nobody answers once, the others are not made to wait for the same silence. */
static void chain_expired(void *arg)
{
    struct look *look = arg;
    look->all->mute_until_ms = boot_ms(look->all) + FRESH_MS;
    look_expired(look);
}

static void chain_ask(struct look *look)
{
    struct preflights *all = look->all;
    if (boot_ms(all) < all->mute_until_ms || !dnssec_open(all)) {
        look->deadline = timer_start(all->house->loop, 0, chain_faulted, look);
        return;
    }
    all->n_asking++;
    look->call = dnssec_ask(all->dnssec, look->owner, chain_judged, look);
    look->deadline = timer_start(all->house->loop, CHAIN_MS, chain_expired, look);
}

/* ---- seats ---- */

static void look_begin(struct look *look)
{
    if (look->kind == LOOK_CHAIN) {
        chain_ask(look);
        return;
    }
    caa_ask(look, look->owner);
    look->deadline = timer_start(look->all->house->loop, look->by_resolvers ? RESOLVERS_MS : CAA_MS,
                                 look_expired, look);
}

static void looks_start(struct preflights *all)
{
    struct list *it;
    while (all->n_asking < ASKING_MAX && (it = list_pop_front(&all->queue)) != NULL)
        look_begin(LIST_OWNER(it, struct look, in_queue));
}

static struct look *look_new(struct preflights *all, enum look_kind kind, const char *owner)
{
    struct look *look = NEW(struct look);
    look->all = all;
    look->kind = kind;
    look->owner = mem_strdup(owner);
    list_init(&look->waiting);
    name_map_set(look_map(look), owner, look);
    list_push_back(&all->queue, &look->in_queue);
    return look;
}

static struct look *look_find(struct preflights *all, enum look_kind kind, const char *owner)
{
    struct name_map *map = kind == LOOK_CAA ? &all->caa : &all->chains;
    if (map->n >= all->sweep_at) {
        map_sweep(all, &all->caa);
        map_sweep(all, &all->chains);
        all->sweep_at = 2 * (all->caa.n > all->chains.n ? all->caa.n : all->chains.n) + SWEEP_MIN;
    }
    struct look *look = name_map_find(map, owner);
    if (look != NULL && look->is_done && look->n_users == 0 &&
        look->expires_at_ms <= boot_ms(all)) {
        look_free(look);
        look = NULL;
    }
    return look != NULL ? look : look_new(all, kind, owner);
}

static void seat_take(struct seat *seat, struct look *look)
{
    seat->look = look;
    look->n_users++;
    if (!look->is_done)
        list_push_back(&look->waiting, &seat->waits);
    looks_start(look->all);
}

/* What lies above all zones of ours is asked as the name is that led there. */
static const struct provider_config *provider_of(const struct preflights *all, const char *owner,
                                                 const char *base)
{
    const struct provider_config *own = config_provider_for(all->house->config, owner);
    return own != NULL ? own : config_provider_for(all->house->config, base);
}

void seat_take_caa(struct seat *seat, struct preflights *all, const char *owner, const char *base,
                   bool by_resolvers)
{
    struct look *look = look_find(all, LOOK_CAA, owner);
    if (look->n_users == 0 && !look->is_done) {
        look->by_resolvers = by_resolvers;
        look->provider = provider_of(all, owner, base);
    }
    look->is_shared = look->is_shared || strcmp(owner, base) != 0;
    seat_take(seat, look);
}

void seat_take_chain(struct seat *seat, struct preflights *all, const char *zone)
{
    struct look *look = look_find(all, LOOK_CHAIN, zone);
    look->is_shared = true;
    seat_take(seat, look);
}

void seat_leave(struct seat *seat)
{
    struct look *look = seat->look;
    seat->look = NULL;
    if (look == NULL)
        return;
    list_remove(&seat->waits);
    /* What nobody waits for any more is not looked at to the end. */
    if (--look->n_users == 0 && (!look->is_shared || !look->is_done))
        look_free(look);
}

bool seat_is_settled(const struct seat *seat)
{
    return seat->look == NULL || seat->look->is_done;
}
