/* What a CA says when it refuses for a limit. */
#include "authority/ledger_inside.h"
#include "inventory/config.h"
#include "inventory/event.h"

#include <stdio.h>

enum { GUESS_MAX_MS = 60 * 60 * 1000, SAID_MAX = 4096, TOLD_AGAIN_MS = 60 * 60 * 1000 };

/* The page it names, or the words of its sentence; the first that fits. Those of Let's Encrypt, whose program other CAs run as well
 * (https://letsencrypt.org/docs/rate-limits/, read 2026-08-05). */
static const struct {
    enum ca_limit limit;
    const char *words[3];
} tellings[] = {
    {CA_LIMIT_SET, {"exact-set", "exact set"}},
    {CA_LIMIT_FAILURES, {"authorization-failures", "failed authorizations"}},
    {CA_LIMIT_DOMAIN, {"per-registered-domain", "already issued for"}},
    {CA_LIMIT_REGISTRATIONS_SITE, {"per-ipv6-range", "subnet", "ipv6 range"}},
    {CA_LIMIT_REGISTRATIONS, {"new-registrations", "new registrations"}},
    {CA_LIMIT_ORDERS, {"new-orders", "new orders"}},
};

/* One refusal while it is written down. */
struct lesson {
    struct house *house;
    const struct ledger_refusal *refusal;
    const struct ca_limits *limits;
    enum ca_limit limit;
    bool is_guess;
    int64_t now_ms, until_ms;
    char *said; /* lower case: its words and its page */
};

