#include "dns-providers/manifest/manifest.h"

#include "dns-providers/manifest/check.h"

#include "dns-providers/manifest/limits.h"
#include <stdio.h>

#include "base/clock.h"

enum { TEXT_MAX = 1024 * 1024 };

struct manifest {
    struct dns_provider provider; /* first: what others hold points here */
    struct yaml *doc;
    struct arena *arena;
    struct section section;
};

static const struct manifest *manifest_of(const struct dns_provider *provider)
{
    return provider->step == engine_step ? (const struct manifest *)(const void *)provider : NULL;
}

const struct json *manifest_tree(const struct dns_provider *provider)
{
    const struct manifest *m = manifest_of(provider);
    return m != NULL ? yaml_tree(m->doc) : NULL;
}

const struct yaml *manifest_doc(const struct dns_provider *provider)
{
    const struct manifest *m = manifest_of(provider);
    return m != NULL ? m->doc : NULL;
}

/* ---- settings: credentials, options and base_url ---- */

static const char *choices_join(struct arena *arena, const struct json *list)
{
    AUTO(buf_fini)
    struct buf out = BUF(TEXT_MAX);
    for (size_t i = 0; i < json_len(list); i++)
        buf_printf(&out, "%s%s", i > 0 ? "|" : "", json_as_text(json_at(list, i)));
    return out.len > 0 ? arena_strdup(arena, buf_cstr(&out)) : NULL;
}

/* People who come from elsewhere know a credential by the name of its variable. */
static const char *sentence_of(struct arena *arena, const struct json *row)
{
    const char *env = json_as_text(json_at(json_find(row, "env"), 0));
    return env != NULL ? arena_printf(arena, "%s (`%s` elsewhere.)", json_text(row, "help"), env)
                       : json_text(row, "help");
}

static size_t rows_add(struct manifest *m, const char *member, struct setting *rows, size_t n)
{
    const struct json *value;
    const char *key;
    void *position = NULL;
    while (json_next(json_find(yaml_tree(m->doc), member), &position, &key, &value)) {
        bool is_secret = strcmp(member, "credentials") == 0 && json_bool(value, "secret", true);
        rows[n++] = (struct setting){
            .name = key,
            .kind = is_secret ? SETTING_SECRET : SETTING_TEXT,
            .required = json_bool(value, "required", false),
            .otherwise = json_text(value, "default"),
            .choices = choices_join(m->arena, json_find(value, "choices")),
            .sentence = sentence_of(m->arena, value),
        };
    }
    return n;
}

/* `session` among the hosts is none, but the leave to go where a login sends. */
static bool hosts_by_login(const struct json *tree)
{
    const struct json *hosts = json_find(tree, "hosts");
    for (size_t i = 0; i < json_len(hosts); i++)
        if (str_eq(str_of(json_as_text(json_at(hosts, i))), STR("session")))
            return true;
    return false;
}

static void settings_make(struct manifest *m)
{
    const struct json *tree = yaml_tree(m->doc);
    bool has_base = json_text(tree, "base") != NULL;
    size_t most = json_len(json_find(tree, "credentials")) + json_len(json_find(tree, "options"));
    struct setting *rows = arena_alloc(m->arena, (most + 2) * sizeof(*rows));
    size_t n = rows_add(m, "options", rows, rows_add(m, "credentials", rows, 0));
    rows[n++] = (struct setting){
        .name = "base_url",
        .kind = SETTING_TEXT,
        .required = !has_base,
        .sentence = hosts_by_login(tree) ? "Where one logs in: https, or http on this machine."
                    : has_base ? "Another address of the API, to try things out: https, or http on "
                                 "this machine. All requests go there."
                               : "Where the API is: https, or http on this machine.",
    };
    if (hosts_by_login(tree))
        rows[n++] = (struct setting){
            .name = "service_host",
            .kind = SETTING_TEXT,
            .sentence = "The login tells where the service is: only this host, or one below it, is "
                        "taken. Without it any host that the login names by https.",
        };
    m->section = (struct section){
        .name = "providers.NAME",
        .sentence =
            arena_printf(m->arena, "Settings of a provider of type `%s`.", json_text(tree, "id")),
        .settings = rows,
        .n = n,
    };
}

static const char *const *hosts_make(struct manifest *m)
{
    const struct json *hosts = json_find(yaml_tree(m->doc), "hosts");
    const char **list = arena_alloc(m->arena, (json_len(hosts) + 1) * sizeof(*list));
    size_t n = 0;
    for (size_t i = 0; i < json_len(hosts); i++)
        if (!str_eq(str_of(json_as_text(json_at(hosts, i))), STR("session")))
            list[n++] = json_as_text(json_at(hosts, i));
    return list;
}

