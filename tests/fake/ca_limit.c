/*
 * Limits as an authority keeps them: token buckets that drip, counted apart from everything the program under test reckons. Orders are
 * spent when they are taken, certificates when they are issued; checked at newOrder.
 */
#include "fake/ca_inner.h"

struct limit_bucket {
    double tokens;
    int64_t at_ms, spent_at_ms;
};
struct limit {
    const char *kind;
    int64_t count, period_s;
};

static struct limit_bucket *bucket_of(struct fake_ca *ca, const struct limit *limit,
                                      const char *subject, int64_t now_ms)
{
    AUTO(mem_fini)
    char *key = mem_printf("%s %s", limit->kind, subject);
    size_t id = fake_map_get(&ca->limits_by_key, key);
    if (id == 0) {
        ca->limits = mem_grow(ca->limits, ca->n_limits, ca->n_limits + 1, sizeof ca->limits[0]);
        ca->limits[ca->n_limits] = (struct limit_bucket){(double)limit->count, now_ms, 0};
        id = ++ca->n_limits;
        fake_map_put(&ca->limits_by_key, key, id);
    }
    struct limit_bucket *b = &ca->limits[id - 1];
    b->tokens +=
        (double)(now_ms - b->at_ms) * (double)limit->count / (double)(limit->period_s * MS_SECOND);
    if (b->tokens > (double)limit->count)
        b->tokens = (double)limit->count;
    b->at_ms = now_ms;
    return b;
}

static void spend(struct fake_ca *ca, const struct limit *limit, const char *subject,
                  int64_t now_ms)
{
    if (limit->count == 0)
        return;
    struct limit_bucket *b = bucket_of(ca, limit, subject, now_ms);
    b->tokens -= 1;
    b->spent_at_ms = now_ms;
    ca->counts.overrun += b->tokens < -0.001;
}

/* Seconds until there is a whole one; 0: now. */
static int64_t wait_s(struct fake_ca *ca, const struct limit *limit, const char *subject,
                      int64_t now_ms)
{
    if (limit->count == 0)
        return 0;
    struct limit_bucket *b = bucket_of(ca, limit, subject, now_ms);
    if (b->tokens > 0.999)
        return 0;
    return (int64_t)((1 - b->tokens) * (double)limit->period_s / (double)limit->count) + 1;
}

static char *set_of(char *const *names, size_t n)
{
    AUTO(buf_fini)
    struct buf text = BUF(64 * 1024);
    for (size_t i = 0; i < n; i++)
        buf_printf(&text, "%s,", names[i]);
    return buf_take(&text);
}

static const char *domain_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    while (dot != NULL && dot > name && dot[-1] != '.')
        dot--;
    return dot != NULL ? dot : name;
}

static bool is_first_of_domain(char *const *names, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(domain_of(names[k]), domain_of(names[i])) == 0)
            return false;
    return true;
}

static struct limit limit_orders(const struct fake_ca *ca)
{
    return (struct limit){"orders", ca->options.limit_orders, ca->options.limit_orders_s};
}
static struct limit limit_domain(const struct fake_ca *ca)
{
    return (struct limit){"domain", ca->options.limit_domain, ca->options.limit_domain_s};
}
static struct limit limit_set(const struct fake_ca *ca)
{
    return (struct limit){"set", ca->options.limit_set, ca->options.limit_set_s};
}
static struct limit limit_failures(const struct fake_ca *ca)
{
    return (struct limit){"failures", ca->options.limit_failures, ca->options.limit_failures_s};
}

static bool is_same_set(struct fake_ca *ca, char *const *names, size_t n, int64_t now_ms)
{
    AUTO(mem_fini)
    char *set = set_of(names, n);
    AUTO(mem_fini)
    char *key = mem_printf("set %s", set);
    size_t id = fake_map_get(&ca->limits_by_key, key);
    return id != 0 && ca->limits[id - 1].spent_at_ms > 0 &&
           now_ms - ca->limits[id - 1].spent_at_ms < ca->options.limit_same_set_s * MS_SECOND;
}

