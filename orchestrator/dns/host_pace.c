#include "dns/host_pace.h"

#include "base/gcra.h"
#include "crypto/key.h"
#include "dns/host_inner.h"
#include "inventory/event.h"

enum {
    WAIT_MOST_MS = 2 * 60 * 1000, /* a job waits so long for one request; beyond, it is put off */
    PERIOD_KEPT_MS = 5 * 1000,    /* shorter ones are over before a restart is */
    EXPECTED_MOST = 100 * 1000,
    PARK_TOLD_MS = 60 * 1000 /* a park that moves by less is not told again */
};

struct account { /* of a configured provider, worked out once */
    struct list in_pace;
    const struct provider_config *provider;
    char key[33];
};
struct bucket {
    struct list in_pace;
    char *key, *provider;
    struct dns_rate rate;
    struct gcra gcra;
    int64_t full_at_ms, saved_at_ms; /* the row may be ahead */
    int64_t n_expected;
};
struct park {
    struct list in_pace;
    char *key, *provider;
    int64_t until_ms, told_until_ms;
    struct err why;
    bool is_dirty;
};
struct host_pace {
    struct house *house;
    struct list accounts, buckets, parks;
    bool has_parks, has_forgotten;
};

struct host_pace *host_pace_new(struct house *house)
{
    struct host_pace *pace = NEW(struct host_pace);
    pace->house = house;
    list_init(&pace->accounts);
    list_init(&pace->buckets);
    list_init(&pace->parks);
    return pace;
}

void host_pace_free(struct host_pace *pace)
{
    if (pace == NULL)
        return;
    LIST_EACH (it, &pace->accounts)
        mem_free(LIST_OWNER(it, struct account, in_pace));
    LIST_EACH (it, &pace->buckets) {
        struct bucket *b = LIST_OWNER(it, struct bucket, in_pace);
        mem_free(b->key);
        mem_free(b->provider);
        mem_free(b);
    }
    LIST_EACH (it, &pace->parks) {
        struct park *p = LIST_OWNER(it, struct park, in_pace);
        mem_free(p->key);
        mem_free(p->provider);
        mem_free(p);
    }
    mem_free(pace);
}

/* ---- who, and about what ---- */

const struct dns_limits *host_limits(const struct provider_config *p)
{
    if (p->limits != NULL)
        return p->limits;
    return p->provider->struct_size >= sizeof(struct dns_provider) ? p->provider->limits : NULL;
}

static size_t references_add(const struct section *section, const struct json *settings,
                             const char *path, struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; section != NULL && i < section->n; i++) {
        const struct setting *row = &section->settings[i];
        const struct json *value = json_find(settings, row->name);
        AUTO(mem_fini)
        char *at = mem_printf("%s.%s", path, row->name);
        if (row->kind == SETTING_SECTION)
            n += references_add(row->section, value, at, out);
        if (row->kind != SETTING_SECRET || json_as_text(value) == NULL)
            continue;
        buf_printf(out, "%s=%s\n", at, json_as_text(value));
        n++;
    }
    return n;
}

/* Without a secret all settings together say who we are. */
static void account_identify(struct account *a)
{
    AUTO(buf_fini)
    struct buf who = BUF(8 * JSON_SIZE_MAX);
    const struct provider_config *p = a->provider;
    const char *base_url = json_text(p->settings, "base_url");
    char hex[65];
    buf_printf(&who, "%s\n%s\n", p->provider->name, base_url != NULL ? base_url : "");
    if (references_add(p->provider->settings, p->settings, "", &who) == 0 && p->settings != NULL)
        json_format_canonical(p->settings, &who);
    sha256_hex(who.p, who.len, hex);
    memcpy(a->key, hex, sizeof a->key - 1);
}

static const char *account_key(struct host_pace *pace, const struct provider_config *provider)
{
    LIST_EACH (it, &pace->accounts) {
        struct account *a = LIST_OWNER(it, struct account, in_pace);
        if (a->provider == provider)
            return a->key;
    }
    struct account *a = NEW(struct account);
    a->provider = provider;
    account_identify(a);
    list_push_back(&pace->accounts, &a->in_pace);
    return a->key;
}

bool host_account_is_same(struct provider_host *host, const struct provider_config *a,
                          const struct provider_config *b)
{
    return a == b || strcmp(account_key(host->pace, a), account_key(host->pace, b)) == 0;
}

