#include "inventory/config_inside.h"

#include "io/http_url.h"

/* A directory on this machine, or at a private address, says by itself that the CA is a private one. */
static bool host_is_private(const struct http_place *place)
{
    struct net_address address;
    struct str host = str_of(place->text);
    if (net_address_parse(host, 443, &address))
        return net_address_is_private(&address);
    host.len = str_find_char(host, ':');
    return str_eq_nocase(host, STR("localhost")) || str_ends(host, STR(".localhost"));
}

static void url_check(struct reader *r, const struct json *raw, struct authority_config *a,
                      const char *key, const char *url)
{
    struct http_place place;
    struct err why = {0};
    if (url == NULL)
        return;
    if (!http_url_check(url, &place, &why))
        reader_say(r, raw, key, "authorities.%s.%s: %s", a->name, key, why.text);
    else if (host_is_private(&place))
        a->is_private = true;
}

static void contacts_check(struct reader *r, const struct json *raw, const char *name,
                           char *const *contact)
{
    for (size_t i = 0; contact != NULL && contact[i] != NULL; i++) {
        struct str text = str_of(contact[i]);
        if (str_find_char(text, ':') == text.len)
            reader_say_item(r, raw, "contact", i,
                            "authorities.%s.contact: \"%s\" is no URL; write mailto:%s", name,
                            contact[i], contact[i]);
        else if (str_find_char(text, ' ') < text.len)
            reader_say_item(r, raw, "contact", i, "authorities.%s.contact: \"%s\" holds a blank",
                            name, contact[i]);
    }
}

static void authority_read(const struct config *config, const char *name,
                           const struct json *checked, struct reader *r, struct authority_config *a)
{
    const struct json *eab = json_find(checked, "eab");
    const struct json *raw = json_find(json_find(r->raw, "authorities"), name);
    const char *ca_file = json_text(checked, "ca_file");
    *a = (struct authority_config){
        .name = mem_strdup(name),
        .directory = mem_strdup(json_text(checked, "directory")),
        .staging = mem_strdup(json_text(checked, "staging")),
        .ca_file = ca_file != NULL ? path_from(config->folder, ca_file) : NULL,
        .agree_tos = json_bool(checked, "agree_tos", false),
        .contact = texts_from(json_find(checked, "contact")),
        .eab_kid = mem_strdup(json_text(eab, "kid")),
        .eab_key = mem_strdup(json_text(eab, "key")),
        .eab_algorithm = mem_strdup(json_text(eab, "algorithm")),
        .parallel = json_int(checked, "parallel", 1),
        .checks_caa = strcmp(json_text(checked, "caa"), "check") == 0,
        .is_private = json_bool(checked, "private", false),
    };
    if (a->contact == NULL)
        a->contact = NEW_N(1, char *);
    url_check(r, raw, a, "directory", a->directory);
    url_check(r, raw, a, "staging", a->staging);
    contacts_check(r, raw, name, a->contact);
    authority_limits_read(config, r, raw, checked, a);
}

void authorities_read(struct config *config, struct reader *r)
{
    const struct json *list = json_find(config->tree, "authorities");
    const struct json *checked;
    const char *name;
    void *position = NULL;
    config->authorities = NEW_N(json_len(list) + 1, struct authority_config);
    while (json_next(list, &position, &name, &checked))
        authority_read(config, name, checked, r, &config->authorities[config->n_authorities++]);
    if (config->n_authorities == 0)
        reader_say(r, r->raw, "authorities", "authorities: at least one is needed");
}

void authorities_free(struct config *config)
{
    for (size_t i = 0; i < config->n_authorities; i++) {
        struct authority_config *a = &config->authorities[i];
        mem_free(a->name);
        mem_free(a->directory);
        mem_free(a->staging);
        mem_free(a->ca_file);
        texts_free(a->contact);
        mem_free(a->eab_kid);
        mem_free(a->eab_key);
        mem_free(a->eab_algorithm);
        authority_limits_free(a);
    }
    mem_free(config->authorities);
}

const struct authority_config *config_authority(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->n_authorities; i++)
        if (strcmp(config->authorities[i].name, name) == 0)
            return &config->authorities[i];
    return NULL;
}
