/*
 * The inside of HTTP, for http*.c only.
 *
 *   http.c        starting, following, ending, reporting a call
 *   http_easy.c   a call told to curl: every option in one place; what curl hands back as it arrives
 *   http_multi.c  curl's multi handles on the loop: sockets and the timer
 *   http_fault.c  a curl code turned into kind and sentence
 *   http_url.c    where a request may go
 *
 * There are two multi handles: connections made for public addresses only are never mixed with others, because a
 * reused connection passes no socket callback.
 */
#ifndef IO_HTTP_INSIDE_H
#define IO_HTTP_INSIDE_H

#include "io/http.h"
#include "io/http_url.h"
#include "io/loop_uv.h"

#include <curl/curl.h>

enum {
    HTTP_HEAD_MAX = 32 * 1024,
    HTTP_BODY_MAX = 256 * 1024,
    HTTP_CONNECT_MS = 10 * 1000,
    HTTP_SILENCE_S = 30,
    HTTP_TIMEOUT_MS = 120 * 1000,
    HTTP_REDIRECTS_MAX = 2,
    HTTP_IDLE_MAX = 128,          /* easy handles kept for reuse */
    HTTP_CONNECTIONS_PER_HOST = 4 /* where a peer speaks HTTP/1.1 only */
};

struct http_pool {
    struct http *http;
    CURLM *multi;
    struct loop_timer timer;
    struct list sockets;
    bool public_only;
};

struct http {
    struct loop *loop;
    struct loop_thing thing;
    char *user_agent;
    int max_connections;
    bool no_reuse, is_shut;
    struct http_pool pools[2];
    struct list calls;
    CURL *idle[HTTP_IDLE_MAX];
    size_t n_idle;
    struct http_figures figures;
};

/* Why one of our own callbacks stopped a transfer. */
enum http_flaw { HTTP_FLAW_NONE, HTTP_FLAW_HEAD, HTTP_FLAW_BODY };

struct http_call {
    struct list link;
    struct http *http;
    struct http_pool *pool;
    CURL *easy; /* NULL unless under way */
    struct loop_later later;
    struct loop_timer deadline;

    char *method, *url, *ca_file;
    struct curl_slist *headers;
    struct buf body;
    size_t body_sent; /* of a body that is read once */
    size_t max_body;
    bool follow, once;
    int64_t timeout_ms;
    int n_redirects;

    struct http_place place;
    char curl_error[CURL_ERROR_SIZE];
    char forbidden[NET_ADDRESS_TEXT_MAX]; /* a private address that public_only refused */
    enum http_flaw flaw;
    struct buf head, answer;
    size_t head_seen; /* bytes of heads and trailers that are not kept */
    bool head_ended;
    int status;
    struct err err; /* kind NONE: there is a reply */

    http_done *done;
    void *arg;
};

void http_pool_init(struct http_pool *pool, struct http *http, bool public_only);
void http_pool_fini(struct http_pool *pool);
/* Called by a pool when curl has ended a call. */
void http_call_end(struct http_call *call, CURLcode code);

/* Tells call->easy all of the call. */
void http_easy_set(struct http_call *call);
/* Splits call->head into name and value pairs (in place) and returns how many; the caller frees *ret_headers. */
size_t http_head_split(struct http_call *call, struct http_header **ret_headers);

/* "host: phase: why" and its kind, into call->err. The handle is still there to be asked. */
void http_fault(struct http_call *call, CURLcode code);

#endif
