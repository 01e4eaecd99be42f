#include "dns-providers/builtin.h"
#include "dns-providers/dns_provider.h"
#include "dns-providers/manifest/manifest.h"

#include <stdlib.h>

#define X(name) extern const struct dns_provider dns_provider_##name;
#include "dns-providers/registry.def"
#undef X

enum {
#define X(name) MODULE_##name,
#include "dns-providers/registry.def"
#undef X
    MODULES_N,
    PROVIDERS_MAX = 1024
};
static const struct dns_provider *const modules[MODULES_N] = {
#define X(name) &dns_provider_##name,
#include "dns-providers/registry.def"
#undef X
};

/* A manifest is read when it is first asked for - most runs need one or none - and never changes afterwards. */
static const struct dns_provider *loaded[PROVIDERS_MAX];

static const struct dns_provider *builtin_load(size_t i)
{
    const struct builtin_manifest *builtin = &builtin_manifests[i];
    struct err err = {0};
    CHECK(i < PROVIDERS_MAX);
    if (loaded[i] == NULL &&
        !manifest_load(str_mem(builtin->text, builtin->len), builtin->name, &loaded[i], &err))
        check_failed(builtin->name, 0, err.text); /* a test holds all of them against the grammar */
    return loaded[i];
}

static int name_compare(const void *a, const void *b)
{
    return strcmp((*(const struct dns_provider *const *)a)->name,
                  (*(const struct dns_provider *const *)b)->name);
}

const struct dns_provider *const *dns_provider_all(size_t *ret_n)
{
    static const struct dns_provider *all[PROVIDERS_MAX];
    static size_t n_all;
    if (n_all == 0) {
        size_t n = 0;
        for (; n < MODULES_N; n++)
            all[n] = modules[n];
        for (size_t i = 0; builtin_manifests[i].name != NULL; i++)
            all[n++] = builtin_load(i);
        qsort(all, n, sizeof all[0], name_compare);
        n_all = n;
    }
    *ret_n = n_all;
    return all;
}

/* Other names under which people know a provider; looked for last, because every manifest that holds the word must be read for it. */
static const struct dns_provider *alias_find(const char *name)
{
    for (size_t i = 0; builtin_manifests[i].name != NULL; i++) {
        if (strstr(builtin_manifests[i].text, name) == NULL)
            continue;
        const struct json *aliases = json_find(manifest_tree(builtin_load(i)), "aliases");
        for (size_t j = 0; j < json_len(aliases); j++)
            if (strcmp(json_as_text(json_at(aliases, j)), name) == 0)
                return builtin_load(i);
    }
    return NULL;
}

const struct dns_provider *dns_provider_find(const char *name)
{
    for (size_t i = 0; i < MODULES_N; i++)
        if (strcmp(modules[i]->name, name) == 0)
            return modules[i];
    for (size_t i = 0; builtin_manifests[i].name != NULL; i++)
        if (strcmp(builtin_manifests[i].name, name) == 0)
            return builtin_load(i);
    return alias_find(name);
}

bool dns_provider_host_fits(const char *pattern, const char *host)
{
    struct str p = str_of(pattern), h = str_of(host);
    size_t star = str_find_char(p, '*');
    if (star == p.len)
        return str_eq_nocase(p, h);
    size_t behind = p.len - star - 1;
    if (h.len <= star + behind || !str_eq_nocase(str_mem(h.p, star), str_mem(p.p, star)))
        return false;
    struct str label = str_mem(h.p + star, h.len - star - behind);
    return str_find_char(label, '.') == label.len && str_find_char(label, ':') == label.len &&
           str_eq_nocase(str_mem(label.p + label.len, behind), str_mem(p.p + star + 1, behind));
}

const char *dns_provider_place(const struct dns_provider *provider, const char *owner)
{
    const char *at = owner + strlen(owner);
    unsigned n = 0;
    while (provider->values_labels > 0 && at > owner) {
        if (at[-1] == '.' && ++n == provider->values_labels)
            return at;
        at--;
    }
    return owner;
}
