#include "dns-providers/manifest/limits.h"

#include "base/clock.h"

bool limits_rates_fit(const struct json *rates)
{
    size_t n = json_len(rates);
    if (!json_is(rates, JSON_ARRAY) || n == 0 || n >= DNS_RATES_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct json *pair = json_at(rates, i);
        if (json_len(pair) != 2 || json_as_int(json_at(pair, 0), 0) < 1 ||
            json_as_int(json_at(pair, 1), 0) < 1)
            return false;
    }
    return true;
}

static size_t choice_at(const char *choices, const char *text)
{
    struct str rest = str_of(choices), choice;
    for (size_t i = 0; text != NULL && str_split(&rest, '|', &choice); i++)
        if (str_eq(choice, str_of(text)))
            return i;
    return 0;
}

/* How many requests a record costs where each is its own: what is read and written as a whole costs two a name, and a name mostly has one. */
static int64_t calls_per_record(const struct json *tree)
{
    const char *model = json_text(tree, "model");
    if (json_find(tree, "batch") != NULL)
        return 0;
    if (strcmp(model, "rrset") == 0)
        return 2;
    return strcmp(model, "record") == 0 || strcmp(model, "value") == 0 ? 1 : 0;
}

const struct dns_limits *limits_make(struct arena *arena, const struct json *tree)
{
    const struct json *spec = json_find(tree, "limits"), *rates = json_find(spec, "rate");
    int64_t gap_s = json_int(spec, "gap", 0);
    if (spec == NULL)
        return NULL;
    struct dns_limits *limits = arena_alloc(arena, sizeof *limits);
    *limits = (struct dns_limits){
        .scope = (enum dns_scope)choice_at(LIMITS_SCOPES, json_text(spec, "scope")),
        .parallel = json_int(spec, "parallel", 0),
        .calls_per_record = calls_per_record(tree),
        .remaining = json_text(spec, "remaining"),
        .reset = json_text(spec, "reset"),
        .reset_is = (enum dns_reset)choice_at(LIMITS_RESETS, json_text(spec, "reset_is")),
    };
    for (size_t i = 0; i < json_len(rates); i++)
        limits->rates[limits->n_rates++] =
            (struct dns_rate){json_as_int(json_at(json_at(rates, i), 0), 0),
                              json_as_int(json_at(json_at(rates, i), 1), 0) * MS_SECOND};
    if (gap_s > 0)
        limits->rates[limits->n_rates++] = (struct dns_rate){1, gap_s * MS_SECOND};
    return limits;
}
