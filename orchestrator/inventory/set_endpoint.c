#include "inventory/config_inside.h"

/* ---- raw form -> stored form: always blocks ---- */

static struct json *endpoint_settle(const struct json *raw_list, size_t i, struct reader *r)
{
    const struct json *raw = json_at(raw_list, i);
    const char *text = json_as_text(raw);
    if (text != NULL)
        return json_set_text(json_object(), "endpoint", text);
    if (json_is(raw, JSON_OBJECT))
        return table_check(r->yaml, raw, &section_endpoint, &r->complaints);
    reader_say_item(r, r->raw, "endpoints", i,
                    "endpoints: host:port is expected, e.g. shop.example.com:443");
    return NULL;
}

void endpoints_settle(struct json *doc, struct reader *r)
{
    const struct json *raws = json_find(r->raw, "endpoints");
    const char *only = json_as_text(raws);
    struct json *out = json_array();
    if (only != NULL)
        json_push(out, json_set_text(json_object(), "endpoint", only));
    else if (raws != NULL && !json_is(raws, JSON_ARRAY) && !json_is(raws, JSON_NULL))
        reader_say(r, r->raw, "endpoints",
                   "endpoints: a list is expected, e.g. endpoints: "
                   "[shop.example.com:443]");
    for (size_t i = 0; json_is(raws, JSON_ARRAY) && i < json_len(raws); i++) {
        struct json *one = endpoint_settle(raws, i, r);
        if (one != NULL)
            json_push(out, one);
    }
    json_set(doc, "endpoints", out);
}

/* ---- tree -> struct ---- */

static bool host_fits(struct str host)
{
    struct net_address address;
    char *name = NULL;
    if (net_address_parse(host, 443, &address))
        return true;
    AUTO(mem_fini)
    char *copy = mem_strndup(host.p, host.len);
    if (!zone_normalise(copy, &name, NULL))
        return false;
    mem_free(name);
    return true;
}

/* "host:port", "[v6]:port". */
static bool endpoint_split(const char *text, struct str *ret_host, uint16_t *ret_port)
{
    struct str whole = str_of(text), host = whole;
    int64_t port = 0;
    while (host.len > 0 && host.p[host.len - 1] != ':')
        host.len--;
    if (host.len < 2 || !str_to_i64(str_mem(text + host.len, whole.len - host.len), &port) ||
        port < 1 || port > UINT16_MAX)
        return false;
    host.len--;
    bool bracketed = host.p[0] == '[' && host.p[host.len - 1] == ']';
    if (bracketed)
        host = str_mem(host.p + 1, host.len - 2);
    else if (str_find_char(host, ':') < host.len)
        return false;
    *ret_host = host;
    *ret_port = (uint16_t)port;
    return host_fits(host);
}

static void endpoint_read(const struct json *one, size_t i, struct endpoint_config *e,
                          struct reader *r)
{
    struct str host = STR("");
    struct net_address address;
    *e = (struct endpoint_config){
        .text = mem_strdup(json_text(one, "endpoint")),
        .starttls = mem_strdup(json_text(one, "starttls")),
        .connect = mem_strdup(json_text(one, "connect")),
    };
    if (!endpoint_split(e->text, &host, &e->port))
        reader_say_item(r, r->raw, "endpoints", i,
                        "endpoints: \"%.80s\" is no host:port; write e.g. shop.example.com:443 or "
                        "[2001:db8::1]:443",
                        e->text);
    else if (e->connect != NULL && !net_address_parse(str_of(e->connect), e->port, &address))
        reader_say_item(r, r->raw, "endpoints", i,
                        "endpoints.connect: \"%.80s\" is no address; write 192.0.2.1 or "
                        "192.0.2.1:8443",
                        e->connect);
    e->host = mem_strndup(host.p, host.len);
    e->want = print_of(json_copy(one));
}

void endpoints_read(const struct json *doc, struct set_config *set, struct reader *r)
{
    const struct json *list = json_find(doc, "endpoints");
    set->n_endpoints = json_len(list);
    set->endpoints = NEW_N(set->n_endpoints + 1, struct endpoint_config);
    for (size_t i = 0; i < set->n_endpoints; i++) {
        endpoint_read(json_at(list, i), i, &set->endpoints[i], r);
        for (size_t j = 0; j < i; j++)
            if (strcmp(set->endpoints[j].text, set->endpoints[i].text) == 0)
                reader_say_item(r, r->raw, "endpoints", i, "endpoints: %s is there twice",
                                set->endpoints[i].text);
    }
}

void endpoints_free(struct set_config *set)
{
    for (size_t i = 0; i < set->n_endpoints; i++) {
        struct endpoint_config *e = &set->endpoints[i];
        mem_free(e->text);
        mem_free(e->host);
        mem_free(e->starttls);
        mem_free(e->connect);
        mem_free(e->want);
    }
    mem_free(set->endpoints);
}
