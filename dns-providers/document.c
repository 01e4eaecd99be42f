#include "dns-providers/dns_provider.h"

static const struct {
    unsigned flag;
    const char *sentence, *without; /* without may be NULL: its absence needs no word */
} capabilities[] = {
    {DNS_CAN_BATCH, "Several records go into one job.", "One record at a time."},
    {DNS_CAN_ATOMIC, "A job of at most 100 records is applied whole or not at all.", NULL},
    {DNS_CAN_FIND_ZONE, "Finds the zone by itself.", NULL},
    {DNS_CAN_CONFIRM, "Its \"done\" means: served by every name server.", NULL},
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

/* struct_size tells whether a module compiled with an older header has these members at all. */
static void document_extras(const struct dns_provider *provider, struct buf *out)
{
    if (provider->struct_size < sizeof *provider)
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
    document_capabilities(provider, out);
    if (provider->link != NULL)
        buf_printf(out, "\nDescribed at <%s>.\n", provider->link);
    document_extras(provider, out);
    buf_add_char(out, '\n');
    table_document(provider->settings, 2, out);
}
