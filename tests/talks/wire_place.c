#include "wire.h"

#include "dns-providers/manifest/manifest.h"

#include <ctype.h>

static size_t host_len(const char *url)
{
    const char *host = strstr(url, "://");
    return host == NULL ? 0 : (size_t)(host - url) + 3 + strcspn(host + 3, "/?#");
}

static void host_add(struct wire_places *places, const char *url)
{
    size_t len = host_len(url);
    for (size_t i = 0; i < places->n_hosts; i++)
        if (str_eq(str_of(places->hosts[i]), str_mem(url, len)))
            return;
    CHECK(places->n_hosts < WIRE_HOSTS_MAX);
    if (len > 0)
        places->hosts[places->n_hosts++] = mem_strndup(url, len);
}

static char *path_of(const char *url)
{
    struct str path = url != NULL ? str_of(url + host_len(url)) : STR("");
    if (str_ends(path, STR("/")))
        path.len--;
    return str_find_char(path, '{') < path.len ? mem_strdup("") : mem_strndup(path.p, path.len);
}

void wire_places_init(struct wire_places *places, const struct json *talk,
                      const struct dns_provider *provider, int port)
{
    const struct json *lines = json_find(talk, "talk");
    const char *given = json_text(json_find(talk, "settings"), "base_url");
    const char *base = json_text(manifest_tree(provider), "base");
    *places = (struct wire_places){.ours = mem_printf("http://127.0.0.1:%d", port)};
    places->path = path_of(given != NULL ? given : base);
    for (size_t i = 0; i < json_len(lines); i++) {
        const char *url = json_text(json_find(json_find(json_at(lines, i), "wish"), "http"), "url");
        if (url != NULL)
            host_add(places, url);
    }
    for (const char *const *h = provider->api_hosts; h != NULL && *h != NULL; h++) {
        AUTO(mem_fini)
        char *url = mem_printf("https://%s", *h);
        host_add(places, url);
    }
}

void wire_places_fini(struct wire_places *places)
{
    for (size_t i = 0; i < places->n_hosts; i++)
        mem_free(places->hosts[i]);
    mem_free(places->ours);
    mem_free(places->path);
}

static bool ends_host(char c)
{
    return !isalnum((unsigned char)c) && c != '.' && c != '-' && c != ':';
}

static void text_move(struct str text, struct str from, struct str to, struct buf *out)
{
    for (;;) {
        size_t at = str_find(text, from);
        if (at >= text.len || from.len == 0)
            break;
        bool whole = at + from.len == text.len || ends_host(text.p[at + from.len]);
        whole = whole && (at == 0 || text.p[at - 1] == ':' || ends_host(text.p[at - 1]));
        buf_add(out, text.p, at);
        buf_add_str(out, whole ? to : from);
        text = str_mem(text.p + at + from.len, text.len - at - from.len);
    }
    buf_add_str(out, text);
}

/* With its scheme, as in an address, and alone, as a signature takes it in. */
static char *host_move(const struct wire_places *places, char *text, const char *host)
{
    const char *bare = strstr(host, "://") + 3;
    struct buf once = BUF(JSON_SIZE_MAX), twice = BUF(JSON_SIZE_MAX);
    text_move(str_of(text), str_of(host), str_of(places->ours), &once);
    text_move(buf_str(&once), str_of(bare), str_of(places->ours + strlen("http://")), &twice);
    mem_free(text);
    buf_fini(&once);
    return buf_take(&twice);
}

struct json *wire_places_move(const struct wire_places *places, const struct json *tree)
{
    struct buf out = BUF(JSON_SIZE_MAX);
    struct json *moved = NULL;
    json_format(tree, &out, false);
    char *text = buf_take(&out);
    for (size_t i = 0; i < places->n_hosts; i++)
        text = host_move(places, text, places->hosts[i]);
    CHECK(json_parse(str_of(text), JSON_SIZE_MAX, &moved, NULL));
    mem_free(text);
    return moved;
}
