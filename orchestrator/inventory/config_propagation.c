#include "inventory/config_inside.h"

/* The usual patience; where changes are known to take longer, theirs. */
enum { TIMEOUT_MS = 10 * 60 * 1000 };

static const char *const mode_names[] = {
    [PROPAGATION_AUTHORITATIVE] = "authoritative",
    [PROPAGATION_RESOLVERS] = "resolvers",
    [PROPAGATION_PROVIDER] = "provider",
    [PROPAGATION_WAIT] = "wait",
};
_Static_assert(sizeof(mode_names) / sizeof(mode_names[0]) == PROPAGATION_WAIT + 1,
               "a name for every mode");

const char *propagation_mode_name(enum propagation_mode mode)
{
    return mode_names[mode];
}

size_t propagation_floor(const struct propagation_config *rules, size_t n)
{
    size_t least = n / 2;
    if (rules->min_answers > 0)
        least = (size_t)rules->min_answers;
    else if (rules->min_percent > 0)
        least = (n * (size_t)rules->min_percent + 99) / 100;
    least = least > 0 ? least : 1;
    return least < n ? least : n;
}

const struct propagation_config *config_propagation(const struct provider_config *provider,
                                                    const char *zone)
{
    const struct propagation_config *best = &provider->propagation;
    size_t best_len = 0;
    for (size_t i = 0; i < provider->n_zone_propagations; i++) {
        const struct propagation_config *rules = &provider->zone_propagations[i];
        struct str name = str_of(rules->zone);
        if (name.len > best_len && zone_holds(name, str_of(zone))) {
            best = rules;
            best_len = name.len;
        }
    }
    return best;
}

/* One section of rules as it is being read. */
struct rules_reading {
    struct reader *r;
    const char *where; /* "corp.propagation" */
    const struct json *raw, *checked;
    struct provider_config *provider;
};

static void rules_say(const struct rules_reading *in, const char *key, const char *what)
{
    reader_say(in->r, in->raw, key, "providers.%s.%s: %s", in->where, key, what);
}

static enum propagation_mode mode_of(const struct json *checked)
{
    const char *name = json_text(checked, "mode");
    for (int i = 0; name != NULL && i <= PROPAGATION_WAIT; i++)
        if (strcmp(mode_names[i], name) == 0)
            return (enum propagation_mode)i;
    if (json_find(checked, "resolvers") != NULL)
        return PROPAGATION_RESOLVERS;
    return json_find(checked, "wait") != NULL ? PROPAGATION_WAIT : PROPAGATION_AUTHORITATIVE;
}

/* What a mode needs is there, and nothing that it would not look at. */
static void mode_verify(const struct rules_reading *in, enum propagation_mode mode)
{
    bool has_list = json_len(json_find(in->checked, "resolvers")) > 0;
    bool has_wait = json_find(in->checked, "wait") != NULL;
    if (mode == PROPAGATION_RESOLVERS && !has_list)
        rules_say(in, "resolvers", "name at least one resolver, e.g. resolvers: [192.0.2.53]");
    if (mode == PROPAGATION_WAIT && !has_wait)
        rules_say(in, "wait", "say how long, e.g. wait: 2m");
    if (mode != PROPAGATION_RESOLVERS && has_list)
        rules_say(in, "resolvers", "they are asked only with mode: resolvers");
    if (mode != PROPAGATION_WAIT && has_wait)
        rules_say(in, "wait", "it counts only with mode: wait");
    if (mode == PROPAGATION_PROVIDER &&
        (in->provider->provider->capabilities & DNS_CAN_CONFIRM) == 0) {
        AUTO(mem_fini)
        char *what = mem_printf("the API of %s does not tell when a record is served everywhere; "
                                "use authoritative, resolvers or wait",
                                in->provider->provider->name);
        rules_say(in, "mode", what);
    }
}

static void mode_read(const struct rules_reading *in, struct propagation_config *rules)
{
    static const char *const keys[] = {"mode", "resolvers", "wait"};
    bool is_said = false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        is_said = is_said || json_find(in->checked, keys[i]) != NULL;
    if (!is_said)
        return;
    rules->mode = mode_of(in->checked);
    mode_verify(in, rules->mode);
    rules->wait_ms = json_int(in->checked, "wait", 0);
    mem_free(rules->resolvers);
    addresses_read(in->r, in->raw, in->where, "resolvers", json_find(in->checked, "resolvers"), 53,
                   &rules->resolvers, &rules->n_resolvers);
}

