#include "acme/exchange.h"

enum { URL_MAX = 2048 };

struct url {
    bool is_https;
    struct str host, port;
};

/* ASCII that a URL may show. A fragment never travels, and a backslash, quotes and angle brackets
 * are read differently by different parsers. */
static bool url_char_is_allowed(char c)
{
    return c > 0x20 && c < 0x7f && strchr("\\\"<>#^`{}|", c) == NULL;
}

static bool scheme_take(struct str *rest, bool *ret_is_https)
{
    const struct str https = STR("https://"), http = STR("http://");
    bool is_https = rest->len >= https.len && str_eq_nocase(str_mem(rest->p, https.len), https);
    bool is_http = rest->len >= http.len && str_eq_nocase(str_mem(rest->p, http.len), http);
    size_t len = is_https ? https.len : http.len;
    if (!is_https && !is_http)
        return false;
    *rest = str_mem(rest->p + len, rest->len - len);
    *ret_is_https = is_https;
    return true;
}

/* The part between "//" and the path or query. */
static struct str authority_of(struct str rest)
{
    size_t end = str_find_char(rest, '/'), query = str_find_char(rest, '?');
    return str_mem(rest.p, end < query ? end : query);
}

static bool port_is_good(struct str port)
{
    int64_t number;
    return str_to_i64(port, &number) && number >= 1 && number <= 65535;
}

static bool host_char_is_good(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

static bool address6_char_is_good(char c)
{
    return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' ||
           c == '.';
}

static bool host_is_good(struct str host)
{
    bool is_address6 = host.len > 2 && host.p[0] == '[' && host.p[host.len - 1] == ']';
    struct str inner = is_address6 ? str_mem(host.p + 1, host.len - 2) : host;
    if (inner.len == 0 || inner.len > 255)
        return false;
    for (size_t i = 0; i < inner.len; i++)
        if (is_address6 ? !address6_char_is_good(inner.p[i]) : !host_char_is_good(inner.p[i]))
            return false;
    return true;
}

static bool authority_split(struct str authority, struct url *url)
{
    size_t host_len = str_find_char(authority, ':');
    if (authority.len > 0 && authority.p[0] == '[')
        host_len = str_find_char(authority, ']') + 1;
    if (host_len > authority.len)
        return false;
    url->host = str_mem(authority.p, host_len);
    url->port = STR_NONE;
    if (host_len == authority.len)
        return host_is_good(url->host);
    if (authority.p[host_len] != ':')
        return false;
    url->port = str_mem(authority.p + host_len + 1, authority.len - host_len - 1);
    return host_is_good(url->host) && port_is_good(url->port);
}

/* Why the text is no URL to ask, or NULL. */
static const char *url_fault(struct str text, struct url *url)
{
    if (text.len == 0)
        return "it is empty";
    if (text.len > URL_MAX)
        return "it is longer than 2048 bytes";
    for (size_t i = 0; i < text.len; i++)
        if (!url_char_is_allowed(text.p[i]))
            return "it holds a byte that no URL may hold";
    struct str rest = text;
    if (!scheme_take(&rest, &url->is_https))
        return "it is not https";
    struct str authority = authority_of(rest);
    if (str_find_char(authority, '@') < authority.len)
        return "it holds a user name";
    return authority_split(authority, url) ? NULL : "it has no proper host";
}

static bool host_is_loopback(struct str host)
{
    if (str_eq_nocase(host, STR("localhost")) || str_eq(host, STR("[::1]")))
        return true;
    struct str rest = host, piece;
    size_t n = 0;
    int64_t octet;
    while (str_split(&rest, '.', &piece)) {
        if (piece.len > 3 || !str_to_i64(piece, &octet) || octet < 0 || octet > 255)
            return false;
        if (n++ == 0 && octet != 127)
            return false;
    }
    return n == 4;
}

static bool directory_is_plain_loopback(const char *directory_url)
{
    struct url url;
    return directory_url != NULL && url_fault(str_of(directory_url), &url) == NULL &&
           !url.is_https && host_is_loopback(url.host);
}

bool acme_url_check(const char *url, const char *directory_url, struct err *err)
{
    if (url == NULL)
        return err_set(err, ERR_BROKEN, "a URL is missing");
    struct url parts;
    const char *fault = url_fault(str_of(url), &parts);
    if (fault == NULL && !parts.is_https &&
        !(directory_is_plain_loopback(directory_url) && host_is_loopback(parts.host)))
        fault = "it is not https";
    if (fault == NULL)
        return true;
    AUTO(buf_fini)
    struct buf shown = BUF(256);
    text_escape(&shown, str_of(url), 200);
    return err_set(err, ERR_BROKEN, "the URL \"%s\" may not be asked: %s", buf_cstr(&shown), fault);
}

bool acme_url_same_host(const char *a, const char *b)
{
    struct url one, other;
    return a != NULL && b != NULL && url_fault(str_of(a), &one) == NULL &&
           url_fault(str_of(b), &other) == NULL && str_eq_nocase(one.host, other.host);
}
