#include "base/clock.h"
#include "inventory/config_inside.h"

/* "100/1h" */
static bool rate_parse(const char *text, struct dns_rate *ret)
{
    struct str whole = str_of(text);
    size_t slash = str_find_char(whole, '/');
    return slash < whole.len && str_to_i64(str_mem(whole.p, slash), &ret->count) &&
           ret->count >= 1 && ret->count <= INT32_MAX &&
           duration_parse(str_mem(whole.p + slash + 1, whole.len - slash - 1), &ret->period_ms) &&
           ret->period_ms >= MS_SECOND && ret->period_ms <= 31 * MS_DAY;
}

void rates_read(struct reader *r, const struct json *raw, const struct json *list,
                struct provider_config *p)
{
    const struct dns_limits *own = p->provider != NULL ? p->provider->limits : NULL;
    if (list == NULL)
        return;
    p->limits = NEW(struct dns_limits);
    if (own != NULL)
        *p->limits = *own;
    p->limits->n_rates = 0;
    for (size_t i = 0; i < json_len(list) && p->limits->n_rates < DNS_RATES_MAX; i++) {
        const char *text = json_as_text(json_at(list, i));
        if (rate_parse(text, &p->limits->rates[p->limits->n_rates]))
            p->limits->n_rates++;
        else
            reader_say_item(r, raw, "rate", i,
                            "providers.%s.rate: \"%.40s\" is no rate; write how many in how long, "
                            "e.g. 2/1s or 100/1h",
                            p->name, text);
    }
}
