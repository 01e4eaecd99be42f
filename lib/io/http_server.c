#include "io/http_server_inside.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 256, MEMORY_BESIDES_HEAD = 16 * 1024, PUMPS_MAX = 4 };

static void limits_fill(struct http_server_limits *l)
{
    static const struct http_server_limits usual = {.n_connections = 512,
                                                    .n_per_address = 64,
                                                    .head_len = 16 * 1024,
                                                    .n_headers = 64,
                                                    .body_len = 64 * 1024,
                                                    .head_ms = 10 * MS_SECOND,
                                                    .body_ms = 30 * MS_SECOND,
                                                    .idle_ms = 30 * MS_SECOND};
    l->n_connections = l->n_connections > 0 ? l->n_connections : usual.n_connections;
    l->n_per_address = l->n_per_address > 0 ? l->n_per_address : usual.n_per_address;
    l->head_len = l->head_len > 0 ? l->head_len : usual.head_len;
    l->n_headers = l->n_headers > 0 ? l->n_headers : usual.n_headers;
    l->body_len = l->body_len > 0 ? l->body_len : usual.body_len;
    l->head_ms = l->head_ms > 0 ? l->head_ms : usual.head_ms;
    l->body_ms = l->body_ms > 0 ? l->body_ms : usual.body_ms;
    l->idle_ms = l->idle_ms > 0 ? l->idle_ms : usual.idle_ms;
}

/* ---- the socket ---- */

static bool socket_fail(int fd, const struct net_address *at, struct err *err)
{
    char text[NET_ADDRESS_TEXT_MAX];
    int why = errno;
    if (fd >= 0)
        close(fd);
    net_address_format(at, true, text);
    return err_errno(err, why, "listen for HTTP on %s", text);
}

static bool socket_open(const struct net_address *at, int *ret_fd, struct err *err)
{
    struct sockaddr_storage storage;
    socklen_t len;
    const int on = 1;
    struct sockaddr *address = net_address_sockaddr(at, &storage, &len);
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (at->ip_len == 16 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0) ||
        bind(fd, address, len) != 0 || listen(fd, BACKLOG) != 0)
        return socket_fail(fd, at, err);
    *ret_fd = fd;
    return true;
}

uint16_t http_server_port(const struct http_server *server)
{
    struct sockaddr_storage storage;
    struct net_address here = {0};
    socklen_t len = sizeof storage;
    if (getsockname(server->listen_fd, (struct sockaddr *)&storage, &len) == 0)
        net_address_from_sockaddr((struct sockaddr *)&storage, &here);
    return here.port;
}

/* ---- a stage: one daemon ---- */

static void again_run(struct loop_later *later)
{
    stage_pump(LIST_OWNER(later, struct http_stage, again));
}

void stage_pump_soon(struct http_stage *stage)
{
    loop_later(stage->server->loop, &stage->again, again_run);
}

static void sweep_run(struct loop_later *later);

/* What the library can do now, it does; what it has read already and not looked at yet makes no descriptor ready. */
void stage_pump(struct http_stage *stage)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    if (stage->is_running)
        return;
    stage->is_running = true;
    for (int i = 0; i < PUMPS_MAX && wait_ms == 0; i++) {
        MHD_run(stage->daemon);
        if (MHD_get_timeout(stage->daemon, &wait_ms) != MHD_YES)
            wait_ms = 1;
    }
    stage->is_running = false;
    if (wait_ms == 0)
        stage_pump_soon(stage);
    if (stage->is_old && list_is_empty(&stage->links))
        loop_later(stage->server->loop, &stage->server->sweep, sweep_run);
}

static void stage_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    stage_pump(poll->data);
}

/* The path and the query are decoded by whoever knows what they mean. */
static size_t unescape_nothing(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *daemon_start(struct http_stage *stage,
                                       const struct http_server_options *options, int listen_fd)
{
    const struct http_server_limits *l = &stage->limits;
    struct MHD_OptionItem tls[5];
    size_t n = 0;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME;
    if (options->listen.ip_len == 16)
        flags |= MHD_USE_IPv6;
    if (options->tls != NULL) {
        const struct http_server_tls *t = options->tls;
        flags |= MHD_USE_TLS;
        tls[n++] =
            (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)t->key.p};
        tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0,
                                           (void *)(uintptr_t)t->certificate.p};
        tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0,
                                           (void *)(uintptr_t)tls_priorities};
        if (t->client_ca.len > 0)
            tls[n++] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_TRUST, 0,
                                               (void *)(uintptr_t)t->client_ca.p};
    }
    tls[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    return MHD_start_daemon(
        flags, 0, NULL, NULL, exchange_step, stage, MHD_OPTION_LISTEN_SOCKET, listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)l->n_connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        net_address_is_loopback(&options->listen) ? 0U : (unsigned)l->n_per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)(l->head_len + MEMORY_BESIDES_HEAD), MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL, MHD_OPTION_URI_LOG_CALLBACK,
        exchange_begin, stage, MHD_OPTION_NOTIFY_COMPLETED, exchange_end, stage,
        MHD_OPTION_NOTIFY_CONNECTION, link_notify, stage, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
}

static void poll_closed(uv_handle_t *handle)
{
    mem_free(handle);
}

