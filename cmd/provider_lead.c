#include "cmd/output.h"
#include "cmd/provider_words.h"

#include "authority/lease.h"
#include "leader/request.h"

enum { LEASE_MS = 20 * 60 * 1000 };

bool provider_lead(struct invocation *in, const char *purpose, int64_t wait_ms,
                   bool (*work)(struct invocation *in, void *arg), void *arg)
{
    struct house *house = &in->house;
    struct lease *lease = NULL;
    struct progress_view *view = progress_view_new(in);
    house->progress = progress_view_front(view);
    bool ok = errand_lead_take(house, purpose, LEASE_MS, wait_ms, &lease, &in->err);
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
