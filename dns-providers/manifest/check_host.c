/* Where a manifest sends requests, and with them secrets: every host is named, so that a reader sees all of them at one place. */
#include "dns-providers/manifest/check_inside.h"

/* Letters, digits, "-" and dots, or placeholders: nothing that could end the host early. */
static bool host_is_plain(struct str host)
{
    for (size_t i = 0; i < host.len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.", host.p[i]) ==
            NULL)
            return false;
    return host.len > 0;
}

/* Beside plain labels one "*", with two or more behind it: nobody shall name all hosts of the world. */
static bool row_is_good(struct str host)
{
    struct str rest = host, label;
    size_t n_stars = 0, n_behind = 0;
    while (str_split(&rest, '.', &label)) {
        bool is_star = str_eq(label, STR("*"));
        if (!is_star && !host_is_plain(label))
            return false;
        n_stars += is_star ? 1 : 0;
        n_behind = is_star ? 0 : n_behind + 1;
    }
    return host.len > 0 && (n_stars == 0 || (n_stars == 1 && n_behind >= 2));
}

static bool host_is_named(const struct json *hosts, struct str host)
{
    AUTO(mem_fini)
    char *text = mem_strndup(host.p, host.len);
    for (size_t i = 0; i < json_len(hosts); i++)
        if (json_as_text(json_at(hosts, i)) != NULL &&
            dns_provider_host_fits(json_as_text(json_at(hosts, i)), text))
            return true;
    return false;
}

void base_check(struct checking *c, const struct json *holder, const char *key)
{
    struct str base = str_of(json_text(holder, key)), rest;
    if (str_starts(base, STR("{sess."))) {
        if (!host_is_named(json_find(c->tree, "hosts"), STR("session")))
            complaints_add_key(
                c->complaints, c->doc, holder, key,
                "base: what a login tells is taken only with \"session\" among \"hosts\"");
        return;
    }
    if (!str_starts(base, STR("https://"))) {
        complaints_add_key(c->complaints, c->doc, holder, key, "base must be https");
        return;
    }
    rest = str_mem(base.p + strlen("https://"), base.len - strlen("https://"));
    struct str host = str_mem(rest.p, str_find_char(rest, '/'));
    host.len = str_find_char(host, ':');
    /* With a placeholder in it the host is known only on the wire; there it is held against the list. */
    if (str_find_char(host, '{') < host.len)
        return;
    if (!host_is_plain(host))
        complaints_add_key(c->complaints, c->doc, holder, key, "base: \"%.*s\" is no host name",
                           STR_ARG(host));
    else if (!host_is_named(json_find(c->tree, "hosts"), host))
        complaints_add_key(c->complaints, c->doc, holder, key,
                           "base: requests and secrets would go to %.*s, which \"hosts\" does not "
                           "name",
                           STR_ARG(host));
}

void hosts_check(struct checking *c)
{
    const struct json *hosts = json_find(c->tree, "hosts");
    for (size_t i = 0; i < json_len(hosts); i++) {
        int line = 0, column = 0;
        struct str host = str_of(json_as_text(json_at(hosts, i)));
        yaml_item_place(c->doc, hosts, i, &line, &column);
        if (host.p == NULL || !row_is_good(host))
            complaints_add_at(
                c->complaints, c->doc, line, column,
                "hosts: a host name is expected, without scheme, port or path; \"*\" is "
                "one label before the last two");
    }
    if (json_text(c->tree, "base") != NULL && json_len(hosts) == 0)
        complaints_add_key(c->complaints, c->doc, c->tree, "base",
                           "\"hosts\" must name every host that may receive a request");
}
