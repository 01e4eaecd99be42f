/* Who a CA is in CAA records, by the host of its directory. */
#include "acme/caa.h"

struct issuer {
    const char *host; /* the directory's host, or what it ends in behind a dot */
    const char *const *identities;
};

static const char *const letsencrypt[] = {"letsencrypt.org", NULL};
static const char *const google[] = {"pki.goog", NULL};
static const char *const sectigo[] = {"sectigo.com",   "comodo.com",         "comodoca.com",
                                      "usertrust.com", "trust-provider.com", NULL};
static const char *const sslcom[] = {"ssl.com", NULL};
static const char *const digicert[] = {"digicert.com", "geotrust.com", "rapidssl.com", "thawte.com",
                                       NULL};
static const char *const actalis[] = {"actalis.it", NULL};
static const char *const amazon[] = {"amazon.com", "amazontrust.com", "awstrust.com",
                                     "amazonaws.com", NULL};
static const char *const globalsign[] = {"globalsign.com", NULL};

static const struct issuer issuers[] = {
    {"letsencrypt.org", letsencrypt},
    {"pki.goog", google},
    {"zerossl.com", sectigo},
    {"sectigo.com", sectigo},
    {"ssl.com", sslcom},
    {"digicert.com", digicert},
    {"actalis.com", actalis},
    {"actalis.it", actalis},
    {"amazonaws.com", amazon},
    {"amazontrust.com", amazon},
    {"globalsign.com", globalsign},
};

static bool host_is(struct str host, const char *known)
{
    struct str name = str_of(known);
    if (host.len < name.len)
        return false;
    struct str end = str_mem(host.p + host.len - name.len, name.len);
    return str_eq_nocase(end, name) &&
           (host.len == name.len || host.p[host.len - name.len - 1] == '.');
}

const char *const *caa_identities_of_host(struct str host)
{
    for (size_t i = 0; i < sizeof issuers / sizeof issuers[0]; i++)
        if (host_is(host, issuers[i].host))
            return issuers[i].identities;
    return NULL;
}

struct str caa_host_of_url(const char *url)
{
    struct str rest = str_of(url), scheme = STR("://");
    size_t at = str_find(rest, scheme);
    if (at == rest.len)
        return STR_NONE;
    rest = str_mem(rest.p + at + scheme.len, rest.len - at - scheme.len);
    rest.len = str_find_char(rest, '/');
    rest.len = str_find_char(rest, ':');
    return rest;
}
