#include "inventory/config_inside.h"

enum { HTTP_PORT = 9443, PASSES_MAX = 1000 };

static const struct setting tls_settings[] = {
    {.name = "certificate",
     .kind = SETTING_TEXT,
     .required = true,
     .min = 1,
     .max = 1024,
     .sentence =
         "PEM file: the certificate with its chain. Read again with each reload; `chancery` "
         "can deliver it itself (`activate: [systemctl, reload, chancery]`)."},
    {.name = "key",
     .kind = SETTING_SECRET,
     .required = true,
     .sentence = "Its key, e.g. `file:/etc/chancery/http.key`."},
    {.name = "client_ca",
     .kind = SETTING_TEXT,
     .min = 1,
     .max = 1024,
     .sentence = "PEM file with the CA of client certificates; needed for `clients`."},
};
static const struct section section_http_tls = {.name = "http.tls",
                                                .sentence =
                                                    "TLS 1.3, and 1.2 with forward secrecy.",
                                                .settings = tls_settings,
                                                .n = sizeof tls_settings / sizeof tls_settings[0]};

#define PASS_NAME                                                                                  \
    {                                                                                              \
        .name = "name", .kind = SETTING_TEXT, .required = true, .min = 1, .max = 64,               \
        .sentence = "Shown to others as the holder of a lock."                                     \
    }
#define PASS_SETTINGS                                                                              \
    {.name = "names",                                                                              \
     .kind = SETTING_TEXTS,                                                                        \
     .max = 1000,                                                                                  \
     .sentence = "The names it may lock and see: `example.com` for that one, "                     \
                 "`\"*.example.com\"` for all below it, `\"*\"` for all."},                        \
    {                                                                                              \
        .name = "may", .kind = SETTING_TEXTS, .required = true, .choices = "lock|status|metrics",  \
        .min = 1, .max = 3,                                                                        \
        .sentence = "What it may do: `lock` (take, hold and see locks of its names), `status` "    \
                    "(see how the sets of its names stand), `metrics` (all figures)."              \
    }

static const struct setting token_settings[] = {
    PASS_NAME,
    {.name = "sha256",
     .kind = SETTING_TEXT,
     .required = true,
     .min = 64,
     .max = 64,
     .sentence = "SHA-256 of the token in hex; `chancery token new NAME` makes both."},
    PASS_SETTINGS,
};
static const struct section section_http_token = {
    .name = "http.tokens[]",
    .sentence = "Who shows this token (`Authorization: Bearer ...`).",
    .settings = token_settings,
    .n = sizeof token_settings / sizeof token_settings[0]};

static const struct setting client_settings[] = {
    PASS_NAME,
    {.name = "fingerprint",
     .kind = SETTING_TEXT,
     .min = 64,
     .max = 95,
     .sentence = "SHA-256 of the certificate (DER) in hex, with or without colons."},
    {.name = "subject",
     .kind = SETTING_TEXT,
     .min = 1,
     .max = 512,
     .sentence =
         "Instead: its subject exactly as RFC 4514 writes it, e.g. `CN=edge1,O=Example`; any "
         "certificate of `client_ca` with it counts."},
    PASS_SETTINGS,
};
static const struct section section_http_client = {.name = "http.clients[]",
                                                   .sentence = "Who shows this client certificate.",
                                                   .settings = client_settings,
                                                   .n = sizeof client_settings /
                                                        sizeof client_settings[0]};

static const struct setting http_settings[] = {
    {.name = "listen",
     .kind = SETTING_TEXT,
     .otherwise = "127.0.0.1:9443",
     .min = 1,
     .max = 64,
     .sentence =
         "Address and port. Another than this machine's own (127.0.0.1, [::1]) needs `tls`."},
    {.name = "tls",
     .kind = SETTING_SECTION,
     .section = &section_http_tls,
     .sentence = "Without it HTTP is spoken, on this machine only."},
    {.name = "tokens",
     .kind = SETTING_SECTIONS,
     .section = &section_http_token,
     .sentence = "Who may ask, by token. Without tokens and clients only `/healthz` answers."},
    {.name = "clients",
     .kind = SETTING_SECTIONS,
     .section = &section_http_client,
     .sentence = "Who may ask, by client certificate."},
};
const struct section section_http = {
    .name = "http",
    .sentence =
        "The HTTP face of `chancery serve`: locks, status, metrics (docs/HTTP.md). Without this "
        "section there is none.",
    .settings = http_settings,
    .n = sizeof http_settings / sizeof http_settings[0]};

