#include "inventory/config_inside.h"

/* The common settings and those of the type in one table, so that an unknown key is compared with both. A type that declares a
 * common setting itself (its own default for ttl) wins. */
static struct setting *settings_join(const struct section *own, size_t *ret_n)
{
    struct setting *rows = NEW_N(section_provider.n + own->n, struct setting);
    size_t n = 0;
    for (size_t i = 0; i < section_provider.n; i++) {
        bool taken = false;
        for (size_t j = 0; j < own->n; j++)
            taken = taken || strcmp(own->settings[j].name, section_provider.settings[i].name) == 0;
        if (!taken)
            rows[n++] = section_provider.settings[i];
    }
    for (size_t j = 0; j < own->n; j++)
        rows[n++] = own->settings[j];
    *ret_n = n;
    return rows;
}

/* What the provider itself will see. */
static struct json *own_settings(const struct dns_provider *provider, const struct json *checked)
{
    struct json *own = json_object();
    for (size_t i = 0; i < provider->settings->n; i++) {
        const char *name = provider->settings->settings[i].name;
        const struct json *value = json_find(checked, name);
        if (value != NULL)
            json_set(own, name, json_copy(value));
    }
    return own;
}

static char *type_near(const struct config *config, const char *type)
{
    size_t n;
    const struct dns_provider **all = catalogue_all(config->types, &n);
    const char **names = NEW_N(n + 1, const char *);
    for (size_t i = 0; i < n; i++)
        names[i] = all[i]->name;
    char *near = mem_strdup(table_suggest(type, names, n));
    mem_free(names);
    mem_free(all);
    return near;
}

static const struct dns_provider *type_find(struct config *config, struct reader *r,
                                            const char *name, const struct json *raw)
{
    const char *type = json_text(raw, "type");
    const struct dns_provider *provider = type != NULL ? catalogue_find(config->types, type) : NULL;
    if (provider != NULL)
        return provider;
    if (json_find(raw, "type") == NULL || type == NULL) {
        reader_say(r, raw, "type", "providers.%s: \"type\" is missing, e.g. type: rfc2136", name);
        return NULL;
    }
    AUTO(mem_fini)
    char *near = type_near(config, type);
    provider = manifest_missing(config, type, near != NULL);
    if (provider != NULL)
        return provider;
    reader_say(r, raw, "type", "providers.%s: there is no provider of type \"%.64s\"%s%s%s", name,
               type, near != NULL ? "; did you mean \"" : "; `chancery provider list` shows all",
               near != NULL ? near : "", near != NULL ? "\"?" : "");
    return NULL;
}

/* The settings of a stand-in are not known: whatever is there is left alone. */
static struct setting *settings_guess(const struct json *raw, size_t *ret_n)
{
    static const struct section nothing = {.n = 0};
    struct setting *rows = settings_join(&nothing, ret_n);
    const struct json *value;
    const char *key;
    void *position = NULL;
    while (json_next(raw, &position, &key, &value)) {
        bool taken = false;
        for (size_t i = 0; i < *ret_n; i++)
            taken = taken || strcmp(rows[i].name, key) == 0;
        if (taken)
            continue;
        rows = mem_grow(rows, *ret_n, *ret_n + 1, sizeof(*rows));
        rows[(*ret_n)++] = (struct setting){.name = key, .kind = SETTING_ANY};
    }
    return rows;
}

/* {type, zones ..., settings: {what the type's own table holds}}; NULL after complaining. */
static struct json *provider_check(struct config *config, struct reader *r, const char *name,
                                   const struct json *raw)
{
    struct err why = {0};
    size_t n;
    if (!json_is(raw, JSON_OBJECT)) {
        reader_say(r, json_find(r->raw, "providers"), name,
                   "providers.%s: a block of settings (key: value) is expected here", name);
        return NULL;
    }
    const struct dns_provider *provider = type_find(config, r, name, raw);
    if (provider == NULL)
        return NULL;
    struct setting *rows = dns_provider_fault(provider) != NULL
                               ? settings_guess(raw, &n)
                               : settings_join(provider->settings, &n);
    AUTO(mem_fini)
    char *title = mem_printf("providers.%s", name);
    struct section both = {.name = title, .settings = rows, .n = n};
    struct json *checked = table_check(r->yaml, raw, &both, &r->complaints);
    mem_free(rows);
    if (checked == NULL)
        return NULL;
    json_set(checked, "settings", own_settings(provider, checked));
    if (provider->check != NULL && !provider->check(provider, json_find(checked, "settings"), &why))
        reader_say(r, json_find(r->raw, "providers"), name, "providers.%s: %s", name, why.text);
    return checked;
}

bool provider_name_fits(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return len > 0 && len <= 64 && name[len] == '\0';
}