static bool percent_parse(struct str text, int64_t *ret)
{
    int64_t percent;
    if (!str_ends(text, STR("%")) || !str_to_i64(str_mem(text.p, text.len - 1), &percent) ||
        percent < 1 || percent > 100)
        return false;
    *ret = percent;
    return true;
}

static void answers_read(const struct rules_reading *in, struct propagation_config *rules)
{
    const struct json *value = json_find(in->checked, "min_answers");
    const char *text = json_as_text(value);
    int64_t number = json_is(value, JSON_INT) ? json_int(in->checked, "min_answers", 0) : 0;
    if (value == NULL)
        return;
    rules->min_answers = rules->min_percent = 0;
    if (number > 0 && number <= 100)
        rules->min_answers = number;
    else if (text != NULL && strcmp(text, "all") == 0)
        rules->min_percent = 100;
    else if (text == NULL ||
             (strcmp(text, "half") != 0 && !percent_parse(str_of(text), &rules->min_percent)))
        rules_say(in, "min_answers",
                  "a number of name servers, a share such as \"60%\", half or all is expected");
}

static void rules_read(const struct rules_reading *in, struct propagation_config *rules)
{
    mode_read(in, rules);
    answers_read(in, rules);
    rules->timeout_ms = json_int(in->checked, "timeout", rules->timeout_ms);
    rules->settle_ms = json_int(in->checked, "settle", rules->settle_ms);
}

/* A rule for a zone that never comes to this provider would be overlooked for years. */
static void zone_verify(const struct rules_reading *in, const char *zone)
{
    for (char *const *z = in->provider->zones; *z != NULL; z++)
        if (zone_holds(str_of(*z), str_of(zone)))
            return;
    rules_say(in, "zone", "this provider has no such zone: add it to its `zones`");
}

static void zone_rules_read(const struct rules_reading *in)
{
    struct provider_config *p = in->provider;
    const struct propagation_config *usual = &p->propagation;
    const char *text = json_text(in->checked, "zone");
    struct err why = {0};
    char *zone = NULL;
    if (!zone_normalise(text, &zone, &why)) {
        rules_say(in, "zone", why.text);
        return;
    }
    struct propagation_config *rules = &p->zone_propagations[p->n_zone_propagations++];
    *rules = *usual;
    rules->zone = zone;
    rules->resolvers =
        usual->n_resolvers > 0 ? NEW_N(usual->n_resolvers, struct net_address) : NULL;
    if (usual->n_resolvers > 0)
        memcpy(rules->resolvers, usual->resolvers, usual->n_resolvers * sizeof *rules->resolvers);
    zone_verify(in, zone);
    rules_read(in, rules);
}

void propagation_read(struct reader *r, const struct json *raw, const struct json *checked,
                      struct provider_config *p)
{
    const struct json *rules = json_find(checked, "propagation"),
                      *zones = json_find(rules, "zones");
    const struct json *raw_rules = json_find(raw, "propagation");
    int64_t longest_ms = dns_provider_longest_ms(p->provider);
    AUTO(mem_fini)
    char *where = mem_printf("%s.propagation", p->name);
    p->propagation.timeout_ms = longest_ms > TIMEOUT_MS ? longest_ms : TIMEOUT_MS;
    rules_read(&(struct rules_reading){r, where, raw_rules, rules, p}, &p->propagation);
    p->zone_propagations =
        json_len(zones) > 0 ? NEW_N(json_len(zones), struct propagation_config) : NULL;
    for (size_t i = 0; i < json_len(zones); i++) {
        AUTO(mem_fini)
        char *item = mem_printf("%s.zones", where);
        zone_rules_read(&(struct rules_reading){r, item, json_at(json_find(raw_rules, "zones"), i),
                                                json_at(zones, i), p});
    }
}

void propagation_free(struct provider_config *p)
{
    for (size_t i = 0; i < p->n_zone_propagations; i++) {
        mem_free(p->zone_propagations[i].zone);
        mem_free(p->zone_propagations[i].resolvers);
    }
    mem_free(p->zone_propagations);
    mem_free(p->propagation.resolvers);
}
