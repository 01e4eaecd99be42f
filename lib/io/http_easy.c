#include "io/http_inside.h"

#include <sys/socket.h>
#include <unistd.h>

#define SET(option, value) CHECK(curl_easy_setopt(call->easy, option, value) == CURLE_OK)

/* One header line, or the blank line that ends the head. Interim answers (1xx) come before the real one, trailers
 * after it: the first are forgotten, the second ignored, all count towards the cap. */
static size_t head_came(char *p, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    size_t len = size * n;
    struct str line = str_mem(p, len);
    if (call->head_ended && str_starts(line, STR("HTTP/"))) {
        call->head_ended = false;
        call->head_seen += call->head.len;
        buf_clear(&call->head);
    }
    if (call->head_ended)
        call->head_seen += len;
    else
        buf_add(&call->head, p, len);
    if (str_trim(line).len == 0)
        call->head_ended = true;
    if (call->head.overflow || call->head_seen + call->head.len > HTTP_HEAD_MAX) {
        call->flaw = HTTP_FLAW_HEAD;
        return 0;
    }
    return len;
}

static size_t body_came(char *p, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    buf_add(&call->answer, p, size * n);
    if (!call->answer.overflow)
        return size * n;
    call->flaw = HTTP_FLAW_BODY;
    return 0;
}

/* The rule for public addresses is applied to the address that is really connected to. */
static curl_socket_t socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
    (void)purpose;
    struct http_call *call = arg;
    struct net_address address;
    if (call->pool->public_only &&
        (!net_address_from_sockaddr(&to->addr, &address) || net_address_is_private(&address))) {
        net_address_format(&address, false, call->forbidden);
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void set_trust(struct http_call *call)
{
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (call->ca_file == NULL)
        return;
    SET(CURLOPT_CAINFO, call->ca_file);
    SET(CURLOPT_CAPATH, NULL);
    /* A replaced trust file counts from the next connection on. */
    SET(CURLOPT_CA_CACHE_TIMEOUT, 0L);
}

static void set_limits(struct http_call *call)
{
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)HTTP_CONNECT_MS);
    SET(CURLOPT_LOW_SPEED_LIMIT, 1L);
    SET(CURLOPT_LOW_SPEED_TIME, (long)HTTP_SILENCE_S);
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* http.c follows, and judges each place anew */
    SET(CURLOPT_MAXREDIRS, 0L);
    SET(CURLOPT_PROTOCOLS_STR, call->place.is_tls ? "https" : "http");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
    SET(CURLOPT_PROXY, ""); /* libcurl would otherwise read the environment */
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* removing a call must not wait for a resolver thread */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
}

static void set_connection(struct http_call *call)
{
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_PIPEWAIT, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_OPENSOCKETFUNCTION, socket_open);
    SET(CURLOPT_OPENSOCKETDATA, call);
    /* On a connection of its own nothing is repeated; a body that can be read but once keeps a request from it on any. */
    bool alone = call->http->no_reuse || (call->once && call->body.len == 0);
    SET(CURLOPT_FRESH_CONNECT, alone ? 1L : 0L);
    SET(CURLOPT_FORBID_REUSE, call->http->no_reuse ? 1L : 0L);
}

static size_t body_goes(char *to, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    size_t left = call->body.len - call->body_sent, len = size * n < left ? size * n : left;
    memcpy(to, call->body.p + call->body_sent, len);
    call->body_sent += len;
    return len;
}

static void set_body(struct http_call *call)
{
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len);
    if (call->once && call->body.len > 0) {
        call->body_sent = 0;
        SET(CURLOPT_READFUNCTION, body_goes);
        SET(CURLOPT_READDATA, call);
    } else {
        SET(CURLOPT_POSTFIELDS, buf_cstr(&call->body));
    }
}

static void set_method(struct http_call *call)
{
    bool is_get = strcmp(call->method, "GET") == 0, is_head = strcmp(call->method, "HEAD") == 0;
    if (is_head) {
        SET(CURLOPT_NOBODY, 1L);
    } else if (is_get && call->body.len == 0) {
        SET(CURLOPT_HTTPGET, 1L);
    } else if (call->body.len > 0 || strcmp(call->method, "POST") == 0) {
        set_body(call);
        SET(CURLOPT_CUSTOMREQUEST, call->method);
    } else {
        SET(CURLOPT_CUSTOMREQUEST, call->method);
    }
}

void http_easy_set(struct http_call *call)
{
    call->curl_error[0] = '\0';
    SET(CURLOPT_ERRORBUFFER, call->curl_error);
    SET(CURLOPT_PRIVATE, call);
    SET(CURLOPT_URL, call->url);
    SET(CURLOPT_PATH_AS_IS, 1L); /* what is signed is the URL as the peer gave it, dots and all */
    SET(CURLOPT_HEADERFUNCTION, head_came);
    SET(CURLOPT_HEADERDATA, call);
    SET(CURLOPT_WRITEFUNCTION, body_came);
    SET(CURLOPT_WRITEDATA, call);
    SET(CURLOPT_HTTPHEADER, call->headers);
    SET(CURLOPT_USERAGENT, call->http->user_agent);
    set_method(call);
    set_connection(call);
    set_limits(call);
    set_trust(call);
}

static char *text_end(char *p, struct str text)
{
    p[text.len] = '\0';
    return p;
}

size_t http_head_split(struct http_call *call, struct http_header **ret_headers)
{
    struct str rest = buf_str(&call->head), line;
    size_t n_lines = 0, n = 0;
    for (size_t i = 0; i < rest.len; i++)
        n_lines += rest.p[i] == '\n';
    struct http_header *headers = NEW_N(n_lines + 1, struct http_header);
    while (str_split(&rest, '\n', &line)) {
        size_t colon = str_find_char(line, ':');
        if (colon == line.len || colon == 0 || memchr(line.p, '\0', line.len) != NULL)
            continue; /* the status line, the blank line, or no header */
        struct str name = str_trim(str_mem(line.p, colon)),
                   value = str_trim(str_mem(line.p + colon + 1, line.len - colon - 1));
        /* Both lie in call->head, which is ours to write in. */
        headers[n].name = text_end(call->head.p + (name.p - call->head.p), name);
        headers[n++].value = text_end(call->head.p + (value.p - call->head.p), value);
    }
    *ret_headers = headers;
    return n;
}