/* ---- patterns ---- */

bool http_pattern_fits(const char *pattern, const char *name)
{
    struct str p = str_of(pattern), n = str_of(name);
    if (str_eq(p, STR("*")))
        return true;
    if (!str_starts(p, STR("*.")))
        return str_eq(p, n);
    struct str below = str_mem(p.p + 1, p.len - 1);
    return n.len > below.len && str_ends(n, below);
}

bool http_pass_is_for(const struct http_pass *pass, const char *name)
{
    for (char **pattern = pass->names; pattern != NULL && *pattern != NULL; pattern++)
        if (http_pattern_fits(*pattern, name))
            return true;
    return false;
}

static char *pattern_read(struct reader *r, const struct json *raw, size_t i, const char *text)
{
    char *name = NULL;
    struct err why = {0};
    if (strcmp(text, "*") == 0)
        return mem_strdup(text);
    bool is_below = str_starts(str_of(text), STR("*."));
    if (!zone_normalise(text + (is_below ? 2 : 0), &name, &why)) {
        reader_say_item(r, raw, "names", i, "http: %s", why.text);
        return mem_strdup("");
    }
    if (!is_below)
        return name;
    char *pattern = mem_printf("*.%s", name);
    mem_free(name);
    return pattern;
}

/* ---- passes ---- */

static void pass_read(struct reader *r, const struct json *raw, const struct json *checked,
                      struct http_pass *pass)
{
    const struct json *names = json_find(checked, "names"), *may = json_find(checked, "may");
    pass->name = mem_strdup(json_text(checked, "name"));
    pass->names = NEW_N(json_len(names) + 1, char *);
    for (size_t i = 0; i < json_len(names); i++)
        pass->names[i] = pattern_read(r, raw, i, json_as_text(json_at(names, i)));
    for (size_t i = 0; i < json_len(may); i++) {
        const char *word = json_as_text(json_at(may, i));
        pass->may |= strcmp(word, "lock") == 0     ? HTTP_MAY_LOCK
                     : strcmp(word, "status") == 0 ? HTTP_MAY_STATUS
                                                   : HTTP_MAY_METRICS;
    }
    if ((pass->may & (HTTP_MAY_LOCK | HTTP_MAY_STATUS)) != 0 && json_len(names) == 0)
        reader_say(r, raw, "may",
                   "http: \"%s\" may lock or see status, but of no name: `names` is missing",
                   pass->name);
    for (const char *c = pass->name; *c != '\0'; c++)
        if (*c < '!' || *c > '~' || *c == '"' || *c == '\\' || *c == '/') {
            reader_say(
                r, raw, "name",
                "http: a name is made of printable ASCII without blanks, quotes and slashes");
            break;
        }
}

static void token_read(struct reader *r, const struct json *raw, const struct json *checked,
                       struct http_pass *pass)
{
    AUTO(buf_fini)
    struct buf hash = BUF(32);
    pass_read(r, raw, checked, pass);
    pass->is_token = true;
    if (hex_decode(&hash, str_of(json_text(checked, "sha256"))) && hash.len == sizeof pass->sha256)
        memcpy(pass->sha256, hash.p, sizeof pass->sha256);
    else
        reader_say(r, raw, "sha256",
                   "http.tokens: 64 hex digits are expected, as `chancery token new` prints them");
}

static char *fingerprint_read(struct reader *r, const struct json *raw, const char *text)
{
    AUTO(buf_fini)
    struct buf digits = BUF(64), bytes = BUF(32);
    for (const char *c = text; *c != '\0'; c++)
        if (*c != ':')
            buf_add_char(&digits, *c >= 'A' && *c <= 'F' ? (char)(*c + 'a' - 'A') : *c);
    if (digits.overflow || digits.len != 64 || !hex_decode(&bytes, buf_str(&digits)))
        reader_say(r, raw, "fingerprint",
                   "http.clients: a fingerprint is 64 hex digits, with or without colons");
    return buf_take(&digits);
}

