#include "dns-providers/dns_provider.h"

#define X(name) extern const struct dns_provider dns_provider_##name;
#include "dns-providers/registry.def"
#undef X

static const struct dns_provider *const providers[] = {
#define X(name) &dns_provider_##name,
#include "dns-providers/registry.def"
#undef X
};

const struct dns_provider *const *dns_provider_all(size_t *ret_n)
{
    *ret_n = sizeof providers / sizeof providers[0];
    return providers;
}

const struct dns_provider *dns_provider_find(const char *name)
{
    for (size_t i = 0; i < sizeof providers / sizeof providers[0]; i++)
        if (strcmp(providers[i]->name, name) == 0)
            return providers[i];
    return NULL;
}
