/* What a manifest knows of a service, for its page: limits, how it is worked with, how others call its credentials. */
#include "dns-providers/document.h"

#include "dns-providers/manifest/manifest.h"

static const struct {
    const char *name, *sentence;
} models[] =
    {
        {"record", "Each value is an object of its own with an id, which is kept."},
        {"value",
         "The service adds and removes a value by itself, and leaves the others of a name alone."},
        {"rrset", "The values of a name are read, changed and written back together; what is not "
                  "ours goes back as it was read."},
        {"document", "All records of a zone are read, changed and written back together; what is "
                     "not ours goes back as it was read."},
        {"single",
         "A name holds one value only: a second value at a name waits for the first to go."},
},
  zones[] = {
      {"soa", "The zone is what the DNS says; the service needs no id of it."},
      {"list", "The zones of the account are listed."},
      {"probe", "Parents of the name are asked for until one is a zone of the account."},
      {"query", "The service is asked which zone holds the name."},
      {"option", "The zone's id is a setting."},
      {"server", "The service finds the zone by itself."},
      {"map", "The zone's id is a setting."},
};

static void sentence_add(struct buf *out, const char *label, const char *name, bool is_model)
{
    size_t n = is_model ? sizeof models / sizeof models[0] : sizeof zones / sizeof zones[0];
    if (name == NULL)
        return;
    buf_printf(out, "- %s `%s`", label, name);
    for (size_t i = 0; i < n; i++)
        if (strcmp(is_model ? models[i].name : zones[i].name, name) == 0)
            buf_printf(out, ": %s", is_model ? models[i].sentence : zones[i].sentence);
    buf_add_char(out, '\n');
}

static void room_add(struct buf *out, const struct dns_provider *provider, const struct json *tree)
{
    if (json_find(tree, "batch") != NULL)
        buf_add_cstr(out, "- Many names of a zone are changed with one request.\n");
    if (provider->values_max > 0)
        buf_printf(out,
                   "- Values at one name: %u%s. Sets wait for each other, and one that needs more "
                   "at once is refused.\n",
                   provider->values_max,
                   provider->values_labels > 0 ? ", shared with the names below it" : "");
}

static void ttl_add(struct buf *out, const struct json *ttl)
{
    const struct json *min = json_find(ttl, "min"), *max = json_find(ttl, "max");
    const struct json *steps = json_find(ttl, "steps");
    if (!json_is(min, JSON_INT) && max == NULL && steps == NULL)
        return;
    buf_add_cstr(out, "- TTL");
    if (json_is(min, JSON_INT))
        buf_printf(out, ": at least %lld s", (long long)json_as_int(min, 0));
    if (max != NULL)
        buf_printf(out, "%s at most %lld s", json_is(min, JSON_INT) ? "," : ":",
                   (long long)json_as_int(max, 0));
    for (size_t i = 0; i < json_len(steps); i++)
        buf_printf(out, "%s%lld", i == 0 ? "; one of " : ", ",
                   (long long)json_as_int(json_at(steps, i), 0));
    buf_add_cstr(out, ". Another wish is moved to the nearest that is allowed.\n");
}

static void limits_add(struct buf *out, const struct json *limits)
{
    const struct json *rates = json_find(limits, "rate");
    int64_t parallel = json_int(limits, "parallel", 0);
    for (size_t i = 0; i < json_len(rates); i++)
        buf_printf(out, "- At most %lld requests in %lld s.\n",
                   (long long)json_as_int(json_at(json_at(rates, i), 0), 0),
                   (long long)json_as_int(json_at(json_at(rates, i), 1), 0));
    if (parallel > 0)
        buf_printf(out, "- At most %lld at once.\n", (long long)parallel);
}

static void hosts_add(struct buf *out, const struct dns_provider *provider)
{
    const char *const *hosts = provider->api_hosts;
    bool is_told = provider->hosts_by_login, any = hosts != NULL && hosts[0] != NULL;
    if (!any && !is_told)
        return;
    buf_add_cstr(out, "- Requests go to ");
    for (size_t i = 0; any && hosts[i] != NULL; i++)
        buf_printf(out, "%s`%s`", i == 0 ? "" : ", ", hosts[i]);
    if (!any)
        buf_add_cstr(out, "the host of `base_url`");
    if (is_told)
        buf_add_cstr(out, " and, without any credential, where its login says that the service is "
                          "(`service_host` bounds it)");
    buf_add_cstr(out, ", and nowhere else.\n");
}

void document_facts(const struct dns_provider *provider, struct buf *out)
{
    const struct json *tree = manifest_tree(provider);
    const struct json *aliases = json_find(tree, "aliases");
    if (tree == NULL)
        return;
    sentence_add(out, "Model", dns_provider_model(provider), true);
    room_add(out, provider, tree);
    sentence_add(out, "Zone by", dns_provider_zone_by(provider), false);
    ttl_add(out, json_find(tree, "ttl"));
    limits_add(out, json_find(tree, "limits"));
    hosts_add(out, provider);
    for (size_t i = 0; i < json_len(aliases); i++)
        buf_printf(out, "%s`%s`%s", i == 0 ? "- Also known as " : ", ",
                   json_as_text(json_at(aliases, i)), i + 1 == json_len(aliases) ? ".\n" : "");
}

/* ---- for people who come from elsewhere ---- */

static size_t variables_add(struct buf *out, const struct json *members, size_t n)
{
    const struct json *member;
    const char *name;
    void *position = NULL;
    while (json_next(members, &position, &name, &member)) {
        const struct json *env = json_find(member, "env");
        if (json_len(env) == 0)
            continue;
        if (n++ == 0)
            buf_add_cstr(out,
                         "\n## Coming from lego\n\nThese settings are variables of the environment "
                         "there. A secret that stays in one is written `env:NAME`; `chancery "
                         "provider show --from-env` writes the lines for those that are set.\n\n"
                         "| Setting | Variable |\n|---|---|\n");
        buf_printf(out, "| `%s` | ", name);
        for (size_t i = 0; i < json_len(env); i++)
            buf_printf(out, "%s`%s`", i > 0 ? ", " : "", json_as_text(json_at(env, i)));
        buf_add_cstr(out, " |\n");
    }
    return n;
}

void document_variables(const struct dns_provider *provider, struct buf *out)
{
    const struct json *tree = manifest_tree(provider);
    size_t n = variables_add(out, json_find(tree, "credentials"), 0);
    variables_add(out, json_find(tree, "options"), n);
}
