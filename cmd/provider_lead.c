#include "cmd/output.h"
#include "cmd/provider_words.h"

#include "authority/lease.h"

enum { LEASE_MS = 20 * 60 * 1000, HELD_POLL_MS = 250 };

static bool lead_take(struct invocation *in, const char *purpose, int64_t wait_ms,
                      struct lease **ret)
{
    struct house *house = &in->house;
    int64_t give_up_at_ms = house_now(house) + wait_ms;
    bool is_told = false;
    while (!lease_take(house, "leader", purpose, LEASE_MS, true, ret, &in->err)) {
        if (in->err.kind != ERR_HELD || house_now(house) >= give_up_at_ms ||
            loop_n_stops(house->loop) > 0)
            return false;
        if (!is_told)
            house_say(house, NULL, "lead", "waiting: %s", in->err.text);
        is_told = true;
        loop_wait(house->loop, house_now(house) + HELD_POLL_MS);
    }
    err_clear(&in->err);
    return true;
}

bool provider_lead(struct invocation *in, const char *purpose, int64_t wait_ms,
                   bool (*work)(struct invocation *in, void *arg), void *arg)
{
    struct house *house = &in->house;
    struct lease *lease = NULL;
    struct progress_view *view = progress_view_new(in);
    house->progress = progress_view_front(view);
    bool ok = lead_take(in, purpose, wait_ms, &lease);
    if (ok) {
        house->fencing = lease_fencing(lease);
        ok = work(in, arg);
        lease_drop(house, lease);
        house->fencing = 0;
    }
    progress_view_free(view);
    house->progress = (struct progress){0};
    return ok;
}

bool provider_fits(struct invocation *in, const char *provider, const char *name)
{
    const struct provider_config *p = config_provider(in->config, provider), *other;
    if (p == NULL)
        return provider_unknown(in, provider);
    if (dns_provider_fault(p->provider) != NULL)
        return err_set(&in->err, ERR_CONFIG, "provider %s cannot be used: %s", p->name,
                       dns_provider_fault(p->provider));
    other = config_provider_for(in->config, name);
    if (other == p)
        return true;
    if (other == NULL)
        return err_set(&in->err, ERR_CONFIG,
                       "no provider has a zone of %s; add its zone to providers.%s.zones in %s",
                       name, p->name, in->config->path);
    return err_set(&in->err, ERR_CONFIG,
                   "TXT records of %s go through provider %s, not %s: its zone fits better", name,
                   other->name, p->name);
}

bool provider_advise(struct invocation *in, const char *fmt, ...)
{
    struct buf text = BUF(ERR_TEXT_MAX);
    size_t len = strlen(in->err.text);
    va_list ap;
    va_start(ap, fmt);
    buf_add_cstr(&text, "; ");
    buf_vprintf(&text, fmt, ap);
    va_end(ap);
    if (len + text.len < sizeof in->err.text)
        memcpy(in->err.text + len, buf_cstr(&text), text.len + 1);
    buf_fini(&text);
    return false;
}