/* What shares a limit. What is parked is never less than a zone: jobs have no part of it. Fresh text. */
static char *place_key(struct host_pace *pace, const struct host_place *place, bool is_park)
{
    const struct dns_limits *limits = host_limits(place->provider);
    const char *account = account_key(pace, place->provider);
    const char *base_url = json_text(place->provider->settings, "base_url");
    switch (limits != NULL ? limits->scope : DNS_SCOPE_ACCOUNT) {
    case DNS_SCOPE_ACCOUNT:
        break;
    case DNS_SCOPE_NAME:
        if (!is_park)
            return mem_printf("%s name %s", account, place->owner);
        return mem_printf("%s zone %s", account, place->zone);
    case DNS_SCOPE_ZONE:
        return mem_printf("%s zone %s", account, place->zone);
    case DNS_SCOPE_HOST:
        return mem_printf("host %s %s", place->provider->provider->name,
                          base_url != NULL ? base_url : "");
    }
    return mem_strdup(account);
}

/* ---- buckets ---- */

static void bucket_load(struct host_pace *pace, struct bucket *b)
{
    int64_t now_ms = house_now(pace->house);
    if (pace->house->store == NULL || b->rate.period_ms < PERIOD_KEPT_MS ||
        !store_int(pace->house->store, 0, &b->full_at_ms, NULL, SQL_DNS_BUCKET_FILL, "t", b->key))
        return;
    /* Written by a clock that was ahead. */
    if (b->full_at_ms > now_ms + 2 * b->rate.period_ms)
        b->full_at_ms = now_ms + b->rate.period_ms;
    b->saved_at_ms = b->full_at_ms;
}

static struct bucket *bucket_of(struct host_pace *pace, const struct host_place *place,
                                const struct dns_rate *rate)
{
    AUTO(mem_fini)
    char *what = place_key(pace, place, false);
    AUTO(mem_fini)
    char *key =
        mem_printf("%s %lld/%lld", what, (long long)rate->count, (long long)rate->period_ms);
    LIST_EACH (it, &pace->buckets) {
        struct bucket *b = LIST_OWNER(it, struct bucket, in_pace);
        if (strcmp(b->key, key) == 0)
            return b;
    }
    struct bucket *b = NEW(struct bucket);
    b->key = mem_strdup(key);
    b->provider = mem_strdup(place->provider->name);
    b->rate = *rate;
    b->gcra = gcra_window(rate->count, rate->period_ms);
    bucket_load(pace, b);
    list_push_back(&pace->buckets, &b->in_pace);
    return b;
}

static int64_t later_of(int64_t a_ms, int64_t b_ms)
{
    return a_ms > b_ms ? a_ms : b_ms;
}

static int64_t buckets_wait_ms(struct host_pace *pace, const struct host_place *place, int64_t n,
                               bool is_behind, struct dns_rate *ret_rate)
{
    const struct dns_limits *limits = host_limits(place->provider);
    int64_t now_ms = house_now(pace->house), most_ms = 0;
    for (size_t i = 0; limits != NULL && i < limits->n_rates; i++) {
        const struct bucket *b = bucket_of(pace, place, &limits->rates[i]);
        int64_t n_th = n + (is_behind ? b->n_expected : 0);
        int64_t ms = gcra_at(&b->gcra, b->full_at_ms, now_ms, n_th) - now_ms;
        if (ms > most_ms && ret_rate != NULL)
            *ret_rate = b->rate;
        most_ms = later_of(ms, most_ms);
    }
    return most_ms;
}

int64_t host_pace_wait_ms(struct provider_host *host, const struct host_place *place, int64_t n,
                          struct dns_rate *ret_rate)
{
    return buckets_wait_ms(host->pace, place, n, true, ret_rate);
}

void host_pace_expect(struct provider_host *host, const struct host_place *place, int64_t n)
{
    const struct dns_limits *limits = host_limits(place->provider);
    for (size_t i = 0; limits != NULL && i < limits->n_rates; i++) {
        struct bucket *b = bucket_of(host->pace, place, &limits->rates[i]);
        b->n_expected += n;
        b->n_expected = b->n_expected < 0               ? 0
                        : b->n_expected > EXPECTED_MOST ? EXPECTED_MOST
                                                        : b->n_expected;
    }
}

