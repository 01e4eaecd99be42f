#include "io/http_url.h"

#include "io/loop.h"

#include <curl/curl.h>
#include <stdio.h>

struct url_parts {
    CURLU *url;
    char *scheme, *host, *port, *user, *password;
};

static void url_parts_fini(struct url_parts *parts)
{
    curl_free(parts->scheme);
    curl_free(parts->host);
    curl_free(parts->port);
    curl_free(parts->user);
    curl_free(parts->password);
    curl_url_cleanup(parts->url);
}

static bool url_parse(const char *text, struct url_parts *parts, struct err *err)
{
    CURLUcode code = curl_url_set(parts->url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    if (code == CURLUE_OK)
        code = curl_url_get(parts->url, CURLUPART_SCHEME, &parts->scheme, 0);
    if (code == CURLUE_OK && strcmp(parts->scheme, "https") != 0 &&
        strcmp(parts->scheme, "http") != 0)
        return err_set(err, ERR_REFUSED, "forbidden URL: not https");
    if (code == CURLUE_OK)
        code = curl_url_get(parts->url, CURLUPART_HOST, &parts->host, 0);
    if (code != CURLUE_OK)
        return err_set(err, ERR_REFUSED, "forbidden URL: %s", curl_url_strerror(code));
    /* Absent parts leave NULL. */
    curl_url_get(parts->url, CURLUPART_PORT, &parts->port, CURLU_NO_DEFAULT_PORT);
    curl_url_get(parts->url, CURLUPART_USER, &parts->user, 0);
    curl_url_get(parts->url, CURLUPART_PASSWORD, &parts->password, 0);
    return true;
}

static bool url_bytes_check(const char *url, struct err *err)
{
    size_t len = url != NULL ? strlen(url) : 0;
    if (len == 0)
        return err_set(err, ERR_REFUSED, "forbidden URL: it is empty");
    if (len > HTTP_URL_MAX)
        return err_set(err, ERR_REFUSED, "forbidden URL: longer than %d bytes", HTTP_URL_MAX);
    for (size_t i = 0; i < len; i++)
        if (url[i] <= ' ' || url[i] > '~' || url[i] == '\\')
            return err_set(err, ERR_REFUSED,
                           "forbidden URL: it holds a byte that URLs must not hold");
    return true;
}

static bool host_is_loopback(const char *host)
{
    struct net_address a;
    static const unsigned char one[16] = {[15] = 1};
    if (str_eq_nocase(str_of(host), STR("localhost")))
        return true;
    if (!net_address_parse(str_of(host), 80, &a))
        return false;
    return a.ip_len == 4 ? a.ip[0] == 127 : memcmp(a.ip, one, 16) == 0;
}

bool http_url_check(const char *url, struct http_place *ret_place, struct err *err)
{
    AUTO(url_parts_fini)
    struct url_parts parts = {.url = curl_url()};
    CHECK(parts.url != NULL);
    if (!url_bytes_check(url, err) || !url_parse(url, &parts, err))
        return false;
    bool is_tls = strcmp(parts.scheme, "https") == 0;
    if (strlen(parts.host) > 255)
        return err_set(err, ERR_REFUSED, "forbidden URL: the host is longer than 255 bytes");
    if (parts.user != NULL || parts.password != NULL)
        return err_set(err, ERR_REFUSED, "%s: forbidden URL: it holds a user name", parts.host);
    if (!is_tls && !host_is_loopback(parts.host))
        return err_set(err, ERR_REFUSED, "%s: forbidden URL: http is allowed to this machine only",
                       parts.host);
    snprintf(ret_place->text, sizeof ret_place->text, "%s%s%s", parts.host,
             parts.port != NULL ? ":" : "", parts.port != NULL ? parts.port : "");
    ret_place->is_tls = is_tls;
    return true;
}