static void said_read(struct lesson *l)
{
    AUTO(buf_fini)
    struct buf text = BUF(SAID_MAX);
    buf_printf(&text, "%.2000s %.1000s", l->refusal->text != NULL ? l->refusal->text : "",
               l->refusal->help != NULL ? l->refusal->help : "");
    l->said = buf_take(&text);
    for (char *p = l->said; *p != '\0'; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
}

static void limit_find(struct lesson *l)
{
    l->is_guess = false;
    for (size_t i = 0; i < sizeof tellings / sizeof tellings[0]; i++)
        for (size_t k = 0; k < 3 && tellings[i].words[k] != NULL; k++)
            if (strstr(l->said, tellings[i].words[k]) != NULL) {
                l->limit = tellings[i].limit;
                return;
            }
    l->is_guess = l->refusal->n_names > 0;
    l->limit = l->is_guess ? CA_LIMIT_ORDERS : CA_LIMIT_REGISTRATIONS;
}

static bool is_named(const struct lesson *l, const char *name)
{
    AUTO(mem_fini)
    char *quoted = mem_printf("\"%s\"", name);
    return strstr(l->said, quoted) != NULL;
}

/* Said once; what is closed already is not told again. */
static void close_tell(const struct lesson *l, const struct ledger_bucket *b)
{
    char until[TIME_TEXT_MAX];
    struct gcra g = ledger_gcra(&l->limits->rates[l->limit]);
    int64_t opens_ms = gcra_at(&g, b->full_at_ms, l->now_ms, 1);
    if (opens_ms > l->now_ms && opens_ms + TOLD_AGAIN_MS > l->until_ms)
        return;
    time_format(l->until_ms, false, until);
    event_write(l->house, EVENT_LIMIT_TOLD, NULL, 0,
                "%s: %s%s%s%s: nothing that shares %s is asked before %s: %.500s",
                l->refusal->directory, ca_limit_what(l->limit), b->label[0] != '\0' ? " (" : "",
                b->label, b->label[0] != '\0' ? ")" : "",
                l->is_guess ? "what is probably this limit" : "this limit", until,
                l->refusal->text != NULL ? l->refusal->text : "no word");
}

static bool bucket_close(const struct lesson *l, struct ledger_bucket *b, struct err *err)
{
    const struct ca_rate *rate = &l->limits->rates[l->limit];
    struct gcra g = ledger_gcra(rate);
    if (!ledger_bucket_load(l->house, l->refusal->directory, rate, l->now_ms, b, err))
        return false;
    close_tell(l, b);
    return store_run(l->house->store, NULL, err, SQL_LEDGER_CLOSE, "ttttitii",
                     l->refusal->directory, ca_limit_name(l->limit), b->subject, b->label,
                     gcra_closed(&g, l->until_ms), l->refusal->text, l->now_ms,
                     (int64_t)l->is_guess);
}

static bool subject_close(const struct lesson *l, const char *subject, const char *label,
                          struct err *err)
{
    AUTO(ledger_bucket_fini)
    struct ledger_bucket b = {0};
    ledger_bucket_init(&b, l->limit, subject, label);
    return bucket_close(l, &b, err);
}

/* Where it names one of several it is that one, else all. */
static bool domains_close(const struct lesson *l, const struct ledger_ask *ask, struct err *err)
{
    struct ledger_bucket *domains = NEW_N(ask->n_names, struct ledger_bucket);
    size_t n = ledger_domain_buckets(l->house, ask, domains);
    bool ok = true, any_is_named = false;
    for (size_t i = 0; i < n; i++)
        any_is_named = any_is_named || is_named(l, domains[i].subject);
    for (size_t i = 0; i < n; i++) {
        if (ok && (!any_is_named || is_named(l, domains[i].subject)))
            ok = bucket_close(l, &domains[i], err);
        ledger_bucket_fini(&domains[i]);
    }
    mem_free(domains);
    return ok;
}

static bool names_close(const struct lesson *l, const struct ledger_ask *ask, struct err *err)
{
    bool ok = true, any_is_named = false;
    for (size_t i = 0; i < ask->n_names; i++)
        any_is_named = any_is_named || is_named(l, ask->names[i]);
    for (size_t i = 0; ok && i < ask->n_names; i++) {
        AUTO(mem_fini)
        char *subject =
            ledger_failing_subject(ask->account != NULL ? ask->account : "", ask->names[i]);
        if (!any_is_named || is_named(l, ask->names[i]))
            ok = subject_close(l, subject, ask->names[i], err);
    }
    return ok;
}

static bool lesson_write(const struct lesson *l, struct err *err)
{
    const struct ledger_refusal *refusal = l->refusal;
    struct ledger_ask ask = {.directory = refusal->directory,
                             .account = refusal->account,
                             .names = refusal->names,
                             .n_names = refusal->n_names};
    AUTO(ledger_bucket_fini)
    struct ledger_bucket set = {0};
    char host[LEDGER_HOST_MAX];
    switch (l->limit) {
    case CA_LIMIT_REGISTRATIONS:
        ledger_host(host);
        return subject_close(l, host, NULL, err);
    case CA_LIMIT_REGISTRATIONS_SITE:
        return subject_close(l, "", NULL, err);
    case CA_LIMIT_ORDERS:
        return refusal->account == NULL || subject_close(l, refusal->account, NULL, err);
    case CA_LIMIT_DOMAIN:
        return domains_close(l, &ask, err);
    case CA_LIMIT_SET:
        ledger_set_bucket(&ask, &set);
        return bucket_close(l, &set, err);
    case CA_LIMIT_FAILURES:
    case CA_LIMIT_FAILURES_IN_A_ROW:
        return names_close(l, &ask, err);
    case CA_LIMIT_N:
        break;
    }
    return true;
}

bool ledger_learn(struct house *house, const struct ledger_refusal *refusal, struct err *err)
{
    struct lesson l = {.house = house,
                       .refusal = refusal,
                       .limits = config_limits(house->config, refusal->directory),
                       .until_ms = refusal->until_ms};
    CHECK(store_in_transaction(house->store));
    if (!ledger_now(house, &l.now_ms, err))
        return false;
    said_read(&l);
    limit_find(&l);
    if (l.is_guess && l.until_ms > l.now_ms + GUESS_MAX_MS)
        l.until_ms = l.now_ms + GUESS_MAX_MS;
    bool ok = l.until_ms <= l.now_ms || lesson_write(&l, err);
    mem_free(l.said);
    return ok || err_wrap(err, "ledger of %s", refusal->directory);
}
