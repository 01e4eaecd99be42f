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

static bool host_is_named(const struct json *hosts, struct str host)
{
    for (size_t i = 0; i < json_len(hosts); i++)
        if (str_eq_nocase(str_of(json_as_text(json_at(hosts, i))), host))
            return true;
    return false;
}

void base_check(struct checking *c, const struct json *holder, const char *key)
{
    struct str base = str_of(json_text(holder, key)), rest;
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
        if (host.p == NULL || !host_is_plain(host))
            complaints_add_at(c->complaints, c->doc, line, column,
                              "hosts: a host name is expected, without scheme, port, path or star");
    }
    if (json_text(c->tree, "base") != NULL && json_len(hosts) == 0)
        complaints_add_key(c->complaints, c->doc, c->tree, "base",
                           "\"hosts\" must name every host that may receive a request");
}
