/*
 * HTTP: requests through curl's multi interface, HTTP/2 multiplexed, one connection an origin where the peer speaks it.
 *
 * A peer may lie, stall and flood: headers are capped at 32 KiB, bodies by a counter of our own (not by Content-Length), connect at
 * 10 s, silence at 30 s, the whole at 120 s. No content decoding, no redirects for POST, at most 2 for GET and never down
 * to http. http: URLs are refused except to loopback. TLS >= 1.2, always verified; a trust file may be added, verification
 * cannot be switched off. With public_only the socket callback refuses private addresses, so that a
 * second DNS answer cannot dodge the rule.
 */
#ifndef IO_HTTP_H
#define IO_HTTP_H

#include "io/loop.h"

struct http;
struct http_options {
    const char *user_agent; /* "chancery/0.1 libcurl/7.88" is built by the caller */
    int max_connections;    /* per host; 0: 1 where HTTP/2 is spoken */
    bool no_reuse;          /* tests */
};
struct http *http_new(struct loop *loop, const struct http_options *options);
void http_free(struct http *http);

struct http_request {
    const char *method; /* "GET", "HEAD", "POST" ... */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
    struct str body;            /* copied */
    size_t max_body;            /* of the reply; 0: 256 KiB */
    const char *
        ca_file; /* additional trust, PEM; NULL: the system's only. With a ca_file only it is trusted */
    bool public_only;
    bool follow; /* GET only: up to 2 redirects */
    bool
        once; /* never sent a second time: libcurl repeats what goes lost on a connection that was used before */
    int64_t timeout_ms; /* whole; 0: 120 s */
};
struct http_header {
    const char *name, *value;
};
struct http_reply {
    int status; /* 100..599 */
    const struct http_header *headers;
    size_t n_headers;
    struct str body;    /* not NUL-terminated */
    int64_t date_at_ms; /* of the Date header, 0 when absent */
};
/* First value of a header (case does not matter), NULL when absent. */
const char *http_header(const struct http_reply *reply, const char *name);

struct http_call;
/* Exactly one of reply (any HTTP status) and err (transport: kinds AGAIN, DENIED for TLS trust, BROKEN for caps, REFUSED for forbidden
 * URLs) is non-NULL. Both are borrowed for the call. err->text names host and phase. */
typedef void http_done(void *arg, const struct http_reply *reply, const struct err *err);
struct http_call *http_start(struct http *http, const struct http_request *request, http_done *done,
                             void *arg);
void http_cancel(struct http_call *call); /* NULL allowed; not after done */

struct http_figures { /* since http_new */
    int64_t n_requests, n_connections, n_bytes_in, n_bytes_out;
};
struct http_figures http_figures(const struct http *http);
/* Name and version of the library behind, as a user agent tells them: "libcurl/7.88.1". */
const char *http_library(void);

#endif