static bool take_is_put_off(const struct house *house, const struct dns_rate *rate, int64_t wait_ms,
                            struct err *err)
{
    char period[TIME_TEXT_MAX], wait[TIME_TEXT_MAX];
    if (wait_ms <= WAIT_MOST_MS)
        return false;
    duration_format(rate->period_ms, period);
    duration_format(wait_ms, wait);
    err_set(err, ERR_THROTTLED, "its limit of %lld requests in %s is used up: the next one in %s",
            (long long)rate->count, period, wait);
    err->until_ms = house_now(house) + wait_ms;
    return true;
}

int64_t host_pace_take(struct provider_host *host, const struct host_place *place, struct err *err)
{
    const struct dns_limits *limits = host_limits(place->provider);
    struct house *house = host->house;
    struct dns_rate rate = {0};
    int64_t now_ms = house_now(house);
    if (limits == NULL && list_is_empty(&host->pace->parks))
        return 0;
    int64_t wait_ms = buckets_wait_ms(host->pace, place, 1, false, &rate);
    int64_t parked_ms = host_parked_until_ms(host, place, err) - now_ms;
    if (parked_ms > WAIT_MOST_MS || take_is_put_off(house, &rate, wait_ms, err))
        return -1;
    wait_ms = later_of(wait_ms, parked_ms);
    for (size_t i = 0; limits != NULL && i < limits->n_rates; i++) {
        struct bucket *b = bucket_of(host->pace, place, &limits->rates[i]);
        b->full_at_ms = gcra_take(&b->gcra, b->full_at_ms, now_ms + wait_ms, 1);
    }
    return wait_ms;
}

/* ---- parks ---- */

static struct park *park_put(struct host_pace *pace, const char *key, const char *provider,
                             int64_t until_ms, const char *why)
{
    struct park *park = NULL;
    LIST_EACH (it, &pace->parks) {
        struct park *p = LIST_OWNER(it, struct park, in_pace);
        if (strcmp(p->key, key) == 0)
            park = p;
    }
    if (park == NULL) {
        park = NEW(struct park);
        park->key = mem_strdup(key);
        park->provider = mem_strdup(provider);
        list_push_back(&pace->parks, &park->in_pace);
    }
    park->until_ms = until_ms;
    err_set(&park->why, ERR_THROTTLED, "%s", why);
    park->why.until_ms = until_ms;
    return park;
}

static void parks_load(struct host_pace *pace)
{
    struct rows rows;
    if (pace->has_parks || pace->house->store == NULL)
        return;
    pace->has_parks = true;
    int64_t now_ms = house_now(pace->house);
    if (!store_query(pace->house->store, &rows, NULL, SQL_DNS_PARK_ALL, "i", now_ms))
        return;
    while (rows_next(&rows)) {
        int64_t until_ms = rows_int(&rows, 2);
        /* No API is let to keep us off for longer; a row that says so was written by a clock that was ahead. */
        if (until_ms <= now_ms + MS_DAY)
            park_put(pace, rows_text(&rows, 0), rows_text(&rows, 1), until_ms, rows_text(&rows, 3))
                ->told_until_ms = until_ms;
    }
    rows_end(&rows, NULL);
}

int64_t host_parked_until_ms(struct provider_host *host, const struct host_place *place,
                             struct err *ret_why)
{
    parks_load(host->pace);
    if (list_is_empty(&host->pace->parks))
        return 0;
    AUTO(mem_fini)
    char *key = place_key(host->pace, place, true);
    LIST_EACH (it, &host->pace->parks) {
        const struct park *p = LIST_OWNER(it, struct park, in_pace);
        if (strcmp(p->key, key) != 0 || p->until_ms <= house_now(host->house))
            continue;
        char until[TIME_TEXT_MAX];
        time_format(p->until_ms, false, until);
        err_set(ret_why, ERR_THROTTLED, "%s is asked nothing until %s: %s", place->provider->name,
                until, p->why.text);
        ret_why->until_ms = p->until_ms;
        return p->until_ms;
    }
    return 0;
}

void host_park(struct provider_host *host, const struct host_place *place, int64_t until_ms,
               const char *why)
{
    struct err known = {0};
    int64_t most_ms = house_now(host->house) + MS_DAY;
    until_ms = until_ms < most_ms ? until_ms : most_ms;
    if (until_ms <= house_now(host->house) || host_parked_until_ms(host, place, &known) >= until_ms)
        return;
    AUTO(mem_fini)
    char *key = place_key(host->pace, place, true);
    park_put(host->pace, key, place->provider->name, until_ms, why)->is_dirty = true;
}

