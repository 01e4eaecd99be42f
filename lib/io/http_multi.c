#include "io/http_inside.h"

struct http_socket {
    struct list link;
    uv_poll_t poll;
    struct http_pool *pool;
    curl_socket_t fd;
    int events; /* that are polled for */
};

static void pool_collect(struct http_pool *pool)
{
    int n_left;
    for (CURLMsg *message; (message = curl_multi_info_read(pool->multi, &n_left)) != NULL;) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result; /* message dies when the handle is removed */
        struct http_call *call = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        http_call_end(call, code);
    }
}

static void pool_act(struct http_pool *pool, curl_socket_t fd, int what)
{
    int n_running;
    curl_multi_socket_action(pool->multi, fd, what, &n_running);
    pool_collect(pool);
}

static void timer_fired(struct loop_timer *timer)
{
    pool_act(LIST_OWNER(timer, struct http_pool, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int timer_wanted(CURLM *multi, long after_ms, void *arg)
{
    (void)multi;
    struct http_pool *pool = arg;
    if (after_ms < 0)
        loop_timer_clear(pool->http->loop, &pool->timer);
    else
        loop_timer_set(pool->http->loop, &pool->timer, after_ms, timer_fired);
    return 0;
}

static void socket_ready(uv_poll_t *poll, int status, int events)
{
    struct http_socket *socket = poll->data;
    int what = status < 0 ? CURL_CSELECT_ERR : 0;
    if (status < 0)
        socket->events = 0; /* libuv has stopped polling */
    if ((events & UV_READABLE) != 0)
        what |= CURL_CSELECT_IN;
    if ((events & UV_WRITABLE) != 0)
        what |= CURL_CSELECT_OUT;
    pool_act(socket->pool, socket->fd, what);
}

static void socket_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void socket_drop(struct http_socket *socket)
{
    list_remove(&socket->link);
    uv_poll_stop(&socket->poll);
    uv_close((uv_handle_t *)&socket->poll, socket_closed);
}

static struct http_socket *socket_new(struct http_pool *pool, curl_socket_t fd)
{
    struct http_socket *socket = NEW(struct http_socket);
    socket->pool = pool;
    socket->fd = fd;
    if (uv_poll_init_socket(loop_uv(pool->http->loop), &socket->poll, fd) != 0) {
        mem_free(socket);
        return NULL;
    }
    socket->poll.data = socket;
    list_push_back(&pool->sockets, &socket->link);
    curl_multi_assign(pool->multi, fd, socket);
    return socket;
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *old)
{
    (void)easy;
    struct http_pool *pool = arg;
    struct http_socket *socket = old;
    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL)
            socket_drop(socket);
        curl_multi_assign(pool->multi, fd, NULL);
        return 0;
    }
    if (socket == NULL && (socket = socket_new(pool, fd)) == NULL)
        return -1;
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    /* curl says it again with each request. */
    if (events == socket->events)
        return 0;
    socket->events = events;
    return uv_poll_start(&socket->poll, events, socket_ready) == 0 ? 0 : -1;
}

void http_pool_init(struct http_pool *pool, struct http *http, bool public_only)
{
    pool->http = http;
    pool->public_only = public_only;
    list_init(&pool->sockets);
    pool->multi = curl_multi_init();
    CHECK(pool->multi != NULL);
    long per_host = http->max_connections > 0 ? http->max_connections : HTTP_CONNECTIONS_PER_HOST;
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    /* How many streams a connection carries is for the peer to say, not for curl's default of 100. */
    curl_multi_setopt(pool->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, 1000L);
    curl_multi_setopt(pool->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
    curl_multi_setopt(pool->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 256L);
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, 64L); /* kept open while idle */
}

void http_pool_fini(struct http_pool *pool)
{
    if (pool->multi == NULL)
        return;
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, NULL);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, NULL);
    while (!list_is_empty(&pool->sockets))
        socket_drop(LIST_OWNER(pool->sockets.next, struct http_socket, link));
    curl_multi_cleanup(pool->multi);
    pool->multi = NULL;
    loop_timer_clear(pool->http->loop, &pool->timer);
}