static bool refuse(struct call *c, int64_t seconds, const char *page, const char *what)
{
    bool tells = c->ca->options.limit_tells != 0;
    AUTO(mem_fini)
    char *help = mem_printf("%s/docs/rate-limits/%s%s", c->ca->base_url, tells ? "#" : "",
                            tells ? page : "");
    c->ca->counts.limited++;
    fake_call_link(c, "help", help);
    fake_call_header(c, "retry-after", "%lld", (long long)seconds);
    return fake_call_problem(c, 429, "rateLimited", "%s", tells ? what : "slow down");
}

static bool certificates_allow(struct call *c, char *const *names, size_t n)
{
    struct fake_ca *ca = c->ca;
    struct limit set = limit_set(ca), domain = limit_domain(ca);
    AUTO(mem_fini)
    char *whole = set_of(names, n);
    int64_t s = wait_s(ca, &set, whole, c->now_ms);
    if (s > 0)
        return refuse(c, s, "new-certificates-per-exact-set-of-identifiers",
                      "too many certificates already issued for this exact set of identifiers");
    for (size_t i = 0; i < n && !is_same_set(ca, names, n, c->now_ms); i++) {
        AUTO(mem_fini)
        char *what =
            mem_printf("too many certificates already issued for \"%s\"", domain_of(names[i]));
        s = wait_s(ca, &domain, domain_of(names[i]), c->now_ms);
        if (s > 0)
            return refuse(c, s, "new-certificates-per-registered-domain", what);
    }
    return true;
}

static char *failing(size_t account, const char *name)
{
    return mem_printf("%zu %s", account, strncmp(name, "*.", 2) == 0 ? name + 2 : name);
}

bool fake_limits_allow(struct call *c, char *const *names, size_t n)
{
    struct fake_ca *ca = c->ca;
    struct limit orders = limit_orders(ca), failures = limit_failures(ca);
    AUTO(mem_fini)
    char *account = mem_printf("%zu", c->account->id);
    int64_t s = is_same_set(ca, names, n, c->now_ms) ? 0 : wait_s(ca, &orders, account, c->now_ms);
    if (s > 0)
        return refuse(c, s, "new-orders-per-account", "too many new orders from this account");
    for (size_t i = 0; i < n; i++) {
        AUTO(mem_fini)
        char *subject = failing(c->account->id, names[i]);
        AUTO(mem_fini)
        char *what = mem_printf("too many failed authorizations for \"%s\"", names[i]);
        s = wait_s(ca, &failures, subject, c->now_ms);
        if (s > 0)
            return refuse(c, s, "authorization-failures-per-identifier-per-account", what);
    }
    return certificates_allow(c, names, n);
}

void fake_limits_ordered(struct fake_ca *ca, const struct fake_order *order, int64_t now_ms)
{
    struct limit orders = limit_orders(ca);
    AUTO(mem_fini)
    char *account = mem_printf("%zu", order->account);
    if (!is_same_set(ca, order->names, order->n_names, now_ms))
        spend(ca, &orders, account, now_ms);
}

void fake_limits_issued(struct fake_ca *ca, const struct fake_order *order, int64_t now_ms)
{
    struct limit set = limit_set(ca), domain = limit_domain(ca);
    AUTO(mem_fini)
    char *whole = set_of(order->names, order->n_names);
    bool is_same = is_same_set(ca, order->names, order->n_names, now_ms);
    for (size_t i = 0; !is_same && i < order->n_names; i++)
        if (is_first_of_domain(order->names, i))
            spend(ca, &domain, domain_of(order->names[i]), now_ms);
    spend(ca, &set, whole, now_ms);
}

void fake_limits_failed(struct fake_ca *ca, const struct fake_authz *authz, int64_t now_ms)
{
    struct limit failures = limit_failures(ca);
    AUTO(mem_fini)
    char *subject = failing(authz->account, authz->name);
    spend(ca, &failures, subject, now_ms);
}

void fake_limits_free(struct fake_ca *ca)
{
    mem_free(ca->limits);
    fake_map_fini(&ca->limits_by_key);
}