/* ---- what the API says of its limits ---- */

static int64_t reset_at_ms(const struct dns_limits *limits, const char *text, int64_t now_ms)
{
    int64_t number, at_ms = 0;
    bool is_number = str_to_i64(str_of(text), &number) && number > 0 && number < INT32_MAX * 2LL;
    switch (limits->reset_is) {
    case DNS_RESET_SECONDS:
        return is_number ? now_ms + number * MS_SECOND : 0;
    case DNS_RESET_EPOCH:
        return is_number ? number * MS_SECOND : 0;
    case DNS_RESET_DATE:
        break;
    }
    return time_parse_http(str_of(text), &at_ms) || time_parse(str_of(text), &at_ms) ? at_ms : 0;
}

/* The next is not even tried. */
void host_pace_hear(struct provider_host *host, const struct host_place *place, const char *left,
                    const char *reset)
{
    int64_t n_left;
    if (left == NULL || reset == NULL || !str_to_i64(str_of(left), &n_left) || n_left > 0)
        return;
    host_park(host, place, reset_at_ms(host_limits(place->provider), reset, house_now(host->house)),
              "its API says that no request is left until then");
}

/* ---- rows ---- */

/* Once a run, with the first thing that is written. */
static bool pace_forget(struct host_pace *pace, struct err *err)
{
    int64_t now_ms = house_now(pace->house);
    if (pace->has_forgotten)
        return true;
    pace->has_forgotten = true;
    return store_run(pace->house->store, NULL, err, SQL_DNS_BUCKET_FORGET, "i", now_ms) &&
           store_run(pace->house->store, NULL, err, SQL_DNS_PARK_FORGET, "i", now_ms);
}

static bool bucket_save(struct host_pace *pace, struct bucket *b, bool is_ridden, struct err *err)
{
    int64_t now_ms = house_now(pace->house);
    int64_t n_ahead =
        b->n_expected > 0 || b->saved_at_ms < b->full_at_ms ? 2 + b->gcra.burst / 8 : 0;
    bool is_short = b->saved_at_ms < later_of(b->full_at_ms, now_ms) + n_ahead / 2 * b->gcra.gap;
    int64_t at_ms = later_of(b->full_at_ms, n_ahead > 0 ? now_ms : 0) + n_ahead * b->gcra.gap;
    bool gives_back = is_ridden && n_ahead == 0 && b->saved_at_ms > at_ms;
    if (b->rate.period_ms < PERIOD_KEPT_MS || !((n_ahead > 0 && is_short) || gives_back))
        return true;
    if (!pace_forget(pace, err) || !store_run(pace->house->store, NULL, err, SQL_DNS_BUCKET_SAVE,
                                              "tti", b->key, b->provider, at_ms))
        return false;
    b->saved_at_ms = at_ms;
    return true;
}

static bool park_save(struct host_pace *pace, struct park *p, struct err *err)
{
    char until[TIME_TEXT_MAX];
    if (!p->is_dirty)
        return true;
    time_format(p->until_ms, false, until);
    if (!pace_forget(pace, err) ||
        !store_run(pace->house->store, NULL, err, SQL_DNS_PARK_SAVE, "ttiit", p->key, p->provider,
                   house_now(pace->house), p->until_ms, p->why.text))
        return false;
    p->is_dirty = false;
    if (p->until_ms < p->told_until_ms + PARK_TOLD_MS)
        return true;
    p->told_until_ms = p->until_ms;
    return event_write(pace->house, EVENT_DNS_PARKED, NULL, 0,
                       "provider %s is left alone until %s: %s", p->provider, until, p->why.text);
}

bool host_pace_save(struct provider_host *host, bool is_ridden, struct err *err)
{
    LIST_EACH (it, &host->pace->parks) {
        if (!park_save(host->pace, LIST_OWNER(it, struct park, in_pace), err))
            return err_wrap(err, "limits of the DNS providers");
    }
    LIST_EACH (it, &host->pace->buckets) {
        if (!bucket_save(host->pace, LIST_OWNER(it, struct bucket, in_pace), is_ridden, err))
            return err_wrap(err, "limits of the DNS providers");
    }
    return true;
}
