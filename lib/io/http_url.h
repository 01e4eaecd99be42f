/*
 * Where a request may go.
 *
 * URLs come from CAs and DNS APIs that may lie. Allowed is https: to any host, and http: to this machine (a
 * loopback address or "localhost"), so that everything can be tried against a fake. At most 2048 bytes of
 * visible ASCII, no user or password. Whether the ADDRESS may be reached is judged later, by the socket (http.h).
 */
#ifndef IO_HTTP_URL_H
#define IO_HTTP_URL_H

#include "base/buf.h"

enum { HTTP_URL_MAX = 2048, HTTP_PLACE_MAX = 272 };

struct http_place {
    char text[HTTP_PLACE_MAX]; /* "ca.example.com", with ":port" when it is not the scheme's own */
    bool is_tls;
};

/* Kind REFUSED. The text names the host where there is one, never path or query: they may hold a secret. */
bool http_url_check(const char *url, struct http_place *ret_place, struct err *err);

#endif
