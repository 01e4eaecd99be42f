/*
 * Who may ask over HTTP for what, as configured: the section `http`.
 *
 * A PASS is a token (kept as its SHA-256 only) or a client certificate, with the names it is for and what it may do. docs/HTTP.md tells the
 * rules; a configuration that would show more than was meant (another address than this machine's own without TLS, a pass without names) is refused.
 */
#ifndef INVENTORY_CONFIG_HTTP_H
#define INVENTORY_CONFIG_HTTP_H

#include "io/loop.h"

struct config;

enum http_may { HTTP_MAY_LOCK = 1 << 0, HTTP_MAY_STATUS = 1 << 1, HTTP_MAY_METRICS = 1 << 2 };
struct http_pass {
    char *name;
    unsigned char sha256[32]; /* of the token */
    bool is_token;            /* else one of the two below */
    char *subject, *fingerprint;
    char **names; /* patterns, normalised, NULL-terminated */
    unsigned may; /* enum http_may bits */
};
struct http_config { /* owned by the config */
    bool is_on;
    struct net_address listen;
    char *certificate, *client_ca; /* paths; certificate NULL: no TLS */
    char *key;                     /* reference */
    struct http_pass *passes;
    size_t n_passes;
};

/* "example.com" fits itself, "*.example.com" what is below it at any depth, "*" everything. name: canonical. */
bool http_pattern_fits(const char *pattern, const char *name);
bool http_pass_is_for(const struct http_pass *pass, const char *name);
#endif
