/* provider list, show: which there are, and what is known of one. */
#include "cmd/house_open.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/provider_words.h"
#include "cmd/run_commands.h"

#include "dns-providers/manifest/manifest.h"

#include <stdio.h>
#include <unistd.h>

/* ---- what is configured; nothing at all is fine unless --config was given ---- */

bool config_maybe(struct invocation *in)
{
    const char *path = config_path(in);
    if (option_common(in, "config") == NULL && access(path, F_OK) != 0)
        return true;
    return config_load(path, environment_get, &in->config, &in->err);
}

const struct catalogue *types_of(const struct invocation *in)
{
    return in->config != NULL ? in->config->types : NULL;
}

static size_t n_configured(const struct invocation *in)
{
    return in->config != NULL ? in->config->n_providers : 0;
}

static struct json *texts_json(char *const *texts)
{
    struct json *list = json_array();
    for (; texts != NULL && *texts != NULL; texts++)
        json_push_text(list, *texts);
    return list;
}

/* Of a type that cannot be used nothing is known but why. */
static const char *status_of(const struct dns_provider *type)
{
    return dns_provider_fault(type) != NULL ? "broken" : dns_provider_status(type);
}

static struct json *configured_json(const struct invocation *in, const struct provider_config *p)
{
    struct json *one = json_set_text(json_object(), "name", p->name);
    json_set_text(one, "type", p->provider->name);
    json_set_text(one, "status", status_of(p->provider));
    json_set_text(one, "manifest", catalogue_origin(types_of(in), p->provider));
    return json_set(one, "zones", texts_json(p->zones));
}

/* ---- list ---- */

static struct json *type_line(const struct invocation *in, const struct dns_provider *type)
{
    struct json *one = json_set_text(json_object(), "type", type->name);
    const char *model = dns_provider_model(type), *fault = dns_provider_fault(type);
    json_set_text(one, "status", status_of(type));
    json_set_text(one, "model", fault != NULL ? NULL : model != NULL ? model : "module");
    json_set_text(one, "manifest", catalogue_origin(types_of(in), type));
    return json_set_text(one, "title", fault != NULL ? fault : type->title);
}

static struct json *manifests_json(const struct invocation *in)
{
    struct json *list = json_array();
    for (size_t i = 0; in->config != NULL && i < in->config->n_manifests; i++) {
        const struct manifest_file *m = &in->config->manifests[i];
        struct json *one = json_set_text(json_object(), "file", m->path);
        json_set_text(one, "sha256", m->sha256[0] != '\0' ? m->sha256 : NULL);
        /* For people the first complaint; `check` has all of them. */
        size_t len = in->json || m->fault == NULL ? SIZE_MAX : strcspn(m->fault, "\n");
        AUTO(mem_fini)
        char *fault = m->fault != NULL
                          ? mem_printf("%.*s", len > INT32_MAX ? INT32_MAX : (int)len, m->fault)
                          : NULL;
        json_push(list, json_set_text(one, "fault", fault));
    }
    return list;
}

static struct json *list_json(const struct invocation *in)
{
    struct json *configured = json_array(), *types = json_array(), *tree = json_object();
    size_t n;
    const struct dns_provider **all = catalogue_all(types_of(in), &n);
    for (size_t i = 0; i < n_configured(in); i++)
        json_push(configured, configured_json(in, &in->config->providers[i]));
    for (size_t i = 0; i < n; i++)
        json_push(types, type_line(in, all[i]));
    mem_free(all);
    json_set(tree, "configured", configured);
    json_set(tree, "types", types);
    json_set(tree, "manifests", manifests_json(in));
    if (in->config != NULL && in->config->manifests_fault != NULL)
        json_set_text(tree, "manifests_fault", in->config->manifests_fault);
    return tree;
}

enum exit_code provider_list_run(struct invocation *in)
{
    if (!config_maybe(in))
        return exit_code_of(&in->err);
    AUTO(json_fini)
    struct json *tree = list_json(in);
    if (in->json) {
        json_print(tree);
        return EXIT_CODE_DONE;
    }
    /* For people the types tell where they come from; a list of nothing is no line. */
    if (json_len(json_find(tree, "manifests")) == 0)
        json_remove(tree, "manifests");
    tree_print(in, tree);
    return EXIT_CODE_DONE;
}

/* ---- show ---- */