/* One of the alternatives must be complete. */
static bool settings_check(const struct dns_provider *provider, const struct json *settings,
                           struct err *err)
{
    const struct json *requires = json_find(manifest_tree(provider), "require");
    AUTO(buf_fini)
    struct buf wanted = BUF(1024);
    for (size_t i = 0; i < json_len(requires); i++) {
        const struct json *one = json_at(requires, i);
        bool complete = true;
        buf_add_cstr(&wanted, i > 0 ? ", or " : "");
        for (size_t j = 0; j < json_len(one); j++) {
            const char *name = json_as_text(json_at(one, j));
            complete = complete && json_find(settings, name) != NULL;
            buf_printf(&wanted, "%s%s", j > 0 ? " and " : "", name);
        }
        if (complete)
            return true;
    }
    return json_len(requires) == 0 || err_set(err, ERR_CONFIG, "it needs %s", buf_cstr(&wanted));
}

/* ---- loading ---- */

/* One complaint a line, as many as fit whole: half a sentence misleads. */
static bool complaints_tell(const struct complaints *c, struct err *err)
{
    enum { MORE_MAX = 32 };
    size_t len = 0, i = 0;
    if (err == NULL)
        return false;
    err_set(err, ERR_CONFIG, "%s", c->items[0].text);
    len = strlen(err->text);
    for (i = 1; i < c->n; i++) {
        size_t need = strlen(c->items[i].text) + 1;
        if (len + need + MORE_MAX > sizeof err->text)
            break;
        len += (size_t)snprintf(err->text + len, sizeof err->text - len, "\n%s", c->items[i].text);
    }
    if (i < c->n && len + MORE_MAX <= sizeof err->text)
        snprintf(err->text + len, sizeof err->text - len, "\n... and %zu more", c->n - i);
    return false;
}

static bool tree_is_good(const struct yaml *doc, struct err *err)
{
    struct complaints complaints = {0};
    manifest_check(doc, &complaints);
    bool ok = complaints.n == 0 || complaints_tell(&complaints, err);
    complaints_fini(&complaints);
    return ok;
}

static bool gathers(const struct json *tree)
{
    return json_find(tree, "batch") != NULL || strcmp(json_text(tree, "model"), "document") == 0;
}

static bool is_single(const struct json *tree)
{
    return strcmp(json_text(tree, "model"), "single") == 0;
}

static void provider_make(struct manifest *m)
{
    const struct json *tree = yaml_tree(m->doc);
    const char *name = json_text(tree, "name"), *sentence = json_text(tree, "sentence");
    const struct json *publish = json_find(tree, "publish");
    settings_make(m);
    m->provider = (struct dns_provider){
        .struct_size = sizeof(struct dns_provider),
        .abi_major = DNS_PROVIDER_ABI_MAJOR,
        .abi_minor = DNS_PROVIDER_ABI_MINOR,
        .name = json_text(tree, "id"),
        .title = name,
        .sentence = sentence != NULL ? sentence : arena_printf(m->arena, "The DNS of %s.", name),
        .link = json_text(tree, "docs"),
        .capabilities = DNS_CAN_BATCH |
                        (json_bool(publish, "confirms", false) ? DNS_CAN_CONFIRM : 0u) |
                        (gathers(tree) ? DNS_CAN_GATHER : 0u),
        .settings = &m->section,
        .check = settings_check,
        .begin = engine_begin,
        .end = engine_end,
        .step = engine_step,
        .example = json_text(tree, "example"),
        .rights = json_text(tree, "rights"),
        .api_hosts = hosts_make(m),
        .is_pinned = true,
        .secret_check = manifest_secret_check,
        .hosts_by_login = hosts_by_login(tree),
        .status = json_text(tree, "status"),
        .docs_read = json_text(tree, "docs_read"),
        .publish_typical_ms = json_int(publish, "typical", 0) * MS_SECOND,
        .publish_max_ms = json_int(publish, "max", 0) * MS_SECOND,
        .limits = limits_make(m->arena, tree),
        .values_max = is_single(tree) ? (unsigned)json_int(tree, "slots", 1) : 0,
        .values_labels = (unsigned)json_int(tree, "slot_labels", 0),
    };
}

bool manifest_load(struct str text, const char *file, const struct dns_provider **ret,
                   struct err *err)
{
    struct yaml *doc = NULL;
    if (!yaml_parse(text, file, &doc, err))
        return false;
    if (!tree_is_good(doc, err)) {
        yaml_free(doc);
        return false;
    }
    struct manifest *m = NEW(struct manifest);
    m->doc = doc;
    m->arena = arena_new();
    provider_make(m);
    *ret = &m->provider;
    return true;
}

void manifest_free(const struct dns_provider *provider)
{
    struct manifest *m = (struct manifest *)(void *)(uintptr_t)manifest_of(provider);
    if (m == NULL)
        return;
    yaml_free(m->doc);
    arena_free(m->arena);
    mem_free(m);
}
