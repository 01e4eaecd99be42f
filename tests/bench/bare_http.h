/*
 * bare-client's way to the authority: signed POSTs over one multiplexed HTTP/2 connection
 * (libcurl's multi interface).
 *
 * Nonces are harvested from every reply; when none is left one is fetched. badNonce is answered by
 * trying again. A request ends in its callback with status, body and Retry-After.
 */
#ifndef BENCH_BARE_HTTP_H
#define BENCH_BARE_HTTP_H

#include "fake/mini_acme.h"

#include "base/json.h"
#include "base/list.h"

#include <curl/curl.h>

struct bare_reply {
    long status;
    struct str body;
    struct json *json;      /* NULL when the body is none; freed after the callback */
    const char *location;   /* NULL when absent */
    int64_t retry_after_ms; /* -1 when absent */
};
typedef void bare_done(void *ctx, const struct bare_reply *reply);

struct bare_http {
    CURLM *multi;
    const char *ca_file;
    struct mini_key *key;
    char *kid;
    char *new_nonce_url;
    char **nonces;
    size_t n_nonces, cap_nonces;
    CURL **idle; /* easy handles to be used again */
    size_t n_idle, cap_idle;
    struct list waiting; /* requests that need a nonce */
    int64_t requests, bad_nonces, in_flight;
};
void bare_http_init(struct bare_http *h, const char *ca_file);
void bare_http_fini(struct bare_http *h);
void bare_get(struct bare_http *h, const char *url, bare_done *done, void *ctx);
/* payload is copied; "" is POST-as-GET. */
void bare_post(struct bare_http *h, const char *url, const char *payload, bare_done *done,
               void *ctx);
/* Moves what can move, waits at most so long, calls callbacks. */
void bare_turn(struct bare_http *h, int wait_ms);

#endif