static struct json *type_json(const struct invocation *in, const struct dns_provider *type)
{
    struct json *tree = type_line(in, type);
    json_set_text(tree, "sentence", type->sentence);
    json_set_text(tree, "zone_by", dns_provider_zone_by(type));
    json_set_text(tree, "link", type->link);
    json_set_text(tree, "docs_read", dns_provider_docs_read(type));
    json_set_text(tree, "example", type->example);
    return json_set(tree, "settings", table_schema(type->settings));
}

static struct json *provider_json(const struct invocation *in, const struct provider_config *p)
{
    struct json *tree = configured_json(in, p);
    json_set_text(tree, "fault", dns_provider_fault(p->provider));
    json_set_int(tree, "ttl_s", p->ttl_s);
    json_set_bool(tree, "follow_cname", p->follow_cname);
    json_set_text(tree, "propagation", propagation_mode_name(p->propagation.mode));
    json_set_int(tree, "propagation_timeout_ms", p->propagation.timeout_ms);
    json_set_int(tree, "settle_ms", p->propagation.settle_ms);
    return json_set(tree, "settings", json_copy(p->settings));
}

bool provider_unknown(struct invocation *in, const char *name)
{
    size_t n_types, n = 0;
    const struct dns_provider **all = catalogue_all(types_of(in), &n_types);
    const char **known = NEW_N(n_types + n_configured(in) + 1, const char *);
    for (size_t i = 0; i < n_configured(in); i++)
        known[n++] = in->config->providers[i].name;
    for (size_t i = 0; i < n_types; i++)
        known[n++] = all[i]->name;
    const char *near = table_suggest(name, known, n);
    err_set(&in->err, ERR_CONFIG, "there is no provider \"%.80s\", configured or as a type%s%s%s",
            name, near != NULL ? "; did you mean \"" : "; `chancery provider list` shows all",
            near != NULL ? near : "", near != NULL ? "\"?" : "");
    mem_free(known);
    mem_free(all);
    return false;
}

/* ---- the lines of a configuration for what stands in the environment ---- */

static size_t variables_print(const struct json *members, bool are_secret)
{
    const struct json *member;
    const char *name;
    void *position = NULL;
    size_t n = 0;
    while (json_next(members, &position, &name, &member)) {
        const struct json *env = json_find(member, "env");
        bool is_secret = are_secret && json_bool(member, "secret", true);
        for (size_t i = 0; i < json_len(env); i++) {
            const char *variable = json_as_text(json_at(env, i));
            const char *value = environment_get(variable);
            if (value == NULL || value[0] == '\0')
                continue;
            if (is_secret)
                printf("    %s: env:%s\n", name, variable);
            else
                printf("    # %s: the value of $%s\n", name, variable);
            n++;
            break;
        }
    }
    return n;
}

static enum exit_code from_environment(struct invocation *in, const struct dns_provider *type)
{
    const struct json *tree = manifest_tree(type);
    printf("  %s:\n    type: %s\n    zones: [example.com]   # yours\n", type->name, type->name);
    size_t n = variables_print(json_find(tree, "credentials"), true);
    n += variables_print(json_find(tree, "options"), false);
    if (n > 0)
        return EXIT_CODE_DONE;
    err_set(&in->err, ERR_CONFIG,
            "none of the variables that type %s knows is set; `chancery provider show %s` names "
            "them",
            type->name, type->name);
    return EXIT_CODE_USAGE;
}

enum exit_code provider_show_run(struct invocation *in)
{
    const char *name = in->words[0];
    if (!config_maybe(in))
        return exit_code_of(&in->err);
    const struct provider_config *p = in->config != NULL ? config_provider(in->config, name) : NULL;
    const struct dns_provider *type = catalogue_find(types_of(in), name);
    if (p == NULL && type == NULL) {
        provider_unknown(in, name);
        return EXIT_CODE_USAGE;
    }
    if (option_is_on(in, "from-env"))
        return from_environment(in, type != NULL ? type : p->provider);
    if (p == NULL && !in->json) {
        AUTO(buf_fini)
        struct buf page = BUF(1024 * 1024);
        dns_provider_document(type, &page);
        fputs(buf_cstr(&page), stdout);
        return EXIT_CODE_DONE;
    }
    AUTO(json_fini)
    struct json *tree = p != NULL ? provider_json(in, p) : type_json(in, type);
    if (in->json)
        json_print(tree);
    else
        tree_print(in, tree);
    return EXIT_CODE_DONE;
}