struct json *providers_check(struct config *config, struct reader *r)
{
    const struct json *list = json_find(r->raw, "providers"), *raw;
    struct json *out = json_object();
    const char *name;
    void *position = NULL;
    if (list != NULL && !json_is(list, JSON_OBJECT))
        reader_say(r, r->raw, "providers",
                   "providers: a block of names, each with its settings, is expected");
    while (json_is(list, JSON_OBJECT) && json_next(list, &position, &name, &raw)) {
        struct json *checked = provider_check(config, r, name, raw);
        if (!provider_name_fits(name))
            reader_say(
                r, list, name,
                "providers: \"%.80s\" cannot be a name: use 1 to 64 letters, digits, \"-\" and "
                "\"_\"",
                name);
        if (checked != NULL)
            json_set(out, name, checked);
    }
    return out;
}

void addresses_read(struct reader *r, const struct json *raw, const char *provider, const char *key,
                    const struct json *list, uint16_t port, struct net_address **ret, size_t *ret_n)
{
    size_t n = json_len(list);
    *ret = n > 0 ? NEW_N(n, struct net_address) : NULL;
    *ret_n = n;
    for (size_t i = 0; i < n; i++) {
        const char *text = json_as_text(json_at(list, i));
        if (!net_address_parse(str_of(text), port, &(*ret)[i]))
            reader_say_item(r, raw, key, i,
                            "providers.%s.%s: \"%.80s\" is no address; write 192.0.2.1, "
                            "192.0.2.1:53 or [2001:db8::1]:53",
                            provider, key, text);
    }
}

static const struct provider_config *zone_owner(const struct config *config, const char *zone)
{
    for (size_t i = 0; i < config->n_providers; i++)
        for (char *const *z = config->providers[i].zones; z != NULL && *z != NULL; z++)
            if (strcmp(*z, zone) == 0)
                return &config->providers[i];
    return NULL;
}

/* The provider already counts, so that its own doublets are found too; p->zones ends where reading has come to. */
static void zones_read(const struct config *config, struct reader *r, const struct json *raw,
                       const struct json *list, struct provider_config *p)
{
    size_t n = 0;
    p->zones = NEW_N(json_len(list) + 1, char *);
    for (size_t i = 0; i < json_len(list); i++) {
        char *zone = NULL;
        struct err why = {0};
        if (!zone_normalise(json_as_text(json_at(list, i)), &zone, &why)) {
            reader_say_item(r, raw, "zones", i, "providers.%s.zones: %s", p->name, why.text);
            continue;
        }
        const struct provider_config *other = zone_owner(config, zone);
        if (other != NULL)
            reader_say_item(r, raw, "zones", i,
                            "providers.%s.zones: zone %s already belongs to provider %s", p->name,
                            zone, other->name);
        p->zones[n++] = zone;
    }
}

static void provider_read(struct config *config, struct reader *r, const char *name,
                          const struct json *checked)
{
    struct provider_config *p = &config->providers[config->n_providers++];
    const struct json *raw = json_find(json_find(r->raw, "providers"), name);
    *p = (struct provider_config){
        .name = mem_strdup(name),
        .provider = catalogue_find(config->types, json_text(checked, "type")),
        .settings = json_find(checked, "settings"),
        .ttl_s = json_int(checked, "ttl", 60),
        .follow_cname = json_bool(checked, "follow_cname", true),
        .authoritative_port = json_int(checked, "authoritative_port", 53),
    };
    zones_read(config, r, raw, json_find(checked, "zones"), p);
    rates_read(r, raw, json_find(checked, "rate"), p);
    addresses_read(r, raw, name, "resolvers", json_find(checked, "resolvers"), 53, &p->resolvers,
                   &p->n_resolvers);
    addresses_read(r, raw, name, "authoritative", json_find(checked, "authoritative"),
                   (uint16_t)p->authoritative_port, &p->authoritative, &p->n_authoritative);
    propagation_read(r, raw, checked, p);
}

void providers_read(struct config *config, struct reader *r)
{
    const struct json *list = json_find(config->tree, "providers"), *checked;
    const char *name;
    void *position = NULL;
    config->providers = NEW_N(json_len(list) + 1, struct provider_config);
    while (json_next(list, &position, &name, &checked))
        provider_read(config, r, name, checked);
}

void providers_free(struct config *config)
{
    for (size_t i = 0; i < config->n_providers; i++) {
        struct provider_config *p = &config->providers[i];
        mem_free(p->name);
        texts_free(p->zones);
        mem_free(p->limits);
        mem_free(p->resolvers);
        mem_free(p->authoritative);
        propagation_free(p);
    }
    mem_free(config->providers);
}

const struct provider_config *config_provider(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->n_providers; i++)
        if (strcmp(config->providers[i].name, name) == 0)
            return &config->providers[i];
    return NULL;
}

bool zone_holds(struct str zone, struct str name)
{
    return str_ends(name, zone) && (name.len == zone.len || name.p[name.len - zone.len - 1] == '.');
}

const struct provider_config *config_provider_for(const struct config *config, const char *name)
{
    const struct provider_config *best = NULL;
    size_t best_len = 0;
    struct str whole = str_of(name);
    for (size_t i = 0; i < config->n_providers; i++)
        for (char *const *z = config->providers[i].zones; *z != NULL; z++) {
            struct str zone = str_of(*z);
            if (zone.len > best_len && zone_holds(zone, whole)) {
                best = &config->providers[i];
                best_len = zone.len;
            }
        }
    return best;
}