static bool stage_open(struct http_server *server, const struct http_server_options *options,
                       int listen_fd, struct http_stage **ret, struct err *err)
{
    if (options->tls != NULL && !tls_check(options->tls, err))
        return false;
    struct http_stage *stage = NEW(struct http_stage);
    stage->server = server;
    stage->limits = options->limits;
    stage->has_tls = options->tls != NULL;
    limits_fill(&stage->limits);
    list_init(&stage->links);
    stage->daemon = daemon_start(stage, options, listen_fd);
    if (stage->daemon == NULL) {
        mem_free(stage);
        return err_set(err, ERR_LOCAL, "the HTTP server does not start (%s)",
                       options->tls != NULL ? "memory, descriptors or TLS"
                                            : "memory or descriptors");
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(stage->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    stage->poll = NEW(uv_poll_t);
    stage->poll->data = stage;
    CHECK(info != NULL && uv_poll_init(loop_uv(server->loop), stage->poll, info->epoll_fd) == 0);
    CHECK(uv_poll_start(stage->poll, UV_READABLE, stage_ready) == 0);
    *ret = stage;
    return true;
}

/* Takes no new connections any more, and none of the old ones longer than its exchange. The socket stays open. */
static void stage_retire(struct http_stage *stage)
{
    stage->is_old = true;
    MHD_quiesce_daemon(stage->daemon);
    LIST_EACH (it, &stage->links) {
        struct http_link *link = LIST_OWNER(it, struct http_link, link);
        if (link->state == LINK_HEAD || link->state == LINK_IDLE)
            link_shut(link);
    }
    stage_pump_soon(stage);
}

/* The library stops only when no exchange is suspended. */
static void stage_close(struct http_stage *stage)
{
    MHD_quiesce_daemon(stage->daemon);
    LIST_EACH (it, &stage->links) {
        struct http_link *link = LIST_OWNER(it, struct http_link, link);
        if (link->exchange != NULL)
            exchange_give_up(link->exchange);
        link_shut(link);
    }
    stage_pump(stage);
    loop_later_clear(&stage->again);
    uv_poll_stop(stage->poll);
    uv_close((uv_handle_t *)stage->poll, poll_closed);
    MHD_stop_daemon(stage->daemon);
    CHECK(list_is_empty(&stage->links));
    list_remove(&stage->link);
    mem_free(stage);
}

static void sweep_run(struct loop_later *later)
{
    struct http_server *server = LIST_OWNER(later, struct http_server, sweep);
    LIST_EACH (it, &server->old) {
        struct http_stage *stage = LIST_OWNER(it, struct http_stage, link);
        if (list_is_empty(&stage->links))
            stage_close(stage);
    }
}

/* ---- the server ---- */

static void server_cancelled(struct loop_thing *thing)
{
    http_server_close(LIST_OWNER(thing, struct http_server, thing));
}

bool http_server_open(struct loop *loop, const struct http_server_options *options,
                      struct http_server **ret, struct err *err)
{
    struct http_server *server = NEW(struct http_server);
    *server = (struct http_server){.loop = loop,
                                   .head = options->head,
                                   .ready = options->ready,
                                   .gone = options->gone,
                                   .arg = options->arg,
                                   .listen = options->listen,
                                   .listen_fd = -1,
                                   .watch_fd = -1};
    list_init(&server->old);
    if (!socket_open(&options->listen, &server->listen_fd, err) || !watch_open(server, err) ||
        !stage_open(server, options, server->listen_fd, &server->stage, err)) {
        if (server->listen_fd >= 0)
            close(server->listen_fd);
        watch_close(server);
        mem_free(server);
        return false;
    }
    loop_thing_add(loop, &server->thing, server_cancelled);
    *ret = server;
    return true;
}

bool http_server_change(struct http_server *server, const struct http_server_options *options,
                        struct err *err)
{
    struct http_stage *stage = NULL;
    bool moves = !net_address_eq(&options->listen, &server->listen);
    int fd = server->listen_fd;
    if (moves && !socket_open(&options->listen, &fd, err))
        return false;
    if (!stage_open(server, options, fd, &stage, err)) {
        if (moves)
            close(fd);
        return false;
    }
    stage_retire(server->stage);
    list_push_back(&server->old, &server->stage->link);
    if (moves)
        close(server->listen_fd);
    server->listen_fd = fd;
    server->listen = options->listen;
    server->stage = stage;
    return true;
}

void http_server_close(struct http_server *server)
{
    if (server == NULL)
        return;
    struct http_stage *stage = server->stage;
    server->stage = NULL;
    stage_close(stage);
    LIST_EACH (it, &server->old) {
        stage_close(LIST_OWNER(it, struct http_stage, link));
    }
    watch_close(server);
    close(server->listen_fd);
    loop_later_clear(&server->sweep);
    loop_thing_remove(&server->thing);
    mem_free(server);
}

static void stage_send(struct http_stage *stage)
{
    if (!list_is_linked(&stage->again.link))
        return;
    loop_later_clear(&stage->again);
    stage_pump(stage);
}

void http_server_send(struct http_server *server)
{
    if (server == NULL)
        return;
    stage_send(server->stage);
    LIST_EACH (it, &server->old)
        stage_send(LIST_OWNER(it, struct http_stage, link));
}

struct http_server_figures http_server_figures(const struct http_server *server)
{
    return server->figures;
}
