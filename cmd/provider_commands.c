/* provider list, show, test. */
#include "cmd/house_open.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "cmd/run_commands.h"

#include "acme/name.h"
#include "authority/lease.h"
#include "dns/txt_desk.h"

#include <stdio.h>
#include <unistd.h>

enum { TEST_LEASE_MS = 20 * 60 * 1000, HELD_POLL_MS = 250 };

/* ---- what is configured; nothing at all is fine unless --config was given ---- */

static bool config_maybe(struct invocation *in)
{
    const char *path = config_path(in);
    if (option_common(in, "config") == NULL && access(path, F_OK) != 0)
        return true;
    return config_load(path, environment_get, &in->config, &in->err);
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

static struct json *configured_json(const struct provider_config *p)
{
    struct json *one = json_set_text(json_object(), "name", p->name);
    json_set_text(one, "type", p->provider->name);
    return json_set(one, "zones", texts_json(p->zones));
}

/* ---- list ---- */

static struct json *list_json(const struct invocation *in)
{
    struct json *configured = json_array(), *types = json_array();
    size_t n;
    const struct dns_provider *const *all = dns_provider_all(&n);
    for (size_t i = 0; i < n_configured(in); i++)
        json_push(configured, configured_json(&in->config->providers[i]));
    for (size_t i = 0; i < n; i++) {
        struct json *one = json_set_text(json_object(), "type", all[i]->name);
        json_push(types, json_set_text(one, "title", all[i]->title));
    }
    return json_set(json_set(json_object(), "configured", configured), "types", types);
}

enum exit_code provider_list_run(struct invocation *in)
{
    if (!config_maybe(in))
        return exit_code_of(&in->err);
    AUTO(json_fini)
    struct json *tree = list_json(in);
    if (in->json)
        json_print(tree);
    else
        tree_print(in, tree);
    return EXIT_CODE_DONE;
}

/* ---- show ---- */

static struct json *type_json(const struct dns_provider *type)
{
    struct json *tree = json_set_text(json_object(), "type", type->name);
    json_set_text(tree, "title", type->title);
    json_set_text(tree, "sentence", type->sentence);
    json_set_text(tree, "link", type->link);
    json_set_text(tree, "example", type->example);
    return json_set(tree, "settings", table_schema(type->settings));
}

static struct json *provider_json(const struct provider_config *p)
{
    struct json *tree = configured_json(p);
    json_set_int(tree, "ttl_s", p->ttl_s);
    json_set_bool(tree, "follow_cname", p->follow_cname);
    json_set_int(tree, "propagation_timeout_ms", p->propagation_timeout_ms);
    json_set_int(tree, "settle_ms", p->settle_ms);
    return json_set(tree, "settings", json_copy(p->settings));
}

static bool provider_unknown(struct invocation *in, const char *name)
{
    size_t n_types, n = 0;
    const struct dns_provider *const *all = dns_provider_all(&n_types);
    const char **known = NEW_N(n_types + n_configured(in) + 1, const char *);
    for (size_t i = 0; i < n_configured(in); i++)
        known[n++] = in->config->providers[i].name;
    for (size_t i = 0; i < n_types; i++)
        known[n++] = all[i]->name;
    const char *near = table_suggest(name, known, n);
    mem_free(known);
    return err_set(&in->err, ERR_CONFIG,
                   "there is no provider \"%.80s\", configured or as a type%s%s%s", name,
                   near != NULL ? "; did you mean \"" : "; `chancery provider list` shows all",
                   near != NULL ? near : "", near != NULL ? "\"?" : "");
}

enum exit_code provider_show_run(struct invocation *in)
{
    const char *name = in->words[0];
    if (!config_maybe(in))
        return exit_code_of(&in->err);
    const struct provider_config *p = in->config != NULL ? config_provider(in->config, name) : NULL;
    const struct dns_provider *type = dns_provider_find(name);
    if (p == NULL && type == NULL) {
        provider_unknown(in, name);
        return EXIT_CODE_USAGE;
    }
    if (p == NULL && !in->json) {
        AUTO(buf_fini)
        struct buf page = BUF(1024 * 1024);
        dns_provider_document(type, &page);
        fputs(buf_cstr(&page), stdout);
        return EXIT_CODE_DONE;
    }
    AUTO(json_fini)
    struct json *tree = p != NULL ? provider_json(p) : type_json(type);
    if (in->json)
        json_print(tree);
    else
        tree_print(in, tree);
    return EXIT_CODE_DONE;
}

/* ---- test ---- */

/* The provider that an order for that name would use must be the one that is to be tried. */
static bool test_fits(struct invocation *in, const char *host)
{
    const struct provider_config *p = config_provider(in->config, in->words[0]), *other;
    AUTO(buf_fini)
    struct buf challenge = BUF(512);
    if (p == NULL)
        return provider_unknown(in, in->words[0]);
    name_challenge(host, &challenge);
    other = config_provider_for(in->config, buf_cstr(&challenge));
    if (other == p)
        return true;
    if (other == NULL)
        return err_set(&in->err, ERR_CONFIG,
                       "no provider has a zone of %s; add its zone to providers.%s.zones in %s",
                       host, p->name, in->config->path);
    return err_set(&in->err, ERR_CONFIG,
                   "TXT records of %s go through provider %s, not %s: its zone fits better", host,
                   other->name, p->name);
}

static bool lead_take(struct invocation *in, int64_t wait_ms, struct lease **ret)
{
    struct house *house = &in->house;
    int64_t give_up_at_ms = house_now(house) + wait_ms;
    while (!lease_take(house, "leader", "provider test", TEST_LEASE_MS, true, ret, &in->err)) {
        if (in->err.kind != ERR_HELD || house_now(house) >= give_up_at_ms ||
            loop_n_stops(house->loop) > 0)
            return false;
        loop_wait(house->loop, house_now(house) + HELD_POLL_MS);
    }
    err_clear(&in->err);
    return true;
}

static bool test_try(struct invocation *in, const char *host, int64_t wait_ms, int64_t *ret_took_ms)
{
    struct house *house = &in->house;
    struct lease *lease = NULL;
    int64_t begin_ms;
    if (!lead_take(in, wait_ms, &lease))
        return false;
    house->fencing = lease_fencing(lease);
    struct progress_view *view = progress_view_new(in);
    house->progress = progress_view_front(view);
    begin_ms = clock_boot_ms(house->clock);
    bool ok = txt_desk_rehearse(house, host, &in->err);
    *ret_took_ms = clock_boot_ms(house->clock) - begin_ms;
    progress_view_free(view);
    house->progress = (struct progress){0};
    lease_drop(house, lease);
    house->fencing = 0;
    return ok || err_wrap(&in->err, "provider %s, %s", in->words[0], host);
}

static void test_tell(const struct invocation *in, const char *host, int64_t took_ms)
{
    char took[TIME_TEXT_MAX];
    duration_format(took_ms, took);
    if (in->json) {
        AUTO(json_fini)
        struct json *tree = json_set_text(json_object(), "provider", in->words[0]);
        json_set_text(tree, "host", host);
        json_set_bool(tree, "ok", true);
        json_set_int(tree, "took_ms", took_ms);
        json_print(tree);
    } else if (option_common(in, "quiet") == NULL) {
        ink_print(in, INK_GOOD, "works");
        printf(": provider %s published a value for %s, every name server showed it, and it was "
               "removed again (%s)\n",
               in->words[0], host, took);
    }
}

enum exit_code provider_test_run(struct invocation *in)
{
    const char *wait = option_value(in, "wait");
    AUTO(mem_fini)
    char *name = NULL;
    int64_t wait_ms = 0, took_ms = 0;
    if (wait != NULL && !duration_parse(str_of(wait), &wait_ms)) {
        err_set(&in->err, ERR_CONFIG,
                "--wait takes a length of time like 30s or 10m, not \"%.40s\"", wait);
        return EXIT_CODE_USAGE;
    }
    if (!name_normalise(in->words[1], &name, &in->err))
        return EXIT_CODE_USAGE;
    /* A wildcard is proved at the name it stands below. */
    const char *host = str_starts(str_of(name), STR("*.")) ? name + 2 : name;
    if (!test_fits(in, host) || !test_try(in, host, wait_ms, &took_ms))
        return exit_code_of(&in->err);
    test_tell(in, host, took_ms);
    return EXIT_CODE_DONE;
}
