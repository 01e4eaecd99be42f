#include "dns-providers/document.h"
#include "dns-providers/manifest/manifest.h"

#include "base/clock.h"

#include <stddef.h>

static const struct {
    unsigned flag;
    const char *sentence, *without; /* without may be NULL: its absence needs no word */
} capabilities[] = {
    {DNS_CAN_BATCH, "Several records go into one job.", "One record at a time."},
    {DNS_CAN_ATOMIC, "A job of at most 100 records is applied whole or not at all.", NULL},
    {DNS_CAN_FIND_ZONE, "Finds the zone by itself.", NULL},
    {DNS_CAN_CONFIRM, "Its \"done\" means: served by every name server.", NULL},
    {DNS_CAN_ROLL, "Removes nothing: the next values take the place of the old ones.", NULL},
    {DNS_CAN_DELEGATE, "Writes to a name of its own: the challenge name needs a CNAME to it.",
     NULL},
};

static void document_capabilities(const struct dns_provider *provider, struct buf *out)
{
    buf_add_cstr(out, "What it can do:\n\n");
    for (size_t i = 0; i < sizeof capabilities / sizeof capabilities[0]; i++) {
        bool has = (provider->capabilities & capabilities[i].flag) != 0;
        const char *sentence = has ? capabilities[i].sentence : capabilities[i].without;
        if (sentence != NULL)
            buf_printf(out, "- %s\n", sentence);
    }
}

/* struct_size tells whether a module compiled with an older header has a member at all. */
#define HAS(provider, member)                                                                      \
    ((provider)->struct_size >= offsetof(struct dns_provider, member) + sizeof((provider)->member))

const char *dns_provider_status(const struct dns_provider *provider)
{
    return HAS(provider, status) && provider->status != NULL ? provider->status : "stable";
}

bool dns_provider_is_trial(const struct dns_provider *provider)
{
    return strcmp(dns_provider_status(provider), "trial") == 0;
}

const char *dns_provider_docs_read(const struct dns_provider *provider)
{
    return HAS(provider, docs_read) ? provider->docs_read : NULL;
}

const char *dns_provider_model(const struct dns_provider *provider)
{
    return json_text(manifest_tree(provider), "model");
}

const char *dns_provider_zone_by(const struct dns_provider *provider)
{
    return json_text(json_find(manifest_tree(provider), "zone"), "by");
}

static void document_status(const struct dns_provider *provider, struct buf *out)
{
    if (dns_provider_is_trial(provider))
        buf_add_cstr(out,
                     "**On trial**: written from the description of the API and held against "
                     "recorded answers; nobody has told yet that it works with a live account. "
                     "`chancery provider test` tries it.\n\n");
    else if (strcmp(dns_provider_status(provider), "closed") == 0)
        buf_add_cstr(out, "**Closed**: the service takes no new customers.\n\n");
}

int64_t dns_provider_typical_ms(const struct dns_provider *provider)
{
    return HAS(provider, publish_typical_ms) ? provider->publish_typical_ms : 0;
}

int64_t dns_provider_longest_ms(const struct dns_provider *provider)
{
    return HAS(provider, publish_max_ms) ? provider->publish_max_ms : 0;
}

static void document_times(const struct dns_provider *provider, struct buf *out)
{
    int64_t typical_ms = dns_provider_typical_ms(provider);
    int64_t longest_ms = dns_provider_longest_ms(provider);
    char text[TIME_TEXT_MAX];
    if (typical_ms > 0) {
        duration_format(typical_ms, text);
        buf_printf(out, "\nA change is mostly served after about %s", text);
    }
    if (longest_ms > 0) {
        duration_format(longest_ms, text);
        buf_printf(out, "%s %s",
                   typical_ms > 0 ? ", at the latest after" : "\nA change is served after", text);
        buf_add_cstr(out, typical_ms > 0 ? "" : " at the latest");
    }
    if (typical_ms > 0 || longest_ms > 0)
        buf_add_cstr(out, ".\n");
}

static void document_extras(const struct dns_provider *provider, struct buf *out)
{
    if (!HAS(provider, rights))
        return;
    if (provider->example != NULL)
        buf_printf(out, "\nExample, in `chancery.yaml`:\n\n```yaml\nproviders:\n%s```\n",
                   provider->example);
    if (provider->rights != NULL)
        buf_printf(out, "\n## Least rights\n\n%s", provider->rights);
}

void dns_provider_document(const struct dns_provider *provider, struct buf *out)
{
    buf_printf(out, "# %s\n\n%s\n\n%s\n\n", provider->name, provider->title, provider->sentence);
    document_status(provider, out);
    document_capabilities(provider, out);
    document_facts(provider, out);
    if (provider->link != NULL && dns_provider_docs_read(provider) != NULL)
        buf_printf(out, "\nDescribed at <%s>, read %s.\n", provider->link,
                   dns_provider_docs_read(provider));
    else if (provider->link != NULL)
        buf_printf(out, "\nDescribed at <%s>.\n", provider->link);
    document_times(provider, out);
    document_extras(provider, out);
    buf_add_char(out, '\n');
    table_document(provider->settings, 2, out);
    document_variables(provider, out);
}