static void client_read(struct reader *r, const struct json *raw, const struct json *checked,
                        struct http_pass *pass)
{
    const char *fingerprint = json_text(checked, "fingerprint");
    const char *subject = json_text(checked, "subject");
    pass_read(r, raw, checked, pass);
    pass->subject = mem_strdup(subject);
    if (fingerprint != NULL)
        pass->fingerprint = fingerprint_read(r, raw, fingerprint);
    if ((fingerprint == NULL) == (subject == NULL))
        reader_say(r, raw, "name", "http.clients: \"%s\" needs either `fingerprint` or `subject`",
                   pass->name);
}

static void twins_refuse(const struct http_config *http, struct reader *r, const struct json *raw)
{
    for (size_t i = 0; i < http->n_passes; i++) {
        const struct http_pass *a = &http->passes[i];
        for (size_t k = 0; k < i; k++) {
            const struct http_pass *b = &http->passes[k];
            if (strcmp(a->name, b->name) == 0)
                reader_say(r, raw, a->is_token ? "tokens" : "clients",
                           "http: \"%s\" is there twice: locks are held by that name", a->name);
            if (a->is_token && b->is_token && memcmp(a->sha256, b->sha256, 32) == 0)
                reader_say(r, raw, "tokens", "http.tokens: \"%s\" and \"%s\" are the same token",
                           b->name, a->name);
        }
    }
}

static void passes_read(struct http_config *http, struct reader *r, const struct json *raw,
                        const struct json *checked)
{
    const struct json *tokens = json_find(checked, "tokens"),
                      *clients = json_find(checked, "clients");
    size_t n_tokens = json_len(tokens), n_clients = json_len(clients);
    if (n_tokens + n_clients > PASSES_MAX) {
        reader_say(r, raw, "tokens", "http: more than %d tokens and clients", PASSES_MAX);
        return;
    }
    http->passes = NEW_N(n_tokens + n_clients, struct http_pass);
    for (size_t i = 0; i < n_tokens; i++)
        token_read(r, json_at(json_find(raw, "tokens"), i), json_at(tokens, i),
                   &http->passes[http->n_passes++]);
    for (size_t i = 0; i < n_clients; i++)
        client_read(r, json_at(json_find(raw, "clients"), i), json_at(clients, i),
                    &http->passes[http->n_passes++]);
    if (n_clients > 0 && http->client_ca == NULL)
        reader_say(r, raw, "clients",
                   "http.clients needs http.tls.client_ca, the CA of their certificates");
    twins_refuse(http, r, raw);
}

/* ---- the section ---- */

void http_read(struct config *config, struct reader *r)
{
    struct http_config *http = &config->http;
    const struct json *checked = json_find(config->tree, "http"), *raw = json_find(r->raw, "http");
    const struct json *tls = json_find(checked, "tls");
    if (checked == NULL)
        return;
    http->is_on = true;
    if (tls != NULL) {
        const char *ca = json_text(tls, "client_ca");
        http->certificate = path_from(config->folder, json_text(tls, "certificate"));
        http->key = mem_strdup(json_text(tls, "key"));
        http->client_ca = ca != NULL ? path_from(config->folder, ca) : NULL;
    }
    const char *listen = json_text(checked, "listen");
    if (!net_address_parse(str_of(listen), HTTP_PORT, &http->listen))
        reader_say(r, raw, "listen",
                   "http.listen: \"%.64s\" is no address; write 127.0.0.1:9443 or [::1]:9443",
                   listen);
    else if (tls == NULL && !net_address_is_loopback(&http->listen))
        reader_say(
            r, raw, "listen",
            "http.listen: %s can be reached from elsewhere, and tokens would cross the net in "
            "the clear; set http.tls, or listen on 127.0.0.1",
            listen);
    passes_read(http, r, raw, checked);
}

void http_config_free(struct config *config)
{
    struct http_config *http = &config->http;
    for (size_t i = 0; i < http->n_passes; i++) {
        mem_free(http->passes[i].name);
        mem_free(http->passes[i].subject);
        mem_free(http->passes[i].fingerprint);
        texts_free(http->passes[i].names);
    }
    mem_free(http->passes);
    mem_free(http->certificate);
    mem_free(http->client_ca);
    mem_free(http->key);
}
