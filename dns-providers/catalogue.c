#include "dns-providers/catalogue.h"

#include "dns-providers/manifest/manifest.h"

#include <stdlib.h>

struct entry {
    struct dns_provider stand_in;        /* first: what others hold points here */
    const struct dns_provider *provider; /* a manifest's, or the stand-in */
    char *name, *file, *fault, *title;
};
struct catalogue {
    struct entry **entries;
    size_t n;
};

struct catalogue *catalogue_new(void)
{
    return NEW(struct catalogue);
}

void catalogue_free(struct catalogue *c)
{
    for (size_t i = 0; c != NULL && i < c->n; i++) {
        struct entry *entry = c->entries[i];
        if (entry->provider != &entry->stand_in)
            manifest_free(entry->provider);
        mem_free(entry->name);
        mem_free(entry->file);
        mem_free(entry->fault);
        mem_free(entry->title);
        mem_free(entry);
    }
    if (c != NULL)
        mem_free(c->entries);
    mem_free(c);
}

static struct entry *entry_add(struct catalogue *c, const char *name, const char *file)
{
    struct entry *entry = NEW(struct entry);
    entry->name = mem_strdup(name);
    entry->file = mem_strdup(file);
    c->entries = mem_grow(c->entries, c->n, c->n + 1, sizeof(*c->entries));
    c->entries[c->n++] = entry;
    return entry;
}

/* ---- stand-ins ---- */

static void stand_in_step(struct dns_job *job, const struct dns_answer *answer,
                          struct dns_wish *ret_wish)
{
    (void)answer;
    *ret_wish = (struct dns_wish){.kind = DNS_WISH_FAIL};
    err_set(&ret_wish->err, ERR_CONFIG, "the manifest of this type cannot be used: %s",
            dns_provider_fault(job->provider));
}

const char *dns_provider_fault(const struct dns_provider *provider)
{
    return provider->step == stand_in_step ? ((const struct entry *)(const void *)provider)->fault
                                           : NULL;
}

/* The first complaint, and how many there are: jobs and sets tell it in one line. */
static char *fault_line(const char *why)
{
    size_t len = strcspn(why, "\n");
    return why[len] == '\0' ? mem_strdup(why)
                            : mem_printf("%.*s (and more: see `chancery check`)", (int)len, why);
}

void catalogue_refuse(struct catalogue *c, const char *name, const char *file, const char *why)
{
    static const struct section nothing = {
        .name = "providers.NAME", .sentence = "Its settings are not known.", .settings = NULL};
    struct entry *entry = entry_add(c, name, file);
    entry->fault = fault_line(why);
    entry->title = mem_printf("cannot be used: %s", file);
    entry->stand_in = (struct dns_provider){
        .struct_size = sizeof(struct dns_provider),
        .abi_major = DNS_PROVIDER_ABI_MAJOR,
        .abi_minor = DNS_PROVIDER_ABI_MINOR,
        .name = entry->name,
        .title = entry->title,
        .sentence = entry->fault,
        .settings = &nothing,
        .step = stand_in_step,
    };
    entry->provider = &entry->stand_in;
}

/* ---- manifests ---- */

/* Complaints about the id stand where the id stands. */
static bool id_fits(const struct dns_provider *provider, const char *name, struct err *err)
{
    int line = 0, column = 0;
    const struct yaml *doc = manifest_doc(provider);
    if (strcmp(provider->name, name) == 0)
        return true;
    yaml_value_place(doc, yaml_tree(doc), "id", &line, &column);
    return err_set(err, ERR_CONFIG,
                   "%s:%d:%d: id is \"%.64s\", but a file holds the type it is named after: "
                   "\"%.64s\"",
                   yaml_file(doc), line, column, provider->name, name);
}

bool catalogue_add(struct catalogue *c, const char *name, struct str text, const char *file,
                   bool may_replace, struct err *err)
{
    const struct dns_provider *provider = NULL, *known = dns_provider_find(name);
    if (known != NULL && !may_replace)
        return err_set(err, ERR_CONFIG,
                       "%s: there is a type \"%.64s\" in the program already%s%s%s; to take this "
                       "file instead write override: [%.64s] below manifests",
                       file, name, strcmp(known->name, name) != 0 ? " (another name of " : "",
                       strcmp(known->name, name) != 0 ? known->name : "",
                       strcmp(known->name, name) != 0 ? ")" : "", name);
    if (!manifest_load(text, file, &provider, err))
        return false;
    if (!id_fits(provider, name, err)) {
        manifest_free(provider);
        return false;
    }
    entry_add(c, name, file)->provider = provider;
    return true;
}

/* ---- finding ---- */

static struct entry *entry_find(const struct catalogue *c, const char *name)
{
    for (size_t i = 0; c != NULL && i < c->n; i++)
        if (strcmp(c->entries[i]->name, name) == 0)
            return c->entries[i];
    return NULL;
}

/* What the build has goes before other names of loaded ones: an alias replaces nothing. */
static const struct dns_provider *alias_find(const struct catalogue *c, const char *name)
{
    for (size_t i = 0; c != NULL && i < c->n; i++) {
        const struct json *aliases = json_find(manifest_tree(c->entries[i]->provider), "aliases");
        for (size_t j = 0; j < json_len(aliases); j++)
            if (strcmp(json_as_text(json_at(aliases, j)), name) == 0)
                return c->entries[i]->provider;
    }
    return NULL;
}

const struct dns_provider *catalogue_find(const struct catalogue *c, const char *name)
{
    const struct entry *entry = entry_find(c, name);
    const struct dns_provider *built_in = entry == NULL ? dns_provider_find(name) : NULL;
    if (entry != NULL)
        return entry->provider;
    return built_in != NULL ? built_in : alias_find(c, name);
}

static int name_compare(const void *a, const void *b)
{
    return strcmp((*(const struct dns_provider *const *)a)->name,
                  (*(const struct dns_provider *const *)b)->name);
}

const struct dns_provider **catalogue_all(const struct catalogue *c, size_t *ret_n)
{
    size_t n_own = c != NULL ? c->n : 0, n_built_in, n = 0;
    const struct dns_provider *const *built_in = dns_provider_all(&n_built_in);
    const struct dns_provider **all = NEW_N(n_own + n_built_in + 1, const struct dns_provider *);
    for (size_t i = 0; i < n_own; i++)
        all[n++] = c->entries[i]->provider;
    for (size_t i = 0; i < n_built_in; i++)
        if (entry_find(c, built_in[i]->name) == NULL)
            all[n++] = built_in[i];
    qsort(all, n, sizeof(*all), name_compare);
    *ret_n = n;
    return all;
}

const char *catalogue_origin(const struct catalogue *c, const struct dns_provider *provider)
{
    for (size_t i = 0; c != NULL && i < c->n; i++)
        if (c->entries[i]->provider == provider)
            return c->entries[i]->file;
    return NULL;
}
