#include "inventory/config_inside.h"

#include <unistd.h>

enum { DNS_PORT = 53 };

/* What Debian's package dns-root-data keeps up to date. */
static const char root_anchor[] = "/usr/share/dns/root.key";

static void resolvers_read(struct config *config, struct reader *r, const struct json *raw,
                           const struct json *list)
{
    struct dnssec_config *d = &config->dnssec;
    d->n_resolvers = json_len(list);
    d->resolvers = NEW_N(d->n_resolvers, struct net_address);
    for (size_t i = 0; i < d->n_resolvers; i++) {
        const char *text = json_as_text(json_at(list, i));
        if (!net_address_parse(str_of(text), DNS_PORT, &d->resolvers[i]))
            reader_say_item(r, raw, "resolvers", i,
                            "dnssec.resolvers: \"%.80s\" is no address; write 192.0.2.1, "
                            "192.0.2.1:53 or [2001:db8::1]:53",
                            text);
    }
}

/* A file that is named must be there; the usual one may be missing. */
static char *anchor_find(struct config *config, struct reader *r, const struct json *raw,
                         const char *named)
{
    if (named == NULL)
        return access(root_anchor, R_OK) == 0 ? mem_strdup(root_anchor) : NULL;
    char *path = path_from(config->folder, named);
    if (access(path, R_OK) != 0)
        reader_say(r, raw, "trust_anchor", "dnssec.trust_anchor: %s cannot be read", path);
    return path;
}

void dnssec_read(struct config *config, struct reader *r)
{
    const struct json *checked = json_find(config->tree, "dnssec");
    const struct json *raw = json_find(r->raw, "dnssec");
    config->dnssec.check = json_bool(checked, "check", true);
    config->dnssec.is_default = json_text(checked, "trust_anchor") == NULL;
    config->dnssec.trust_anchor = anchor_find(config, r, raw, json_text(checked, "trust_anchor"));
    resolvers_read(config, r, raw, json_find(checked, "resolvers"));
}

void dnssec_config_free(struct config *config)
{
    mem_free(config->dnssec.trust_anchor);
    mem_free(config->dnssec.resolvers);
}
